"""The project of the channels, built once for each place, and each place started once for all cases."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.channels import places
from tests.channels.places import InProcess, InWorkers, Place
from tests.conformance import places as conformance
from tests.harness import Checkout, Tools


@pytest.fixture(scope="session")
def rooms(tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    return places.project(tools, tmp_path_factory.mktemp("rooms"))


@pytest.fixture(scope="session")
def program(rooms: Checkout) -> Path:
    return places.executable(rooms)


@pytest.fixture(scope="session")
def executable(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[InProcess]:
    with places.as_executable(program, tmp_path_factory.mktemp("rooms-data")) as place:
        yield place


@pytest.fixture(scope="session")
def workers(rooms: Checkout) -> Iterator[InWorkers]:
    with places.in_workers(rooms) as place:
        yield place


@pytest.fixture(scope="session")
def server(tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("rooms-server")
    with conformance.as_server(places.project(tools, folder), folder / "data") as found:
        yield Place(found.name, found.port, found.log)


@pytest.fixture(scope="session", params=["executable", "server", "workers"])
def place(request: pytest.FixtureRequest) -> Place:
    found: Place = request.getfixturevalue(request.param)
    return found
