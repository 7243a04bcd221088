"""Workflows in an entry: which a unit has, which they call as children, and the version of each. Knows no runtime."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from unitgraph.cache import digest
from unitgraph.units.application import Application, Function
from unitgraph.units.workflow_routes import is_workflow

if TYPE_CHECKING:
    from unitgraph.units.model import Unit

@dataclass(frozen=True, slots=True)
class EntryWorkflows:
    """``names`` are the unit's own, ``children`` those that they call as steps; ``graphs`` are the nodes of those that
    are graphs, each with the function that it calls."""

    names: tuple[str, ...]
    children: tuple[str, ...]
    graphs: Mapping[str, Mapping[str, str]]


def in_unit(application: Application, unit: "Unit") -> tuple[str, ...]:
    return tuple(name for name in unit.function_ids if is_workflow(application.functions[name]))


def entry(application: Application, unit: "Unit") -> EntryWorkflows | None:
    names = in_unit(application, unit)
    called = {step.function for name in names for step in application.functions[name].steps}
    children = sorted(name for name in called if name is not None and is_workflow(application.functions[name]))
    graphs = {
        name: {step.name: step.function for step in application.functions[name].steps if step.function is not None}
        for name in names
        if application.functions[name].kind == "workflow-graph"
    }
    return EntryWorkflows(names, tuple(children), graphs) if names else None


def starts(application: Application, functions: Collection[Function]) -> bool:
    """Whether any of them may begin a run by name."""
    called = {name for function in functions for name in function.invokes}
    return any(is_workflow(application.functions[name]) for name in called if name in application.functions)


def version(function: Function) -> str:
    """The digest of a workflow's outline: its steps, as they are written."""
    return digest.of([function.kind, *([step.name, step.kind, step.function] for step in function.steps)])[:16]

