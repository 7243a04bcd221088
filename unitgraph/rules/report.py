"""A plan and a build as text for people. Knows how they look, not how they came about."""

from collections.abc import Mapping, Sequence

from unitgraph.cache.store import Traffic
from unitgraph.errors import UnitgraphError
from unitgraph.providers.base import Change
from unitgraph.providers.plan import Plan
from unitgraph.rules.action import How, Result
from unitgraph.rules.amounts import size_text
from unitgraph.rules.journal import Summary

_MARKS = {"create": ("+", "32"), "update": ("~", "33"), "delete": ("-", "31"), "unchanged": (" ", "2")}
_SHOWN_REASONS = 3
_SHOWN_STEPS = 5
_SHORT = 0.02       # of a path: steps that are shorter aren't shown


def plan_text(plan: Plan, *, colour: bool, nothing: str = "") -> str:
    """The changes, each with its reasons, and the count of each kind; ``nothing`` is said where there is none."""
    where = f"{plan.provider}{f' ({plan.environment})' if plan.environment else ''}"
    lines = [f"Plan for {plan.project} on {where}", ""]
    for change in plan.changes:
        if change.action != "unchanged":
            lines += _change_lines(change, colour)
    if not plan.has_changes:
        lines.append(nothing or "Nothing to do: everything is as it should be.")
    lines += ["", _summary(plan)]
    lines += [f"note: {note}" for note in plan.notes]
    return "\n".join(lines) + "\n"


def run_text(run: Summary) -> str:
    """What a run did, on one line, below what people should know of its cache."""
    cached = f"from the cache{_places(run)}"
    words = {How.RAN: "built", How.CACHED: cached, How.FRESH: "up to date", How.FAILED: "failed"}
    said = [f"{run.counts[how]:,} {word}" for how, word in words.items() if run.counts.get(how)] or ["nothing to build"]
    shown = sorted(run.path, key=lambda step: -step.seconds)[:_SHOWN_STEPS]
    steps = [step.name for step in run.path if step in shown and step.seconds >= _SHORT * run.path_seconds]
    path = f"; critical path {run.path_seconds:.2f} s: {' → '.join(steps)}" if run.counts.get(How.RAN) and steps else ""
    warnings = [f"warning: {warning}" for warning in dict.fromkeys(run.traffic.warnings)]
    last = f"{', '.join([*said, *_moved(run.traffic)])} in {run.seconds:.2f} s{path}"
    return "\n".join([*warnings, *run.notes, last]) + "\n"


def _places(run: Summary) -> str:
    """Where results came from, if not from this machine alone; a build that is taken over is one look-up."""
    remote, local = run.traffic.remote, run.traffic.local
    if remote and local and remote + local == run.counts.get(How.CACHED):
        return f" ({remote:,} remote, {local:,} local)"
    return "" if not remote else " (partly remote)" if local else " (remote)"


def _moved(traffic: Traffic) -> list[str]:
    """Bytes of the network, or of this machine's disk where nothing else was asked."""
    figures = {"received": traffic.bytes_received, "sent": traffic.bytes_sent}
    if not any(figures.values()):
        figures = {"read": traffic.bytes_read, "written": traffic.bytes_written}
    return [f"{size_text(found)} {word}" for word, found in figures.items() if found]


def failures(results: Mapping[str, Result]) -> list[UnitgraphError]:
    """The errors of a build, each once; what was only left out is not among them unless there is nothing else."""
    errors = {str(result.error): result.error for result in results.values() if result.error}
    roots = [error for error in errors.values() if error.code != "dependency-failed"]
    return roots or list(errors.values())


def _change_lines(change: Change, colour: bool) -> Sequence[str]:
    mark, code = _MARKS[change.action]
    name = f"{change.kind} {change.name}"
    tail = f"  {size_text(change.size_bytes)}" if change.size_bytes is not None else ""
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
