"""An entry of a shared cache: what an action made, who says so, and a seal over it. Knows its form, not whom to trust.

Two lines. The first is JSON in the one way that it can be written: sorted, without spaces, in UTF-8. The second is the
seal: an Ed25519 signature over a prefix and the first line or, where nobody signs, their SHA-256, which finds damage
only. Whatever isn't exactly so is refused, so no byte of an entry can be changed unnoticed.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol

from unitgraph.cache import digest
from unitgraph.cache.paths import fit_together, is_inside
from unitgraph.cache.store import Blob
from unitgraph.cache.tier import is_tier

SCHEMA: Final = 1
LARGEST_BYTES: Final = 8 << 20          # an entry; one of a process of 3,000 units has a megabyte
LARGEST_BLOB_BYTES: Final = 256 << 20
LARGEST_RESULT_BYTES: Final = 1 << 30  # all outputs together
_MOST_OUTPUTS: Final = 50_000
_DEEPEST: Final = 32                    # levels of arrays and objects in facts
_LONGEST_TEXT: Final = 500              # characters of a name or a reference
_SIGNED: Final = b"unitgraph cache entry\0"
"""Stands before what is signed, so that no signature made for another purpose with the same key serves here."""

Reason = Literal[
    "malformed", "unsigned", "unknown-key", "revoked-key", "forged", "wrong-key", "wrong-tier", "wrong-generation"
]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an entry isn't believed; ``detail`` names what was found."""

    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class Producer:
    """Who made something, for people who ask later: unitgraph's version, the run, and what was checked out."""

    version: str
    label: str = ""
    commit: str = ""
    ref: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """``signer`` is the fingerprint of the key that signs it, "" where none does."""

    key: str
    action: str
    outputs: Mapping[str, Blob]
    facts: Mapping[str, object]
    producer: Producer
    tier: str
    generation: int = 0
    signer: str = ""


@dataclass(frozen=True, slots=True)
class Sealed:
    """An entry as it came: of good form, and not believed yet."""

    entry: Entry
    message: bytes = field(repr=False)
    signature: bytes = field(repr=False)


class Signer(Protocol):
    """A private key."""

    @property
    def fingerprint(self) -> str:
        """Names the key's public part."""

    def sign(self, message: bytes) -> bytes:
        """64 bytes."""


_CANONICAL: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def encode(entry: Entry, signer: Signer | None = None) -> bytes:
    """The entry as bytes, with the seal of ``signer``. Raises ValueError for what ``decode`` would refuse."""
    try:
        body = _body(entry, signer.fingerprint if signer else "")
    except (TypeError, RecursionError) as error:
        raise ValueError(f"its facts are no JSON: {error}") from None
    message = _SIGNED + body
    data = body + b"\n" + (signer.sign(message).hex() if signer else digest.sha256(message)).encode()
    own = decode(data)
    _require(isinstance(own, Sealed), own.detail if isinstance(own, Refusal) else "")
    return data


def decode(data: bytes) -> Sealed | Refusal:
    """The entry in ``data``, whole and of the right form, or why not. Whose it is hasn't been looked at."""
    try:
        return _decoded(data)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        return Refusal("malformed", str(error)[:200] or type(error).__name__)


def _body(entry: Entry, signer: str) -> bytes:
    producer = entry.producer
    return _CANONICAL.encode(
        {
            "action": entry.action,
            "facts": dict(entry.facts),
            "generation": entry.generation,
            "key": entry.key,
            "outputs": {path: [blob.digest, blob.size] for path, blob in entry.outputs.items()},
            "producer": [producer.version, producer.label, producer.commit, producer.ref],
            "schema": SCHEMA,
            "signer": signer,
            "tier": entry.tier,
        }
    ).encode()


def _decoded(data: bytes) -> Sealed:
    _require(len(data) <= LARGEST_BYTES, f"it has {len(data)} bytes")
    body, _, seal = data.partition(b"\n")
    found = json.loads(body)
    _require(isinstance(found, dict) and found.get("schema") == SCHEMA, "it is of another schema")
    entry = _entry(found)
    _require(_body(entry, entry.signer) == body, "it isn't written in the one way that it can be")
    message = _SIGNED + body
    if not entry.signer:
        _require(seal == digest.sha256(message).encode(), "its checksum is another")
        return Sealed(entry, message, b"")
    signature = bytes.fromhex(seal.decode("ascii"))
    _require(len(signature) == 64 and signature.hex().encode() == seal, "its seal is no signature")
    return Sealed(entry, message, signature)


def _entry(found: Mapping[str, Any]) -> Entry:
    outputs, facts, tier, generation, signer = (
        found[name] for name in ("outputs", "facts", "tier", "generation", "signer")
    )
    _require(isinstance(outputs, dict) and len(outputs) <= _MOST_OUTPUTS, "its outputs are no object, or too many")
    _require(all(map(is_inside, outputs)) and fit_together(outputs), "an output's path could lead elsewhere")
    _require(isinstance(facts, dict) and _depth(facts) <= _DEEPEST, "its facts are no object, or nested too deep")
    _require(type(tier) is str and is_tier(tier), "its tier is none")
    _require(type(generation) is int and generation >= 0, "its generation is no number")
    _require(digest.is_sha256(found["key"]), "its key is none")
    _require(signer == "" or digest.is_sha256(signer), "its signer is no fingerprint")
    blobs = {path: _blob(*each) for path, each in outputs.items()}
    _require(sum(blob.size for blob in blobs.values()) <= LARGEST_RESULT_BYTES, "its outputs are too large")
    return Entry(
        found["key"], _text(found["action"]), blobs, facts, Producer(*map(_text, found["producer"])), tier,
        generation, signer,
    )  # fmt: skip


def _blob(name: object, size: object) -> Blob:
    _require(digest.is_sha256(name), "an output's digest is none")
    _require(type(size) is int and 0 <= size <= LARGEST_BLOB_BYTES, "an output's size is none")
    return Blob(str(name), int(size))  # type: ignore[call-overload]  # it is an int: see above


def _text(value: object) -> str:
    """A name for people: what a terminal would obey isn't in it."""
    _require(isinstance(value, str) and len(value) <= _LONGEST_TEXT and value.isprintable(), "a name is none")
    return str(value)


def _depth(value: object) -> int:
    """Levels of arrays and objects, without a recursion of our own."""
    level, deep = [value], 0
    while level := [each for each in level if isinstance(each, dict | list)]:
        deep += 1
        level = [inner for each in level for inner in (each.values() if isinstance(each, dict) else each)]
    return deep


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise ValueError(otherwise)
