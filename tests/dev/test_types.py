"""The front is TypeScript as strict as the runtime's; it is copied beside a `node_modules`, as there."""

import os
import shutil
import subprocess
from pathlib import Path

from tests.harness import REPOSITORY
from unitgraph.rules.toolchain import ensure, find_bun, user_cache

FRONT = "unitgraph/rules/dev/front"


def test_the_front_has_no_type_errors(tmp_path: Path) -> None:
    for part in ("unitgraph/runtime", FRONT):
        shutil.copytree(REPOSITORY / part, tmp_path / part)
    modules = tmp_path / "node_modules"
    modules.mkdir()
    for toolchain in ("workers", "dev"):
        for package in ensure(toolchain, user_cache(os.environ)).modules.iterdir():
            if not (modules / package.name).exists():
                (modules / package.name).symlink_to(package)
    command = [str(find_bun().path), "node_modules/typescript/bin/tsc", "-p", FRONT]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
