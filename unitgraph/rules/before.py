"""The project as it was at a commit, in a folder for as long as it is needed: what an analysis of it reads, no more.

A file that hasn't changed since is taken from the checkout as it stands, so that what git would have made of it on its
way there (ends of lines, large files kept elsewhere) makes no difference, and files that git ignores are there too.
Packages are those that are installed now; which ones were wanted then, the lockfile of then says.
Knows paths and bytes; what they mean is the analysis's.
"""

import os
import posixpath
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from unitgraph.rules.history import Old
from unitgraph.rules.sandbox import MODULES, sandbox

_LARGE_BYTES: Final = 1 << 20
_MARK: Final = ".git"
"""Ends the search for a workspace, there as in the checkout."""

_HIDDEN: Final = frozenset((MODULES, _MARK, ".deploy"))


@contextmanager
def before(
    root: Path, top: Path, old: Mapping[str, Old], *, listed: Collection[str], read: Collection[str]
) -> Iterator[Path]:
    """The project's folder as it was. Paths are relative to ``root``: ``old`` has what changed below ``top``,
    ``listed`` the folders that an analysis of now has looked into, ``read`` the files that it has read."""
    real = os.path.realpath(root)
    highest = posixpath.relpath(os.path.realpath(top), real)
    folders = {_real(folder, real) for folder in listed} | {posixpath.dirname(path) or "." for path in old}
    texts = {path: was.data for path, was in old.items() if was.data is not None and not was.is_link}
    links = {path: os.fsdecode(was.data) for path, was in old.items() if was.data is not None and was.is_link}
    copied = []
    for folder in folders:
        for entry in _entries(os.path.join(real, folder)) if _is_inside(folder, highest) else ():
            path = posixpath.normpath(posixpath.join(folder, entry.name))
            if path in old or any(above in texts for above in _above(path)):
                continue
            if entry.is_symlink():
                links[path] = os.readlink(entry.path)
            elif entry.is_file():
                if path in read or (entry.stat().st_size <= _LARGE_BYTES and os.access(entry.path, os.R_OK)):
                    copied.append(path)
                else:
                    texts[path] = b""       # it is there, and nobody has looked into it
    texts[posixpath.normpath(posixpath.join(highest, _MARK, "HEAD"))] = b""
    with sandbox(root, texts, copied) as made:
        for path, target in links.items():
            _link(made, path, target)
        yield made


def _real(folder: str, real: str) -> str:
    """A folder by the path that no link is in."""
    return posixpath.relpath(os.path.realpath(os.path.join(real, folder)), real)


def _is_inside(folder: str, highest: str) -> bool:
    """Whether a folder is one of the repository's own, and neither one of packages nor of git's or ours."""
    return _HIDDEN.isdisjoint(folder.split("/")) and not posixpath.relpath(folder, highest).startswith("..")


def _above(path: str) -> Iterator[str]:
    while (path := posixpath.dirname(path)) not in ("", "..") and not path.endswith("/.."):
        yield path


def _entries(folder: str) -> list["os.DirEntry[str]"]:
    try:
        with os.scandir(folder) as found:
            return [entry for entry in found if entry.name not in _HIDDEN]
    except OSError:     # only something removed was in it
        return []


def _link(folder: Path, path: str, target: str) -> None:
    place = os.path.join(folder, path)
    if os.path.lexists(place):
        return
    os.makedirs(os.path.dirname(place), exist_ok=True)
    os.symlink(target, place)
