"""The two interfaces of the cache: blobs by digest, and action results by key. Knows no place."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


class Blobs(Protocol):
    """A content-addressed store: SHA-256 → bytes."""

    def get(self, digest: str) -> bytes | None:
        """The bytes, verified by digest, or None where they aren't held whole."""

    def put(self, data: bytes) -> str:
        """Holds ``data`` and returns its SHA-256."""


@dataclass(frozen=True, slots=True)
class Made:
    """What an action made: ``outputs``, relative path → SHA-256, and ``facts`` about them, plain JSON."""

    outputs: Mapping[str, str]
    facts: Mapping[str, object]


class ActionCache(Protocol):
    """Action key → what the action made."""

    def get(self, key: str) -> Made | None:
        """What is recorded for ``key``, or None."""

    def put(self, key: str, made: Made) -> None:
        """Records what was made; the blobs must be held already."""
