"""The built-in services as a table: which module of the runtime brings each, and what it is told.

Knows names and data. Which services a unit takes, and which of them the project makes itself, is the generator's.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from unitgraph.providers.cloudflare.bindings import (
    LIMITS,
    StoreKind,
    holder_binding,
    parents,
    produces,
    queue_binding,
    store_binding,
)
from unitgraph.rules.entry import Builtin, literal
from unitgraph.units.migrations import FOLDER

if TYPE_CHECKING:
    from unitgraph.rules.workspace import Workspace
    from unitgraph.units.model import Manifest, Migration, Unit
    from unitgraph.units.slice import SlicePlan

_AGENTS: Final = "aiStorage"


@dataclass(frozen=True, slots=True)
class Given:
    """What a service may be told of: the units that share it, the names of services that they take and the project
    doesn't make, and all queues that a process may add to. ``elsewhere`` are those that units elsewhere take as well;
    ``has_kysely``: the project depends on it; ``migrations`` with their texts;
    ``workflows``: those in the units, each with its version."""

    manifest: "Manifest"
    units: Collection["Unit"]
    services: frozenset[str]
    queues: tuple[str, ...] = ()
    elsewhere: frozenset[str] = frozenset()
    has_kysely: bool = False
    migrations: tuple[tuple["Migration", str], ...] = ()
    workflows: Mapping[str, str] = field(default_factory=dict)


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


def _store_bound(name: str, kind: StoreKind) -> Make:
    """A store that is a binding of the unit's own."""

    def make(given: Given) -> Builtin | None:
        if name not in given.services:
            return None
        (unit,) = given.units
        binding = literal(store_binding(unit, name, kind))
        return Builtin(name, f"{name}({binding})", ((f"unitgraph/services/{name}/cloudflare", name),))

    return make


def _agents_of_process(given: Given) -> Builtin | None:
    """Where other units are elsewhere, their agents are as well."""
    if _AGENTS not in given.services:
        return None
    return Builtin(_AGENTS, _AGENTS, ((f"unitgraph/services/{_AGENTS}/process", _AGENTS),))


_KYSELY_OF_D1: Final = ("Kysely", "SqliteAdapter", "SqliteIntrospector", "SqliteQueryCompiler")
_KYSELY_OF_PROCESS: Final = ("Kysely", "PostgresDialect", "SqliteDialect")


