"""What a finished build's bundles were made of, as one small document for other machines: words for what moved.

Knows the document's form. Nothing is built from it; still, whoever reads one takes it for what it may be, anybody's
text: of the wrong form it is a ValueError, and what a terminal would obey is of the wrong form.
"""

import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from unitgraph.cache.key import Component
from unitgraph.rules.reasons import FIRST, LAST, Node, mark

SCHEMA: Final = 1
LARGEST_BYTES: Final = 4 << 20          # as it is stored: that of 1,000 units has a thirtieth
_LARGEST_TEXT: Final = 64 << 20
_LONGEST: Final = 1000                  # characters of a name
_PAIRS: Final = ("files", "packages", "tools")


@dataclass(frozen=True, slots=True)
class KnownBuild:
    """``actions``: action → (mark of its key, what that was made of); ``bundles``: unit → (mark of its bundle, its
    action); ``nodes``: mark → what is below it; ``entries``: mark of a generated file → node of what it came from."""

    commit: str
    ref: str
    actions: Mapping[str, tuple[str, tuple[Component, ...]]]
    bundles: Mapping[str, tuple[str, str]]
    nodes: Mapping[str, Node] = field(repr=False)
    entries: Mapping[str, str] = field(repr=False)

    def node(self, name: str) -> Node | None:
        """As reasons.py asks for it."""
        if name.startswith((FIRST, LAST)):
            origin = self.entries.get(name.partition(":")[2])
            return {"children": [origin]} if origin is not None else None
        return self.nodes.get(name)

    def made(self, unit: str, bundle: str) -> tuple[Component, ...] | None:
        """What the bundle with this digest was made of, where this build gave the unit that one."""
        found = self.bundles.get(unit)
        return self.actions[found[1]][1] if found and found[0] == mark(bundle) and found[1] in self.actions else None


def encode(known: KnownBuild) -> bytes:
    """Deflated JSON, in which a component is written once and its digest cut; equal builds give equal bytes."""
    numbers: dict[Component, int] = {}
    actions = {
        name: [key, [numbers.setdefault(part, len(numbers)) for part in parts]]
        for name, (key, parts) in sorted(known.actions.items())
    }
    data = {
        "schema": SCHEMA, "commit": known.commit, "ref": known.ref, "actions": actions,
        "parts": [[part.kind, part.name, mark(part.digest)] for part in numbers],
        "bundles": dict(sorted(known.bundles.items())), "nodes": dict(sorted(known.nodes.items())),
        "entries": dict(sorted(known.entries.items())),
    }  # fmt: skip
    return zlib.compress(json.dumps(data, separators=(",", ":")).encode(), 1)


def decode(data: bytes) -> KnownBuild:
    """Raises ValueError."""
    unpacker = zlib.decompressobj()
    try:
        text = unpacker.decompress(data, _LARGEST_TEXT)
        if not unpacker.eof:
            raise ValueError("it is cut, or larger than any build")
        found = json.loads(text)
        if found["schema"] != SCHEMA:
            raise ValueError("it is of another schema")
        parts = [Component(*map(_text, part)) for part in found["parts"]]
        actions = {name: (key, tuple([parts[at] for at in made])) for name, (key, made) in found["actions"].items()}
        return KnownBuild(
            _text(found["commit"]), _text(found["ref"]),
            {_text(name): (_text(key), made) for name, (key, made) in actions.items()},
            {_text(unit): (_text(bundle), _text(action)) for unit, (bundle, action) in found["bundles"].items()},
            {_text(name): _node(node) for name, node in found["nodes"].items()},
            {_text(name): _text(origin) for name, origin in found["entries"].items()},
        )  # fmt: skip
    except (zlib.error, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise ValueError(f"it is no such document: {error}") from None


def short(node: Node) -> dict[str, Any]:
    """A node with no more of each digest than tells it from others."""
    found = dict(node)
    for name in _PAIRS:
        if name in found:
            found[name] = [[key, mark(value)] for key, value in found[name]]
    if "children" in found:
        found["children"] = [mark(child) for child in found["children"]]
    if "pins" in found:
        found["pins"] = [[name, version, content[:16]] for name, version, content in found["pins"]]
    return found


def _node(data: Any) -> Node:
    found: dict[str, Any] = {name: _texts(data[name], 2) for name in _PAIRS if name in data}
    if "children" in data:
        found["children"] = [_text(child) for child in data["children"]]
    if "pins" in data:
        found["pins"] = _texts(data["pins"], 3)
    if "options" in data:
        found["options"] = {_text(name): _text(value) for name, value in data["options"].items()}
    for name in ("path", "version"):
        if data.get(name) is not None:
            found[name] = _text(data[name])
    return found


def _texts(rows: Iterable[Iterable[Any]], width: int) -> list[list[str]]:
    found = [[_text(each) for each in row] for row in rows]
    if any(len(row) != width for row in found):
        raise ValueError("a row is too long or too short")
    return found


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST or not (value.isprintable()):
        raise ValueError(f"no name: {value!r:.50}")
    return value
