"""What is asked of workflows over HTTP, as operations of an OpenAPI document. Knows what each takes and gives; pure."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from unitgraph.units.application import Application, Function, HttpWiring
from unitgraph.units.openapi_schemas import Told
from unitgraph.units.workflow_routes import is_workflow, routes

Json = dict[str, Any]
_TEXT: Final[Json] = {"type": "string"}
_TIME: Final[Json] = {"type": "string", "format": "date-time"}
_ATTEMPT: Final[Json] = {
    "type": "object",
    "properties": {
        "attempt": {"type": "integer"}, "startedAt": _TIME, "endedAt": _TIME,
        "error": {"type": "object", "properties": {"code": _TEXT, "message": _TEXT}, "required": ["code", "message"]},
    },
    "required": ["attempt", "startedAt", "endedAt"],
}  # fmt: skip
_STEP: Final[Json] = {
    "type": "object",
    "properties": {
        "step": _TEXT, "kind": _TEXT, "status": {"enum": ["completed", "failed", "running", "waiting", "retrying"]},
        "target": {}, "attempt": {"type": "integer"}, "startedAt": _TIME, "endedAt": _TIME,
        "attempts": {"type": "array", "items": _ATTEMPT},
    },
    "required": ["step", "kind", "status", "startedAt"],
}  # fmt: skip
_STATUS: Final[Json] = {"enum": ["ready", "running", "waiting", "paused", "completed", "failed", "cancelled"]}
_ID: Final[Json] = {"type": "object", "properties": {"runId": _TEXT}, "required": ["runId"]}


def _data(properties: Json, *required: str) -> Json:
    return {"type": "object", "properties": properties, **({"required": list(required)} if required else {})}


_TAKEN: Final[Mapping[str, Json]] = {
    "status": _ID,
    "stream": _ID,
    "approve": _data(
        {"runId": _TEXT, "approved": {"type": "boolean"}, "reason": _TEXT, "data": {}, "step": _TEXT},
        "runId", "approved",
    ),
    "event": _data({"runId": _TEXT, "event": _TEXT, "data": {}, "id": _TEXT}, "runId", "event"),
    "cancel": _data({"runId": _TEXT, "reason": _TEXT}, "runId"),
}  # fmt: skip
_GIVEN: Final[Mapping[str, Json]] = {
    "approve": _data({"step": _TEXT, "approved": {"type": "boolean"}}, "step", "approved"),
    "event": _data({"event": _TEXT, "isDuplicate": {"type": "boolean"}}, "event", "isDuplicate"),
    "cancel": _data({"runId": _TEXT, "status": _STATUS}, "runId"),
}
ACCEPTED: Final = frozenset({"start", "event", "cancel"})
"""What is answered with 202."""


def operations(application: Application) -> Iterator[tuple[str, Function, HttpWiring]]:
    """What is asked, the workflow under a name of its own for that, and the route."""
    names = sorted(name for name, one in application.functions.items() if is_workflow(one))
    for method, route, _ in routes(names):
        _, name, what, *_ = route.removeprefix("/").split("/")
        function = application.functions[name]
        wiring = HttpWiring(method, route, name, (), what == "stream", ("workflows",), function.place)
        yield what, function._replace(id=f"{name}-{what}", tags=(), expose=False), wiring


def taken(what: str, told: Told) -> Told:
    return Told(_TAKEN[what]) if what in _TAKEN else told


def given(what: str, told: Told) -> Told:
    """``told`` is what the workflow comes to."""
    if what in _GIVEN:
        return Told(_GIVEN[what])
    if what in ("status", "stream"):
        error = _data({"code": _TEXT, "message": _TEXT}, "code", "message")
        output = told.json if told.json is not None and not told.definitions else {}
        run = {
            "runId": _TEXT, "workflow": _TEXT, "status": _STATUS, "createdAt": _TIME, "finishedAt": _TIME,
            "reason": _TEXT, "output": output, "error": error, "steps": {"type": "array", "items": _STEP},
        }  # fmt: skip
        return Told(_data(run, "runId", "workflow", "status", "createdAt", "steps"))
    return told
