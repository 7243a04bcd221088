"""An application's HTTP interface as an OpenAPI 3.1 document (https://spec.openapis.org/oas/v3.1.1).

Knows routes and exposed functions; what their data looks like is told by ``openapi_schemas``. The same application
gives the same text everywhere.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from unitgraph.units import names, openapi_workflows
from unitgraph.units.application import Application, Function, HttpWiring
from unitgraph.units.openapi_auth import SignIns
from unitgraph.units.openapi_paths import NO_BODY, Path, body, parameters, paths_of, query, renamed
from unitgraph.units.openapi_schemas import Told
from unitgraph.units.workflow_routes import is_workflow

Json = dict[str, Any]
VERSION: Final = "3.1.1"
_JSON: Final = "application/json"
_SIGNED_IN: Final = frozenset({"func", "list"})
_ERROR: Final[Json] = {
    "type": "object",
    "description": "What went wrong, for people in `error` and for programs in `code`.",
    "properties": {
        "error": {"type": "string"},
        "code": {"type": "string"},
        "issues": {
            "type": "array",
            "description": "What is wrong with the data.",
            "items": {
                "type": "object",
                "properties": {
                    "path": {"type": "array", "items": {"type": ["string", "integer"]}},
                    "message": {"type": "string"},
                },
                "required": ["path", "message"],
            },
        },
        "data": {},
        "id": {"type": "string", "description": "The same as on the log's line."},
    },
    "required": ["error", "code"],
}
_RESPONSES: Final[Mapping[str, str]] = {
    "BadRequest": "The data isn't what the function takes.",
    "Unauthorized": "Nobody is signed in, or the session isn't valid.",
    "Forbidden": "Whoever is signed in may not do this.",
    "Error": "Any other error.",
}


@dataclass(frozen=True, slots=True)
class About:
    """What a document says of the application as a whole."""

    title: str
    version: str
    description: str | None = None
    servers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sides:
    """What a function takes and gives."""

    input: Told
    output: Told


@dataclass(slots=True)
class _Document:
    paths: dict[str, Json] = field(default_factory=dict)
    shapes: dict[str, Path] = field(default_factory=dict)
    schemas: dict[str, Json] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)     # a schema's name → the text of what it stands for
    ids: set[str] = field(default_factory=set)


def document(application: Application, about: About, told: Callable[[Function], Sides], sign_ins: SignIns) -> Json:
    """The whole document."""
    made = _Document()
    for function, wiring, what in _operations(application):
        if function.internal:
            continue
        method, route = (wiring.method, wiring.route) if wiring is not None else ("POST", f"/rpc/{function.id}")
        for original in paths_of(route):
            path = renamed(original, made.shapes)
            made.shapes.setdefault(path.shape, path)
            item = made.paths.setdefault(path.template, {})
            if method.lower() not in item:
                sides = told(application.functions[wiring.function] if wiring is not None else function)
                if what is not None:
                    takes, gives = openapi_workflows.taken, openapi_workflows.given
                    sides = Sides(takes(what, sides.input), gives(what, sides.output))
                item[method.lower()] = _operation(made, function, wiring, path, original, sides, sign_ins, what)
    info = {"title": about.title, "version": about.version} | _given(description=about.description)
    components: Json = {"schemas": {"Error": _ERROR} | dict(sorted(made.schemas.items()))}
    components["responses"] = {
        name: {"description": said, "content": {_JSON: {"schema": {"$ref": "#/components/schemas/Error"}}}}
        for name, said in _RESPONSES.items()
    }
    if sign_ins.schemes:
        components["securitySchemes"] = dict(sorted(sign_ins.schemes.items()))
    return {
        "openapi": VERSION,
        "info": info,
        **_given(servers=[{"url": url} for url in about.servers]),
        "paths": dict(sorted(made.paths.items())),
        "components": components,
    }


def render(made: Json) -> str:
    return json.dumps(made, indent=2, ensure_ascii=False) + "\n"


def _operations(application: Application) -> Iterator[tuple[Function, HttpWiring | None, str | None]]:
    """Every route, every exposed function, and what is asked of workflows, in an order that isn't the source's."""
    for wiring in sorted(application.http, key=lambda each: (each.route, each.method)):
        function = application.functions[wiring.function]
        yield function, wiring, "start" if is_workflow(function) else None
    for _, function in sorted(application.functions.items()):
        if function.expose:
            yield function, None, None
    for what, function, wiring in openapi_workflows.operations(application):
        yield function, wiring, what


def _operation(
    made: _Document, function: Function, wiring: HttpWiring | None, path: Path, original: Path, sides: Sides,
    sign_ins: SignIns, what: str | None,
) -> Json:  # fmt: skip
    method = wiring.method if wiring is not None else "POST"
    input_ = _taken_over(made, function.id, sides.input)
    in_path = [parameter.name for parameter in original.parameters]
    needs_session = _needs_session(function, wiring)
    schemes = sign_ins.around(function, wiring)
    security: list[Json] = [{name: []} for name in schemes]
    if schemes and not needs_session:
        security.insert(0, {})      # nobody in particular may call it, too
    answered = _answered(made, function, wiring, sides, what)
    responses = answered | _refused(has_input=input_ is not None, needs_session=needs_session)
    found = parameters(path, original, input_)
    if method in NO_BODY or (method == "DELETE" and _fits_a_query(input_, in_path)):
        found += query(input_, in_path)
        sent = None
    else:
        sent = body(input_, in_path)
    tags = [*dict.fromkeys((*(wiring.tags if wiring else ()), *function.tags))] or ([] if wiring else ["rpc"])
    return {
        "operationId": _operation_id(made, function, wiring, path),
        **_given(
            summary=(wiring.title if wiring else None) or function.title,
            description=(wiring.description if wiring else None) or function.description,
            tags=tags, parameters=found, requestBody=sent,
        ),
        "responses": responses,
        **_given(security=security),
    }  # fmt: skip


def _needs_session(function: Function, wiring: HttpWiring | None) -> bool:
    own = function.auth if function.auth is not None else function.kind in _SIGNED_IN
    return own or bool(wiring is not None and wiring.auth)


def _fits_a_query(schema: Json | None, in_path: Iterable[str]) -> bool:
    return all(one["schema"].get("type") not in ("object", None) for one in query(schema, in_path))


def _answered(made: _Document, function: Function, wiring: HttpWiring | None, sides: Sides, what: str | None) -> Json:
    """The answer where nothing went wrong; ``what`` is asked of a workflow."""
    if what == "start":
        run = {"type": "object", "properties": {"runId": {"type": "string"}}, "required": ["runId"]}
        return {"202": {"description": "A run has been started.", "content": {_JSON: {"schema": run}}}}
    if function.kind == "void" or sides.output.json is None:
        return {"204": {"description": "It is done, and there is nothing to say."}}
    schema = _taken_over(made, function.id, sides.output)
    content: Json = {sides.output.media: {} if sides.output.media != _JSON else {"schema": schema}}
    if wiring is not None and wiring.sse:
        events = {"type": "string", "contentMediaType": _JSON, "contentSchema": schema}
        content["text/event-stream"] = {"schema": events}
    status = "202" if what in openapi_workflows.ACCEPTED else "200"
    return {status: {"description": "What the function returns.", "content": content}}


def _refused(*, has_input: bool, needs_session: bool) -> Json:
    known = {"400": "BadRequest"} if has_input else {}
    known |= {"401": "Unauthorized", "403": "Forbidden"} if needs_session else {}
    known |= {"default": "Error"}
    return {status: {"$ref": f"#/components/responses/{name}"} for status, name in known.items()}


def _operation_id(made: _Document, function: Function, wiring: HttpWiring | None, path: Path) -> str:
    """The function's name; of a further route of the same function, one that says which."""
    wanted = function.id if wiring is not None else f"rpc-{function.id}"
    if wanted in made.ids and wiring is not None:
        route = re.sub(r"[{}]", "", path.template).replace("/", " ")
        wanted = f"{function.id}-{names.kebab(f'{wiring.method} {route}')}"
    number, chosen = 1, wanted
    while chosen in made.ids:
        number += 1
        chosen = f"{wanted}-{number}"
    made.ids.add(chosen)
    return chosen


