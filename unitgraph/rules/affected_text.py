"""What a change touches, as text for people, as a manifest of those units alone, and as the plan of those alone."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final

from unitgraph.providers.plan import Plan
from unitgraph.rules.affected import Affected
from unitgraph.units.model import Manifest

_MARKS: Final = {"create": "+", "update": "~", "delete": "-"}
_SHORT: Final = 12


def affected_text(found: Affected, *, total: int) -> str:
    """The units, each with its first reason and how many more there are."""
    head = f"{len(found.units)} of {total} units affected since {found.revision} ({found.commit[:_SHORT]})"
    lines = [f"{head}:" if found.units else f"No unit is affected since {found.revision} ({found.commit[:_SHORT]})."]
    for unit in found.units:
        lines.append(f"  {_MARKS[unit.action]} {unit.name}")
        first, *rest = unit.reasons
        told = f"{first.path}: {first.detail}" if first.path else first.detail
        lines.append(f"      {told}{f' (and {len(rest)} more)' if rest else ''}")
    return "\n".join([*lines, *(f"note: {note}" for note in found.notes)]) + "\n"


def manifest_of(manifest: Manifest, found: Affected) -> dict[str, Any]:
    """The manifest's document with the affected units, and what belongs to them."""
    names = {unit.name for unit in found.units}
    units = tuple(unit for unit in manifest.units if unit.name in names)
    read = {name for unit in units for name in (*unit.secrets, *unit.variables)}
    own = replace(
        manifest,
        units=units,
        queues=tuple(each for each in manifest.queues if each.consumer_unit in names),
        scheduled_tasks=tuple(each for each in manifest.scheduled_tasks if each.unit_name in names),
        channels=tuple(each for each in manifest.channels if each.unit_name in names),
        agents=tuple(each for each in manifest.agents if each.unit_name in names),
        mcp_endpoints=tuple(each for each in manifest.mcp_endpoints if each.unit_name in names),
        workflows=tuple(each for each in manifest.workflows if each.orchestrator_unit in names),
        secrets=tuple(each for each in manifest.secrets if each.secret_id in read),
        variables=tuple(each for each in manifest.variables if each.variable_id in read),
    )
    return own.document()


def plan_of(plan: Plan, found: Affected) -> tuple[Plan, int]:
    """The plan of what the change touches, and how many changes of other things it leaves out."""
    own = tuple(change for change in plan.changes if (change.kind, change.name) in found.resources)
    left_out = _to_do(plan.changes) - _to_do(own)
    some = f"{left_out} other {'change has' if left_out == 1 else 'changes have'}"
    note = f"{some} nothing to do with what changed since {found.revision}; plan.json has all of them."
    notes = (*plan.notes, *found.notes, *([note] if left_out else []))
    return replace(plan, changes=own, notes=notes), left_out


def _to_do(changes: Iterable[Any]) -> int:
    return sum(change.action != "unchanged" for change in changes)
