"""The application of these tests, built once, and each place that it runs in, started once for all tables."""

from collections.abc import Iterator

import pytest

from tests.conformance import places
from tests.conformance.places import Listening, Place
from tests.harness import Checkout, Tools


@pytest.fixture(scope="session")
def application(tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    return places.application(tools, tmp_path_factory.mktemp("conformance"))


@pytest.fixture(scope="session")
def source(application: Checkout, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with places.from_source(application, tmp_path_factory.mktemp("source")) as place:
        yield place


@pytest.fixture(scope="session")
def executable(application: Checkout, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listening]:
    with places.as_executable(application, tmp_path_factory.mktemp("executable")) as place:
        yield place


@pytest.fixture(scope="session")
def workers(application: Checkout) -> Iterator[Listening]:
    with places.in_workers(application) as place:
        yield place


@pytest.fixture(scope="session")
def server(tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listening]:
    folder = tmp_path_factory.mktemp("server")
    with places.as_server(places.application(tools, folder), folder / "data") as place:
        yield place


@pytest.fixture(scope="session", params=["source", "executable", "server", "workers"])
def place(request: pytest.FixtureRequest) -> Place:
    found: Place = request.getfixturevalue(request.param)
    return found


@pytest.fixture(scope="session", params=["executable", "workers"])
def listening(request: pytest.FixtureRequest) -> Listening:
    """Where there is a socket."""
    found: Listening = request.getfixturevalue(request.param)
    return found
