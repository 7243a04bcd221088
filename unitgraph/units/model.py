"""The manifest: all units of a project and what they need, as ``manifest.json`` has it. Knows no source code.

Lists are sorted by name and every key is always there. JSON is camelCase, attributes are snake_case.
"""

import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

MANIFEST_VERSION = 1

Role = Literal["function", "mcp", "agent", "channel", "workflow", "workflow-step"]
Capability = Literal[
    "database", "object-storage", "queue", "kv", "ai-model", "ai-storage", "scheduler", "workflow-state",
    "credential-store",
]  # fmt: skip


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)


class Route(_Model):
    method: str
    route: str
    function_id: str


class FetchHandler(_Model):
    type: Literal["fetch"] = "fetch"
    routes: tuple[Route, ...]


class QueueHandler(_Model):
    type: Literal["queue"] = "queue"
    queue_name: str


class ScheduledHandler(_Model):
    type: Literal["scheduled"] = "scheduled"
    schedule: str
    task_name: str


Handler = Annotated[FetchHandler | QueueHandler | ScheduledHandler, Field(discriminator="type")]


class UnitService(_Model):
    capability: Capability
    source_service_name: str


class Unit(_Model):
    """``source`` is "path:line" of its first function."""

    name: str
    role: Role
    target: Literal["serverless", "server"]
    function_ids: tuple[str, ...]
    services: tuple[UnitService, ...]
    depends_on: tuple[str, ...]
    handlers: tuple[Handler, ...]
    secrets: tuple[str, ...]
    variables: tuple[str, ...]
    tags: tuple[str, ...]
    source: str


class Queue(_Model):
    name: str
    consumer_unit: str
    consumer_function_id: str | None


class ScheduledTask(_Model):
    name: str
    schedule: str
    unit_name: str
    function_id: str


class Channel(_Model):
    name: str
    route: str
    unit_name: str
    function_ids: tuple[str, ...]


class AgentEntry(_Model):
    name: str
    unit_name: str
    model: str | None
    tool_function_ids: tuple[str, ...]
    sub_agent_names: tuple[str, ...]


class McpEndpoint(_Model):
    unit_name: str
    tool_function_ids: tuple[str, ...]
    resource_function_ids: tuple[str, ...]
    prompt_function_ids: tuple[str, ...]


class WorkflowStep(_Model):
    name: str
    kind: Literal["rpc", "inline", "sleep", "approval", "event"]
    function_id: str | None
    unit_name: str | None


class Workflow(_Model):
    name: str
    function_id: str
    orchestrator_unit: str
    steps: tuple[WorkflowStep, ...]


class Secret(_Model):
    secret_id: str
    display_name: str
    description: str


class Variable(_Model):
    variable_id: str
    display_name: str
    description: str


class Manifest(_Model):
    project_id: str
    manifest_version: Literal[1] = MANIFEST_VERSION
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

    def document(self) -> dict[str, Any]:
        """The manifest as plain JSON data."""
        return self.model_dump(by_alias=True, mode="json")

    def render(self) -> bytes:
        """The text of ``manifest.json``."""
        return (json.dumps(self.document(), indent=2, ensure_ascii=False) + "\n").encode()
