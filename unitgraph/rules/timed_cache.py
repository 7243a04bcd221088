"""A cache that notes on a timeline how long each of its answers took. Adds nothing else to what it stands for."""

from collections.abc import Iterable, Mapping, Sequence

from unitgraph.cache.store import Blob, Cache, Made, Traffic
from unitgraph.rules.timeline import Timeline


class TimedCache:
    """``cache``, with each call that may take long as a span."""

    def __init__(self, cache: Cache, timeline: Timeline) -> None:
        self._cache = cache
        self._timeline = timeline
        self.traffic: Traffic = cache.traffic
        self.place = str(getattr(cache, "place", ""))       # of what machines share; "" where they share nothing

    @property
    def own(self) -> str:
        return self._cache.own

    def believes(self, origin: str, *, trusted_only: bool = False) -> bool:
        return self._cache.believes(origin, trusted_only=trusted_only)

    def look_up(self, keys: Sequence[str], *, trusted_only: bool = False, near: bool = False) -> Mapping[str, Made]:
        with self._timeline.span("look up", "cache", keys=len(keys)) as facts:
            found = self._cache.look_up(keys, trusted_only=trusted_only, near=near)
            facts["found"] = len(found)
        return found

    def fetch(self, blobs: Iterable[Blob], *, near: bool = False) -> Mapping[str, bytes]:
        wanted = list(blobs)
        with self._timeline.span("fetch", "cache", blobs=len(wanted)) as facts:
            found = self._cache.fetch(wanted, near=near)
            facts["bytes"] = sum(map(len, found.values()))
        return found

    def keep(self, key: str, action: str, made: Made, data: Mapping[str, bytes]) -> None:
        with self._timeline.span("keep", "cache", action=action, bytes=sum(map(len, data.values()))):
            self._cache.keep(key, action, made, data)

    def claim(self, keys: Sequence[str]) -> frozenset[str]:
        return self._cache.claim(keys)

    def release(self, keys: Iterable[str]) -> None:
        self._cache.release(keys)

    def await_others(self, keys: Sequence[str]) -> None:
        with self._timeline.span("wait for others", "cache", keys=len(keys)):
            self._cache.await_others(keys)

    def close(self, *, at_once: bool = False) -> None:
        with self._timeline.span("close the cache", "cache"):
            self._cache.close(at_once=at_once)
