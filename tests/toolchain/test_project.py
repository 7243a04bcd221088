"""A project's own packages: installed from bun.lock where they are missing, and left to their own tool otherwise."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.harness import wait_for
from tests.toolchain.fake import fake_bun
from unitgraph.errors.toolchain import DependenciesNotInstalled, ForeignLockfile, ProjectInstallFailed
from unitgraph.rules.toolchain import find_bun, install_project
from unitgraph.rules.toolchain.project import FOREIGN, INCOMPLETE

WITH = {"name": "shop", "dependencies": {"zod": "4.6.7"}}


def project(root: Path, package: object = WITH, *files: str) -> Path:
    root.mkdir(exist_ok=True)
    (root / "package.json").write_text(json.dumps(package))
    for name in files:
        (root / name).touch()
    return root


@pytest.mark.parametrize(
    "package",
    [
        pytest.param({"name": "shop"}, id="no dependencies"),
        pytest.param({"name": "shop", "devDependencies": {"typescript": "7.0.2"}}, id="for development only"),
        pytest.param({"dependencies": {}}, id="empty"),
        pytest.param([], id="no package at all"),
    ],
)
def test_nothing_to_install(tmp_path: Path, package: object) -> None:
    fake = fake_bun(tmp_path / "fake")
    assert not install_project(project(tmp_path / "shop", package, "package-lock.json"), bun=fake.bun)
    assert fake.count == 0


def test_installed_packages_are_left_alone(tmp_path: Path) -> None:
    root = project(tmp_path / "shop", WITH, "yarn.lock")
    (root / "node_modules").mkdir()
    assert not install_project(root, bun=fake_bun(tmp_path / "fake").bun)


@pytest.mark.parametrize("lockfile", sorted(FOREIGN))
def test_another_tools_lockfile_is_that_tools_to_install(tmp_path: Path, lockfile: str) -> None:
    with pytest.raises(ForeignLockfile) as raised:
        install_project(project(tmp_path / "shop", WITH, lockfile), bun=fake_bun(tmp_path / "fake").bun)
    assert FOREIGN[lockfile] in raised.value.remedy


def test_without_a_lockfile_there_is_nothing_to_go_by(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    with pytest.raises(DependenciesNotInstalled):
        install_project(project(tmp_path / "shop"), bun=fake_bun(tmp_path / "fake").bun)


def test_a_member_of_a_workspace_is_installed_where_the_lockfile_is(tmp_path: Path) -> None:
    fake = fake_bun(tmp_path / "fake")
    root = project(tmp_path / "all", {"workspaces": ["shop"], "dependencies": {}}, "bun.lock")
    member = project(root / "shop")
    assert install_project(member, bun=fake.bun)
    assert (root / "node_modules").is_dir()
    assert not install_project(member, bun=fake.bun)


def test_an_install_that_fails_is_done_again(tmp_path: Path) -> None:
    root = project(tmp_path / "shop", WITH, "bun.lock")
    with pytest.raises(ProjectInstallFailed, match="lockfile had changes"):
        install_project(root, bun=fake_bun(tmp_path / "bad", says="lockfile had changes", status=1).bun)
    assert install_project(root, bun=fake_bun(tmp_path / "good").bun)
    assert not install_project(root, bun=fake_bun(tmp_path / "good").bun)


def test_an_install_that_was_killed_is_done_again(tmp_path: Path) -> None:
    fake = fake_bun(tmp_path / "fake")
    root = project(tmp_path / "shop", WITH, "bun.lock")
    fake.hold.touch()
    script = (
        "from pathlib import Path; from unitgraph.rules.toolchain import Bun, install_project;"
        f"install_project(Path({str(root)!r}), bun=Bun(Path({str(fake.bun.path)!r}), '0.0.1'))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script], cwd=Path(__file__).parents[2], stdout=-1, stderr=-1, text=True,
        start_new_session=True,
    )  # fmt: skip
    wait_for(fake.held, process)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert (root / "node_modules" / INCOMPLETE).exists()
    fake.hold.unlink()
    assert install_project(root, bun=fake.bun)
    assert not (root / "node_modules" / INCOMPLETE).exists()


def test_the_real_thing(tmp_path: Path) -> None:
    vendor = project(tmp_path / "shop", {"name": "shop", "dependencies": {"words": "file:./words"}}) / "words"
    package = {"name": "words", "version": "1.0.0", "main": "index.js", "scripts": {"postinstall": "touch ran"}}
    (project(vendor, package) / "index.js").write_text("module.exports = 'words'\n")
    bun = find_bun()
    subprocess.run([bun.path, "install", "--ignore-scripts"], cwd=tmp_path / "shop", check=True, capture_output=True)
    shutil.rmtree(tmp_path / "shop" / "node_modules")
    said: list[str] = []
    assert install_project(tmp_path / "shop", say=said.append)
    assert said == ["Installing the project's packages from bun.lock …"]
    installed = tmp_path / "shop" / "node_modules" / "words"
    assert (installed / "index.js").read_text() == "module.exports = 'words'\n"
    assert not (installed / "ran").exists()
    assert not install_project(tmp_path / "shop")
