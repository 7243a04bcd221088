"""What no place may exceed, whatever its protocol: names, sizes, times; and the sentences for those that do."""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from unitgraph.cache.remote.base import BackendError, Connection, Trouble
from unitgraph.cache.store import Blob

ENTRY_BYTES: Final = 16 << 20
"""An entry names a few files, that of a whole build thousands; what is larger was put there by somebody else."""

_SLOWEST_BYTES_S: Final = 1 << 20
_NAME: Final = re.compile(r"[0-9a-f]{64}")
_SENTENCES: Final[Mapping[Trouble, str]] = {
    "unreachable": "{place} can't be reached",
    "timeout": "{place} didn't answer in time",
    "denied": "{place} refuses these credentials",
    "full": "{place} takes no more",
    "failed": "{place} answered with an error",
    "garbled": "{place} answered with what can't be read",
}


def names(given: Iterable[str]) -> list[str]:
    """Keys or digests, each once and in order; ValueError for what isn't 64 hex digits: it would leave its folder."""
    unique = list(dict.fromkeys(given))
    for name in unique:
        if not _NAME.fullmatch(name):
            raise ValueError(f"Not 64 hex digits: {name[:80]!r}.")
    return unique


def sizes(blobs: Iterable[Blob]) -> dict[str, int]:
    """Digest → size, each once and in order; ValueError for a name as above or a size below zero."""
    found = {blob.digest: blob.size for blob in blobs}
    names(found)
    if any(size < 0 for size in found.values()):
        raise ValueError("A blob's size can't be below zero.")
    return found


def allowed_s(connection: Connection, size: int) -> float:
    """How long a request that carries ``size`` bytes may take: a slow place isn't worth waiting for."""
    return connection.request_s + size / _SLOWEST_BYTES_S


def fault(place: str, trouble: Trouble, said: str = "") -> BackendError:
    """The error of ``place``; ``said`` adds what is known, in words of our own: a library's may hold credentials."""
    return BackendError(trouble, _SENTENCES[trouble].format(place=place) + (f": {said}" if said else ""))
