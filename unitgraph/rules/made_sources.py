"""Sources that git doesn't have since tasks of the project's own make them: whether what they are made from changed.

Knows doit's tasks as a ``dodo.py`` declares them, and runs none.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from doit.task import Task

_GRAPH: Final = "dodo.py"
_SHOWN: Final = 3


@dataclass(frozen=True, slots=True)
class Remade:
    """``changed``: path → why it is taken to have changed; ``notes`` name what had to be taken as unchanged."""

    changed: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def remade(root: Path, ignored: Collection[str], changed: Collection[str]) -> Remade:
    """What of the sources that git ignores is made anew, by the tasks that run before a build. All paths are relative
    to the root."""
    if not ignored:
        return Remade()
    found: dict[str, str] = {}
    declared: set[str] = set()
    for task in _tasks(root):
        targets = _relative(root, task.targets) & set(ignored)
        moved = sorted((_relative(root, task.file_dep) | {_GRAPH}) & set(changed))
        declared |= targets
        if moved:
            found |= dict.fromkeys(targets, f"made by {task.name} from {moved[0]}, which changed")
    rest = sorted(set(ignored) - declared)
    if not rest:
        return Remade(found)
    more = f" and {len(rest) - _SHOWN} more" if len(rest) > _SHOWN else ""
    return Remade(found, (f"Not in git, so taken as unchanged: {', '.join(rest[:_SHOWN])}{more}.",))


def _tasks(root: Path) -> Iterator["Task"]:
    """The tasks that run before the sources are read, and what they need."""
    from unitgraph.rules.commands.session import project_graph  # noqa: PLC0415 - commands stand above this

    graph = project_graph(root)
    if graph is None or not graph[0].before:
        return
    from doit.loader import load_tasks  # noqa: PLC0415 - only for projects that have tasks of their own

    namespace: dict[str, Any] = graph[1]
    tasks = {task.name: task for task in load_tasks(namespace, allow_delayed=True)}
    pending = list(graph[0].before)
    seen = set()
    while pending:
        name = pending.pop()
        if name in tasks and name not in seen:
            seen.add(name)
            yield tasks[name]
            pending += [*tasks[name].task_dep, *tasks[name].setup_tasks]


def _relative(root: Path, paths: Collection[object]) -> set[str]:
    full = [(root / str(path)).resolve() for path in paths]
    top = root.resolve()
    return {path.relative_to(top).as_posix() for path in full if path.is_relative_to(top)}
