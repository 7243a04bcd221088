"""The cache in two layers: this machine's before a place that machines share, which is believed as far as it is signed.

A lookup brings entries, which are verified and remembered here; bytes come when they are asked for, and are verified
again. Results go out in the background. Whatever the place does wrong is a line of warning, and the build goes on,
never slower than without it.
"""

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, wait
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Final, Generic, Protocol, TypeVar

from unitgraph.cache import digest
from unitgraph.cache.breaker import Breaker, Budget, Clock, Worth
from unitgraph.cache.entry import Entry, Producer, Reason, Refusal
from unitgraph.cache.guarded import Guarded
from unitgraph.cache.lanes import Lanes
from unitgraph.cache.notices import Notices
from unitgraph.cache.remote.base import Backend, BackendError
from unitgraph.cache.remote.pool import Partial
from unitgraph.cache.store import BUILT, TRUSTED, Blob, Cache, Made
from unitgraph.cache.tier import signed_by
from unitgraph.cache.trust import Trust, said_of
from unitgraph.cache.uploads import DESK, NONE, Patience, Upload, Uploads

_KEYS: Final = 256                  # in one request for entries
_BLOBS: Final = 128                 # in one request for bytes, or
_BYTES: Final = 8 << 20             # as many bytes
_LANES: Final = 2                   # requests at once: a backend has connections of its own
_PLACE_TROUBLES: Final = frozenset({"unreachable", "timeout"})      # which say the same of writing

_T = TypeVar("_T")


class Near(Cache, Protocol):
    """The layer on this machine, which also takes what others have made."""

    def remember(self, key: str, action: str, made: Made, tier: str) -> None:
        """Records a result in ``tier`` whose bytes are elsewhere."""

    def hold(self, data: Mapping[str, bytes]) -> None:
        """Keeps bytes under their digests, which the caller has verified."""


@dataclass(frozen=True, slots=True)
class Manners:
    """How to deal with the place: whether to read and to write, and how long it may keep a build waiting."""

    reads: bool = True
    writes: bool = True
    worth: Worth = field(default_factory=Worth)
    patience: Patience = DESK


@dataclass(frozen=True, slots=True)
class _Answer(Generic[_T]):
    """What a request brought, and what went wrong with the rest of it."""

    held: Mapping[str, _T]
    error: BackendError | None = None


