"""gRPC connections: credentials, TLS, servers that aren't there, and programs that fork, end or are interrupted."""

import base64
import datetime as dt
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.cache.remote import grpc_server
from tests.cache.remote.asking import answering, connected, fault
from tests.cache.remote.grpc_server import Answer, Never, refusing
from tests.cache.remote.servers import Server
from unitgraph.cache.remote import action_result, reapi
from unitgraph.cache.remote.base import BackendError, Connection
from unitgraph.cache.remote.messages import message
from unitgraph.cache.store import Blob
from unitgraph.errors.cache import CacheAddressInvalid

KEY = "c" * 64
HELD: dict[str, Answer] = {"GetActionResult": lambda _request, _context: action_result.encode(b"{}", ())}


@pytest.fixture
def url(shared_server: Callable[[str], Server]) -> str:
    server = shared_server("reapi")
    return server.url(server.address)


# Credentials


BASIC = base64.b64encode(b"ann:s3cret").decode()
CREDENTIALS: list[tuple[str, str, str | None, tuple[str, str]]] = [
    ("bearer", "grpc://{}/", "s3cret\n", ("authorization", "Bearer s3cret")),
    ("a bearer goes before a user", "grpc://ann:x@{}/", "s3cret", ("authorization", "Bearer s3cret")),
    ("basic", "grpc://ann:s3cret@{}/", None, ("authorization", f"Basic {BASIC}")),
    ("another header", "grpc://{}/?header=x-buildbuddy-api-key", "s3cret", ("x-buildbuddy-api-key", "s3cret")),
]


@pytest.mark.parametrize(
    ("url", "token", "header"), [each[1:] for each in CREDENTIALS], ids=[each[0] for each in CREDENTIALS]
)
def test_credentials_are_sent_and_never_shown(url: str, token: str | None, header: tuple[str, str]) -> None:
    def echo(_request: Any, context: grpc.ServicerContext) -> Any:
        context.abort(grpc.StatusCode.UNAUTHENTICATED, f"who is {header[1]}, s3cret?")

    with grpc_server.running({"GetCapabilities": echo}) as server:
        with connected(url.format(server.address), token=token) as backend:
            assert backend.place == f"grpc://{server.address}/"
            error = fault(lambda: backend.entries([KEY]))
        assert header in server.said
    assert error.trouble == "denied"
    assert "who is " in error.detail
    assert "s3cret" not in error.detail
    assert BASIC not in error.detail


def test_without_credentials_none_are_sent() -> None:
    with grpc_server.running({}) as server, connected(f"{server.url}/?header=x-key") as backend:
        assert fault(lambda: backend.entries([KEY])).trouble == "failed"
        assert {name for name, _ in server.said} == {
            "user-agent", "build.bazel.remote.execution.v2.requestmetadata-bin",
        }  # fmt: skip


def test_the_server_learns_which_program_asks() -> None:
    with answering({"GetActionResult": refusing(grpc.StatusCode.NOT_FOUND)}) as (server, backend):
        backend.entries([KEY])
        said = dict(server.said)["build.bazel.remote.execution.v2.requestmetadata-bin"]
    assert message("RequestMetadata").FromString(said).tool_details.tool_name == "unitgraph"


@pytest.mark.parametrize("header", ["", "X-Key", "grpc-timeout", "key-bin", ":path", "a%20b", "authorization%0a"])
def test_a_header_that_cannot_be_sent_is_refused(header: str) -> None:
    with pytest.raises(CacheAddressInvalid):
        reapi.connect(Connection(f"grpc://127.0.0.1:1/?header={header}", token="s3cret"))


# TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, Path]:
    """A private key, and the file of a certificate for localhost that vouches for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "certificate.pem"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private, path


@pytest.fixture
def tls(certificate: tuple[bytes, Path]) -> Iterator[grpc_server.Server]:
    private, path = certificate
    credentials = grpc.ssl_server_credentials([(private, path.read_bytes())])
    with grpc_server.running(HELD, credentials=credentials) as server:
        server.address = server.address.replace("127.0.0.1", "localhost")
        yield server


def test_tls_with_a_certificate_of_the_machines(
    tls: grpc_server.Server, certificate: tuple[bytes, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[1]))
    with connected(f"grpcs://{tls.address}", token="t") as backend:
        assert backend.entries([KEY]) == {KEY: b"{}"}
    assert ("authorization", "Bearer t") in tls.said


def test_tls_with_a_certificate_that_nobody_knows(tls: grpc_server.Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    with connected(f"grpcs://{tls.address}", token="t") as backend:
        assert fault(lambda: backend.entries([KEY])).trouble == "unreachable"
    assert not tls.said


def test_a_handshake_that_fails_is_told_by_us_alone(url: str) -> None:
    program = """
try:
    backend.entries(["c" * 64])
except BackendError as error:
    print(error.trouble)
