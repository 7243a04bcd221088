"""The built-in services as a table: which module of the runtime brings each, and what it is told.

Knows names and data. Which services a unit takes, and which of them the project makes itself, is the generator's.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from unitgraph.providers.cloudflare.bindings import produces, queue_binding
from unitgraph.rules.entry import Builtin, literal

if TYPE_CHECKING:
    from unitgraph.units.model import Manifest, Unit


@dataclass(frozen=True, slots=True)
class Given:
    """What a service may be told of: the units that share it, the names of services that they take, and all queues
    that a process may add to."""

    manifest: "Manifest"
    units: Collection["Unit"]
    services: frozenset[str]
    queues: tuple[str, ...] = ()


Make = Callable[[Given], Builtin | None]
"""None where nobody would use the service."""


@dataclass(frozen=True, slots=True)
class Row:
    """How a service is made in a unit that stands alone, and in a process that holds several."""

    alone: Make
    process: Make


def _plain(name: str) -> Make:
    """``unitgraph/services/<name>`` has what builds the service, which is told nothing."""

    def make(given: Given) -> Builtin | None:
        return Builtin(name, name, ((f"unitgraph/services/{name}", name),)) if name in given.services else None

    return make


def _queues_bound(given: Given) -> Builtin | None:
    """Where queues are bindings; also for a worker that only hands dead letters on."""
    bindings = {queue: queue_binding(queue) for unit in given.units for queue in produces(unit, given.manifest)}
    if not bindings:
        return None
    value = f"queueService({literal(bindings)})"
    return Builtin("queueService", value, (("unitgraph/services/queue", "queueService"),))


def _queues_of_process(given: Given) -> Builtin | None:
    return Builtin("queueService", "jobs.service") if given.queues else None


BUILTINS: Final[Mapping[str, Row]] = {
    "jwt": Row(_plain("jwt"), _plain("jwt")),
    "queueService": Row(_queues_bound, _queues_of_process),
}
"""Service → how it is made. What a row's module exports has the service's own name, which no import of a project's
gets in the same entry."""


def alone(given: Given) -> Iterator[Builtin]:
    """The built-in services of a unit that stands alone, in the table's order."""
    return (made for row in BUILTINS.values() if (made := row.alone(given)) is not None)


def of_process(given: Given) -> Iterator[Builtin]:
    """Those of a process, in the table's order."""
    return (made for row in BUILTINS.values() if (made := row.process(given)) is not None)
