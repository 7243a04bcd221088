"""What a Worker is bound to, and under which names: other Workers, queues, stores, variables. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final, Literal

from unitgraph.units import names

if TYPE_CHECKING:
    from unitgraph.units.model import Manifest, Migration, QueueSettings, Unit

StoreKind = Literal["d1", "r2", "kv"]

STORES: Final[dict[str, StoreKind]] = {
    "database": "d1",
    "ai-storage": "d1",
    "object-storage": "r2",
    "kv": "kv",
    "credential-store": "kv",
}
"""Capability → the kind of store. What is in neither this table nor the queues needs nothing from Cloudflare."""


_WEEKDAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


@dataclass(frozen=True, slots=True, order=True)
class Objects:
    """A class of Durable Objects that a unit is bound to; ``specifier`` is the runtime's module, ``script`` the Worker
    that brings it, None for the unit itself."""

    binding: str
    class_name: str
    specifier: str
    script: str | None = None


RUNS: Final = Objects("UNITGRAPH_RUNS", "WorkflowRun", "unitgraph/workflow/cloudflare/object")
"""The runs of a unit's workflows: each keeps and executes itself."""

LEDGER: Final = Objects("UNITGRAPH_JOBS", "JobLedger", "unitgraph/queue/ledger")
"""Where a Worker remembers the ids of jobs."""
LIMITS: Final = Objects("UNITGRAPH_LIMITS", "RateLimitBucket", "unitgraph/services/limits/object")
"""Where a Worker counts the calls of each caller."""
LEASES: Final = Objects("UNITGRAPH_TASKS", "TaskLease", "unitgraph/schedule/lease")
"""Where a Worker learns that a task's last run goes on."""


MIGRATIONS: Final = "migrations"
"""The folder of the build output with what wrangler applies to D1."""


@dataclass(frozen=True, slots=True, order=True)
class Store:
    """A D1 database, an R2 bucket or a KV namespace of the project."""

    kind: StoreKind
    name: str
    binding: str


@cache
def binding_name(name: str) -> str:
    """``my-app-get-books`` → ``MY_APP_GET_BOOKS``; ``userUploads`` → ``USER_UPLOADS``.

    Unit names hold only ``[a-z0-9-]``, so two of them never come to one binding.
    """
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    upper = re.sub(r"[^A-Za-z0-9]", "_", words).upper()
    return f"_{upper}" if upper[:1].isdigit() else upper


def resource_name(project: str, name: str) -> str:
    """The name of something of the project's in the account: lower case, digits and hyphens."""
    kebab = binding_name(name).strip("_").lower().replace("_", "-")
    return f"{project}-{kebab}"


def queue_name(name: str) -> str:
    """A queue's name as Cloudflare takes it, which is lower case, digits and hyphens."""
    return name if re.fullmatch(r"[a-z0-9-]+", name) else binding_name(name).strip("_").lower().replace("_", "-")


def stores(unit: "Unit", manifest: "Manifest") -> tuple[Store, ...]:
    """The stores behind the services that a unit takes; a store keeps out of the way of variables and secrets."""
    found = set()
    for service in unit.services:
        kind = STORES.get(service.capability)
        if kind is not None:
            name = service.source_service_name
            found.add(Store(kind, resource_name(manifest.project_id, name), store_binding(unit, name, kind)))
    return tuple(sorted(found))


def of_d1(manifest: "Manifest") -> tuple["Migration", ...]:
    """The migrations that are for D1."""
    return tuple(each for each in manifest.migrations if each.only != "postgres")


def store_binding(unit: "Unit", service: str, kind: StoreKind) -> str:
    """Under which name a unit has the store of a service."""
    binding = binding_name(service)
    return f"{binding}_{kind.upper()}" if binding in {*unit.secrets, *unit.variables} else binding


def callees(unit: "Unit", manifest: "Manifest") -> tuple[str, ...]:
    """The units that a unit calls, of those that are built."""
    return tuple(sorted(manifest.unit_names.intersection(unit.depends_on)))


def servers(manifest: "Manifest") -> frozenset[str]:
    """Names of units that run as a server elsewhere, which no service binding reaches."""
    return manifest.server_names


def queue_binding(name: str) -> str:
    """Under which name a unit adds to a queue."""
    return f"QUEUE_{binding_name(name)}"


