"""How gateways and workflows reach functions: an errand a wiring, under whose options the function's unit runs it.

A gateway (channel, MCP server) holds no code of the functions behind it; what its wirings say of them, theirs hold.
Pure.
"""

from collections.abc import Iterator
from typing import Literal, NamedTuple

from unitgraph.units.application import Application, Expression, McpWiring
from unitgraph.units.model import Manifest
from unitgraph.units.workflow_routes import is_workflow

Wire = Literal["channel", "mcp", "graph"]


class Errand(NamedTuple):
    """``wiring`` is its name between units, "mcp tool search"; ``options`` are object literals, outermost first;
    ``module`` is where it is written. ``wire``: what the gateway lends, None where nothing comes back."""

    function: str
    wire: Wire | None
    wiring: str
    options: tuple[Expression, ...]
    tags: tuple[str, ...] = ()
    module: str = ""


def errands(application: Application) -> Iterator[Errand]:
    """All of an application, each once."""
    for channel in application.channels:
        module = channel.place.path
        for call in channel.calls:
            if call.kind != "message":
                # what stands around the channel stood around the opening; nobody asks for the end
                yield Errand(call.function, "channel", f"channel {channel.name} {call.kind}", (), (), module)
                continue
            said = "message" if call.property is None else f"{call.property}={call.value}"
            options = tuple(each for each in (channel.shared, *call.outer, call.options) if each is not None)
            yield Errand(call.function, "channel", f"channel {channel.name} {said}", options, channel.tags, module)
    for wiring in application.mcp:
        options = (wiring.options,) if wiring.options is not None else ()
        yield Errand(wiring.function, "mcp", mcp_wiring(wiring), options, wiring.tags, wiring.place.path)
    workflows = {name for name, function in application.functions.items() if is_workflow(function)}
    yield from (Errand(name, None, "workflow start", ()) for name in sorted(workflows))
    steps: dict[str, Wire | None] = {}
    for name in sorted(workflows):
        workflow = application.functions[name]
        for called in workflow.invokes:
            steps[called] = "graph" if workflow.kind == "workflow-graph" else steps.get(called)
    yield from (Errand(name, steps[name], "workflow step", ()) for name in sorted(steps.keys() - workflows))


def mcp_wiring(wiring: McpWiring) -> str:
    return f"mcp {wiring.kind} {wiring.name}"


def dispatched(unit: str, manifest: Manifest) -> tuple[str, ...]:
    """The functions that the gateways in a unit call."""
    found = {name for channel in manifest.channels if channel.unit_name == unit for name in channel.function_ids}
    for endpoint in manifest.mcp_endpoints:
        if endpoint.unit_name == unit:
            found.update(endpoint.tool_function_ids, endpoint.resource_function_ids, endpoint.prompt_function_ids)
    return tuple(sorted(found))
