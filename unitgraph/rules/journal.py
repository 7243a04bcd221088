"""What one command did, from its first action to its end: heard from the runner, told to the log, summed up for people.

Knows results, a timeline and a log; of the engine only what a log's first line says of it.
"""

from collections import Counter
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from unitgraph import __version__
from unitgraph.cache.key import Component, difference
from unitgraph.cache.store import Traffic
from unitgraph.errors import UnitgraphError
from unitgraph.rules import critical_path, git
from unitgraph.rules.action import Action, How, Result
from unitgraph.rules.execution_log import ExecutionLog, folder_of, now_text
from unitgraph.rules.timeline import Timeline

if TYPE_CHECKING:
    from unitgraph.rules.engine import Engine

_ASKING: Final = "why"      # a command that brings generated files up to date, and builds nothing


@dataclass(frozen=True, slots=True)
class Summary:
    """``counts``: actions by how they ended; ``path``: the critical path; ``notes``: what else there is to say."""

    counts: Mapping[How, int]
    traffic: Traffic
    seconds: float
    path: tuple[critical_path.Step, ...]
    notes: tuple[str, ...] = ()

    @property
    def path_seconds(self) -> float:
        return sum(step.seconds for step in self.path)

    def document(self) -> dict[str, object]:
        """As the log's last line has it."""
        traffic = self.traffic
        return {
            "actions": {str(how): self.counts.get(how, 0) for how in How},
            "hits": {"local": traffic.local, "remote": traffic.remote},
            "misses": traffic.missed,
            "bytes": {
                "read": traffic.bytes_read, "written": traffic.bytes_written,
                "received": traffic.bytes_received, "sent": traffic.bytes_sent,
            },
            "warnings": list(traffic.warnings),
            "seconds": round(self.seconds, 6),
            "criticalPath": {
                "seconds": round(self.path_seconds, 6),
                "steps": [{"name": step.name, "seconds": round(step.seconds, 6)} for step in self.path],
            },
        }  # fmt: skip


class Journal:
    """``results`` are those that took time; what had nothing to do is counted only."""

    def __init__(self, timeline: Timeline, log: ExecutionLog | None = None) -> None:
        self.timeline = timeline
        self.log = log
        self.results: list[Result] = []
        self.counts: Counter[How] = Counter()
        self.notes: list[str] = []
        self.known: Container[str] = ()     # the actions that were run before
        self._needs: dict[str, tuple[str, ...]] = {}

    def listener(self, also: Callable[[Result], None], actions: Iterable[Action] = ()) -> Callable[[Result], None]:
        """Hears the results of ``actions`` for this journal, and passes them on."""
        self._needs.update((action.name, action.needs) for action in actions)

        def hear(result: Result) -> None:
            self.counts[result.how] += 1
            if result.work:
                self.results.append(result)
            if self.log:
                self.log.add(result)
            also(result)

        return hear

    def end(self, traffic: Traffic, error: BaseException | None = None) -> Summary:
        """Sums up, and writes that to the log where there was a build; ``error`` is what ended the command."""
        steps = critical_path.steps_of(self.timeline, self.results, self._needs)
        path, notes = critical_path.longest(steps), tuple(self.notes)
        summary = Summary(dict(self.counts), traffic, self.timeline.seconds, path, notes)
        if self.log and self.counts:
            self.log.total({**summary.document(), **({"error": _code(error)} if error else {})})
            self.log.close()
        return summary


def _code(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    return error.code if isinstance(error, UnitgraphError) else "internal-fault"


def journal_of(engine: "Engine") -> Journal:
    """The journal of an engine, whose log is made with its first result."""
    root = engine.project.root

    def head() -> dict[str, object]:
        found = git.head(root)
        return {
            "unitgraph": __version__,
            "at": now_text(),
            "project": engine.project.name,
            "provider": engine.provider.name,
            "environment": engine.settings.environment,
            "command": engine.command,
            "commit": found.commit,
            "ref": engine.settings.shared.run.ref or found.ref,
            "jobs": engine.jobs,
            "cache": engine.cache.place or str(engine.settings.cache),
        }

    def moved(result: Result) -> tuple[Component, ...]:
        before = engine.database.previous(result.name) if result.name in engine.journal.known else None
        return tuple(now for now, _ in difference(before, result.key.components)) if before and result.key else ()

    log = ExecutionLog(folder_of(root), engine.timeline.began, head, moved) if engine.command != _ASKING else None
    return Journal(engine.timeline, log)
