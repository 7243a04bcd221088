"""What goes from the cache's folder so that it stays within a bound: what wasn't used for longest.

Whatever a living build has looked up, kept or may still ask for stays: an entry that was used since the oldest of them
began, the blobs of every entry that stays, and blobs that are newer than that build. So nobody waits for a collection,
and a collection waits for nobody but another one.
"""

import contextlib
import fcntl
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from unitgraph.cache import builds, growth, inventory
from unitgraph.cache.files import make_folder, remove_unless_used
from unitgraph.cache.inventory import Held, HeldEntry, Inventory
from unitgraph.cache.layout import FOLDER_MODE, Layout

_S: Final = 1_000_000_000
_AHEAD_NS: Final = 86_400 * _S
"""A use that lies further in the future than this was stamped by a clock that was wrong."""

_SKEW_NS: Final = 60 * _S
"""A build that began further in the future than this saw another clock: what it uses can't be told by time."""

_PART_AGE_NS: Final = 3600 * _S
"""No write takes longer; a temporary file of this age belongs to a killed one."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What may stay: so many bytes, and what was used in the last ``max_age_ns``."""

    max_bytes: int | None = None
    max_age_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Collected:
    """How many of each went, or would go, and what is left."""

    entries: int
    blobs: int
    parts: int
    freed_bytes: int
    left_entries: int
    left_bytes: int


def collect(layout: Layout, limits: Limits, now_ns: int, *, dry_run: bool = False) -> Collected:
    """Removes what the limits ask for, or only says what. Call it within ``alone``. May raise OSError."""
    since_ns = used_since(layout, now_ns)
    found = inventory.take(layout)
    went = _Went(since_ns, dry_run=dry_run)
    stays = {id(entry): entry for entry in found.entries}
    for entry in choose(found, limits, since_ns, now_ns):
        if went.has(entry.file):
            del stays[id(entry)]
    entries = len(found.entries) - len(stays)
    named = {name for entry in stays.values() for name in entry.names}
    blobs = sum(went.has(blob) for blob in found.blobs if blob.name not in named and blob.used_ns < since_ns)
    parts = sum(went.has(part, anyway=True) for part in found.parts if is_dead(part, now_ns))
    left_bytes = found.size_bytes - went.bytes
    if not dry_run:
        if since_ns:
            _mend_times([*(entry.file for entry in stays.values()), *found.blobs], now_ns)
        growth.counted(layout, left_bytes, now_ns)
    return Collected(entries, blobs, parts, went.bytes, len(stays), left_bytes)


def collect_unless_another_does(layout: Layout, max_bytes: int, now_ns: int) -> None:
    """What a build does at its end. May raise OSError."""
    with alone(layout) as is_alone:
        if is_alone:
            collect(layout, Limits(max_bytes), now_ns)


def choose(found: Inventory, limits: Limits, since_ns: int, now_ns: int) -> list[HeldEntry]:
    """The entries to remove: damaged ones, those that are too old, and the longest unused while there is too much."""
    uses = Counter(name for entry in found.entries for name in entry.names)
    free = {blob.name: blob.size_bytes for blob in found.blobs if blob.used_ns < since_ns}
    left_bytes = found.size_bytes - sum(size for name, size in free.items() if not uses[name])
    left_bytes -= sum(part.size_bytes for part in found.parts if is_dead(part, now_ns))
    chosen = []
    for entry in sorted(found.entries, key=lambda each: each.file.used_ns):
        used_ns = entry.file.used_ns
        too_much = limits.max_bytes is not None and left_bytes > limits.max_bytes
        too_old = limits.max_age_ns is not None and now_ns - used_ns > limits.max_age_ns
        if used_ns >= since_ns or not (too_much or too_old or entry.is_damaged):
            continue
        chosen.append(entry)
        uses.subtract(entry.names)
        left_bytes -= entry.file.size_bytes + sum(free.get(name, 0) for name in entry.names if not uses[name])
    return chosen


def used_since(layout: Layout, now_ns: int) -> int:
    """What was used at this time or later stays; 0 where that is everything."""
    began = builds.living(layout.builds, now_ns)
    return 0 if any(each > now_ns + _SKEW_NS for each in began) else min([now_ns, *began])


@contextlib.contextmanager
def alone(layout: Layout, waiting: Callable[[], None] | None = None) -> Iterator[bool]:
    """Whether this process is the one that removes things; with ``waiting``, called if it must, it waits to be.

    May raise OSError.
    """
    make_folder(layout.root, FOLDER_MODE)
    handle = os.open(layout.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield _locked(handle, waiting)
    finally:
        os.close(handle)


def _locked(handle: int, waiting: Callable[[], None] | None) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        if waiting is None:
            return False
        waiting()
        fcntl.flock(handle, fcntl.LOCK_EX)
    return True


class _Went:
    """Removes files, or only counts what they take."""

    def __init__(self, since_ns: int, *, dry_run: bool) -> None:
        self.bytes = 0
        self._since_ns = since_ns
        self._dry_run = dry_run

    def has(self, file: Held, *, anyway: bool = False) -> bool:
        """Whether it is gone; not where it was used meanwhile, unless ``anyway``, or belongs to somebody else."""
        try:
            gone = self._dry_run or remove_unless_used(file.path, sys.maxsize if anyway else self._since_ns)
        except OSError:
            return False
        self.bytes += file.size_bytes if gone else 0
        return gone


def is_dead(part: Held, now_ns: int) -> bool:
    """Whether whoever wrote a temporary file is no more; one from the future was written by another clock."""
    return not -_AHEAD_NS < now_ns - part.used_ns < _PART_AGE_NS


def _mend_times(files: Iterable[Held], now_ns: int) -> None:
    """What a wrong clock stamped would stay for as long as it was wrong: from now on it ages as if used now."""
    for file in files:
        if file.used_ns > now_ns + _AHEAD_NS:
            with contextlib.suppress(OSError):
                os.utime(file.path, ns=(now_ns, now_ns))
