"""One server a place, for all tests that do it no harm; a backend that is closed behind each test."""

import datetime as dt
import ipaddress
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.cache.remote.conformance import PLACES, connect
from tests.cache.remote.servers import Server
from unitgraph.cache.remote.base import Backend, Connection


@pytest.fixture(autouse=True)
def _no_credentials_of_the_developer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Libraries read the environment: no access key, proxy or instance of the machine has a part in a test."""
    for name in list(os.environ):
        if name.startswith("AWS_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Server]]:
    """The server of a place, started when it is first asked for."""
    started: dict[str, Server] = {}
    with ExitStack() as stack:

        def server(name: str) -> Server:
            if name not in started:
                started[name] = stack.enter_context(PLACES[name].running(tmp_path_factory.mktemp(name)))
            return started[name]

        yield server


@pytest.fixture
def opened() -> Iterator[Callable[[Connection], Backend]]:
    """Connects, and closes it all in the end."""
    with ExitStack() as stack:

        def open_one(connection: Connection) -> Backend:
            backend = connect(connection)
            stack.callback(backend.close)
            return backend

        yield open_one


@pytest.fixture
def own_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "server"
    folder.mkdir()
    return folder


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that signs itself, with its key, in one file."""
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "cache")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(private, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "certificate.pem"
    plain = serialization.NoEncryption()
    pkcs8 = serialization.PrivateFormat.PKCS8
    path.write_bytes(
        private.private_bytes(serialization.Encoding.PEM, pkcs8, plain) + made.public_bytes(serialization.Encoding.PEM)
    )
    return path