def _kysely(names: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Kysely is the project's own, so that its types and its ``sql`` are the database's."""
    return tuple(("kysely", name) for name in names)


def _db_bound(given: Given) -> Builtin | None:
    if "db" not in given.services or not given.has_kysely:
        return None
    (unit,) = given.units
    parts = f"{{ {', '.join(_KYSELY_OF_D1)} }}"
    imports = (("unitgraph/services/db/cloudflare", "db"), *_kysely(_KYSELY_OF_D1))
    return Builtin("db", f"db({parts}, {literal(store_binding(unit, 'db', 'd1'))})", imports)


def _db_of_process(given: Given) -> Builtin | None:
    """As ``kv``: where Workers take it, it is D1, and out of reach."""
    if not _has_own(given, "db") or not given.has_kysely:
        return None
    parts = f"{{ {', '.join(_KYSELY_OF_PROCESS)} }}"
    migrations = [
        {"name": each.name, "digest": each.digest, "sql": text} | ({"only": each.only} if each.only else {})
        for each, text in given.migrations
    ]
    imports = (("unitgraph/services/db/process", "db"), *_kysely(_KYSELY_OF_PROCESS))
    return Builtin("db", f"db({parts}, {literal(migrations)})", imports)


def _kv_of_process(given: Given) -> Builtin | None:
    """Where Workers take it, it is theirs, and out of reach."""
    if not _has_own(given, "kv"):
        return None
    return Builtin("kv", "kv", (("unitgraph/services/kv/process", "kv"),))


def _limits_bound(given: Given) -> Builtin | None:
    if "rateLimits" not in given.services:
        return None
    module = "unitgraph/services/limits/cloudflare"
    return Builtin("rateLimits", f"rateLimits({literal(LIMITS.binding)})", ((module, "rateLimits"),))


def _limits_of_process(given: Given) -> Builtin | None:
    if "rateLimits" not in given.services:
        return None
    return Builtin("rateLimits", "rateLimits", (("unitgraph/services/limits/process", "rateLimits"),))


def _storage_of_process(given: Given) -> Builtin | None:
    if "storage" not in given.services:
        return None
    told = literal({"isAlone": False}) if "storage" in given.elsewhere else ""
    return Builtin("storage", f"storage({told})", (("unitgraph/services/storage/process", "storage"),))


def _runs_of_process(given: Given) -> Builtin | None:
    """Where runs are kept, for workflows that a process executes itself."""
    own = {name for unit in given.units for name in unit.function_ids}
    if own.isdisjoint(workflow.function_id for workflow in given.manifest.workflows):
        return None
    return Builtin("workflowState", "flows.service")


def _runs_bound(given: Given) -> Builtin | None:
    """Each run in a Durable Object of the unit's."""
    (unit,) = given.units
    if not given.workflows:
        return None
    told = ", ".join(map(literal, filter(None, (given.workflows, parents(unit, given.manifest)))))
    return Builtin(
        "workflowState", f"workflowState({told})", (("unitgraph/workflow/cloudflare/service", "workflowState"),)
    )


def _hub_bound(given: Given) -> Builtin | None:
    """Where channels are in objects of the Workers that hold them."""
    if "eventHub" not in given.services:
        return None
    (unit,) = given.units
    told = {"unit": unit.name, "holders": {name: holder_binding(name) for name in unit.channel_holders}}
    return Builtin("eventHub", f"eventHub({literal(told)})", (("unitgraph/services/event-hub", "eventHub"),))


def _hub_of_process(given: Given) -> Builtin | None:
    """Where Workers hold channels, or say something on them, topics are theirs."""
    return Builtin("eventHub", "() => hub.service") if takes_hub(given) else None


def takes_hub(given: Given) -> bool:
    """Whether a process has an event hub of its own."""
    return _has_own(given, "eventHub")


def _has_own(given: Given, name: str) -> bool:
    """Whether a process has a service for itself, since nobody elsewhere has it."""
    return name in given.services and name not in given.elsewhere


def out_of_reach(given: Given, process: str) -> Iterator[str]:
    """What a process takes and can't have, as sentences."""
    for name in ("db", "eventHub", "kv"):
        if name in given.services & given.elsewhere and (name != "db" or given.has_kysely):
            yield (
                f"{process} takes {name}, which Workers have: there it is out of a server's reach, and whoever uses it "
                f"in {process} gets a 501."
            )


BUILTINS: Final[Mapping[str, Row]] = {
    _AGENTS: Row(_store_bound(_AGENTS, "d1"), _agents_of_process),
    "db": Row(_db_bound, _db_of_process),
    "eventHub": Row(_hub_bound, _hub_of_process),
    "jwt": Row(_plain("jwt"), _plain("jwt")),
    "webhooks": Row(_plain("webhooks"), _plain("webhooks")),
    "kv": Row(_store_bound("kv", "kv"), _kv_of_process),
    "queueService": Row(_queues_bound, _queues_of_process),
    "rateLimits": Row(_limits_bound, _limits_of_process),
    "storage": Row(_store_bound("storage", "r2"), _storage_of_process),
    "workflowState": Row(_runs_bound, _runs_of_process),
}
"""Service → how it is made. What a row's module exports has the service's own name, which no import of a project's
gets in the same entry."""


def alone(given: Given) -> Iterator[Builtin]:
    """The built-in services of a unit that stands alone, in the table's order."""
    return (made for row in BUILTINS.values() if (made := row.alone(given)) is not None)


def of_process(given: Given) -> Iterator[Builtin]:
    """Those of a process, in the table's order."""
    return (made for row in BUILTINS.values() if (made := row.process(given)) is not None)


LOCALS: Final = frozenset({*BUILTINS, *_KYSELY_OF_D1, *_KYSELY_OF_PROCESS})
"""Names that an entry keeps free for them."""


def taken(plan: "SlicePlan", made: frozenset[str], *, has_agents: bool) -> frozenset[str]:
    """The services that units take and that their project doesn't make, whose own are ``made``."""
    return (plan.services - made) | plan.existing | (frozenset({_AGENTS}) if has_agents else frozenset())


def packages(workspace: "Workspace", plan: "SlicePlan", made: frozenset[str]) -> set[tuple[str, str]]:
    """The project's packages that services are made of, and who imports them: a file in its root would."""
    return {("kysely", "")} if _has_kysely(workspace) and "db" in taken(plan, made, has_agents=False) else set()


def given(
    workspace: "Workspace", units: Collection["Unit"], services: frozenset[str], queues: tuple[str, ...], *,
    elsewhere: frozenset[str], workflows: Mapping[str, str],
) -> Given:  # fmt: skip
    manifest, read = workspace.manifest, workspace.project.sources.read
    return Given(
        manifest, units, services, queues, elsewhere=elsewhere, has_kysely=_has_kysely(workspace),
        migrations=tuple((each, read(f"{FOLDER}/{each.name}").decode()) for each in manifest.migrations),
        workflows=workflows,
    )  # fmt: skip


def _has_kysely(workspace: "Workspace") -> bool:
    return "kysely" in workspace.project.package.dependencies