class Shared:
    """``near`` before ``backend``; ``producer`` says who builds, and is asked when something is first written."""

    def __init__(
        self, near: Near, backend: Backend, trust: Trust, producer: Callable[[], Producer], *,
        manners: Manners = Manners(), clock: Clock = time.monotonic,
    ) -> None:  # fmt: skip
        self.traffic = near.traffic
        self.place = backend.place
        self._near = near
        self._backend = Guarded(backend)
        self._trust = trust
        self._producer = producer
        self._manners = manners
        self._asking = Breaker()        # for entries; answers to that say nothing of bytes
        self._fetching = Breaker()
        self._writing = Breaker()
        self._budget = Budget(manners.worth, clock)
        self._notices = Notices(self.traffic.warnings)
        self._vouched = {trust.writes or "", signed_by(trust.signer.fingerprint) if trust.signer else ""}
        self._refused: dict[Reason, int] = {}
        self._wrong: set[str] = set()
        self._lanes = Lanes("shared cache", _LANES)
        self._uploads = Uploads(self._backend, self._writing, self._write_failed, clock=clock)

    @property
    def own(self) -> str:
        return self._near.own

    def believes(self, origin: str, *, trusted_only: bool = False) -> bool:
        return self._near.believes(origin, trusted_only=trusted_only)

    def look_up(self, keys: Sequence[str], *, trusted_only: bool = False, near: bool = False) -> Mapping[str, Made]:
        found = dict(self._near.look_up(keys, trusted_only=trusted_only, near=True))
        if near:
            return found
        self.traffic.local += len(found)
        rest = [key for key in dict.fromkeys(keys) if key not in found]
        for tier in self._trust.reads(trusted_only=trusted_only) if self._manners.reads else ():
            brought = self._entries(tier, rest)
            self.traffic.remote += len(brought)
            found |= brought
            rest = [key for key in rest if key not in brought]
        self.traffic.missed += len(rest)
        return found

    def fetch(self, blobs: Iterable[Blob], *, near: bool = False) -> Mapping[str, bytes]:
        wanted = {blob.digest: blob for blob in blobs}
        held = self._near.fetch(wanted.values(), near=near)
        found = {name: data for name, data in held.items() if len(data) == wanted[name].size}
        if near or not self._manners.reads:
            return found
        return found | self._bytes([blob for name, blob in wanted.items() if name not in found])

    def keep(self, key: str, action: str, made: Made, data: Mapping[str, bytes]) -> None:
        self._near.keep(key, action, made, data)
        tier = self._trust.writes
        if tier is None or not self._manners.writes or not self._writing.allows:
            return
        if made.origin not in (BUILT, self.own, *self._vouched):     # it isn't this build's to vouch for
            return
        seal = partial(self._seal, key, action, made, tier)
        self._uploads.offer(Upload(self._trust.address(key, tier), seal, sorted(set(made.outputs.values())), data))

    def claim(self, keys: Sequence[str]) -> frozenset[str]:
        return self._near.claim(keys)

    def release(self, keys: Iterable[str]) -> None:
        self._near.release(keys)

    def await_others(self, keys: Sequence[str]) -> None:
        self._near.await_others(keys)

    def close(self, *, at_once: bool = False) -> None:
        self._uploads.flush(NONE if at_once else self._manners.patience)
        sent = self._uploads.sent
        self.traffic.bytes_sent += sent.size_bytes
        if sent.dropped and self._writing.allows and not at_once:
            self._notices.say(
                "dropped",
                f"{_counted(sent.dropped, 'result')} didn't get into the shared cache {self.place}: it takes them "
                "slower than they are made.",
            )
        self._lanes.close()
        with contextlib.suppress(BackendError):
            self._backend.close()
        self._near.close(at_once=at_once)

    # Entries.

    def _entries(self, tier: str, keys: Sequence[str]) -> dict[str, Made]:
        self._budget.asked(len(keys))
        found: dict[str, Made] = {}
        for each in self._gather(self._asking, [partial(self._opened, tier, part) for part in _portions(keys, _KEYS)]):
            for key, opened in each.items():
                if isinstance(opened, Refusal):
                    self._refuse(opened)
                else:
                    found[key] = Made(opened.outputs, opened.facts, _origin(opened))
                    self._near.remember(key, opened.action, found[key], found[key].origin)
        self._budget.found(len(found))
        return found

    def _opened(self, tier: str, keys: Sequence[str]) -> _Answer[Entry | Refusal]:
        """In a lane: asks for entries and verifies them."""
        addresses = {self._trust.address(key, tier): key for key in keys}
        answer = _asked(lambda: self._backend.entries(list(addresses)))
        opened = {
            addresses[name]: self._trust.open(data, addresses[name], tier)
            for name, data in answer.held.items()
            if name in addresses
        }
        return _Answer(opened, answer.error)

    def _refuse(self, refusal: Refusal) -> None:
        count = self._refused[refusal.reason] = self._refused.get(refusal.reason, 0) + 1
        self._notices.say(refusal.reason, said_of(refusal.reason, count, self.place))

    def _seal(self, key: str, action: str, made: Made, tier: str) -> bytes:
        """In an upload's thread."""
        return self._trust.seal(key, action, made, self._producer(), tier)

    # Bytes.

    def _bytes(self, blobs: Sequence[Blob]) -> dict[str, bytes]:
        self._budget.wanted(sum(blob.size for blob in blobs))
        found: dict[str, bytes] = {}
        for each in self._gather(self._fetching, [partial(self._verified, part) for part in _requests(blobs)]):
            good = {name: data for name, data in each.items() if data is not None}
            self._doubt([name for name, data in each.items() if data is None])
            self._uploads.known(good)
            self._near.hold(good)
            self.traffic.bytes_received += sum(map(len, good.values()))
            found |= good
        return found

    def _verified(self, blobs: Sequence[Blob]) -> _Answer[bytes | None]:
        """In a lane: asks for bytes; None stands for those that aren't what they should be."""
        sizes = {blob.digest: blob.size for blob in blobs}
        answer = _asked(lambda: self._backend.blobs(blobs))
        checked = {
            name: data if len(data) == sizes[name] and digest.sha256(data) == name else None
            for name, data in answer.held.items()
            if name in sizes
        }
        if answer.error is not None:
            return _Answer(checked, answer.error)
        self._uploads.doubt(sizes.keys() - checked.keys())
        if checked and not any(data is not None for data in checked.values()):
            return _Answer(checked, BackendError("garbled", f"{self.place} gives wrong bytes"))
        return _Answer(checked)

    def _doubt(self, wrong: Sequence[str]) -> None:
        if wrong:
            self._wrong.update(wrong)
            self._uploads.doubt(wrong)
            self._notices.say(
                "wrong bytes",
                f"The shared cache {self.place} gave wrong bytes for {_counted(len(self._wrong), 'file')} "
                f"({min(self._wrong)[:12]}…): what they belong to is made here.",
            )

    # The place.

    @property
    def _is_read(self) -> bool:
        return self._asking.allows and self._fetching.allows

    def _gather(self, breaker: Breaker, calls: Sequence[Callable[[], _Answer[_T]]]) -> list[Mapping[str, _T]]:
        """What the calls bring, as far as the place is worth waiting for."""
        if not self._is_read:
            return []
        brought: list[Mapping[str, _T]] = []
        pending = {self._lanes.submit(call) for call in calls}
        with self._budget:
            while pending and self._is_read:
                done, pending = wait(pending, timeout=self._budget.left_s, return_when=FIRST_COMPLETED)
                if not done:
                    self._leave(f"The shared cache {self.place} takes longer than building does")
                for future in done:
                    answer = future.result()
                    brought.append(answer.held)
                    self._note(breaker, answer.error)
        for future in pending:
            future.cancel()
        return brought

    def _note(self, breaker: Breaker, error: BackendError | None) -> None:
        if error is None:
            breaker.answered()
        elif not breaker.failed(error.trouble):
            self._notices.say("trouble", f"{error.detail}. What the shared cache doesn't give is made here.")
        elif error.trouble in _PLACE_TROUBLES:
            self._leave(error.detail)
        else:
            self._notices.say("trouble", f"{error.detail}. The shared cache isn't read any more in this run.")

    def _leave(self, why: str) -> None:
        for breaker in (self._asking, self._fetching, self._writing):
            breaker.exhausted()
        self._notices.say("trouble", f"{why}. It is left alone for the rest of this run, which goes on without it.")

    def _write_failed(self, error: BackendError) -> None:
        """In an upload's thread."""
        if self._writing.failed(error.trouble):
            self._notices.say("writing", f"{error.detail}. The shared cache isn't written any more in this run.")
        elif self._writing.allows:
            self._notices.say("writing", f"{error.detail}. Some results of this run aren't in the shared cache.")


def _origin(entry: Entry) -> str:
    return signed_by(entry.signer) if entry.tier == TRUSTED else entry.tier


def _asked(call: Callable[[], Mapping[str, bytes]]) -> _Answer[bytes]:
    try:
        return _Answer(call())
    except Partial as error:
        return _Answer({name: data for name, data in error.held.items() if isinstance(data, bytes)}, error)
    except BackendError as error:
        return _Answer({}, error)


def _portions(keys: Sequence[str], count: int) -> Iterator[list[str]]:
    rest = iter(keys)
    while part := list(islice(rest, count)):
        yield part


def _requests(blobs: Sequence[Blob]) -> Iterator[list[Blob]]:
    part: list[Blob] = []
    for blob in blobs:
        if part and (len(part) == _BLOBS or sum(each.size for each in part) + blob.size > _BYTES):
            yield part
            part = []
        part.append(blob)
    if part:
        yield part


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
