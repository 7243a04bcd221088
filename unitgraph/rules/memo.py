"""The digest of a file without reading it again: a memo by stat signature. Knows files, not what they are for.

A signature is trusted only when it was taken well after the file's last change: an edit within the same
tick of the file system's clock would leave the signature as it was.
"""

import os
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from unitgraph.rules.database import Database

Digest = Callable[[bytes], str]
_TICK_NS = 20_000_000
_COARSE_TICK_NS = 2_000_000_000


def signature(stat: os.stat_result) -> str:
    """What changes when a file changes: size, both times and the inode."""
    return f"{stat.st_mtime_ns}:{stat.st_ctime_ns}:{stat.st_size}:{stat.st_ino}"


def settled(stat: os.stat_result, now_ns: int) -> bool:
    """Whether a later edit is sure to give another signature than this one, taken at ``now_ns``."""
    changed = max(stat.st_mtime_ns, stat.st_ctime_ns)
    coarse = stat.st_ctime_ns % 1_000_000_000 == 0
    return now_ns - changed > (_COARSE_TICK_NS if coarse else _TICK_NS)


class Memo:
    """Digests of files under ``root``, by relative or absolute path."""

    def __init__(self, root: Path, database: Database, compute: Digest) -> None:
        self._root = root
        self._database = database
        self._compute = compute
        self._known = database.files()
        self._seen: dict[str, tuple[str, str]] = {}
        self._unsaved: dict[str, tuple[str, str]] = {}
        self._reads: dict[str, bytes] = {}

    def digest(self, path: str) -> str:
        """The digest of the file's content now. Raises OSError."""
        seen = self._seen.get(path)
        if seen:
            return seen[1]
        full = os.path.join(self._root, path)
        now = time.time_ns()
        stat = os.stat(full)
        mark = signature(stat)
        known = self._known.get(path)
        if known and known[0] == mark:
            digest = known[1]
        else:
            with open(full, "rb") as file:
                data = file.read()
            digest = self._compute(data)
            self._reads[path] = data
            if settled(stat, now):
                self._unsaved[path] = (mark, digest)
        self._seen[path] = (mark, digest)
        return digest

    def take(self, path: str) -> bytes:
        """The bytes that ``digest`` was computed from, read again only where the memo held them already."""
        data = self._reads.pop(path, None)
        if data is not None:
            return data
        with open(os.path.join(self._root, path), "rb") as file:
            return file.read()

    def wrote(self, path: str, digest: str) -> None:
        """Tells the memo of a file that this process wrote."""
        mark = signature(os.stat(os.path.join(self._root, path)))
        self._seen[path] = (mark, digest)
        self._unsaved.pop(path, None)
        self._known.pop(path, None)

    def assume(self, digests: Mapping[str, str]) -> None:
        """Tells the memo what files hold that aren't there yet, by path."""
        self._seen.update((path, ("", digest)) for path, digest in digests.items())

    def forget(self, path: str) -> None:
        self._seen.pop(path, None)

    def moved(self, paths: Iterable[str]) -> list[str]:
        """Those of ``paths`` whose content is no longer what was digested.

        A file with the same signature is read again where that signature was too young to be trusted.
        """
        return [path for path in paths if path in self._seen and self._has_moved(path)]

    def _has_moved(self, path: str) -> bool:
        mark, digest = self._seen[path]
        full = os.path.join(self._root, path)
        try:
            trusted = path in self._unsaved or self._known.get(path, ("", ""))[0] == mark
            if trusted and signature(os.stat(full)) == mark:
                return False
            with open(full, "rb") as file:
                return self._compute(file.read()) != digest
        except OSError:
            return True

    def paths(self) -> Iterable[str]:
        """Every file that was digested so far."""
        return tuple(self._seen)

    def save(self) -> None:
        """Writes what was learnt to the database."""
        self._database.save_files((path, mark, digest) for path, (mark, digest) in self._unsaved.items())
        self._known.update(self._unsaved)
        self._unsaved.clear()
