"""Claims on keys between the processes of one machine, so that one of them works while the others wait for its result.

One file, and a lock on one byte of it a key: the kernel lets go of a process's locks however it ends, and nothing
is left to clean up. Two keys that fall on one byte only wait for each other. Nobody waits while holding a claim, so
there are no deadlocks.
"""

import contextlib
import errno
import fcntl
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

_BUSY: Final = frozenset({errno.EACCES, errno.EAGAIN})
_DIGITS: Final = 14     # 56 bits: offsets are signed 64-bit numbers


class Claims:
    """The claims of this process; use it from one thread. Where the file can't be made or locked, everyone may work."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle: int | None = None
        self._held: set[str] = set()

    def take(self, keys: Sequence[str]) -> frozenset[str]:
        """Those of ``keys`` that no other process holds; they are held by this one from now on."""
        handle = self._opened()
        if handle is None:
            return frozenset(keys)
        taken = frozenset(key for key in keys if key in self._held or _lock(handle, key))
        self._held |= taken
        return taken

    def drop(self, keys: Iterable[str]) -> None:
        for key in keys:
            if key in self._held and self._handle is not None:
                self._held.discard(key)
                if not any(_offset(other) == _offset(key) for other in self._held):
                    fcntl.lockf(self._handle, fcntl.LOCK_UN, 1, _offset(key))

    def await_one(self, keys: Sequence[str]) -> None:
        """Blocks until the first of ``keys`` is held by no other process; holds nothing afterwards."""
        handle = self._opened()
        if handle is None or not keys:
            return
        assert not self._held, "waiting with claims in hand could wait for ever"
        with contextlib.suppress(OSError):
            fcntl.lockf(handle, fcntl.LOCK_EX, 1, _offset(keys[0]))
            fcntl.lockf(handle, fcntl.LOCK_UN, 1, _offset(keys[0]))

    def close(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
        self._held.clear()

    def _opened(self) -> int | None:
        if self._handle is None:
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                self._handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            except OSError:
                return None
        return self._handle


def _offset(key: str) -> int:
    return int(key[:_DIGITS], 16)


def _lock(handle: int, key: str) -> bool:
    try:
        fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _offset(key))
    except OSError as error:
        return error.errno not in _BUSY     # a file system without locks keeps nobody from working
    return True
