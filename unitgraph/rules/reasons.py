"""Why something changed: two keys compared, down to the file, the option, the tool or the pinned version that moved.

Knows components and nodes, which say what a component is made of; not where nodes are kept. Digests are compared by
their beginnings, so nodes may come from a document that has no more of them.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from unitgraph.cache.key import Component, difference
from unitgraph.providers.base import Change, Reason, ReasonKind, State

Node = Mapping[str, Any]
Nodes = Callable[[str], Node | None]
"""A component's digest, or the beginning of it → what it is made of: ``files``, ``packages`` and ``tools`` as pairs of
name and digest, ``children`` as names of other nodes; of a lockfile's part ``path`` and ``pins``, of what isn't pinned
``version`` and ``files``, of a command line ``options``."""

Made = Callable[[str, str], Iterable[Component] | None]
"""(unit, digest of its bundle) → what the key was made of that gave it."""

FIRST: Final = "first:"
LAST: Final = "last:"
"""Before the digest of a generated file: what it was generated from when it first came out so, and when last."""

WIRING: Final = "its wiring changed: routes, options, or what it calls"
_MARK: Final = 16
_LENGTHS: Final = frozenset((32, 64))       # hex digits of the two digests that there are
_DIGEST: Final = re.compile(r"(?:[a-z0-9]+:)?[0-9a-f]{16}(?:[0-9a-f]{16}){0,3}")
_KINDS: Final[Mapping[str, ReasonKind]] = {"tool": "tool-changed", "option": "option-changed"}
_SHOWN_FILES: Final = 5


def reasons_for(nodes: Nodes, made: Made, deployed: State) -> Callable[[Change], tuple[Reason, ...]]:
    """Reasons of a unit's change against the bundle that is deployed; none where nobody knows what that was made of."""
    known: dict[tuple[Component, Component | None], list[Reason]] = {}      # units share most of what moves

    def why(change: Change) -> tuple[Reason, ...]:
        there = deployed.resources.get((change.kind, change.name))
        if there is None or there.bundle is None or change.bundle is None or there.bundle == change.bundle:
            return ()
        old, new = made(change.name, there.bundle), made(change.name, change.bundle)
        return compare(nodes, old, new, known) if old and new else ()

    return why


def compare(
    nodes: Nodes, old: Iterable[Component], new: Iterable[Component],
    known: dict[tuple[Component, Component | None], list[Reason]] | None = None,
) -> tuple[Reason, ...]:  # fmt: skip
    """What moved between two keys, as reasons; ``known`` is what was found of other keys before."""
    known = {} if known is None else known
    found: list[Reason] = []
    for pair in difference(map(short_part, old), map(short_part, new)):
        if pair not in known:
            known[pair] = explain_part(nodes, *pair)
        found += known[pair]
    return ordered(found)


def ordered(reasons: Iterable[Reason]) -> tuple[Reason, ...]:
    """Each once: tools and options first, with which files may print otherwise, and what is vague only if alone."""
    found = sorted(dict.fromkeys(reasons), key=lambda reason: reason.kind == "source-changed")
    return tuple(reason for reason in found if reason.detail != WIRING or len(found) == 1)


def explain_part(nodes: Nodes, now: Component, before: Component | None) -> list[Reason]:
    """Why one component moved; one that is gone stands as (it, it)."""
    kind = _KINDS.get(now.kind, "source-changed")
    if now == before:
        return [Reason(kind, now.name, f"no longer part of it ({now.kind})")]
    old = before.digest if before else None
    if is_generated(now):
        told = list(_below(nodes, LAST + old, FIRST + now.digest)) if old else []
        return told or [Reason("source-changed", "", WIRING)]
    if now.kind == "closure":
        vague = "it changed, or what it imports" if old else "new in the closure"
        return list(_below(nodes, old, now.digest)) or [Reason("source-changed", now.name, vague)]
    if now.kind == "package":
        return list(_package(nodes, now.name, old, now.digest))
    if now.kind == "unit":
        return [Reason("source-changed", "", f"what the manifest says of {now.name} changed")]
    if now.kind == "option" and old is not None:
        told = list(_options(nodes(old), nodes(now.digest)))
        if told:
            return told
    return [Reason(kind, now.name, _moved(old, now.digest) if before else f"new ({now.kind})")]


def is_generated(part: Component) -> bool:
    """Whether it is a file that was written for a unit, and no slice of one that people wrote."""
    return part.kind == "generated" and part.name.startswith(".deploy/")


def mark(digest: str) -> str:
    """As much of a digest as tells it from others; what isn't one, such as a version, stays as it is."""
    begin = digest[:_MARK]
    if len(digest) in _LENGTHS and begin.isalnum():
        return begin
    kind, colon, rest = digest.partition(":")
    return f"{kind}:{rest[:_MARK]}" if colon and len(rest) in _LENGTHS and rest[:_MARK].isalnum() else digest


def short_part(part: Component) -> Component:
    """A component with the mark of its digest."""
    return Component(part.kind, part.name, mark(part.digest))


def _moved(old: str | None, new: str | None) -> str:
    """Both values where people can read them."""
    if old is None or new is None or _DIGEST.fullmatch(old) or _DIGEST.fullmatch(new):
        return "changed"
    return f"{old or 'nothing'} → {new or 'nothing'}"


