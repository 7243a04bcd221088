"""A place whose every failure is a BackendError: a fault in a library, or of our own, must not break a build either.

Knows the interface alone. What was interrupted by people or by the system isn't a failure and goes on upwards.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from unitgraph.cache.remote.base import Backend, BackendError
from unitgraph.cache.store import Blob

_T = TypeVar("_T")


class Guarded:
    """Another backend, and its answers."""

    def __init__(self, backend: Backend) -> None:
        self.place = backend.place
        self._backend = backend

    def entries(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        return self._asked(lambda: self._backend.entries(keys))

    def put_entry(self, key: str, entry: bytes, blobs: Sequence[Blob]) -> None:
        self._asked(lambda: self._backend.put_entry(key, entry, blobs))

    def missing(self, blobs: Sequence[Blob]) -> frozenset[str]:
        return self._asked(lambda: self._backend.missing(blobs))

    def blobs(self, blobs: Sequence[Blob]) -> Mapping[str, bytes]:
        return self._asked(lambda: self._backend.blobs(blobs))

    def put_blobs(self, blobs: Mapping[str, bytes]) -> None:
        self._asked(lambda: self._backend.put_blobs(blobs))

    def close(self) -> None:
        self._asked(self._backend.close)

    def _asked(self, call: Callable[[], _T]) -> _T:
        try:
            return call()
        except BackendError:
            raise
        except Exception as error:
            raise BackendError("failed", f"{self.place} couldn't be used ({type(error).__name__})") from error
