"""The manifest: all units of a project and what they need, exactly as manifest.json has it. Data only.

Frozen dataclasses rather than pydantic's models: nothing is parsed here, and a command that edits one file shouldn't
pay 100 ms for an import. JSON keys are the fields' names in camelCase, all of them always present.
"""

import dataclasses
import json
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, Final, Literal

from unitgraph.units.config import camel

MANIFEST_VERSION: Final = 1

Role = Literal["function", "mcp", "agent", "channel", "workflow", "workflow-step"]
TargetKind = Literal["serverless", "server"]
Capability = Literal[
    "database", "object-storage", "queue", "kv", "ai-model", "ai-storage", "scheduler", "workflow-state",
    "credential-store", "rate-limit",
]  # fmt: skip
StepKind = Literal["rpc", "inline", "sleep", "approval", "event"]


_ONE_LINE: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


class Part:
    """What every part of the manifest can do."""

    __slots__ = ()

    def document(self) -> dict[str, Any]:
        """Plain data with camelCase keys."""
        return {key: _plain(getattr(self, name)) for name, key in _keys(type(self))}  # type: ignore[arg-type]

    def model_dump_json(self) -> str:
        """One line of JSON, the same for equal parts."""
        return _ONE_LINE.encode(self.document())


@dataclass(frozen=True, slots=True, order=True)
class Service(Part):
    capability: Capability
    source_service_name: str


@dataclass(frozen=True, slots=True, order=True)
class Route(Part):
    route: str
    method: str
    function_id: str

    def document(self) -> dict[str, Any]:
        return {"method": self.method, "route": self.route, "functionId": self.function_id}


@dataclass(frozen=True, slots=True)
class FetchHandler(Part):
    routes: tuple[Route, ...]
    type: Literal["fetch"] = "fetch"

    def document(self) -> dict[str, Any]:
        return {"type": self.type, "routes": [route.document() for route in self.routes]}


@dataclass(frozen=True, slots=True)
class QueueHandler(Part):
    queue_name: str
    type: Literal["queue"] = "queue"

    def document(self) -> dict[str, Any]:
        return {"type": self.type, "queueName": self.queue_name}


@dataclass(frozen=True, slots=True)
class ScheduledHandler(Part):
    schedule: str
    task_name: str
    type: Literal["scheduled"] = "scheduled"

    def document(self) -> dict[str, Any]:
        return {"type": self.type, "schedule": self.schedule, "taskName": self.task_name}


Handler = FetchHandler | QueueHandler | ScheduledHandler


@dataclass(frozen=True, slots=True)
class Unit(Part):
    """``source`` is where its function stands, "src/books.functions.ts:12"; the rest as in the reference.

    ``function_ids`` are the functions whose code is in the unit: a gateway (mcp, channel) dispatches to other units.
    ``queue_producers`` are the queues that its code adds to, "*" where a name isn't constant. ``channel_holders`` are
    the units that hold channels or streams of events, for one whose code takes the event hub: all that it publishes to.
    ``is_called``: another unit depends on it.
    """

    name: str
    role: Role
    target: TargetKind
    function_ids: tuple[str, ...]
    services: tuple[Service, ...]
    depends_on: tuple[str, ...]
    handlers: tuple[Handler, ...]
    secrets: tuple[str, ...]
    variables: tuple[str, ...]
    tags: tuple[str, ...]
    source: str
    queue_producers: tuple[str, ...] = ()
    channel_holders: tuple[str, ...] = ()
    is_called: bool = False


@dataclass(frozen=True, slots=True)
class QueueSettings(Part):
    """How a queue's jobs are worked on; ``concurrency`` None: as many at once as are fetched."""

    batch_size: int = 10
    batch_timeout_s: int = 1
    concurrency: int | None = None
    max_retries: int = 3
    retry_delay_ms: int = 5000
    backoff: Literal["fixed", "exponential"] = "exponential"
    dead_letter_queue: str | None = None
    timeout_ms: int = 900_000
    visibility_timeout_s: int = 30


DEFAULT_QUEUE: Final = QueueSettings()


@dataclass(frozen=True, slots=True)
class Queue(Part):
    name: str
    consumer_unit: str
    consumer_function_id: str
    settings: QueueSettings = DEFAULT_QUEUE


@dataclass(frozen=True, slots=True)
class ScheduledTask(Part):
    """``missed`` and ``overlap`` are what a server does, where a platform's own clock has no say."""

    name: str
    schedule: str
    unit_name: str
    function_id: str
    missed: Literal["run", "skip"] = "skip"
    overlap: Literal["allow", "skip"] = "allow"


@dataclass(frozen=True, slots=True)
class Channel(Part):
    name: str
    route: str
    unit_name: str
    function_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AgentEntry(Part):
    name: str
    unit_name: str
    model: str | None
    tool_function_ids: tuple[str, ...]
    sub_agent_names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class McpEndpoint(Part):
    unit_name: str
    route: str
    tool_function_ids: tuple[str, ...]
    resource_function_ids: tuple[str, ...]
    prompt_function_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WorkflowStep(Part):
    """``function_id`` and ``unit_name`` are those of an rpc step's callee."""

    name: str
    kind: StepKind
    function_id: str | None
    unit_name: str | None


@dataclass(frozen=True, slots=True)
class Workflow(Part):
    name: str
    function_id: str
    orchestrator_unit: str
    steps: tuple[WorkflowStep, ...]


@dataclass(frozen=True, slots=True)
class Secret(Part):
    secret_id: str
    display_name: str
    description: str


@dataclass(frozen=True, slots=True)
class Variable(Part):
    variable_id: str
    display_name: str
    description: str


Dialect = Literal["sqlite", "postgres"]


@dataclass(frozen=True, slots=True)
class Migration(Part):
    """A file of SQL for the project's database, and the digest of its text; ``only`` for one kind of database."""

    name: str
    digest: str
    only: Dialect | None = None


@dataclass(frozen=True)
class Manifest(Part):
    """Lists are sorted by name."""

    project_id: str
    manifest_version: int
    units: tuple[Unit, ...]
    queues: tuple[Queue, ...]
    scheduled_tasks: tuple[ScheduledTask, ...]
    channels: tuple[Channel, ...]
    agents: tuple[AgentEntry, ...]
    mcp_endpoints: tuple[McpEndpoint, ...]
    workflows: tuple[Workflow, ...]
    secrets: tuple[Secret, ...]
    variables: tuple[Variable, ...]
    unresolved_secret_reads: tuple[str, ...]
    migrations: tuple[Migration, ...] = ()

    @cached_property
    def unit_names(self) -> frozenset[str]:
        return frozenset(unit.name for unit in self.units)

    @cached_property
    def roles(self) -> dict[str, Role]:
        """Unit → what it is."""
        return {unit.name: unit.role for unit in self.units}

    @cached_property
    def server_names(self) -> frozenset[str]:
        """Units that run as a server."""
        return frozenset(unit.name for unit in self.units if unit.target == "server")


@cache
def _keys(part: type[Any]) -> tuple[tuple[str, str], ...]:
    """Field → key, in the order of the document."""
    return tuple((field.name, camel(field.name)) for field in dataclasses.fields(part))


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return value
    if isinstance(value, Part):
        return value.document()
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return value
