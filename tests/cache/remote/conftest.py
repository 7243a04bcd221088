"""One server a place, for all tests that do it no harm; a backend that is closed behind each test."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

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
