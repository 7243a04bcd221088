"""The entry of an MCP server: what it offers, as data, and what stands around it. Holds no code of functions."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from unitgraph.rules.entry import EntryGateway, literal
from unitgraph.units.mcp import ROUTE
from unitgraph.units.schema import Derived, to_json_schema

if TYPE_CHECKING:
    from unitgraph.rules.names import Names
    from unitgraph.rules.wirings import Wirings
    from unitgraph.units.application import Expression, Function, McpWiring
    from unitgraph.units.model import Unit

_NEED_SESSION = ("func", "list")
"""Kinds of functions that need a session unless they say otherwise."""


def mcp(unit: "Unit", wirings: "Wirings", names: "Names") -> EntryGateway:
    functions = wirings.application.functions
    offered = [(wiring, functions[wiring.function]) for wiring in wirings.application.mcp]
    items = [_item(wiring, function, names) for wiring, function in offered if not function.internal]
    lines = "".join(f"        {literal(item)},\n" for item in items)
    around = [(one.kind, one.scope, one.value) for one in wirings.scoped(unit) if one.kind.startswith("http-")]
    middleware = _scoped([(scope, value) for kind, scope, value in around if kind == "http-middleware"], names)
    permissions = _scoped([(scope, value) for kind, scope, value in around if kind == "http-permission"], names)
    argument = (
        f"{{\n      route: {literal(ROUTE)},\n      items: [\n{lines}      ],\n"
        f"      middleware: {middleware},\n      permissions: {permissions},\n    }}"
    )
    return EntryGateway("unitgraph/mcp", "mcp", argument)


def _scoped(found: "list[tuple[str, Expression]]", names: "Names") -> str:
    return f"[{', '.join(f'[{literal(scope)}, {names.expression(value)}]' for scope, value in found)}]"


def _item(wiring: "McpWiring", function: "Function", names: "Names") -> dict[str, Any]:
    return dict(_fields(wiring, function, names))


def _fields(wiring: "McpWiring", function: "Function", names: "Names") -> "Iterator[tuple[str, Any]]":
    """What there is to say of an item, in the terms of the runtime's ``mcp/items.ts``."""
    shown = wiring.shown
    yield from (("kind", wiring.kind), ("name", wiring.name), ("function", function.id))
    described = {
        "title": shown.title or function.title, "description": shown.description or function.description,
        "label": shown.name, "mimeType": shown.mime_type, "size": shown.size, "annotations": dict(shown.annotations),
    }  # fmt: skip
    yield from ((key, value) for key, value in described.items() if value not in (None, {}))
    returns_content = function.kind.startswith("mcp-")
    for side, has_own, source in (
        ("input", function.has_input_schema, function.input),
        ("output", function.has_output_schema or returns_content, function.output),
    ):
        derived = names.derived(source) if source is not None and not has_own and wiring.kind != "resource" else None
        schema = _object(derived) if derived is not None else None
        if schema is not None and (side == "input" or wiring.kind == "tool"):
            yield side, schema
    if wiring.kind != "resource" and (function.has_input_schema or function.has_output_schema):
        yield "asks", True
    needs = function.auth if function.auth is not None else function.kind in _NEED_SESSION
    if needs or wiring.auth:
        yield "needsSession", True
    if returns_content:
        yield "returnsContent", True


def _object(derived: Derived) -> dict[str, Any] | None:
    """The JSON Schema of a type whose values are objects; None where it says nothing, or something else."""
    schema = to_json_schema(derived)
    del schema["$schema"]
    return schema if schema and schema.get("type", "object") == "object" and "not" not in schema else None
