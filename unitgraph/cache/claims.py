"""Claims on keys between the processes of one machine, so that one of them works while the others wait for its result.

One file, and a lock on one byte of it a key: the kernel lets go of a process's locks however it ends, and nothing
is left to clean up. Two keys that fall on one byte only wait for each other. Nobody waits while holding a claim, so
there are no deadlocks; and nobody waits for ever, since a claim is a courtesy: results are published whole, so that
two processes at one key do no harm.
"""

import errno
import fcntl
import os
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from unitgraph.cache.layout import FOLDER_MODE

PATIENCE_S: Final = 60.0
"""For so long without seeing any progress others are waited for: they may be stopped, or hang."""

_BUSY: Final = frozenset({errno.EACCES, errno.EAGAIN})
_DIGITS: Final = 14     # 56 bits: offsets are signed 64-bit numbers
_SHORTEST_S: Final = 0.002
_LONGEST_S: Final = 0.1
_AT_ONCE: Final = 200


class Claims:
    """The claims of this process; use it from one thread. Where the file can't be made or locked, everyone may work."""

    def __init__(self, path: Path, *, patience_s: float = PATIENCE_S) -> None:
        self._path = path
        self._patience_s = patience_s
        self._handle: int | None = None
        self._held: set[str] = set()
        self._locked: Counter[int] = Counter()
        self._overdue: set[str] = set()

    def take(self, keys: Sequence[str]) -> frozenset[str]:
        """Those of ``keys`` that no other process holds, or has held for too long; this one is at them from now on."""
        handle = self._opened()
        if handle is None:
            return frozenset(keys)
        taken = set()
        for key in keys:
            if key in self._held or key in self._overdue:
                taken.add(key)
            elif self._locked[_offset(key)] or _lock(handle, _offset(key)):
                self._locked[_offset(key)] += 1
                self._held.add(key)
                taken.add(key)
        return frozenset(taken)

    def drop(self, keys: Iterable[str]) -> None:
        for key in keys:
            if key in self._held and self._handle is not None:
                self._held.remove(key)
                self._locked[_offset(key)] -= 1
                if not self._locked[_offset(key)]:
                    _unlock(self._handle, _offset(key))

    def await_one(self, keys: Sequence[str]) -> bool:
        """Returns once one of ``keys`` is held by no other process, or False when patience has run out; then all of
        ``keys`` may be taken. Holds nothing afterwards."""
        handle = self._opened()
        if handle is None or not keys:
            return True
        assert not self._held, "waiting with claims in hand could wait for ever"
        end = time.monotonic() + self._patience_s
        pause_s = _SHORTEST_S
        begin = 0
        while True:
            for key in keys[begin : begin + _AT_ONCE]:
                if _lock(handle, _offset(key)):
                    _unlock(handle, _offset(key))
                    return True
            if time.monotonic() > end:
                self._overdue.update(keys)
                return False
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_S)
            begin = begin + _AT_ONCE if begin + _AT_ONCE < len(keys) else 0

    def close(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
        self._held.clear()
        self._locked.clear()

    def _opened(self) -> int | None:
        if self._handle is None:
            try:
                self._path.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
                self._handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            except OSError:
                return None
        return self._handle


def _offset(key: str) -> int:
    return int(key[:_DIGITS], 16)


def _lock(handle: int, offset: int) -> bool:
    try:
        fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, offset)
    except OSError as error:
        return error.errno not in _BUSY     # a file system without locks keeps nobody from working
    return True


def _unlock(handle: int, offset: int) -> None:
    fcntl.lockf(handle, fcntl.LOCK_UN, 1, offset)
