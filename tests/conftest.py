"""What tests of every area share: whole projects in a folder of their own, and the toolchain, installed once."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests import homes
from tests.harness import Checkout, Tools, prepare_tools
from tests.homes import Homes

settings.register_profile("ci", deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
settings.load_profile("ci")

# Where a worker has talked to a server by gRPC, a fork of it ends by SIGABRT now and then: gRPC starts its threads in the
# child, too, which then finds its descriptors closed. Processes that are to use it as users do are started without this.
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"

LONGEST = (
    "jobs/test_servers.py", "workflows/test_lives.py", "cache/remote/test_conformance.py", "runtime/test_behaviour.py",
    "system/test_affected.py", "system/test_taken_over.py", "system/test_why.py", "cache/threats/test_bytes.py",
    "workflows/test_faults.py", "runtime/workflow/test_crash.py", "cache/threats/test_names.py", "cache/threats/test_poisoned.py",
    "system/test_interrupted.py", "system/test_many_builders.py", "units/test_living.py", "system/test_explain.py",
    "cache/threats/test_laundered.py", "dev/test_edits.py", "system/test_bundling.py", "system/test_two_machines.py",
    "runtime/workflow/test_mutations.py", "system/test_benchmarks.py", "runtime/workflow/test_simulator.py", "runtime/test_types.py",
)  # fmt: skip
"""The files that take longest or wait longest, which are begun first: none of them is left to one worker at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {Path(__file__).parent / name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))


@pytest.fixture(scope="session")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Tools:
    """The pinned toolchain in the user's cache; workers that need it at once wait for one of them."""
    return prepare_tools()


@pytest.fixture
def checkout(tools: Tools, tmp_path: Path) -> Callable[..., Checkout]:
    """Makes checkouts: ``checkout({path: text}, name="a")``, each with caches of its own unless they are shared."""

    def make(files: dict[str, str], *, name: str = "work", cache: Path | None = None) -> Checkout:
        made = Checkout(tmp_path / name, tools, cache or tmp_path / f"{name}.cache")
        made.write(files)
        return made

    return make


@pytest.fixture(scope="session")
def in_folders() -> Iterator[Homes]:
    with homes.in_folders() as made:
        yield made


@pytest.fixture(scope="session")
def in_postgres() -> Iterator[Homes]:
    with homes.in_postgres() as made:
        yield made


@pytest.fixture(scope="session")
def in_redis() -> Iterator[Homes]:
    with homes.in_redis() as made:
        yield made


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the developer's environment reaches a test."""
    for name in os.environ:
        if name.startswith(("UNITGRAPH_", "DOIT_", "CLOUDFLARE_")):
            monkeypatch.delenv(name)


def pytest_report_header() -> str:
    return f"unitgraph's tests, {sys.implementation.name} on {sys.platform}"
