"""Digests of content. Knows bytes only.

xxh3-128 answers "did this change on this machine"; SHA-256 names what may leave it: a shared cache has adversaries.
"""

import hashlib
import json
import re
from typing import Any

import xxhash

_SHA256 = re.compile(r"[0-9a-f]{64}")
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def local(data: bytes) -> str:
    """The xxh3-128 of ``data``, 32 hex digits: for this machine only."""
    return xxhash.xxh3_128_hexdigest(data)


def sha256(data: bytes) -> str:
    """The SHA-256 of ``data``, 64 hex digits."""
    return hashlib.sha256(data).hexdigest()


def is_sha256(value: object) -> bool:
    """Whether this is a SHA-256 as this module writes it, and so can't lead anywhere as a name."""
    return isinstance(value, str) and _SHA256.fullmatch(value) is not None


def of(value: Any) -> str:
    """The SHA-256 of a JSON value, the same whatever the order of its keys."""
    return sha256(_CANONICAL.encode(value).encode())
