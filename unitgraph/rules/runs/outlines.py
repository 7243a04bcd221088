"""What a plan says of runs that are on their way: those whose steps the sources don't write any more. Runs no code.

Only outlines are compared, the one that a run was last gone on with and the one of now, so this is cheap and no proof;
`check.py` is. A store that can't be reached in time is a line as well.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from unitgraph.errors import UnitgraphError
from unitgraph.rules import workflows
from unitgraph.rules.amounts import counted
from unitgraph.rules.engine import Engine
from unitgraph.rules.runs.desk import Desk
from unitgraph.rules.runs.places import PLACE, place_of
from unitgraph.units.application import Function, Step
from unitgraph.units.workflow_routes import is_workflow

PATIENCE_S: Final = 5.0
MOST_LISTED: Final = 2000
MOST_READ: Final = 200
UNFINISHED: Final = ("ready", "running", "waiting", "paused")
_WRITTEN: Final = {
    "rpc": "rpc", "child": "rpc", "inline": "inline", "sleep": "sleep", "approval": "approval", "event": "event",
}  # fmt: skip
"""Kinds of recorded steps that stand in the sources, and what they are called there."""
_SHOWN: Final = 3

Item = dict[str, Any]


def warnings(engine: Engine, environ: Mapping[str, str]) -> list[str]:
    """A line a workflow, where the environment says where runs are; `doit workflow check` knows more of each."""
    if not environ.get(PLACE) or not engine.manifest.workflows:
        return []
    functions = engine.workspace.analysis.application.functions
    known = {name: function for name, function in functions.items() if is_workflow(function)}
    try:
        place = place_of(engine.project, environ, environment=engine.settings.environment)
        with Desk(place, PATIENCE_S) as desk:
            return list(_warnings(desk, known))
    except UnitgraphError as error:
        return [f"warning: whether runs that are on their way go on isn't known. {error.message}"]


def _warnings(desk: Desk, known: Mapping[str, Function]) -> Iterator[str]:
    versions = {name: workflows.version(function) for name, function in known.items()}
    running = list(desk.ask("list", statuses=list(UNFINISHED), limit=MOST_LISTED))
    others: defaultdict[str, list[str]] = defaultdict(list)
    for run in running:
        if run["version"] != versions.get(run["workflow"]):
            others[run["workflow"]].append(run["id"])
    left = MOST_READ
    for name, ids in sorted(others.items()):
        if name not in known:
            yield f"warning: the workflow {name} is gone, and {_are(ids)} on the way that would wait for it."
            continue
        read = ids[:left]
        left -= len(read)
        parted, steps = _parted(known[name].steps, (desk.one("show", id=run) for run in read))
        looked = "" if len(ids) == len(read) else f" (of {len(read):,} that were looked at)"
        told = ", ".join(map(repr, sorted(steps)[:_SHOWN]))
        yield f"{'warning' if parted else 'note'}: {_are(ids)} on the way that went by another {name}" + (
            f", and {parted:,}{looked} would be paused, having done {told}, which isn't there any more."
            if parted
            else "; `doit workflow check` tells whether they go on."
        )


def _parted(written: Iterable[Step], runs: Iterable[Item]) -> tuple[int, set[str]]:
    """How many runs have done a step that isn't written, and which steps."""
    steps = [(re.compile(".*".join(map(re.escape, step.name.split("*")))), step) for step in written]
    count, missing = 0, set()
    for run in runs:
        gone = {
            step["name"]
            for step in run["steps"]
            if step["kind"] in _WRITTEN
            and not any(
                pattern.fullmatch(step["name"])
                and (one.kind, one.function or step.get("target")) == (_WRITTEN[step["kind"]], step.get("target"))
                for pattern, one in steps
            )
        }
        count += bool(gone)
        missing |= gone
    return count, missing


def _are(ids: list[str]) -> str:
    return f"{counted(len(ids), 'run')} {'is' if len(ids) == 1 else 'are'}"
