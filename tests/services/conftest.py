"""The project of the services, built once and run where units run."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness import REPOSITORY, Checkout, Tools
from tests.jobs import places
from tests.jobs.places import InProcess, InWorkers
from tests.system.projects import SHELL

GIVEN = {"CREDENTIALS": '{"key":"the inner secret"}', "PLAIN_SECRET": "the plain secret", "LIMIT": "7"}
SOURCES = REPOSITORY / "tests" / "runtime" / "services"


@pytest.fixture(scope="session")
def checkout(tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    folder = tmp_path_factory.mktemp("services")
    made = Checkout(folder / "work", tools, folder / "cache")
    made.write({**SHELL, "package.json": '{ "name": "kept", "private": true, "type": "module" }\n'})
    (made.root / "src").mkdir()
    for source in SOURCES.glob("*.ts"):
        if not source.name.endswith(".test.ts"):
            shutil.copy(source, made.root / "src" / source.name)
    return made


@pytest.fixture(scope="session")
def workers(checkout: Checkout) -> Iterator[InWorkers]:
    with places.in_workers(checkout, GIVEN) as found:
        yield found


@pytest.fixture(scope="session")
def program(checkout: Checkout) -> Path:
    checkout.run("apply", "--provider", "standalone")
    return checkout.root / ".deploy" / "standalone" / "kept"


@pytest.fixture(scope="session")
def process(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[InProcess]:
    with places.running(program, tmp_path_factory.mktemp("data"), GIVEN) as found:
        yield found
