"""The project of these workflows, built once, and processes of it."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest

from tests import homes
from tests.harness import Checkout, Tools
from tests.homes import Home, Homes
from tests.jobs.places import InProcess
from tests.log import Log
from tests.providers.workers import started
from tests.system.projects import SHELL
from unitgraph.rules.toolchain import ensure, user_cache

SOURCES = Path(__file__).parent / "app" / "src"


@pytest.fixture(scope="session")
def checkout(tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    folder = tmp_path_factory.mktemp("workflows")
    made = Checkout(folder / "work", tools, folder / "cache")
    made.write({**SHELL, "package.json": '{ "name": "flows", "private": true, "type": "module" }\n'})
    shutil.copytree(SOURCES, made.root / "src", dirs_exist_ok=True)
    return made


@pytest.fixture(scope="session")
def program(checkout: Checkout) -> Path:
    """The executable, put in place."""
    checkout.run("apply", "--provider", "standalone")
    return checkout.root / ".deploy" / "standalone" / "flows"


@pytest.fixture(scope="session")
def in_postgres_killed() -> Iterator[Homes]:
    """What a server has written outlives it without a flush, and it is back the sooner."""
    with homes.in_postgres("fsync=off") as made:
        yield made


@pytest.fixture(scope="session")
def in_redis_flushed() -> Iterator[Homes]:
    """One that flushes its file before it answers."""
    with homes.in_redis("--appendfsync", "always") as made:
        yield made


@dataclass(frozen=True)
class Line:
    """A step's body was there: of which run, at which time in milliseconds, in which process."""

    run: str
    what: str
    at: int
    pid: int


class Deployment:
    """Processes that share a home, and the file in which steps note what they did."""

    def __init__(self, program: Path, home: Home, folder: Path) -> None:
        self.program, self.home, self.ledger = program, home, folder / "ledger"
        self.store = next(iter(home.environment.values()))
        self.ledger.touch()
        self.processes: list[InProcess] = []

    def start(self, **environment: str) -> InProcess:
        process = InProcess(self.program, self.home, {"LEDGER": str(self.ledger), **environment})
        self.processes.append(process)
        return process.listening()

    def lines(self) -> list[tuple[str, str]]:
        """(run, what was done), in order."""
        return [(line.run, line.what) for line in self.noted()]

    def noted(self) -> list[Line]:
        found = (line.split(" ") for line in self.ledger.read_text().splitlines())
        return [Line(run, what, int(at), int(pid)) for run, what, at, pid in found]

    def end(self) -> None:
        for process in self.processes:
            if process.process.poll() is None:
                process.kill()
            else:
                process.ended()


class Listening(Protocol):
    """What answers on a port of this machine, and what it says."""

    port: int
    log: Log


@pytest.fixture(scope="session", params=["in_folders", "in_postgres", "in_redis", "workers"])
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listening]:
    """One place for all questions that don't end it: a process over each store, or all units as Workers."""
    if request.param == "workers":
        checkout: Checkout = request.getfixturevalue("checkout")
        checkout.run("plan", "--provider", "cloudflare")
        with started(checkout.root / ".deploy" / "cloudflare", ensure("workers", user_cache(os.environ))) as workers:
            yield workers
        return
    folder = tmp_path_factory.mktemp("shared")
    made = Deployment(request.getfixturevalue("program"), request.getfixturevalue(request.param)(folder), folder)
    try:
        yield made.start()
    finally:
        made.end()


@pytest.fixture
def deployment(request: pytest.FixtureRequest, program: Path, tmp_path: Path) -> Iterator[Deployment]:
    """Over a folder, unless a test is parametrized with the name of another fixture."""
    made = Deployment(program, request.getfixturevalue(getattr(request, "param", "in_folders"))(tmp_path), tmp_path)
    yield made
    made.end()