def produces(unit: "Unit", manifest: "Manifest") -> tuple[str, ...]:
    """Queues that a unit adds to, all of them where a name isn't constant; its worker adds to its dead letters'."""
    own = [queue.settings.dead_letter_queue for queue in manifest.queues if queue.consumer_unit == unit.name]
    found = {*unit.queue_producers, *filter(None, own)}
    if "*" in unit.queue_producers:
        pairs = ((queue.name, queue.settings.dead_letter_queue) for queue in manifest.queues)
        found.update(name for pair in pairs for name in pair if name)
    return tuple(sorted(found - {"*"}))


def pulls(unit: "Unit", manifest: "Manifest") -> bool:
    """Whether a server has to do with queues, which it reaches over HTTP."""
    return bool(produces(unit, manifest)) or any(queue.consumer_unit == unit.name for queue in manifest.queues)


def objects(unit: "Unit", manifest: "Manifest") -> tuple[Objects, ...]:
    """The Durable Objects that a unit brings, as a table: who needs which."""
    tasks = [task for task in manifest.scheduled_tasks if task.unit_name == unit.name]
    own = holder_binding(unit.name)
    needed = {
        LEDGER: any(queue.consumer_unit == unit.name for queue in manifest.queues),
        LEASES: any(task.overlap == "skip" for task in tasks),
        LIMITS: any(service.capability == "rate-limit" for service in unit.services),
        Objects(own, "ChannelSockets", "unitgraph/channel/cloudflare"): unit.role == "channel",
        Objects(own, "EventStreams", "unitgraph/channel/streams"): unit.name in unit.channel_holders,
        RUNS: any(workflow.orchestrator_unit == unit.name for workflow in manifest.workflows),
    }
    return tuple(sorted(kind for kind, is_needed in needed.items() if is_needed))


def parents(unit: "Unit", manifest: "Manifest") -> dict[str, str]:
    """Workflows of other units that call the unit's as steps, and under which name the unit is bound to their runs."""
    own = {workflow.function_id for workflow in manifest.workflows if workflow.orchestrator_unit == unit.name}
    return {
        workflow.function_id: f"RUNS_{binding_name(workflow.orchestrator_unit)}"
        for workflow in manifest.workflows
        if workflow.orchestrator_unit in manifest.unit_names
        and workflow.orchestrator_unit != unit.name
        and any(step.function_id in own for step in workflow.steps)
    }


def holder_binding(name: str) -> str:
    """Under which name units are bound to the channels that another one holds, or they themselves."""
    return f"CHANNELS_{binding_name(name)}"


def bound_objects(unit: "Unit", manifest: "Manifest") -> tuple[Objects, ...]:
    """The Durable Objects of other units that a unit is bound to, of those that are built."""
    channels = [
        Objects(holder_binding(name), "ChannelSockets" if role == "channel" else "EventStreams", "", name)
        for name in unit.channel_holders
        if name != unit.name and (role := manifest.roles.get(name))
    ]
    homes = {workflow.function_id: workflow.orchestrator_unit for workflow in manifest.workflows}
    runs = {
        Objects(binding, RUNS.class_name, "", homes[workflow]) for workflow, binding in parents(unit, manifest).items()
    }
    return (*channels, *sorted(runs, key=lambda kind: kind.binding))


def at_once(settings: "QueueSettings") -> int:
    """How many jobs of a batch a Worker runs at the same time."""
    return min(settings.concurrency or settings.batch_size, settings.batch_size)


def most_batches(settings: "QueueSettings") -> int | None:
    """How many batches may be under way so that no more jobs run at once than are to; None: as many as there are."""
    return max(1, settings.concurrency // at_once(settings)) if settings.concurrency else None


@cache
def cron(schedule: str) -> str:
    """An expression as Cloudflare reads it, which counts days of the week from Sunday, 1: so they go by their names."""
    *others, weekdays = schedule.split()
    if weekdays != "*":
        days = sorted({day % 7 for day in names.values(weekdays, "day of week")})
        weekdays = ",".join(_WEEKDAYS[day] for day in days)
    return " ".join([*others, weekdays])


def schedules(unit: "Unit") -> tuple[str, ...]:
    """As Cloudflare reads them, each once."""
    return tuple(sorted({cron(handler.schedule) for handler in unit.handlers if handler.type == "scheduled"}))


def users(units: Iterable["Unit"], manifest: "Manifest") -> dict[Store, tuple[str, ...]]:
    """Every store of the project with the units that take it; under one name, whatever they bind it as."""
    found: dict[tuple[StoreKind, str], tuple[Store, list[str]]] = {}
    for unit in units:
        for store in stores(unit, manifest):
            found.setdefault((store.kind, store.name), (store, []))[1].append(unit.name)
    return {store: tuple(sorted(names)) for _identity, (store, names) in sorted(found.items())}
