"""Gateways that can be built: role → what its entry calls and with what. A new one is a line in the table.

Knows which there are; what a gateway is made of stands in a module of its own (``gateway_<role>.py``).
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from unitgraph.providers.base import Isolation
from unitgraph.units.model import Role

if TYPE_CHECKING:
    from unitgraph.rules.entry import EntryGateway
    from unitgraph.rules.names import Names
    from unitgraph.rules.wirings import Wirings
    from unitgraph.units.model import Unit

Gateway = Callable[["Unit", "Wirings", "Names"], "EntryGateway"]

GATEWAYS: Final[Mapping[Role, Gateway]] = {}

WORKFLOW_WIRES: Final = frozenset(("workflowStep", "start"))
"""What calls that belong to a run bring along."""

_EVERYWHERE: Final = frozenset(("function", "workflow-step", *GATEWAYS))


def runnable(isolation: Isolation) -> frozenset[str]:
    """Roles that this version can run; the others are analysed and listed, and left out of builds."""
    return _EVERYWHERE | {"workflow"} if isolation == "process" else _EVERYWHERE
