"""What the commands of a project share: its engine, its own doit tasks, what is said while it works."""

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unitgraph.errors.build import OwnTaskFailed
from unitgraph.rules import report
from unitgraph.rules.engine import Engine
from unitgraph.rules.progress import Progress
from unitgraph.rules.settings import settings
from unitgraph.rules.timeline import Timeline
from unitgraph.units.project import load_project

if TYPE_CHECKING:
    from unitgraph.rules.graph import Graph


def say(line: str) -> None:
    """One line for people, beside the command's own output."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def engine_of(options: Mapping[str, Any], command: str = "") -> Engine:
    """The engine that the options ask for; runs the project's own tasks that come before."""
    timeline = Timeline()
    opened_ns = time.time_ns()
    with timeline.span("load"):
        project = load_project(Path(options["directory"]).resolve())
    graph = project_graph(project.root)
    if graph is not None and graph[0].before:
        with timeline.span("own tasks"):
            run_own(graph[1], graph[0].before)
        opened_ns = time.time_ns()
        with timeline.span("load"):
            project = load_project(project.root)
    provider = options.get("provider") or (graph[0].provider if graph else "")
    chosen = settings(
        provider=provider, environment=options.get("environment", ""),
        sourcemap=bool(options.get("sourcemap")), jobs=int(options.get("jobs") or 0),
        refresh=options.get("refresh", "units"), wait_lock_s=float(options.get("wait_lock") or 0),
        local=bool(options.get("local")),
    )  # fmt: skip
    return Engine(project, chosen, say, opened_ns, timeline, command)


@contextmanager
def working(engine: Engine, options: Mapping[str, Any]) -> Iterator[Progress]:
    """Shows a build of everything while it lasts; says at its end, however that comes, what it was."""
    error = None
    try:
        with Progress(lambda: 2 * len(engine.subjects())) as shown:
            yield shown
    except BaseException as ended:
        error = ended
        raise
    finally:
        summary = engine.close(error)
        if options.get("profile"):
            write_profile(engine, Path(options["profile"]).resolve())
        if summary.counts or error is None:
            sys.stderr.write(report.run_text(summary))


def write_profile(engine: Engine, path: Path) -> None:
    """Writes the command's trace; that it can't be written is no reason for anything else to fail."""
    import json  # noqa: PLC0415 - for profiles alone

    from unitgraph.cache.files import write_atomic  # noqa: PLC0415 - as above
    from unitgraph.rules.trace import trace  # noqa: PLC0415 - as above

    about = {"command": engine.command, "project": engine.project.name, "provider": engine.provider.name}
    document = trace(engine.timeline, engine.journal.results, about)
    try:
        write_atomic(path, json.dumps(document, separators=(",", ":")).encode())
    except OSError as error:
        say(f"warning: the profile can't be written to {path}: {error.strerror}.")


def project_graph(root: Path) -> "tuple[Graph, dict[str, Any]] | None":
    """The Graph of the project's dodo.py and that file's names, where there are any."""
    if not (root / "dodo.py").is_file():
        return None
    from doit.loader import get_module  # noqa: PLC0415 - only for projects that have tasks of their own

    from unitgraph.rules.graph import Graph  # noqa: PLC0415 - as above

    sys.modules.pop("dodo", None)       # it may have been edited since the last time
    namespace = vars(get_module(str(root / "dodo.py"), str(root)))
    found = [value for value in namespace.values() if isinstance(value, Graph)]
    return (found[0], namespace) if found else None


def run_own(namespace: Mapping[str, Any], names: Sequence[str]) -> None:
    """Runs tasks of the project's own through doit itself; what they print goes to standard error."""
    from doit.cmd_base import ModuleTaskLoader  # noqa: PLC0415 - as above
    from doit.doit_cmd import DoitMain  # noqa: PLC0415 - as above

    from unitgraph.rules.graph import DOIT_CONFIG  # noqa: PLC0415 - as above

    config = {"GLOBAL": {"outfile": sys.stderr, "reporter": "executed-only", "dep_file": DOIT_CONFIG["dep_file"]}}
    if DoitMain(ModuleTaskLoader(dict(namespace)), config_filenames=(), extra_config=config).run(["run", *names]):
        raise OwnTaskFailed(names)
