"""Why something changed: two keys compared, down to the file, option or tool that moved. Knows the build database."""

from collections.abc import Callable, Iterable, Mapping

from unitgraph.cache.key import Component, difference
from unitgraph.providers.base import Change, Reason, ReasonKind, State
from unitgraph.rules.database import Database

_KINDS: Mapping[str, ReasonKind] = {"tool": "tool-changed", "option": "option-changed"}


def reasons_for(database: Database, deployed: State) -> Callable[[Change], tuple[Reason, ...]]:
    """Reasons of a unit's change against the bundle that is deployed; none where that one wasn't built here."""

    def why(change: Change) -> tuple[Reason, ...]:
        there = deployed.resources.get((change.kind, change.name))
        if there is None or there.bundle is None or change.bundle is None or there.bundle == change.bundle:
            return ()
        old = database.made(change.name, there.bundle)
        new = database.made(change.name, change.bundle)
        return compare(database, old, new) if old and new else ()

    return why


def compare(
    database: Database, old: Iterable[Component], new: Iterable[Component]
) -> tuple[Reason, ...]:
    """What moved between two keys, as reasons."""
    found: list[Reason] = []
    for now, before in difference(old, new):
        found += _reasons(database, now, before)
    return tuple(dict.fromkeys(found))


def _reasons(database: Database, now: Component, before: Component | None) -> list[Reason]:
    kind = _KINDS.get(now.kind, "source-changed")
    if now == before:
        return [Reason(kind, now.name, f"no longer part of it ({now.kind})")]
    if now.kind == "generated" and now.name.startswith(".deploy/"):
        return [Reason("source-changed", "", "its wiring changed: routes, options, or what it calls")]
    if now.kind == "closure":
        moved = sorted(_moved(database, before.digest if before else None, now.digest))
        return [Reason("source-changed", path, detail) for path, detail in moved]
    return [Reason(kind, now.name, f"{'changed' if before else 'new'} ({now.kind})")]


def _moved(database: Database, old: str | None, new: str) -> set[tuple[str, str]]:
    """(path, detail) of what differs between two closure nodes, whose equal parts aren't looked into."""
    before, after = _leaves(database, old, new), _leaves(database, new, old)
    moved = {
        (path, "changed" if path in before else "new in the closure")
        for path in after
        if before.get(path) != after[path]
    }
    return moved | {(path, "no longer in the closure") for path in before if path not in after}


def _leaves(database: Database, node: str | None, other: str | None) -> dict[str, str]:
    """The files and packages below ``node``, by name, without the subtrees that ``other`` has too."""
    shared = _nodes(database, other)
    found: dict[str, str] = {}
    seen: set[str] = set()
    pending = [node] if node and node not in shared else []
    while pending:
        name = pending.pop()
        data = database.node(name)
        if data is None:
            continue
        found.update((path, mark) for path, mark in [*data["files"], *data["packages"]])
        children = [child for child in data["children"] if child not in seen and child not in shared]
        seen.update(children)
        pending.extend(children)
    return found


def _nodes(database: Database, root: str | None) -> set[str]:
    seen = {root} if root else set()
    pending = list(seen)
    while pending:
        data = database.node(pending.pop())
        new = [child for child in (data["children"] if data else []) if child not in seen]
        seen.update(new)
        pending.extend(new)
    return seen