"""
    assert _run(program, url.replace("grpc:", "grpcs:")) == "unreachable\n0"


def test_certificates_that_cannot_be_read_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unreadable = tmp_path / "certificates.pem"
    unreadable.symlink_to("/proc/self/mem")     # a file that not even root can read from its beginning
    monkeypatch.setenv("SSL_CERT_FILE", str(unreadable))
    with connected("grpcs://127.0.0.1:1") as backend:
        error = fault(lambda: backend.entries([KEY]))
    assert error.trouble == "failed"
    assert str(unreadable) in error.detail


def test_tls_is_never_left_out(url: str) -> None:
    with connected(url.replace("grpc:", "grpcs:")) as backend:
        assert fault(lambda: backend.entries([KEY])).trouble == "unreachable"


# Connections that don't come about, and those that end


def test_a_server_that_takes_connections_and_says_nothing_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"grpc://127.0.0.1:{silent.getsockname()[1]}"
        with connected(url, connect_s=0.3, request_s=600) as backend:
            error = fault(lambda: backend.entries([KEY]))
    assert error.trouble == "unreachable"


def test_a_host_that_does_not_exist_is_unreachable() -> None:
    with connected("grpc://no-such-host.invalid") as backend:
        assert fault(lambda: backend.entries([KEY])).trouble == "unreachable"


def test_closing_ends_what_other_threads_wait_for() -> None:
    never = Never()
    with answering({"GetActionResult": never}, request_s=600) as (_, backend):
        errors: list[BackendError] = []
        waiting = threading.Thread(target=lambda: errors.append(fault(lambda: backend.entries([KEY]))))
        waiting.start()
        assert never.asked.wait(60)
        backend.close()
        waiting.join()
        assert [error.trouble for error in errors] == ["failed"]
        assert fault(lambda: backend.missing([Blob(KEY, 1)])).trouble == "failed"
        backend.close()


def _run(program: str, url: str) -> str:
    """What a program prints: its errors come first, and it must end by itself."""
    command = [sys.executable, "-c", _BEGINNING + program, url]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GRPC_")}
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    return f"{ran.stderr}{ran.stdout}{ran.returncode}"


_BEGINNING = """
import os, sys, threading
from unitgraph.cache.remote import places
from unitgraph.cache.remote.base import BackendError, Connection
backend = places.connect(Connection(sys.argv[1]))
"""


def test_a_program_that_asks_nothing_imports_nothing(url: str) -> None:
    program = """
print([name for name in ("grpc", "google.protobuf") if name in sys.modules])
backend.entries([])
backend.close()
print([name for name in ("grpc", "google.protobuf") if name in sys.modules])
"""
    assert _run(program, url) == "[]\n[]\n0"


def test_a_program_ends_with_its_connection_open(url: str) -> None:
    assert _run("print(backend.missing([]), backend.entries(['e' * 64]))", url) == "frozenset() {}\n0"


def test_a_program_ends_while_a_call_is_under_way() -> None:
    never = Never()
    program = """
under_way = threading.Thread(target=lambda: backend.entries(["c" * 64]), daemon=True)
under_way.start()
sys.stdin.readline()
"""
    with grpc_server.running({"GetActionResult": never}) as server:
        running = subprocess.Popen(
            [sys.executable, "-c", _BEGINNING + program, server.url],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        assert never.asked.wait(60)
        assert (running.communicate(b"\n", timeout=60)[0], running.returncode) == (b"", 0)


def test_a_program_is_interrupted_while_a_call_is_under_way() -> None:
    never = Never()
    program = """
try:
    backend.entries(["c" * 64])
except KeyboardInterrupt:
    print("interrupted")
"""
    with grpc_server.running({"GetActionResult": never}) as server:
        running = subprocess.Popen(
            [sys.executable, "-c", _BEGINNING + program, server.url], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert never.asked.wait(60)
        running.send_signal(signal.SIGINT)
        printed, said = running.communicate(timeout=60)
        assert (printed, running.returncode) == (b"interrupted\n", 0), said


def test_a_fork_is_refused_the_connection_of_its_parent(url: str) -> None:
    program = """
def ask():
    try:
        return backend.entries(["c" * 64])
    except BackendError as error:
        return error.detail
print("parent", ask(), flush=True)
if not (child := os.fork()):
    print("child", ask(), flush=True)
    backend.close()
    sys.exit()
print(os.waitpid(child, 0)[1])
print("parent", ask())
"""
    refusal = f"{url} answered with an error: the connection is another process's"
    assert _run(program, url) == f"parent {{}}\nchild {refusal}\n0\nparent {{}}\n0"


def test_processes_are_started_while_calls_are_under_way(url: str) -> None:
    program = """
import subprocess
ended = threading.Event()
def ask():
    while not ended.is_set():
        backend.entries(["c" * 64, "d" * 64])
threads = [threading.Thread(target=ask) for _ in range(3)]
for thread in threads:
    thread.start()
for _ in range(20):
    subprocess.run(["true"], check=True)
ended.set()
for thread in threads:
    thread.join()
print("done")
"""
    assert _run(program, url) == "done\n0"
