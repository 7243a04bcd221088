"""What an agent answers over HTTP without being wired: a table. Knows neither agents' code nor who serves them."""

from collections.abc import Iterator
from typing import Final, NamedTuple
from urllib.parse import quote


class AgentRoute(NamedTuple):
    """``operation`` is "" for a run, else what follows the function's id: ``bookseller.approve``."""

    method: str
    route: str
    operation: str
    sse: bool = False


_ROUTES: Final = (
    AgentRoute("POST", "/run", ""),
    AgentRoute("POST", "/stream", "", sse=True),
    AgentRoute("GET", "/runs/:runId", "status"),
    AgentRoute("POST", "/resume/:runId", "resume", sse=True),
    AgentRoute("POST", "/approve/:runId", "approve", sse=True),
    AgentRoute("GET", "/threads", "threads"),
    AgentRoute("GET", "/threads/:threadId", "thread"),
    AgentRoute("DELETE", "/threads/:threadId", "forget"),
)

_CALLED: Final = ("resume", "approve")
"""Operations that other units' functions may ask for, through ``rpc.agent``."""

OPERATIONS: Final = tuple(dict.fromkeys(route.operation for route in _ROUTES if route.operation))


def routes(agent: str) -> Iterator[AgentRoute]:
    """The routes of an agent, below its name."""
    return (route._replace(route=f"/agents/{quote(agent, safe='')}{route.route}") for route in _ROUTES)


def called(function: str, route: AgentRoute) -> str:
    """The id of what answers a route."""
    return f"{function}.{route.operation}" if route.operation else function


def functions(function: str, *, from_elsewhere: bool = False) -> tuple[str, ...]:
    """The ids under which an agent's function and its operations are called, at all or by other units."""
    return (function, *(f"{function}.{operation}" for operation in (_CALLED if from_elsewhere else OPERATIONS)))