def _taken_over(made: _Document, function: str, told: Told) -> Json | None:
    """A function's schema with its recursive types among the document's; two that are called alike get two names."""
    if told.json is None or not told.definitions:
        return told.json
    renaming: dict[str, str] = {}
    for name, schema in told.definitions.items():
        safe = re.sub(r"[^A-Za-z0-9._-]", "_", name)
        said = json.dumps([schema, told.definitions], sort_keys=True)
        free = (safe, f"{function}.{safe}", *(f"{function}.{safe}{number}" for number in range(2, 1000)))
        renaming[name] = next(each for each in free if each != "Error" and made.origins.get(each, said) == said)
        made.origins[renaming[name]] = said
    for name, schema in told.definitions.items():
        made.schemas[renaming[name]] = _pointed(schema, renaming)
    found: Json = _pointed(told.json, renaming)
    return found


def _pointed(value: Any, renaming: Mapping[str, str]) -> Any:
    """References to definitions as references to the document's components."""
    if isinstance(value, dict):
        reference = value.get("$ref")
        if isinstance(reference, str) and reference.startswith("#/$defs/"):
            return {"$ref": f"#/components/schemas/{renaming[reference.removeprefix('#/$defs/')]}"}
        return {key: _pointed(each, renaming) for key, each in value.items()}
    return [_pointed(each, renaming) for each in value] if isinstance(value, list) else value


def _given(**words: Any) -> Json:
    """What is said at all."""
    return {word: value for word, value in words.items() if value not in (None, [], "")}
