"""What a place for a shared cache can do. Knows bytes by name; whom to believe is decided above.

A backend does no more than its protocol: no retries over what its library does, no verification, no breaker.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from unitgraph.cache.store import Blob

Trouble = Literal["unreachable", "timeout", "denied", "full", "failed", "garbled"]
"""denied: credentials are missing or not enough; failed: it answered with an error; garbled: it can't be read."""


class BackendError(Exception):
    """A place that didn't do what it was asked. ``detail`` is one sentence for people, without credentials."""

    def __init__(self, trouble: Trouble, detail: str) -> None:
        super().__init__(detail)
        self.trouble = trouble
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Connection:
    """How to reach a place. ``token`` is sent as the protocol has it (Bearer, basic, password); never logged.

    ``connect_s`` and ``request_s`` bound a connection and one request in seconds; ``parallel``, requests at once.
    """

    url: str
    token: str | None = None
    connect_s: float = 2.0
    request_s: float = 10.0
    parallel: int = 16


class Backend(Protocol):
    """Entries by key and blobs by digest; keys and digests are 64 hex digits. All methods may raise BackendError.

    Called from several threads at once. What isn't held is left out of an answer: that is no error.
    """

    place: str      # the URL without credentials, for messages

    def entries(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        """Key → entry, of those that are held."""

    def put_entry(self, key: str, entry: bytes, blobs: Sequence[Blob]) -> None:
        """Holds an entry, over any other one of that key; ``blobs`` are those that it names, held already."""

    def missing(self, blobs: Sequence[Blob]) -> frozenset[str]:
        """The digests of those blobs that aren't held."""

    def blobs(self, blobs: Sequence[Blob]) -> Mapping[str, bytes]:
        """Digest → bytes, as they came."""

    def put_blobs(self, blobs: Mapping[str, bytes]) -> None:
        """Holds bytes under their digests; a digest that is held may be left as it is."""

    def close(self) -> None:
        """Closes connections."""
