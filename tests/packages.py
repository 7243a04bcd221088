"""The packages of several parts of the toolchain in one folder, since Bun looks into one."""

import os
from collections.abc import Iterable
from pathlib import Path

from unitgraph.rules.toolchain import ensure, user_cache


def link_packages(modules: Path, parts: Iterable[str]) -> None:
    """``modules`` becomes a folder of links; of a package that several parts have, the first one's counts."""
    for part in parts:
        found = ensure(part, user_cache(os.environ)).modules
        for package in found.iterdir():
            for each in package.iterdir() if package.name.startswith("@") else (package,):
                link = modules / each.relative_to(found)
                link.parent.mkdir(parents=True, exist_ok=True)
                if not link.exists():
                    link.symlink_to(each)
