"""Which unit every function and gateway is in, what the units are called, and which run as a server.

A unit's name is made from an id and never read back to one: two ids that come to one name are a mistake.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from unitgraph.errors import Place, UnitgraphError
from unitgraph.errors.source import UnitNameClash, UnitNameTooLong
from unitgraph.units import names
from unitgraph.units.application import Application, Function
from unitgraph.units.config import DeployConfig
from unitgraph.units.model import Role

_GATEWAYS: Final = frozenset({"agent", "workflow", "workflow-graph"})


class Placed(NamedTuple):
    """A unit before it is described. ``subject``: the id of its function, or the name of its gateway."""

    name: str
    role: Role
    subject: str
    function: str | None
    place: Place
    what: str


@dataclass(frozen=True, slots=True)
class Placement:
    """``unit_of``: function → unit; ``merged`` are the functions in the server unit, whose name is ``server``."""

    units: tuple[Placed, ...]
    unit_of: Mapping[str, str]
    server: str
    merged: frozenset[str]
    gateways_merged: bool


def planned(application: Application, project: str) -> tuple[Placed, ...]:
    """A unit for every function and gateway, those that may be merged into the server's included."""
    return tuple(_planned(application, project))


def place(
    application: Application,
    project: str,
    units: tuple[Placed, ...],
    deploy: DeployConfig,
    services: Mapping[str, frozenset[str]],
) -> Placement:
    """``units`` are the planned ones, ``services`` those that each function's unit takes, by function."""
    incompatible = frozenset(deploy.serverless_incompatible)
    sources = {wiring.function for wiring in application.triggers if wiring.source}
    merged = frozenset(
        name
        for name, function in application.functions.items()
        if _is_server(function, services.get(name, function.services.names), incompatible, deploy) or name in sources
    )
    all_merged = deploy.default_target == "server"
    server = f"{project}-server"
    kept = tuple(
        unit for unit in units if (unit.function not in merged if unit.function is not None else not all_merged)
    )
    unit_of = {unit.function: unit.name for unit in kept if unit.function is not None}
    unit_of.update(dict.fromkeys(merged, server))
    return Placement(kept, unit_of, server, merged, all_merged)


def name_problems(units: tuple[Placed, ...], project: str, *, has_server: bool) -> Iterator[UnitgraphError]:
    """Names that two units would have, and those that no provider takes."""
    first: dict[str, Placed] = {}
    for unit in sorted(units, key=lambda each: each.place):
        known = first.setdefault(unit.name, unit)
        if known is not unit and (known.role, known.subject) != (unit.role, unit.subject):
            yield UnitNameClash(unit.place, unit.name, known.what, unit.what, known.place)
        if len(unit.name) > names.LONGEST_UNIT:
            yield UnitNameTooLong(unit.place, unit.name, names.LONGEST_UNIT)
        if has_server and unit.name == f"{project}-server":
            yield UnitNameClash(unit.place, unit.name, "the merged server unit", unit.what, unit.place)


def _planned(application: Application, project: str) -> Iterator[Placed]:
    steps_only = _steps_only(application)
    for name, function in application.functions.items():
        role: Role = "function"
        what = f"the function {name}"
        subject = name
        if function.kind in _GATEWAYS:
            role = "agent" if function.kind == "agent" else "workflow"
            subject = function.agent.name if function.agent is not None else name
            what = f"the {role} {subject}"
        elif name in steps_only:
            role = "workflow-step"
        yield Placed(f"{project}-{names.kebab(subject)}", role, subject, name, function.place, what)
    for channel in application.channels:
        what = f"the channel {channel.name}"
        yield Placed(f"{project}-{names.kebab(channel.name)}", "channel", channel.name, None, channel.place, what)
    if application.mcp:
        first = min(wiring.place for wiring in application.mcp)
        yield Placed(f"{project}-mcp", "mcp", "mcp", None, first, "the MCP server")


def _is_server(
    function: Function, services: frozenset[str], incompatible: frozenset[str], deploy: DeployConfig
) -> bool:
    if function.deploy is not None:
        return function.deploy == "server"
    if deploy.default_target == "server":
        return True
    if not incompatible:
        return False
    named = {function.id, names.kebab(function.id)}
    if function.agent is not None:
        named |= {function.agent.name, names.kebab(function.agent.name)}
    named.update(each for service in services for each in (service, names.kebab(service)))
    return bool(incompatible & named)


def _steps_only(application: Application) -> frozenset[str]:
    """Functions that nothing but workflows' steps calls."""
    steps: set[str] = set()
    others: set[str] = set()
    for name, function in application.functions.items():
        own = {step.function for step in function.steps if step.function is not None}
        steps |= own
        if function.kind in ("workflow", "workflow-graph"):
            # What undoes a step is a step, too.
            steps.update(function.invokes)
        else:
            others.update(function.invokes)
        if function.expose or function.mcp or function.remote:
            others.add(name)
    others.update(wiring.function for wiring in application.http)
    others.update(wiring.function for wiring in application.queues)
    others.update(wiring.function for wiring in application.schedules)
    others.update(wiring.function for wiring in application.mcp)
    others.update(wiring.function for wiring in application.triggers)
    others.update(name for channel in application.channels for name in channel.functions)
    others.update(name for program in application.cli for name in program.functions)
    return frozenset(steps - others)
