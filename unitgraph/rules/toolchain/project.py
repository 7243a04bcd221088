"""How a project's own npm packages get installed; knows lockfiles by name, not what is in them."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from unitgraph.errors.toolchain import DependenciesNotInstalled, ForeignLockfile, ProjectInstallFailed
from unitgraph.rules.toolchain.locate import Bun, find_bun

FOREIGN: Final = {
    "package-lock.json": "npm ci",
    "npm-shrinkwrap.json": "npm ci",
    "pnpm-lock.yaml": "pnpm install --frozen-lockfile",
    "yarn.lock": "yarn install --immutable",
    "bun.lockb": "bun install --save-text-lockfile",
}
"""Lockfile → the command of its own tool."""

INCOMPLETE: Final = ".unitgraph-installing"
"""Stands in node_modules while an install runs; one that was killed leaves it there and is done again."""


def install(root: Path, *, bun: Bun | None, say: Callable[[str], None]) -> bool:
    """Install what is missing; True when something was installed."""
    if is_ready(root):
        return False
    base, lockfile = _lock_above(root)
    if base != root and _is_installed(base):
        return False
    if lockfile is None:
        raise DependenciesNotInstalled(root)
    if lockfile.name in FOREIGN:
        raise ForeignLockfile(lockfile, command=FOREIGN[lockfile.name])
    return _install_locked(base, bun=bun or find_bun(), say=say)


def is_ready(root: Path) -> bool:
    """Whether nothing needs to be installed: no dependencies, or installed ones."""
    return _is_installed(root) if (root / "node_modules").is_dir() else not _has_dependencies(root)


def _is_installed(root: Path) -> bool:
    return (root / "node_modules").is_dir() and not (root / "node_modules" / INCOMPLETE).exists()


def _install_locked(base: Path, *, bun: Bun, say: Callable[[str], None]) -> bool:
    from unitgraph.rules.toolchain.install import locked, run_bun  # noqa: PLC0415 - as in the package

    modules = base / "node_modules"
    (base / ".deploy").mkdir(exist_ok=True)
    waiting = "Waiting for another process to install the project's packages …"
    with locked(base / ".deploy" / "install.lock", say=say, waiting=waiting):
        if _is_installed(base):
            return False
        say("Installing the project's packages from bun.lock …")
        modules.mkdir(exist_ok=True)
        (modules / INCOMPLETE).touch()
        status, said = run_bun(bun.path, base)
        if status != 0:
            raise ProjectInstallFailed(base, status=status, detail=said or "it said nothing")
        os.unlink(modules / INCOMPLETE)
    return True


def _lock_above(root: Path) -> tuple[Path, Path | None]:
    """The nearest folder upwards with a lockfile, as a workspace has it; never above the repository."""
    for folder in (root, *root.parents):
        for name in ("bun.lock", *FOREIGN):
            if (folder / name).is_file():
                return folder, folder / name
        if (folder / ".git").exists():
            break
    return root, None


def _has_dependencies(root: Path) -> bool:
    try:
        package: Any = json.loads((root / "package.json").read_bytes())
    except (OSError, ValueError):
        return False  # what is wrong with package.json is the project's loading to say
    return isinstance(package, dict) and bool(package.get("dependencies"))
