"""The wheel holds everything that runs, and nothing else."""

import subprocess
import zipfile
from pathlib import Path

from hatchling.builders.wheel import WheelBuilder

REPOSITORY = Path(__file__).resolve().parent.parent.parent


def test_the_wheel_is_what_git_has_of_the_package(tmp_path: Path) -> None:
    (wheel,) = WheelBuilder(str(REPOSITORY)).build(directory=str(tmp_path), versions=["standard"])
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if name.startswith("unitgraph/")}
    tracked = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "unitgraph"],
        cwd=REPOSITORY, capture_output=True, text=True, check=True,
    ).stdout.split("\n")  # fmt: skip
    wanted = {name for name in tracked if name and not name.endswith((".test.ts", ".spec.ts"))}
    assert packed == wanted
