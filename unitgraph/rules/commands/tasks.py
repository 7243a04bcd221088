"""doit's own ``run`` and ``list``, in projects without a dodo.py as well; with one they are what they were."""

from typing import Any

from doit.cmd_list import List as TaskList
from doit.cmd_run import Run as TaskRun

from unitgraph.rules.loader import in_place_of


class Run(TaskRun):
    def __init__(self, task_loader: Any = None, **kwargs: Any) -> None:
        super().__init__(task_loader=in_place_of(task_loader), **kwargs)


class List(TaskList):
    def __init__(self, task_loader: Any = None, **kwargs: Any) -> None:
        super().__init__(task_loader=in_place_of(task_loader), **kwargs)
