"""Where a rule's outputs belong, and whether they are still there. Knows folders and digests."""

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import cast

from unitgraph.cache import digest
from unitgraph.cache.files import write_atomic
from unitgraph.errors.build import OutputEscapes
from unitgraph.rules.database import Record
from unitgraph.rules.memo import Memo


class Outputs:
    """The files of one rule below ``folder``, which is relative to the project's root."""

    def __init__(self, root: Path, folder: str, memo: Memo) -> None:
        self._root = root
        self._folder = folder
        self._memo = memo

    def path(self, name: str) -> str:
        """An output's path relative to the project's root. Raises OutputEscapes."""
        if name.startswith("/") or ".." in name.split("/") or "\\" in name:
            raise OutputEscapes(name)
        return f"{self._folder}/{name}"

    def intact(self, record: Record, *, prefix: str = "") -> bool:
        """Whether every output of ``record`` is there as it was written."""
        marks = cast("Mapping[str, str]", record.facts.get("local", {}))
        if marks.keys() != record.outputs.keys():
            return False
        try:
            return all(self._memo.digest(self.path(prefix + name)) == mark for name, mark in marks.items())
        except OSError:
            return False

    def place(self, outputs: Mapping[str, bytes], *, prefix: str = "") -> None:
        """Writes what isn't there yet; each file whole or not at all."""
        for name, data in outputs.items():
            path = self.path(prefix + name)
            mark = digest.local(data)
            try:
                if self._memo.digest(path) == mark:
                    continue
            except OSError:
                pass
            write_atomic(self._root / path, data)
            self._memo.wrote(path, mark)

    def withdraw(self, names: Iterable[str], *, prefix: str = "") -> None:
        """Removes these files where they are there."""
        for name in names:
            path = self.path(prefix + name)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._root / path)
            self._memo.forget(path)

    def sweep(self, keep: Iterable[str]) -> list[str]:
        """Removes every file below the folder that isn't in ``keep``, and folders left empty; returns their names."""
        kept = set(keep)
        removed = []
        top = os.path.join(self._root, self._folder)
        held = {folder for name in kept for folder in _above(name)}
        for parent, _, names in os.walk(top, topdown=False):
            folder = parent[len(top) + 1 :]
            for name in names:
                relative = f"{folder}/{name}" if folder else name
                if relative not in kept:
                    with contextlib.suppress(FileNotFoundError):
                        os.unlink(os.path.join(parent, name))
                    removed.append(relative)
            if folder and folder not in held:
                with contextlib.suppress(OSError):
                    os.rmdir(parent)
        return removed


def _above(name: str) -> Iterator[str]:
    """The folders that hold a file."""
    while name := name.rpartition("/")[0]:
        yield name
