"""Workflows in an entry: which a unit has, which they call as children, what is secret, and the version of each.

Knows no runtime.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from unitgraph.cache import digest
from unitgraph.units.application import Application, Function
from unitgraph.units.secret_fields import Path, secret_fields
from unitgraph.units.workflow_routes import is_workflow

if TYPE_CHECKING:
    from unitgraph.units.model import Unit
    from unitgraph.units.openapi_schemas import Schemas
    from unitgraph.units.schema_zod import Side

@dataclass(frozen=True, slots=True)
class EntryWorkflows:
    """``names`` are the unit's own, ``children`` those that they call as steps; ``graphs`` are the nodes of those that
    are graphs, each with the function that it calls; ``hidden`` are the secret fields of functions, by side."""

    names: tuple[str, ...]
    children: tuple[str, ...]
    graphs: Mapping[str, Mapping[str, str]]
    hidden: Mapping[str, Mapping[str, Sequence[Path]]]


def in_unit(application: Application, unit: "Unit") -> tuple[str, ...]:
    return tuple(name for name in unit.function_ids if is_workflow(application.functions[name]))


def known(application: Application, unit: "Unit") -> set[str]:
    """The unit's workflows, and the functions that they name."""
    own = in_unit(application, unit)
    called = {name for each in own for name in application.functions[each].invokes}
    stepped = {step.function for each in own for step in application.functions[each].steps}
    return {name for name in (*own, *called, *stepped) if name is not None and name in application.functions}


def _hidden(application: Application, unit: "Unit", schemas: "Schemas") -> dict[str, dict[str, list[Path]]]:
    sides: tuple[Side, ...] = ("input", "output")
    found: dict[str, dict[str, list[Path]]] = {}
    for name in sorted(known(application, unit)):
        told = {side: schemas.told(application.functions[name], side) for side in sides}
        paths = {side: secret_fields(each.json or {}, each.definitions or {}) for side, each in told.items()}
        said: dict[str, list[Path]] = {side: each for side, each in paths.items() if each}
        if said:
            found[name] = said
    return found


def entry(application: Application, unit: "Unit", schemas: Callable[[], "Schemas"]) -> EntryWorkflows | None:
    names = in_unit(application, unit)
    if not names:
        return None
    called = {step.function for name in names for step in application.functions[name].steps}
    children = sorted(name for name in called if name is not None and is_workflow(application.functions[name]))
    graphs = {
        name: {step.name: step.function for step in application.functions[name].steps if step.function is not None}
        for name in names
        if application.functions[name].kind == "workflow-graph"
    }
    return EntryWorkflows(names, tuple(children), graphs, _hidden(application, unit, schemas()))


def starts(application: Application, functions: Collection[Function]) -> bool:
    """Whether any of them may begin a run by name."""
    called = {name for function in functions for name in function.invokes}
    return any(is_workflow(application.functions[name]) for name in called if name in application.functions)


def version(function: Function) -> str:
    """The digest of a workflow's outline: its steps, as they are written."""
    return digest.of([function.kind, *([step.name, step.kind, step.function] for step in function.steps)])[:16]

