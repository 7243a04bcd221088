"""Gateways that can be built: role → what its entry calls and with what. A new one is a line in the table.

Knows which there are; what a gateway is made of stands in a module of its own (``gateway_<role>.py``).
"""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Final

from unitgraph.rules.gateway_channel import channel
from unitgraph.rules.gateway_mcp import mcp
from unitgraph.units.model import Role

if TYPE_CHECKING:
    from unitgraph.rules.entry import EntryGateway
    from unitgraph.rules.names import Names
    from unitgraph.rules.wirings import Wirings
    from unitgraph.units.model import Manifest, Unit

Gateway = Callable[["Unit", "Wirings", "Names"], "EntryGateway"]

GATEWAYS: Final[Mapping[Role, Gateway]] = {"channel": channel, "mcp": mcp}

PACKAGES: Final[Mapping[Role, str]] = {"agent": "agents", "mcp": "mcp"}
"""Role → the part of the toolchain with packages that only its bundle imports."""

RUNNABLE_ROLES: Final = frozenset(("function", "workflow", "workflow-step", "agent", *GATEWAYS))
"""Roles that this version can run; the others are analysed and listed, and left out of builds."""


def held(unit: "Unit", manifest: "Manifest") -> tuple[Role, ...]:
    """The gateways in a unit: its own, or in a merged server all that there are."""
    found: set[Role] = set()
    if any(channel.unit_name == unit.name for channel in manifest.channels):
        found.add("channel")
    if any(endpoint.unit_name == unit.name for endpoint in manifest.mcp_endpoints):
        found.add("mcp")
    return tuple(sorted(found & GATEWAYS.keys()))


def packages(units: Iterable["Unit"], manifest: "Manifest") -> tuple[str, ...]:
    """The parts of the toolchain that the bundles of units import from, besides the one that all do."""
    units = list(units)
    roles: set[Role] = {role for unit in units for role in held(unit, manifest)}
    if {agent.unit_name for agent in manifest.agents}.intersection(unit.name for unit in units):
        roles.add("agent")
    return tuple(sorted(PACKAGES[role] for role in roles if role in PACKAGES))
