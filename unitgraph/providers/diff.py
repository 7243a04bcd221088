"""The difference between two states as changes with reasons. Pure: knows no provider, reads nothing."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from unitgraph.providers.base import Change, Reason, ReasonKind, Resource, State

ORDER: Final = (
    "database", "bucket", "kv", "queue", "secret", "variable", "migration", "unit", "route", "schedule", "executable",
)  # fmt: skip
"""Kinds in the order in which they are created; deletes come after all else, in the opposite order."""

_NEW: Final = Reason("new", "", "nothing of this name is deployed")

Why = Callable[[Change], tuple[Reason, ...]]


def diff(desired: State, deployed: State) -> tuple[Change, ...]:
    """Every resource of either state once, in the order of an apply."""
    identities = desired.resources.keys() | deployed.resources.keys()
    changes = [
        _change(desired.resources.get(identity), deployed.resources.get(identity), deployed.drifted.get(identity))
        for identity in identities
    ]
    return tuple(sorted(changes, key=_position))


def explain(changes: tuple[Change, ...], why: Why) -> tuple[Change, ...]:
    """Replace the reasons of each creation and update where ``why`` knows better ones, such as a source file."""
    return tuple(
        replace(change, reasons=reasons)
        if change.action in {"create", "update"} and (reasons := why(change))
        else change
        for change in changes
    )


def _position(change: Change) -> tuple[bool, int, str]:
    place = ORDER.index(change.kind)
    deleted = change.action == "delete"
    return deleted, -place if deleted else place, change.name


def _change(wanted: Resource | None, there: Resource | None, drifted: str | None) -> Change:
    if wanted is None:
        assert there is not None, "an identity comes from one of the two states"
        gone = Reason("removed", "", f"no {there.kind} of this name is in the project any more")
        return Change("delete", there.kind, there.name, there.key, None, reasons=(gone,))
    change = Change("create", wanted.kind, wanted.name, None, wanted.key, wanted.bundle, wanted.size_bytes, (_NEW,))
    if there is None:
        return change
    if drifted is not None:
        return replace(change, action="update", old_key=there.key, reasons=(Reason("drift", "", drifted),))
    if wanted.key == there.key:
        return replace(change, action="unchanged", old_key=there.key, reasons=())
    return replace(change, action="update", old_key=there.key, reasons=_reasons(wanted, there))


def _reasons(wanted: Resource, there: Resource) -> tuple[Reason, ...]:
    reasons = []
    if wanted.bundle != there.bundle:
        reasons.append(Reason("source-changed", "", f"bundle {_brief(there.bundle)} → {_brief(wanted.bundle)}"))
    for option in sorted(wanted.data.keys() | there.data.keys()):
        new, old = wanted.data.get(option), there.data.get(option)
        if new != old:
            kind: ReasonKind = "tool-changed" if option == "tools" else "option-changed"
            reasons.append(Reason(kind, option, f"{_brief(old)} → {_brief(new)}"))
    return tuple(reasons) or (Reason("drift", "", "its recorded key isn't that of what is recorded about it"),)


def _brief(value: Any) -> str:
    if value is None:
        return "nothing"
    text = str(value)
    if text.startswith("sha256:"):
        return text[7:19]
    return text if len(text) <= 60 else text[:57] + "…"
