"""What ``plan`` says, and the snapshot that lets it say so again at once. Knows the engine and the report."""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from unitgraph.cache.files import write_atomic
from unitgraph.errors import UnitgraphError
from unitgraph.providers.plan import Plan, document, render
from unitgraph.rules import git, history, quick, report, ship, snapshot
from unitgraph.rules.commands.session import engine_of, project_graph, working
from unitgraph.rules.engine import Engine
from unitgraph.rules.history import Changes
from unitgraph.rules.runner import Listener
from unitgraph.units.lockfile import MANAGERS

_OURS = Path(__file__).parent.parent


def plan(options: Mapping[str, Any], arguments: Sequence[str], environ: Mapping[str, str]) -> dict[str, Any]:
    """Plans, and keeps the answer: {"out", "err", "status"}."""
    taken_ns = snapshot.now_ns()
    engine = engine_of(options, "plan")
    with working(engine, options) as shown:
        return _plan(engine, options, arguments, environ, taken_ns, shown)


def _plan(
    engine: Engine, options: Mapping[str, Any], arguments: Sequence[str], environ: Mapping[str, str], taken_ns: int,
    listener: Listener,
) -> dict[str, Any]:  # fmt: skip
    root = engine.project.root
    path = quick.snapshot_path(root, arguments)
    snapshot.discard(path)
    changes = history.changes(root, options["affected_by"]) if options["affected_by"] else None
    try:
        planned = ship.plan(engine, listener=listener)
    except UnitgraphError:
        engine.memo.save()
        raise
    if options["result_file"]:
        write_atomic(Path(options["result_file"]).resolve(), render(planned.plan))
    if changes is not None:
        return _of_change(engine, planned.plan, changes, options, environ)
    saved = _answer(planned.plan, options, environ, document(planned.plan))
    saved["err"] = "".join(f"{line}\n" for line in _of_runs(engine, environ))
    graph = project_graph(root)
    inputs = _inputs(engine)
    if not options["profile"] and not environ.get(quick.RUNS) and (graph is None or not graph[0].before):
        result = [str(Path(options["result_file"]).resolve())] if options["result_file"] else []
        outputs = [*_outputs(engine), *result]
        with engine.timeline.span("snapshot"):
            snapshot.save(path, quick.salt(arguments, environ), inputs, taken_ns, outputs, saved)
    return saved


def _of_runs(engine: Engine, environ: Mapping[str, str]) -> list[str]:
    """Runs that are on their way and that the plan's code would part with."""
    if not environ.get(quick.RUNS):
        return []
    from unitgraph.rules.runs import outlines  # noqa: PLC0415 - where runs are to be looked at alone

    with engine.timeline.span("runs"):
        return outlines.warnings(engine, environ)


def _answer(
    plan: Plan, options: Mapping[str, Any], environ: Mapping[str, str], told: Mapping[str, Any], nothing: str = ""
) -> dict[str, Any]:
    """What is printed of a plan, and the exit status."""
    status = 2 if options["detailed_exitcode"] and plan.has_changes else 0
    if options["json"]:
        out = json.dumps(told, indent=2, ensure_ascii=False) + "\n"
    else:
        out = report.plan_text(plan, colour=sys.stdout.isatty() and "NO_COLOR" not in environ, nothing=nothing)
    return {"err": "", "out": out, "status": status}


def _of_change(
    engine: Engine, plan: Plan, changes: Changes, options: Mapping[str, Any], environ: Mapping[str, str]
) -> dict[str, Any]:
    """The answer about what a change touches. It isn't kept: a branch may move while no file does."""
    from unitgraph.rules.affected import affected  # noqa: PLC0415 - for this option alone
    from unitgraph.rules.affected_text import plan_of  # noqa: PLC0415 - as above

    with engine.timeline.span("affected"):
        found = affected(engine, changes)
    own, left_out = plan_of(plan, found)
    told = {**document(own), "affectedBy": {**found.document(), "leftOut": left_out}}
    nothing = f"Nothing to do for what changed since {changes.revision}."
    return _answer(own, options, environ, told, nothing)


def _inputs(engine: Engine) -> dict[str, str]:
    """Signatures of every file and folder that the plan is read from, ours among them."""
    project = engine.project
    own = [
        os.path.join(parent, name)
        for parent, _, names in os.walk(_OURS)
        if "__pycache__" not in parent
        for name in names
    ]
    paths = [
        str(project.root / quick.CONFIG),
        *(os.path.join(project.root, path) for path in engine.read if not _is_generated(engine, path)),
        *(project.sources.absolute(path or ".") for path in project.sources.looked_at if not _is_above(path)),
        *_above(engine),
        str(project.root / "dodo.py"),
        *map(str, engine.tools.installed()),
        *git.watched(project.root),
        *own,
    ]
    return snapshot.take(sorted(set(paths)))


def _is_generated(engine: Engine, path: str) -> bool:
    return path.startswith((".deploy/", f"{engine.project.sources.out_dir}/"))


def _is_above(path: str) -> bool:
    return path == ".." or path.startswith("../")


def _above(engine: Engine) -> list[str]:
    """What of the folders above the project decides anything: packages, workspaces and lockfiles, not their listing."""
    names = ["node_modules", "package.json", "pnpm-workspace.yaml"]
    names += [name for manager in MANAGERS.values() for name in manager.lockfiles]
    sources = engine.project.sources
    folders = [path for path in sources.looked_at if _is_above(path) and os.path.isdir(sources.absolute(path))]
    return [os.path.join(sources.absolute(folder), name) for folder in folders for name in names]


def _outputs(engine: Engine) -> list[str]:
    """Every file of the build output, and what the provider keeps of what is deployed."""
    found = []
    for top in (engine.target.out, *engine.provider.watched(engine.target)):
        found.append(str(top))
        for parent, folders, names in os.walk(top):
            found += [os.path.join(parent, name) for name in (*names, *folders)]
    return found