def _below(nodes: Nodes, old: str | None, new: str) -> Iterator[Reason]:
    """What differs between two nodes, whose equal parts aren't looked into."""
    before, after = _leaves(nodes, old, new), _leaves(nodes, new, old)
    for leaf in sorted({*before, *after}):
        was, now = before.get(leaf), after.get(leaf)
        if was == now:
            continue
        kind, name = leaf
        if kind == "tool":
            yield Reason("tool-changed", name, _moved(was, now))
        elif was is None or now is None:
            yield Reason("source-changed", name, "no longer in the closure" if now is None else "new in the closure")
        elif kind == "package":
            yield from _package(nodes, name, was, now)
        else:
            yield Reason("source-changed", name, "changed")


def _leaves(nodes: Nodes, root: str | None, other: str | None) -> dict[tuple[str, str], str]:
    """(kind, name) → mark of all that is below ``root``, without the subtrees that ``other`` has too."""
    shared = _names(nodes, other)
    found: dict[tuple[str, str], str] = {}
    seen: set[str] = set()
    pending = [root] if root and root not in shared else []
    while pending:
        data = nodes(pending.pop())
        if data is None:
            continue
        for kind, key in (("file", "files"), ("package", "packages"), ("tool", "tools")):
            found.update(((kind, name), mark(value)) for name, value in data.get(key, ()))
        children = {mark(child) for child in data.get("children", ())} - seen - shared
        seen |= children
        pending += sorted(children)
    return found


def _names(nodes: Nodes, root: str | None) -> set[str]:
    seen = {root} if root else set()
    pending = list(seen)
    while pending:
        data = nodes(pending.pop())
        new = {mark(child) for child in (data or {}).get("children", ())} - seen
        seen |= new
        pending += new
    return seen


def _options(before: Node | None, after: Node | None) -> Iterator[Reason]:
    if before is None or after is None:
        return
    old, new = before.get("options", {}), after.get("options", {})
    for name in sorted({*old, *new}):
        if name not in new:
            yield Reason("option-changed", name, "no longer given")
        elif name not in old:
            yield Reason("option-changed", name, f"given now: {new[name]}" if new[name] else "given now")
        elif old[name] != new[name]:
            yield Reason("option-changed", name, _moved(mark(old[name]), mark(new[name])))


def _package(nodes: Nodes, place: str, was: str | None, now: str) -> Iterator[Reason]:
    """What moved in a package: its own manifest's settings, the versions that a lockfile pins, or its files."""
    if was is None:
        yield Reason("source-changed", place, "new in the closure")
        return
    old_kind, new_kind = was.partition(":")[0], now.partition(":")[0]
    before, after = nodes(was), nodes(now)
    if old_kind != new_kind:
        pinned = "pinned by a lockfile now" if new_kind == "lock" else "no longer pinned by a lockfile"
        yield Reason("source-changed", place, pinned)
    elif old_kind == "manner":
        yield Reason("source-changed", place, _manner(was, now))
    elif before is None or after is None:
        yield Reason("source-changed", place, "changed (package)")
    elif old_kind == "lock":
        yield from (Reason("source-changed", after["path"], text) for text in _pins(place, before, after))
    else:
        yield from _files(place, before, after)


def _manner(was: str, now: str) -> str:
    """Which of a package.json's settings moved."""
    try:
        old, new = (json.loads(text.removeprefix("manner:")) for text in (was, now))
    except ValueError:
        return "changed"
    moved = [name for name in sorted({*old, *new}) if old.get(name) != new.get(name)]
    return ", ".join(f"{name} {json.dumps(old.get(name))} → {json.dumps(new.get(name))}" for name in moved) or "changed"


def _pins(place: str, before: Node, after: Node) -> Iterator[str]:
    """Each package whose version or content moved; of those that ``place`` itself is not, on whose account."""
    old, new = _versions(before), _versions(after)
    own = place.rpartition("node_modules/")[2]
    for name in sorted({*old, *new}):
        was, now = old.get(name, {}), new.get(name, {})
        if was == now:
            continue
        for_whom = "" if name == own else f", needed by {own}"
        olds, news = ", ".join(sorted(was)), ", ".join(sorted(now))
        if not was or not now:
            yield f"{name} {news or olds} is {'new' if now else 'gone'}{for_whom}"
        else:
            moved = f"{olds} → {news}" if olds != news else f"{news} has another content"
            yield f"{name} {moved}{for_whom}"


def _versions(node: Node) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for name, version, content in node.get("pins", ()):
        found.setdefault(name, {})[version] = content
    return found


def _files(place: str, before: Node, after: Node) -> Iterator[Reason]:
    """Of a package that no lockfile pins: its version, or else the first files that moved."""
    if before.get("version") != after.get("version"):
        yield Reason("source-changed", place, f"{before.get('version')} → {after.get('version')}, not pinned")
        return
    old, new = ({name: mark(value) for name, value in node.get("files", ())} for node in (before, after))
    moved = [name for name in sorted({*old, *new}) if old.get(name) != new.get(name)]
    for name in moved[:_SHOWN_FILES]:
        yield Reason("source-changed", f"{place}/{name}", "changed")
    if not moved or len(moved) > _SHOWN_FILES:
        yield Reason("source-changed", place, f"and {len(moved) - _SHOWN_FILES} files more" if moved else "changed")
