"""What a process answers by itself, unit by unit: the routes of its functions, gateways, agents and workflows."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from unitgraph.rules import workflows
from unitgraph.rules.entry import MainRoute
from unitgraph.rules.gateways import held
from unitgraph.units import workflow_routes
from unitgraph.units.mcp import ROUTE as MCP_ROUTE

if TYPE_CHECKING:
    from unitgraph.rules.wirings import Wirings
    from unitgraph.units.model import Unit


def main_routes(unit: "Unit", wirings: "Wirings") -> Iterator[MainRoute]:
    for wiring in wirings.routes(unit):
        yield MainRoute(wiring.method, wiring.route, unit.name)
    for channel in wirings.channels(unit):
        yield MainRoute("GET", channel.route, unit.name)
    for _, answered in wirings.agent_routes(unit):
        yield MainRoute(answered.method, answered.route, unit.name)
    for function in wirings.functions(unit):
        if function.expose:
            yield MainRoute("POST", f"/rpc/{function.id}", unit.name)
    for method, route, _ in workflow_routes.routes(workflows.in_unit(wirings.application, unit)):
        yield MainRoute(method, route, unit.name)
    if "mcp" in held(unit, wirings.manifest):
        yield MainRoute("POST", MCP_ROUTE, unit.name)
