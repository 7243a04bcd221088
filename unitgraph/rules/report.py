"""A plan and a build as text for people. Knows how they look, not how they came about."""

from collections.abc import Mapping, Sequence

from unitgraph.errors import UnitgraphError
from unitgraph.providers.base import Change
from unitgraph.providers.plan import Plan
from unitgraph.rules.action import How, Result

_MARKS = {"create": ("+", "32"), "update": ("~", "33"), "delete": ("-", "31"), "unchanged": (" ", "2")}
_SHOWN_REASONS = 3


def size(size_bytes: int) -> str:
    """A size for people: "812 B", "24.1 KB"."""
    return f"{size_bytes} B" if size_bytes < 1000 else f"{size_bytes / 1000:,.1f} KB"


def plan_text(plan: Plan, *, colour: bool) -> str:
    """The changes, each with its reasons, and the count of each kind."""
    where = f"{plan.provider}{f' ({plan.environment})' if plan.environment else ''}"
    lines = [f"Plan for {plan.project} on {where}", ""]
    for change in plan.changes:
        if change.action != "unchanged":
            lines += _change_lines(change, colour)
    if not plan.has_changes:
        lines.append("Nothing to do: everything is as it should be.")
    lines += ["", _summary(plan)]
    lines += [f"note: {note}" for note in plan.notes]
    return "\n".join(lines) + "\n"


def build_text(counts: Mapping[How, int], seconds: float) -> str:
    """One line that says what the build did."""
    words = {How.RAN: "built", How.CACHED: "from the cache", How.FRESH: "up to date", How.FAILED: "failed"}
    said = [f"{counts[how]} {word}" for how, word in words.items() if counts.get(how)]
    return f"{', '.join(said) or 'nothing to build'} in {seconds:.2f} s\n"


def failures(results: Mapping[str, Result]) -> list[UnitgraphError]:
    """The errors of a build, each once; what was only left out is not among them unless there is nothing else."""
    errors = {str(result.error): result.error for result in results.values() if result.error}
    roots = [error for error in errors.values() if error.code != "dependency-failed"]
    return roots or list(errors.values())


def _change_lines(change: Change, colour: bool) -> Sequence[str]:
    mark, code = _MARKS[change.action]
    name = f"{change.kind} {change.name}"
    tail = f"  {size(change.size_bytes)}" if change.size_bytes is not None else ""
    head = f"{mark} {name}"
    lines = [f"  \x1b[{code}m{head}\x1b[0m{tail}" if colour else f"  {head}{tail}"]
    told = [reason for reason in change.reasons if reason.kind != "new"]     # "+" says so already
    lines += [
        f"      {reason.path}: {reason.detail}" if reason.path else f"      {reason.detail}"
        for reason in told[:_SHOWN_REASONS]
    ]
    if len(told) > _SHOWN_REASONS:
        lines.append(f"      and {len(told) - _SHOWN_REASONS} more")
    return lines


def _summary(plan: Plan) -> str:
    counted = plan.summary
    words = {"create": "to create", "update": "to update", "delete": "to delete", "unchanged": "unchanged"}
    return ", ".join(f"{counted[action]} {word}" for action, word in words.items())  # type: ignore[index] # keys are actions
