"""What tests of the shared layer have: machines with disks of their own before one place, and a place that misbehaves."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, TypeVar, cast

from tests.cache.machine import key_of, made_of
from unitgraph.cache import signature
from unitgraph.cache.breaker import Worth
from unitgraph.cache.entry import Producer
from unitgraph.cache.local import LocalCache
from unitgraph.cache.remote import places
from unitgraph.cache.remote.base import Backend, BackendError, Connection, Trouble
from unitgraph.cache.shared import Manners, Shared
from unitgraph.cache.store import Blob, Made
from unitgraph.cache.trust import Trust
from unitgraph.cache.uploads import Patience

_T = TypeVar("_T")

PATIENT: Final = Manners(worth=Worth(start_s=60), patience=Patience(stall_s=30, limit_s=60))
"""For tests that mustn't hang on time; whatever ends them is something else."""
BRIEF: Final = Manners(worth=Worth(0.2, 0, 0), patience=Patience(stall_s=0.2, limit_s=0.5))
"""For tests in which the place hangs: they wait so long and see what is done about it."""

CI_KEY, NEXT_KEY, OTHER_KEY = (signature.read_private(signature.generate().private) for _ in range(3))
TRUSTED = Trust({CI_KEY.fingerprint: CI_KEY.public}, signer=CI_KEY)
"""A build of a protected branch."""
DESK = replace(TRUSTED, signer=None)
"""A checkout of the same project without the private key."""
OPEN = Trust()
"""A project that trusts no key."""


def pull_request(number: int, trust: Trust = DESK) -> Trust:
    return replace(trust, tier=f"untrusted:pr-{number}", signer=None)


class Machine:
    """A disk, and builds on it: each has a cache of its own, as every command does."""

    def __init__(self, root: Path, place: Backend | Path) -> None:
        self.root = root
        self.place = place

    def cache(self, trust: Trust = TRUSTED, manners: Manners = PATIENT) -> Shared:
        near = LocalCache(self.root, reads=trust.near_reads, writes=trust.near_writes, generation=trust.generation)
        backend = places.connect(Connection(str(self.place))) if isinstance(self.place, Path) else self.place
        return Shared(near, backend, trust, lambda: Producer("0.1.0", "test"), manners=manners)

    @contextmanager
    def building(self, trust: Trust = TRUSTED, manners: Manners = PATIENT) -> Iterator[Shared]:
        cache = self.cache(trust, manners)
        try:
            yield cache
        finally:
            cache.close()

    def make(self, texts: Mapping[str, bytes], trust: Trust = TRUSTED, manners: Manners = PATIENT) -> Shared:
        """A build that makes one file a key, whatever a cache holds."""
        with self.building(trust, manners) as cache:
            for name, text in texts.items():
                made, data = made_of(text)
                cache.keep(key_of(name), f"bundle:{name}", made, data)
        return cache

    def take(self, *names: str, trust: Trust = TRUSTED, manners: Manners = PATIENT, trusted_only: bool = False) -> "Taken":
        """What a build gets from its caches."""
        with self.building(trust, manners) as cache:
            found = cache.look_up([key_of(name) for name in names], trusted_only=trusted_only)
            data = cache.fetch(blob for made in found.values() for blob in made.outputs.values())
        results = {name: found[key_of(name)] for name in names if key_of(name) in found}
        return Taken(cache, results, {name: bytes_of(made, data) for name, made in results.items()})


@dataclass
class Taken:
    """``texts``: name → the bytes of its one file, None where they weren't to be had."""

    cache: Shared
    results: Mapping[str, Made]
    texts: Mapping[str, bytes | None]

    @property
    def origins(self) -> dict[str, str]:
        return {name: made.origin for name, made in self.results.items()}

    @property
    def warnings(self) -> list[str]:
        return self.cache.traffic.warnings


def bytes_of(made: Made, data: Mapping[str, bytes]) -> bytes | None:
    (blob,) = made.outputs.values()
    return data.get(blob.digest)


def text_of(name: str) -> bytes:
    return f"code of {name}".encode()


def texts(*names: str) -> dict[str, bytes]:
    return {name: text_of(name) for name in names}


@dataclass
class Place:
    """A place in memory that does what it is told to: ``before`` a call of a method, and to its answer, ``after``."""

    place: str = "memory"
    held: dict[str, bytes] = field(default_factory=dict)
    stored: dict[str, bytes] = field(default_factory=dict)
    before: dict[str, Callable[[], None]] = field(default_factory=dict)
    after: dict[str, Callable[[Any], Any]] = field(default_factory=dict)
    calls: list[tuple[str, int]] = field(default_factory=list)
    closed: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def entries(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        return self._call("entries", len(keys), lambda: {key: self.held[key] for key in keys if key in self.held})

    def put_entry(self, key: str, entry: bytes, blobs: Sequence[Blob]) -> None:
        def put() -> None:
            absent = [blob for blob in blobs if blob.digest not in self.stored]
            assert not absent, f"an entry that names what isn't there: {absent}"
            self.held[key] = entry

        self._call("put_entry", 1, put)

    def missing(self, blobs: Sequence[Blob]) -> frozenset[str]:
        return self._call("missing", len(blobs), lambda: frozenset(blob.digest for blob in blobs) - self.stored.keys())

    def blobs(self, blobs: Sequence[Blob]) -> Mapping[str, bytes]:
        wanted = [blob.digest for blob in blobs]
        return self._call("blobs", len(wanted), lambda: {name: self.stored[name] for name in wanted if name in self.stored})

    def put_blobs(self, blobs: Mapping[str, bytes]) -> None:
        self._call("put_blobs", len(blobs), lambda: self.stored.update(blobs))

    def close(self) -> None:
        self.closed = True

    def asked(self, method: str) -> int:
        """How many calls of a method came."""
        return sum(1 for name, _ in self.calls if name == method)

    def _call(self, method: str, count: int, answer: Callable[[], _T]) -> _T:
        with self.lock:
            self.calls.append((method, count))
        self.before.get(method, lambda: None)()
        with self.lock:
            found = answer()
        return cast("_T", self.after.get(method, lambda each: each)(found))


def failing(trouble: Trouble) -> Callable[[], None]:
    def fail() -> None:
        raise BackendError(trouble, f"memory is {trouble}")

    return fail
