"""An action key: the digest of everything that an action's output depends on, and what it was made of.

Knows neither actions nor files: components are names and digests that the caller gives.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from operator import attrgetter

from unitgraph.cache import digest

SCHEMA = "1"
_ORDER = attrgetter("kind", "name", "digest")     # as components compare, at a fifth of the cost


@dataclass(frozen=True, slots=True, order=True)
class Component:
    """One thing that a key depends on. ``kind``: tool, option, environment, source, package, generated, closure."""

    kind: str
    name: str
    digest: str


@dataclass(frozen=True, slots=True)
class Key:
    """``digest`` is SHA-256 over the schema version, the action's name and the sorted components.

    Nothing in it may depend on the machine, the folder, the user or the clock.
    """

    action: str
    digest: str
    components: tuple[Component, ...]


def make(action: str, components: Iterable[Component]) -> Key:
    """The key of ``action``; the order in which components are given is of no matter."""
    ordered = tuple(sorted(components, key=_ORDER))
    lines = [SCHEMA, action, *(f"{part.kind}\0{part.name}\0{part.digest}" for part in ordered)]
    return Key(action, digest.sha256("\n".join(lines).encode()), ordered)


def difference(old: Iterable[Component], new: Iterable[Component]) -> tuple[tuple[Component, Component | None], ...]:
    """What moved between two keys: (new component, old one or None); a removed one stands as (removed, removed)."""
    before = {(part.kind, part.name): part for part in old}
    after = {(part.kind, part.name): part for part in new}
    changed = [(part, before.get(name)) for name, part in after.items() if before.get(name) != part]
    removed = [(part, part) for name, part in before.items() if name not in after]
    return tuple(sorted((*changed, *removed), key=lambda pair: _ORDER(pair[0])))
