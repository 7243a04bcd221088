"""Commands of several tasks, such as ``runs list``: which is meant, and which options it takes."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Protocol, TypeVar

from unitgraph.rules.commands import base


class Task(Protocol):
    @property
    def does(self) -> str: ...


T = TypeVar("T", bound=Task)


def help_of(tasks: Mapping[str, Task]) -> str:
    return "\n".join(("\n\nTASKS", *(f"    {name:8} {task.does}" for name, task in tasks.items())))


def task_of(command: str, name: str, tasks: Mapping[str, T]) -> T:
    """Raises TaskUnknown."""
    from unitgraph.errors.runs import TaskUnknown  # noqa: PLC0415 - `doit help` needs none of it

    if name not in tasks:
        raise TaskUnknown(command, name, known=tasks, near=get_close_matches(name, tasks, n=2))
    return tasks[name]


def refuse_misplaced(
    command: str, task: str, takes: frozenset[str], options: Mapping[str, Any], every: Sequence[base.Option]
) -> None:
    """Raises OptionMisplaced."""
    from unitgraph.errors.runs import OptionMisplaced  # noqa: PLC0415 - as above

    for option in every:
        if option["name"] not in takes and options[option["name"]] != option["default"]:
            known = [f"--{each['long']}" for each in every if each["name"] in takes]
            raise OptionMisplaced(f"--{option['long']}", f"{command} {task}", takes=known)
