"""A folder that holds what a bundle may read and nothing else: stripped sources, package.json files, ways to packages.

esbuild draws short names from how often letters occur in the text that it is given, types included. So what bundles
are made of must be the very text that their keys are made of, or a type would change a bundle without changing its key.
Knows paths and bytes; what they mean is the caller's.
"""

import os
import posixpath
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

MODULES: Final = "node_modules"


@contextmanager
def sandbox(root: Path, texts: Mapping[str, bytes], copied: Iterable[str]) -> Iterator[Path]:
    """The sandbox's own project folder, removed at the end.

    ``texts`` are written and ``copied`` files are taken as they stand in ``root``; paths are relative to it, and may
    lead out of it by leading ".."; the folders above then have the names that they have outside.
    """
    copied = list(copied)
    real = os.path.realpath(root)
    folders = _folders([*texts, *copied])
    above = _modules_above(real)
    depth = max([*above, *(folder.split("/").count("..") for folder in folders), 0])
    top = os.path.realpath(tempfile.mkdtemp(prefix="unitgraph-sandbox-"))
    try:
        base = os.path.join(top, *real.split(os.sep)[-depth:]) if depth else top
        for folder in sorted({"", *folders}):
            os.makedirs(os.path.join(base, folder), exist_ok=True)
        for path, text in texts.items():
            with open(os.path.join(base, path), "wb") as file:
                file.write(text)
        for path in copied:
            shutil.copyfile(os.path.join(real, path), os.path.join(base, path))
        for folder in sorted({"", *folders, *("/".join([".."] * level) for level in above)}):
            modules = os.path.join(real, folder, MODULES)
            if os.path.isdir(modules):
                _lead_to(modules, os.path.join(base, folder, MODULES), real, base, top)
        yield Path(base)
    finally:
        shutil.rmtree(top, ignore_errors=True)


def _folders(paths: Iterable[str]) -> set[str]:
    """Every folder that holds one of the files, itself or below it; the root is left out."""
    found: set[str] = set()
    for folder in {posixpath.dirname(path) for path in paths}:
        current = folder
        while current and current not in found and posixpath.basename(current) != "..":
            found.add(current)
            current = posixpath.dirname(current)
        if current:
            found.add(current)
    return found


def _modules_above(real: str) -> list[int]:
    """How many levels above the root there are folders of packages, where a workspace keeps them."""
    found = []
    level, folder = 1, os.path.dirname(real)
    while True:
        if os.path.isdir(os.path.join(folder, MODULES)):
            found.append(level)
        parent = os.path.dirname(folder)
        if parent == folder:
            return found
        level, folder = level + 1, parent


def _lead_to(modules: str, there: str, real: str, base: str, top: str) -> None:
    """A link to a folder of packages; one of links where some are sources, which are in the sandbox themselves."""
    sources = {
        name: target for name, target in _links(modules) if f"{os.sep}{MODULES}{os.sep}" not in f"{target}{os.sep}"
    }
    if not sources:
        os.symlink(modules, there)
        return
    os.mkdir(there)
    scopes = {name.partition("/")[0] for name in sources if "/" in name}
    for name in os.listdir(modules):
        inner = [f"{name}/{each}" for each in os.listdir(os.path.join(modules, name))] if name in scopes else [name]
        if name in scopes:
            os.mkdir(os.path.join(there, name))
        for entry in inner:
            target = sources.get(entry)
            inside = os.path.normpath(os.path.join(base, os.path.relpath(target, real))) if target else ""
            place = inside if inside.startswith(f"{top}{os.sep}") and os.path.isdir(inside) else None
            os.symlink(place or os.path.join(modules, entry), os.path.join(there, entry))


def _links(modules: str) -> Iterator[tuple[str, str]]:
    """The entries of a folder of packages that are links, ``name`` or ``@scope/name``, with where they lead."""
    with os.scandir(modules) as entries:
        for entry in entries:
            if entry.is_symlink():
                yield entry.name, os.path.realpath(entry.path)
            elif entry.name.startswith("@") and entry.is_dir():
                with os.scandir(entry.path) as scoped:
                    for inner in scoped:
                        if inner.is_symlink():
                            yield f"{entry.name}/{inner.name}", os.path.realpath(inner.path)
