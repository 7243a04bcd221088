"""How many bundles one run of esbuild makes, and how many runs go on at once, so that their memory stays bounded.

Knows what esbuild costs, not what it builds. The costs were measured with esbuild 0.28.2 on projects of small units,
of units with zod, and of modules of megabytes (docs/performance.md); they are the upper end of what was seen, since
batches smaller than they need be cost little, and a killed process costs all that it did.
"""

import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

MIB: Final = 1 << 20
START_BYTES: Final = 30 * MIB
"""What esbuild holds before it has read anything."""

PARSED: Final = 60
"""Bytes held for each byte of a source that is read: its tree and its symbols. Once a run, however many import it."""

LINKED: Final = 18
"""Bytes held for each byte that an entry reaches, once an entry: every entry is linked and printed for itself. Small
units take 7, with zod 8, and 18 is what a module of which everything is used takes."""

BESIDES_BYTES: Final = 450_000
"""What an entry reads besides the project's own files, before anything is known of it: the runtime and Hono."""

PACKAGE_BYTES: Final = 700_000
"""What a package is taken to add, before it is known: zod. Large ones show in the first run."""

MOST_ENTRIES: Final = 50
"""Beyond that a batch gains nothing: the cost of an entry in one of 50 is that in one of 100."""

MOST_BYTES: Final = 512 * MIB
"""What one run gets where memory is plenty. At twice that, nothing is faster."""

ASSUMED_BYTES: Final = 2048 * MIB
"""What is available where that can't be known."""

_LEAST_BYTES: Final = 96 * MIB
"""Less isn't worth a second run beside the first: three entries."""


@dataclass(frozen=True, slots=True)
class Sizing:
    """``budget_bytes`` is for all runs at once, ``share_bytes`` for one of them; ``runs`` have room side by side."""

    budget_bytes: int
    share_bytes: int
    runs: int


def sizing(available_bytes: int | None, jobs: int) -> Sizing:
    """Half of what is available is esbuild's: the other half is this process's, other builds' and the page cache's."""
    budget = (ASSUMED_BYTES if available_bytes is None else available_bytes) // 2
    runs = max(1, min(jobs, budget // _LEAST_BYTES))
    return Sizing(budget, min(MOST_BYTES, budget // runs), runs)


@dataclass(frozen=True, slots=True)
class Reads:
    """What one entry reads: files of the project, each with its size, and how many bytes besides (packages)."""

    files: Mapping[str, int]
    besides_bytes: int = BESIDES_BYTES

    @property
    def total_bytes(self) -> int:
        return sum(self.files.values()) + self.besides_bytes


def entries(share_bytes: int, read_bytes: int) -> int:
    """How many entries that read so many bytes each one run takes: at least one, whatever it costs."""
    room = share_bytes - START_BYTES - PARSED * read_bytes
    return max(1, min(MOST_ENTRIES, room // max(1, LINKED * read_bytes)))


class Load:
    """Entries of one run, and what it is expected to hold for them."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self._parsed: dict[str, int] = {}
        self._besides = 0
        self._linked = 0

    @property
    def cost_bytes(self) -> int:
        return START_BYTES + PARSED * (sum(self._parsed.values()) + self._besides) + LINKED * self._linked

    def add(self, name: str, reads: Reads) -> None:
        self.names.append(name)
        self._parsed |= reads.files
        self._besides = max(self._besides, reads.besides_bytes)
        self._linked += reads.total_bytes

    def with_more(self, reads: Reads) -> int:
        """What it would cost with one entry more."""
        new = sum(size for path, size in reads.files.items() if path not in self._parsed)
        besides = max(0, reads.besides_bytes - self._besides)
        return self.cost_bytes + PARSED * (new + besides) + LINKED * reads.total_bytes


def pack(reads: Mapping[str, Reads], share_bytes: int, *, most: int = MOST_ENTRIES) -> list[Load]:
    """The entries in their order, cut into runs that are expected to stay within their share."""
    loads: list[Load] = []
    for name, one in reads.items():
        if not loads or len(loads[-1].names) >= most or loads[-1].with_more(one) > share_bytes:
            loads.append(Load())
        loads[-1].add(name, one)
    return loads


def halves(names: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    middle = (len(names) + 1) // 2
    return names[:middle], names[middle:]


class Budget:
    """Memory that runs take and give back. Who comes first is served first, so that a great run gets its turn."""

    def __init__(self, total_bytes: int) -> None:
        self._total = total_bytes
        self._taken = 0
        self._queue: deque[object] = deque()
        self._changed = threading.Condition()

    @contextmanager
    def taken(self, count_bytes: int) -> Iterator[None]:
        """Waits until there is room for ``count_bytes``; what is greater than everything waits until it is alone."""
        count = min(count_bytes, self._total)
        ticket = object()
        with self._changed:
            self._queue.append(ticket)
            try:
                self._changed.wait_for(lambda: self._queue[0] is ticket and self._taken + count <= self._total)
            finally:
                self._queue.remove(ticket)
                self._changed.notify_all()
            self._taken += count
        try:
            yield
        finally:
            with self._changed:
                self._taken -= count
                self._changed.notify_all()

    @property
    def waiting(self) -> int:
        """How many wait for room."""
        with self._changed:
            return len(self._queue)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Waits until nothing else runs, and keeps it so."""
        with self.taken(self._total):
            yield
