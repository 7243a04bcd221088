"""An entry as a file on this machine: what an action made. Knows its form, not where it is or whom to believe.

One line of JSON behind its own checksum. There is no secret in that: it finds damage, and whoever may write to the
folder is trusted or isn't, as a whole.
"""

import json
from dataclasses import dataclass
from typing import Any, TypeVar

from unitgraph.cache import digest
from unitgraph.cache.store import Blob, Made

_MARK = 32      # hex digits of the checksum
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class LocalEntry:
    """``action`` is the name of what made it; ``away`` says that its blobs may be elsewhere only."""

    made: Made
    action: str = ""
    away: bool = False


def encode(entry: LocalEntry) -> bytes:
    made = entry.made
    text = json.dumps(
        {
            "action": entry.action,
            "away": entry.away,
            "facts": dict(made.facts),
            "outputs": {path: (blob.digest, blob.size) for path, blob in made.outputs.items()},
        },
        separators=(",", ":"),
    ).encode()
    return digest.local(text).encode() + b" " + text


def decode(data: bytes) -> LocalEntry:
    """Raises ValueError where ``data`` isn't what ``encode`` gave."""
    mark, text = data[:_MARK], data[_MARK + 1 :]
    if digest.local(text).encode() != mark:
        raise ValueError("the checksum is another")
    try:
        found: dict[str, Any] = json.loads(text.decode())
        outputs = {path: _blob(*blob) for path, blob in found["outputs"].items()}
        made = Made(outputs, _checked(found["facts"], dict))
        return LocalEntry(made, _checked(found["action"], str), _checked(found["away"], bool))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"no entry: {error}") from None


def _blob(name: str, size: int) -> Blob:
    if not digest.is_sha256(name) or type(size) is not int or size < 0:
        raise ValueError(f"no blob: {name!r}, {size!r}")
    return Blob(name, size)


def _checked(value: Any, kind: type[_T]) -> _T:
    if not isinstance(value, kind):
        raise TypeError(f"{value!r} is no {kind.__name__}")
    return value
