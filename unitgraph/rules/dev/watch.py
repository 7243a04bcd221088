"""Which files of a project were edited, as it happens. Knows folders and names, not what is made of them.

The root itself is looked at without what is below it, so are the folders that it stands in, and each folder with
sources with all that is below: packages that are installed, and what a build writes, are in none of them.
"""

import os
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from watchfiles._rust_notify import RustNotify  # documented; `watch` itself tells nobody when it has begun to look

IGNORED: Final = frozenset((".deploy", ".pikku", "node_modules", ".git", "__pycache__"))
_SCRATCH: Final = ("~", ".swp", ".swx", ".tmp", "4913", ".DS_Store")
"""What editors write beside a file that they save."""

_STEP_MS: Final = 10        # so long nothing must happen until what happened is told
_MOST_MS: Final = 300       # and so long it takes at most
_LOOK_MS: Final = 500

Told = Callable[[frozenset[str]], None]


def folders_of(read: Iterable[str], sources: Iterable[str]) -> frozenset[str]:
    """The folders that hold what a build reads, relative to the root; without those inside another of them.

    A file in the root itself belongs to none; one outside of it has its own folder looked at.
    """
    found = {os.path.normpath(folder) for folder in sources}
    for path in read:
        parts = path.split("/")
        if IGNORED.intersection(parts) or os.path.isabs(path):
            continue
        if parts[0] == "..":
            found.add(os.path.dirname(path))
        elif len(parts) > 1:
            found.add(parts[0])
    return frozenset(one for one in found if not any(other != one and _inside(one, other) for other in found))


def _inside(folder: str, other: str) -> bool:
    if other == ".":
        return folder.partition("/")[0] != ".."
    return folder.startswith(f"{other}/") and not _is_above(other)


def _is_above(folder: str) -> bool:
    """Whether the project stands in it: a workspace, or somebody's whole disk."""
    return set(folder.split("/")) == {".."}


class Watch:
    """Tells of edits, from threads of its own, until it is closed."""

    def __init__(self, root: Path, folders: Iterable[str], out_dir: str, told: Told) -> None:
        self.folders = frozenset(folders)
        self._root = os.path.realpath(root)
        self._ignored = IGNORED | {os.path.basename(out_dir)}
        self._told = told
        self._ended = threading.Event()
        flat, deep = [self._root], list[str]()
        for name in sorted(self.folders):
            (flat if _is_above(name) else deep).append(os.path.normpath(os.path.join(self._root, name)))
        groups = ((flat, False), (deep, True))
        watchers = [RustNotify(paths, False, False, 0, below, True) for paths, below in groups if paths]
        self._threads = [threading.Thread(target=self._look, args=(one,), daemon=True) for one in watchers]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _look(self, watcher: RustNotify) -> None:
        while not self._ended.is_set():
            found = watcher.watch(_MOST_MS, _STEP_MS, _LOOK_MS, self._ended)
            if isinstance(found, set):
                paths = frozenset(os.path.relpath(path, self._root) for _, path in found)
                meant = frozenset(path for path in paths if self._is_meant(path))
                if meant:
                    self._told(meant)
        watcher.close()

    def _is_meant(self, path: str) -> bool:
        parts = path.split(os.sep)
        return not self._ignored.intersection(parts) and not parts[-1].endswith(_SCRATCH)
