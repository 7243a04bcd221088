"""Where the runtime's own checks run: its sources and their tests beside the packages of both.

The sources are copied, since the type checker and Bun look for packages from a file's folder upwards.
"""

import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from tests import stores
from tests.packages import link_packages
from unitgraph.rules.toolchain import ensure, find_bun, user_cache
from unitgraph.rules.unnamed import prepared

REPOSITORY = Path(__file__).parents[2]
TESTS = Path("tests/runtime")
TIMEOUT_S = 300


def workshop(root: Path, *parts: str) -> Path:
    """``root``, filled; ``parts`` are those of the toolchain whose packages are there."""
    for folder in ("unitgraph/runtime", TESTS):
        shutil.copytree(REPOSITORY / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    link_packages(root / "node_modules", parts)
    return root


def others() -> list[str]:
    """Every file of tests but those that have a file of pytest's beside them, by which they run at the same time."""
    files = (path.relative_to(REPOSITORY) for path in (REPOSITORY / TESTS).rglob("*.test.ts"))
    return sorted(str(file) for file in files if not (REPOSITORY / runner(file)).exists())


def runner(file: Path) -> Path:
    """crash.test.ts → test_crash.py"""
    return file.with_name(f"test_{file.name.removesuffix('.test.ts')}.py")


def behaves(root: Path, files: Iterable[str], *options: str, **environment: str) -> None:
    """All tests in ``files`` pass. None has a limit of its own: a machine may be slow."""
    run(root, find_bun().path, "test", f"--timeout={TIMEOUT_S * 1000}", *files, *options, **environment)


def behaves_over_stores(root: Path, files: Iterable[str]) -> None:
    """The same, with a PostgreSQL and a Redis."""
    # thousands of commits, none of which has to outlive this
    with stores.postgres("fsync=off") as postgres, stores.redis() as redis:
        seeds = os.environ.get("SIMULATOR_SEEDS", "")
        behaves(root, files, TEST_POSTGRES=postgres.url, TEST_REDIS=redis.url, SIMULATOR_SEEDS=seeds)


def run(root: Path, *command: str | Path, **environment: str) -> None:
    esbuild = ensure("build", user_cache(os.environ)).esbuild
    workers = ensure("workers", user_cache(os.environ)).modules
    finished = subprocess.run(
        command,
        cwd=root,
        env={
            "PATH": os.environ.get("PATH", ""), "HOME": str(root), "NO_COLOR": "1", "ESBUILD": str(esbuild),
            "WORKERS": str(workers.parent), "RUNTIME": str(prepared(REPOSITORY / "unitgraph/runtime", root / "prepared")),
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
