"""The project of the jobs, built once for each place."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness import Checkout, Tools
from tests.homes import Home
from tests.jobs import places
from tests.jobs.places import InWorkers, Place


@pytest.fixture(scope="session")
def checkout(tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    return places.project(tools, tmp_path_factory.mktemp("jobs"))


@pytest.fixture(scope="session")
def program(checkout: Checkout) -> Path:
    return places.executable(checkout)


@pytest.fixture(scope="session")
def workers(checkout: Checkout) -> Iterator[InWorkers]:
    with places.in_workers(checkout) as found:
        yield found


@pytest.fixture(scope="session", params=["in_folders", "in_postgres", "in_redis", "workers"])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """One place for all cases; what they say is told apart by the id of the job."""
    if request.param == "workers":
        yield request.getfixturevalue("workers")
        return
    home = request.getfixturevalue(request.param)(tmp_path_factory.mktemp("data"))
    with places.running(request.getfixturevalue("program"), home) as process:
        yield process


@pytest.fixture(params=["in_postgres", "in_redis"])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Home:
    """For a test, a database of a server by itself."""
    found: Home = request.getfixturevalue(request.param)(tmp_path)
    return found
