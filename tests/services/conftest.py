"""The project of the services, built once and run where units run."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness import REPOSITORY, Checkout, Tools
from tests.jobs import places
from tests.jobs.places import InProcess, InWorkers
from tests.system.projects import SHELL, TSCONFIG
from unitgraph.rules.toolchain import ensure, user_cache

GIVEN = {"CREDENTIALS": '{"key":"the inner secret"}', "PLAIN_SECRET": "the plain secret", "LIMIT": "7"}
PACKAGE = {
    "name": "kept", "private": True, "type": "module", "dependencies": {"kysely": "0.29.9"},
    "imports": {"#pikku": "./.pikku/index.ts", "#pikku/*": "./.pikku/*.ts"},
}  # fmt: skip
APP = Path(__file__).parent / "app"
SOURCES = REPOSITORY / "tests" / "runtime" / "services"


@pytest.fixture(scope="session")
def checkout(tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    folder = tmp_path_factory.mktemp("services")
    made = Checkout(folder / "work", tools, folder / "cache")
    made.write({**SHELL, "package.json": json.dumps(PACKAGE), "tsconfig.json": TSCONFIG})
    (made.root / "src").mkdir()
    for source in (*SOURCES.glob("*.ts"), *APP.glob("*.ts")):
        if not source.name.endswith(".test.ts"):
            shutil.copy(source, made.root / "src" / source.name)
    shutil.copytree(APP / "migrations", made.root / "migrations")
    (made.root / "node_modules").symlink_to(ensure("database", user_cache(os.environ)).modules)
    return made


@pytest.fixture(scope="session")
def workers(checkout: Checkout) -> Iterator[InWorkers]:
    with places.in_workers(checkout, GIVEN) as found:
        yield found


@pytest.fixture(scope="session")
def server(checkout: Checkout, tmp_path_factory: pytest.TempPathFactory) -> Iterator[InProcess]:
    """All units in one server of Cloudflare's provider, so that nobody else has what it keeps."""
    folder = tmp_path_factory.mktemp("server")
    made = checkout.clone(folder / "work")
    config = json.loads(made.read("pikku.config.json"))
    config["deploy"]["defaultTarget"] = "server"
    made.write({"pikku.config.json": json.dumps(config)})
    made.plan("--provider", "cloudflare")
    (unit,) = (made.root / ".deploy" / "cloudflare" / "units").iterdir()
    with places.serving(unit, {**GIVEN, "UNITGRAPH_DATA": str(folder / "data")}) as found:
        yield found


@pytest.fixture(scope="session")
def program(checkout: Checkout) -> Path:
    checkout.run("apply", "--provider", "standalone")
    return checkout.root / ".deploy" / "standalone" / "kept"


@pytest.fixture(scope="session")
def process(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[InProcess]:
    with places.running(program, tmp_path_factory.mktemp("data"), GIVEN) as found:
        yield found
