"""The project of these workflows, built once, and processes of it."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness import Checkout, Tools
from tests.jobs.places import InProcess
from tests.system.projects import SHELL

SOURCES = Path(__file__).parent / "app" / "src"


@pytest.fixture(scope="session")
def program(tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The executable, put in place."""
    folder = tmp_path_factory.mktemp("workflows")
    made = Checkout(folder / "work", tools, folder / "cache")
    made.write({**SHELL, "package.json": '{ "name": "flows", "private": true, "type": "module" }\n'})
    shutil.copytree(SOURCES, made.root / "src", dirs_exist_ok=True)
    made.run("apply", "--provider", "standalone")
    return made.root / ".deploy" / "standalone" / "flows"


class Deployment:
    """Processes that share a data folder, and the file in which steps note what they did."""

    def __init__(self, program: Path, folder: Path) -> None:
        self.program, self.data, self.ledger = program, folder / "data", folder / "ledger"
        self.ledger.touch()
        self.processes: list[InProcess] = []

    def start(self) -> InProcess:
        process = InProcess(self.program, self.data, {"LEDGER": str(self.ledger)})
        self.processes.append(process)
        return process.listening()

    def lines(self) -> list[tuple[str, str]]:
        """(run, what was done), in order."""
        return [(run, what) for run, _, what in (line.partition(" ") for line in self.ledger.read_text().splitlines())]

    def end(self) -> None:
        for process in self.processes:
            if process.process.poll() is None:
                process.kill()
            else:
                process.ended()


@pytest.fixture(scope="session")
def shared(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[InProcess]:
    """One process for all questions that don't end it."""
    made = Deployment(program, tmp_path_factory.mktemp("shared"))
    try:
        yield made.start()
    finally:
        made.end()


@pytest.fixture
def deployment(program: Path, tmp_path: Path) -> Iterator[Deployment]:
    made = Deployment(program, tmp_path)
    yield made
    made.end()
