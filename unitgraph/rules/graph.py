"""The graph as doit's tasks: what a ``dodo.py`` imports. Knows doit; what the tasks do is the engine's.

    from unitgraph.rules import Graph

    graph = Graph(before=["prices"], after=["announce"])
    task_analyze, task_codegen, task_bundle, task_upload = graph.tasks()
"""

import atexit
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from doit import create_after

if TYPE_CHECKING:
    from unitgraph.rules.engine import Engine

Task = dict[str, Any]
Creator = Callable[[], Iterator[Task]]
DOIT_CONFIG: Mapping[str, Any] = {"default_tasks": ["bundle"], "dep_file": ".deploy/cache/doit.db"}
"""``doit`` alone builds and ships nothing; doit keeps what it knows of the project's own tasks beside our database."""


class Graph:
    """The tasks of one project: the one in the working folder, or in ``project``.

    ``before`` names tasks of the project's own which run before its sources are read (they may write sources);
    ``after`` names those which run when an apply has shipped everything. Without a provider, the configured one.
    """

    def __init__(
        self, *, before: Sequence[str] = (), after: Sequence[str] = (), provider: str = "", project: str = "."
    ) -> None:
        Path(DOIT_CONFIG["dep_file"]).parent.mkdir(parents=True, exist_ok=True)
        self.project = project
        self.before = tuple(before)
        self.after = tuple(after)
        self.provider = provider
        self._engine: Engine | None = None

    @property
    def engine(self) -> "Engine":
        """The project's engine, opened when the first task needs it."""
        if self._engine is None:
            from unitgraph.rules.engine import open_engine  # noqa: PLC0415 - heavy, and `doit help` doesn't need it
            from unitgraph.rules.settings import settings  # noqa: PLC0415 - as above

            self._engine = open_engine(Path(self.project), settings(provider=self.provider))
            atexit.register(_end, self._engine)     # doit tells nobody when it is done with all tasks
        return self._engine

    def tasks(self) -> tuple[Creator, Creator, Creator, Creator]:
        """Creators for the groups analyze, codegen, bundle and upload, in this order."""
        creators = (self._analyze, self._group("codegen"), self._group("bundle"), self._group("upload"))
        if not self.before:
            return creators
        # doit holds a group back for one task only, so it is the one that waits for all of the project's own
        analyze, *groups = (_function(creator) for creator in creators)
        codegen, bundle, upload = (create_after(executed="analyze")(group) for group in groups)
        return analyze, codegen, bundle, upload

    def _analyze(self) -> Iterator[Task]:
        yield {
            "basename": "analyze",
            "doc": "read the sources: which units there are",
            "actions": [self._analysed],
            "task_dep": list(self.before),
            "uptodate": [True],
        }

    def _analysed(self) -> None:
        self.engine.workspace  # noqa: B018 - raises with every problem of the project

    def _group(self, kind: str) -> Creator:
        def creator() -> Iterator[Task]:
            yield {"basename": kind, "name": None, "doc": _DOCS[kind]}
            from unitgraph.rules import tasks  # noqa: PLC0415 - heavy, and `doit help` doesn't need it

            for name, needs in tasks.names(self.engine, kind):
                subject = name.partition(":")[2]
                yield {
                    "basename": kind,
                    "name": subject,
                    "actions": [(self._perform, [name])],
                    "uptodate": [(self._is_fresh, [name])],
                    "task_dep": list(needs) or ["analyze"],
                    "verbosity": 2,
                }

        return creator

    def _perform(self, name: str) -> None:
        from unitgraph.rules import tasks  # noqa: PLC0415 - as above

        tasks.perform(self.engine, name)

    def _is_fresh(self, name: str) -> bool:
        from unitgraph.rules import tasks  # noqa: PLC0415 - as above

        return tasks.is_fresh(self.engine, name)


_DOCS = {
    "codegen": "write the entry point of each unit",
    "bundle": "bundle each unit",
    "upload": "ship each unit to its provider",
}


def _end(engine: "Engine") -> None:
    """Lets results on their way to a shared cache get there, and says what was wrong with it."""
    for warning in dict.fromkeys(engine.close().traffic.warnings):
        sys.stderr.write(f"warning: {warning}\n")


def _function(creator: Creator) -> Creator:
    """A plain function, since doit sets attributes on what it delays."""

    def create() -> Iterator[Task]:
        return creator()

    return create


def default_namespace() -> dict[str, Any]:
    """What a ``dodo.py`` that holds nothing of its own would define."""
    analyze, codegen, bundle, upload = (_function(creator) for creator in Graph().tasks())
    return {
        "DOIT_CONFIG": DOIT_CONFIG,
        "task_analyze": analyze,
        "task_codegen": codegen,
        "task_bundle": bundle,
        "task_upload": upload,
    }
