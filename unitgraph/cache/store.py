"""The two interfaces of the cache: blobs by digest, and action results by key. Knows no place."""

from collections.abc import Mapping
from typing import Protocol


class Blobs(Protocol):
    """A content-addressed store: SHA-256 → bytes."""

    def get(self, digest: str) -> bytes | None:
        """The bytes, verified by digest, or None where they aren't held whole."""

    def put(self, data: bytes) -> str:
        """Holds ``data`` and returns its SHA-256."""


class ActionCache(Protocol):
    """Action key → outputs: relative path → SHA-256."""

    def get(self, key: str) -> Mapping[str, str] | None:
        """The outputs recorded for ``key``, or None."""

    def put(self, key: str, outputs: Mapping[str, str]) -> None:
        """Records the outputs; the blobs must be held already."""
