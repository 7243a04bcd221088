"""How gateways, and callers that listen to agents, reach a unit's functions: the part of its entry that says so."""

from typing import TYPE_CHECKING

from unitgraph.rules.entry import EntryErrands
from unitgraph.units.model import Unit

if TYPE_CHECKING:
    from unitgraph.rules.names import Names
    from unitgraph.rules.wirings import Wirings


def errands_of(unit: Unit, wirings: "Wirings", names: "Names") -> EntryErrands | None:
    """None where nobody reaches the unit in such a way."""
    found = wirings.errands(unit)
    options = {one.wiring: tuple(names.expression(option) for option in one.options) for one in found}
    wires: set[str] = {one.wire for one in found if one.wire is not None}
    if any(wirings.agents(unit)):
        wires.add("agent")
        options["agent"] = ()
    described = {one.function for one in found if one.wire == "mcp"}
    describes = any(
        function.has_input_schema or function.has_output_schema
        for function in wirings.functions(unit)
        if function.id in described
    )
    return EntryErrands(tuple(sorted(wires)), tuple(options.items()), describes) if options else None
