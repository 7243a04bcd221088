"""The front is TypeScript as strict as the runtime's, and has tests of its own; both run beside a `node_modules`."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.harness import REPOSITORY
from unitgraph.rules.toolchain import ensure, find_bun, user_cache

FRONT = "unitgraph/rules/dev/front"
RUNS = "unitgraph/rules/runs"
TESTS = tuple(f"tests/dev/{name}.test.ts" for name in ("account", "front", "workers"))


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("front")
    for part in ("unitgraph/runtime", FRONT, RUNS):
        shutil.copytree(REPOSITORY / part, root / part)
    for test in TESTS:
        (root / test).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / test, root / test)
    modules = root / "node_modules"
    modules.mkdir()
    for part in ("workers", "dev"):
        for package in ensure(part, user_cache(os.environ)).modules.iterdir():
            if not (modules / package.name).exists():
                (modules / package.name).symlink_to(package)
    return root


@pytest.mark.parametrize(
    "arguments",
    [
        ("node_modules/typescript/bin/tsc", "-p", FRONT),
        ("node_modules/typescript/bin/tsc", "-p", RUNS),
        ("test", *(f"./{test}" for test in TESTS)),
    ],
    ids=["types", "types of the replay", "behaviour"],
)
def test_the_front(workshop: Path, arguments: tuple[str, ...]) -> None:
    command = [str(find_bun().path), *arguments]
    done = subprocess.run(command, cwd=workshop, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
