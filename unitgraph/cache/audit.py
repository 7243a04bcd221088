"""What a shared cache holds for some keys, and whether it is to be believed: for those who ask, not for builds.

Nothing is remembered and nothing passed over: what a build would leave aside is what this is to find.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from unitgraph.cache import digest
from unitgraph.cache.entry import Entry, Refusal
from unitgraph.cache.remote.base import Backend
from unitgraph.cache.store import Blob
from unitgraph.cache.trust import Trust

_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class Finding:
    """What ``tier`` holds for ``key``: an entry that a build would take, or why it wouldn't."""

    key: str
    tier: str
    found: Entry | Refusal


def inspect(backend: Backend, trust: Trust, keys: Sequence[str]) -> Iterator[Finding]:
    """One finding for each tier that this build reads and that holds something for a key. Raises BackendError."""
    for tier in trust.reads():
        for start in range(0, len(keys), _AT_ONCE):
            addresses = {trust.address(key, tier): key for key in keys[start : start + _AT_ONCE]}
            for address, data in backend.entries(list(addresses)).items():
                if address in addresses:
                    yield Finding(addresses[address], tier, trust.open(data, addresses[address], tier))


def damaged(backend: Backend, blobs: Iterable[Blob]) -> Iterator[Blob]:
    """Those of ``blobs`` whose bytes aren't there, or are others. Raises BackendError."""
    for blob in blobs:
        data = backend.blobs([blob]).get(blob.digest)
        if data is None or len(data) != blob.size or digest.sha256(data) != blob.digest:
            yield blob
