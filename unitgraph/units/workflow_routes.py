"""What is asked of workflows over HTTP: the routes below ``/workflow/<name>/``, and the functions behind them. Pure.

The functions stand beside the workflow in its unit (runtime/workflow/asked.ts); to start is to call the workflow.
"""

from collections.abc import Collection, Iterator
from typing import Final

from unitgraph.units.application import Function

_ASKED: Final = (
    ("POST", "start"), ("POST", "run"), ("GET", "status/:runId"), ("GET", "stream/:runId"), ("POST", "approve/:runId"),
    ("POST", "event/:runId"), ("POST", "cancel/:runId"),
)  # fmt: skip


def is_workflow(function: Function) -> bool:
    return function.kind in ("workflow", "workflow-graph")


def routes(names: Collection[str]) -> Iterator[tuple[str, str, str]]:
    """(method, route, function) for each workflow."""
    for name in names:
        for method, path in _ASKED:
            what = path.partition("/")[0]
            yield method, f"/workflow/{name}/{path}", name if what == "start" else f"{name} {what}"
