"""Results on their way to a shared cache, in the background: bounded in bytes, blobs first, each entry last.

Nobody waits for it while building. What comes faster than the place takes it is dropped and counted: the next machine
makes that itself, which is what it would have done without a cache.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from unitgraph.cache.breaker import Breaker, Clock
from unitgraph.cache.remote.base import Backend, BackendError
from unitgraph.cache.store import Blob

_BATCH_RESULTS: Final = 16
_BATCH_BYTES: Final = 4 << 20
_SLOWEST_BYTES_S: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Upload:
    """A result for ``address``. ``seal`` makes its entry, and raises ValueError for what can't be one."""

    address: str
    seal: Callable[[], bytes] = field(repr=False)
    blobs: Sequence[Blob]
    data: Mapping[str, bytes] = field(repr=False)

    @property
    def size_bytes(self) -> int:
        return sum(blob.size for blob in self.blobs)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the end of a command waits: while something gets through every ``stall_s``, and ``limit_s`` in all."""

    stall_s: float
    limit_s: float


DESK: Final = Patience(stall_s=3, limit_s=10)
NONE: Final = Patience(stall_s=0, limit_s=0)
CI: Final = Patience(stall_s=20, limit_s=300)
"""A job on CI is there to fill the cache; at a desk somebody waits for the prompt."""


@dataclass(slots=True)
class Sent:
    """What came of uploads: ``results`` that are there, ``refused`` ones that failed, ``dropped`` for lack of time."""

    results: int = 0
    size_bytes: int = 0
    refused: int = 0
    dropped: int = 0


class Uploads:
    """The queue and its threads, which start with the first upload. ``failed`` hears of each failure, in any thread."""

    def __init__(
        self, backend: Backend, breaker: Breaker, failed: Callable[[BackendError], None], *,
        bound_bytes: int = 128 << 20, threads: int = 8, clock: Clock = time.monotonic,
    ) -> None:  # fmt: skip
        self.sent = Sent()
        self._backend = backend
        self._breaker = breaker
        self._failed = failed
        self._bound_bytes = bound_bytes
        self._count = threads
        self._clock = clock
        self._moved = threading.Condition()
        self._queue: deque[Upload] = deque()
        self._held_bytes = 0        # queued and under way
        self._under_way_bytes = 0
        self._under_way = 0
        self._steps = 0             # grows with whatever gets through
        self._held_there: set[str] = set()
        self._doubtful: set[str] = set()
        self._threads: list[threading.Thread] = []
        self._is_closed = False

    def offer(self, upload: Upload) -> None:
        """Takes a result, or drops it where too much is waiting already. Never blocks on the place."""
        with self._moved:
            if self._is_closed or self._held_bytes + upload.size_bytes > self._bound_bytes:
                self.sent.dropped += 1
                return
            self._queue.append(upload)
            self._held_bytes += upload.size_bytes
            if len(self._threads) < min(self._count, len(self._queue) + self._under_way):
                self._threads.append(threading.Thread(target=self._work, name="upload", daemon=True))
                self._threads[-1].start()
            self._moved.notify()

    def doubt(self, digests: Iterable[str]) -> None:
        """The place doesn't have these as it says: they are sent again whatever it says."""
        with self._moved:
            self._doubtful.update(digests)

    def known(self, digests: Iterable[str]) -> None:
        """The place has just given these: they needn't be asked for."""
        with self._moved:
            self._held_there.update(digests)

    def flush(self, patience: Patience) -> None:
        """Waits for what is on its way as long as is worth it, and drops the rest."""
        began = moved = self._clock()
        with self._moved:
            steps = self._steps
            while self._queue or self._under_way:
                now = self._clock()
                if steps != self._steps:
                    steps, moved = self._steps, now
                stall_s = patience.stall_s + self._under_way_bytes / _SLOWEST_BYTES_S
                left_s = min(moved + stall_s, began + patience.limit_s) - now
                if left_s <= 0:
                    break
                self._moved.wait(left_s)
            self._is_closed = True
            self.sent.dropped += len(self._queue) + self._under_way
            self._queue.clear()
            self._moved.notify_all()

    def _work(self) -> None:
        while batch := self._take():
            done = 0
            try:
                done = self._send(batch)
            finally:
                self._settle(batch, done)

    def _take(self) -> list[Upload]:
        """The next uploads, together as large as one request is worth; none at the end."""
        with self._moved:
            while not self._queue and not self._is_closed:
                self._moved.wait()
            batch: list[Upload] = []
            size_bytes = 0
            while self._queue and len(batch) < _BATCH_RESULTS and (not batch or size_bytes < _BATCH_BYTES):
                batch.append(self._queue.popleft())
                size_bytes += batch[-1].size_bytes
            self._under_way += len(batch)
            self._under_way_bytes += size_bytes
            return batch

    def _settle(self, batch: Sequence[Upload], done: int) -> None:
        size_bytes = sum(upload.size_bytes for upload in batch)
        with self._moved:
            self._held_bytes -= size_bytes
            self._under_way_bytes -= size_bytes
            self._under_way -= len(batch)
            if not self._is_closed:
                self.sent.refused += len(batch) - done
            self._moved.notify_all()

    def _send(self, batch: Sequence[Upload]) -> int:
        """Sends what it can of a batch; how many results are there now. One that is refused takes none with it."""
        if not self._breaker.allows:
            return 0
        done = 0
        try:
            self._send_blobs(batch)
            for upload in batch:
                self._send_entry(upload)
                done += 1
        except BackendError as error:
            self._failed(error)
            if error.trouble == "failed" and len(batch) > 1:
                return done + sum(self._send([upload]) for upload in batch[done:])
        else:
            self._breaker.answered()
        return done

    def _send_blobs(self, batch: Sequence[Upload]) -> None:
        data = {name: content for upload in batch for name, content in upload.data.items()}
        blobs = {blob.digest: blob for upload in batch for blob in upload.blobs}
        with self._moved:
            doubtful = self._doubtful & blobs.keys()
            asked = [blobs[name] for name in sorted(blobs.keys() - self._held_there - doubtful)]
        absent = {*(self._backend.missing(asked) if asked else ()), *doubtful} & data.keys()
        for part in _parts({name: data[name] for name in sorted(absent)}):
            self._backend.put_blobs(part)
            self._step(sum(map(len, part.values())))
        with self._moved:
            self._held_there |= blobs.keys()
            self._doubtful -= blobs.keys()

    def _send_entry(self, upload: Upload) -> None:
        try:
            entry = upload.seal()
        except ValueError:      # a name that no other machine would take: it stays here
            return
        self._backend.put_entry(upload.address, entry, upload.blobs)
        self._step(0, results=1)

    def _step(self, size_bytes: int, *, results: int = 0) -> None:
        with self._moved:
            self._steps += 1
            self.sent.size_bytes += size_bytes
            self.sent.results += results
            self._moved.notify_all()


def _parts(data: Mapping[str, bytes]) -> Iterator[dict[str, bytes]]:
    """The same in portions of a request each."""
    part: dict[str, bytes] = {}
    size_bytes = 0
    for name, content in data.items():
        if part and size_bytes + len(content) > _BATCH_BYTES:
            yield part
            part, size_bytes = {}, 0
        part[name] = content
        size_bytes += len(content)
    if part:
        yield part
