"""What ``plan`` says, and the snapshot that lets it say so again at once. Knows the engine and the report."""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from unitgraph.cache.files import write_atomic
from unitgraph.errors import UnitgraphError
from unitgraph.providers.plan import document, render
from unitgraph.rules import git, quick, report, ship, snapshot
from unitgraph.rules.commands.session import engine_of, project_graph, working
from unitgraph.rules.engine import Engine
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
    try:
        planned = ship.plan(engine, listener=listener)
    except UnitgraphError:
        engine.memo.save()
        raise
    if options["result_file"]:
        write_atomic(Path(options["result_file"]).resolve(), render(planned.plan))
    status = 2 if options["detailed_exitcode"] and planned.plan.has_changes else 0
    saved = {"err": "", "out": "", "status": status}
    if options["json"]:
        saved["out"] = json.dumps(document(planned.plan), indent=2, ensure_ascii=False) + "\n"
    else:
        saved["out"] = report.plan_text(planned.plan, colour=sys.stdout.isatty() and "NO_COLOR" not in environ)
    graph = project_graph(root)
    inputs = _inputs(engine)
    if not options["profile"] and (graph is None or not graph[0].before):
        result = [str(Path(options["result_file"]).resolve())] if options["result_file"] else []
        outputs = [*_outputs(engine), *result]
        with engine.timeline.span("snapshot"):
            snapshot.save(path, quick.salt(arguments, environ), inputs, taken_ns, outputs, saved)
    return saved


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
