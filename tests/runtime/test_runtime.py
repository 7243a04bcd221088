"""The runtime's own checks, by the pinned toolchain: the type checker with its strictest settings, then `bun test`.

The sources are copied beside a `node_modules`, since both look for packages from a file's folder upwards.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests import stores
from tests.packages import link_packages
from unitgraph.rules.toolchain import ensure, find_bun, user_cache
from unitgraph.rules.unnamed import prepared

REPOSITORY = Path(__file__).parents[2]
TIMEOUT_S = 300


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the runtime, its tests, and the packages of both."""
    return _workshop(tmp_path_factory.mktemp("runtime"), "dev", "agents", "database")


@pytest.fixture(scope="module")
def typed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same without the AI SDK, whose declarations don't compile under our settings: the runtime has its own."""
    return _workshop(tmp_path_factory.mktemp("types"), "dev")


def _workshop(root: Path, *parts: str) -> Path:
    for folder in ("unitgraph/runtime", "tests/runtime"):
        shutil.copytree(REPOSITORY / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    link_packages(root / "node_modules", parts)
    return root


def run(workshop: Path, *command: str | Path, **environment: str) -> None:
    esbuild = ensure("build", user_cache(os.environ)).esbuild
    workers = ensure("workers", user_cache(os.environ)).modules
    finished = subprocess.run(
        command,
        cwd=workshop,
        env={
            "PATH": os.environ.get("PATH", ""), "HOME": str(workshop), "NO_COLOR": "1", "ESBUILD": str(esbuild),
            "WORKERS": str(workers.parent), "RUNTIME": str(prepared(REPOSITORY / "unitgraph/runtime", workshop / "prepared")),
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr


@pytest.mark.parametrize("folder", ["unitgraph/runtime", "tests/runtime"])
def test_types(typed: Path, folder: str) -> None:
    run(typed, find_bun().path, "node_modules/typescript/bin/tsc", "-p", folder)


def test_stores_in_a_cluster(workshop: Path) -> None:
    """Both nodes are asked for keys, half of which are the other one's."""
    with stores.redis_cluster() as nodes:
        for node in nodes:
            files = ["tests/runtime/jobs.test.ts", "tests/runtime/bus.test.ts", "tests/runtime/workflow/stores.test.ts"]
            run(workshop, find_bun().path, "test", *files, "-t", "[Rr]edis", TEST_REDIS=node.url)


def test_behaviour(workshop: Path) -> None:
    # thousands of commits, none of which has to outlive this
    with stores.postgres("fsync=off") as postgres, stores.redis() as redis:
        servers = {"TEST_POSTGRES": postgres.url, "TEST_REDIS": redis.url, "SIMULATOR_SEEDS": os.environ.get("SIMULATOR_SEEDS", "")}
        run(workshop, find_bun().path, "test", "tests/runtime", **servers)
