"""What functions take and give as JSON Schema: from their types, or from the zod schemas that they name.

Knows how a function states its data; a schema that can't be read says nothing, and a note says why.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tree_sitter import Node

from unitgraph.units import schema as s
from unitgraph.units import syntax
from unitgraph.units.application import Function, TypeSource
from unitgraph.units.expressions import plain
from unitgraph.units.resolve import Resolver
from unitgraph.units.schema_names import Text
from unitgraph.units.schema_parts import No, named
from unitgraph.units.schema_types import Deriver
from unitgraph.units.schema_zod import Side, ZodReader
from unitgraph.units.source import Facts

Json = dict[str, Any]
_JSON: Final = "application/json"
_SILENT: Final = frozenset({"void", "workflow", "workflow-graph"})
"""Kinds of functions whose answers are known without a type."""
_INFERRED: Final[Mapping[str, Side]] = {"infer": "output", "output": "output", "input": "input", "TypeOf": "output"}


@dataclass(frozen=True, slots=True)
class Told:
    """What is known of one side of a function; ``json`` None: it takes or gives nothing. ``definitions`` are recursive
    types by name; ``notes`` are clauses about what isn't known: "src/a.ts:3: …"."""

    json: Json | None = None
    definitions: Mapping[str, Json] | None = None
    notes: tuple[str, ...] = ()
    media: str = _JSON
    is_stated: bool = True      # False: what it gives is left to the compiler, which nobody asks here


class Schemas:
    """Reads for one analysed project."""

    def __init__(self, facts: Mapping[str, Facts], resolver: Resolver, read: Callable[[str], bytes]) -> None:
        self._derivers: dict[Side, Deriver] = {
            side: Deriver(facts, resolver, read, foreign=_Inferred(self).schema) for side in ("input", "output")
        }
        self.project = self._derivers["input"]

    def told(self, function: Function, side: Side) -> Told:
        """What a function's callers give, or get."""
        if function.has_input_schema if side == "input" else function.has_output_schema:
            return self._schema(function, side)
        source = function.input if side == "input" else function.output
        if source is None:
            return Told({}, is_stated=side == "input" or function.kind in _SILENT)
        return self._type(source, side)

    def expression(self, module: str, node: Node, text: Text, side: Side) -> Json:
        """A zod schema. Raises No."""
        return ZodReader(self.project, module, side).read(node, text).json

    def constant(self, module: str, name: str, side: Side) -> Json:
        """The zod schema that a constant of a file is. Raises No."""
        reader = ZodReader(self.project, module, side)
        found = reader.names.find(module, name, set())
        value = found.value if found is not None else None
        assert value is not None, f"{module} has no constant {name}"
        return reader.read(*value).json

    def _schema(self, function: Function, side: Side) -> Told:
        module = function.place.path
        text = Text(module, self.project.text(module), 0, self.project.position)
        call = _call_at(text, function)
        node = next((value for key, value in _pairs(call, text) if key == side), None) if call is not None else None
        if node is None:
            return Told({}, notes=(f"{function.place}: its {side} schema isn't written where it is authored",))
        try:
            return Told(self.expression(module, node, text, side))
        except No as no:
            return Told({}, notes=(_note(no.note),))

    def _type(self, source: TypeSource, side: Side) -> Told:
        derived = self._derivers[side].derive(source)
        if isinstance(derived, s.Underivable):
            module, span = source.fragment
            written = self.project.text(module)[span.start : span.end].decode("utf-8", "replace")
            media = next((media for name, media in _BODIES.items() if name in written), _JSON)
            return Told({}, media=media, notes=(_note(derived),) if media == _JSON else ())
        if derived.schema == s.UNDEFINED:
            return Told()
        made = s.to_json_schema(derived)
        definitions = made.pop("$defs", None)
        made.pop("$schema")
        return Told(made, definitions, tuple(_note(note) for note in derived.notes))


_BODIES: Final[Mapping[str, str]] = {
    "Response": "*/*", "Uint8Array": "application/octet-stream", "ArrayBuffer": "application/octet-stream",
    "ReadableStream": "application/octet-stream", "Blob": "application/octet-stream",
}  # fmt: skip
"""Types of results that go out as they are."""


class _Inferred:
    """``z.infer<typeof Book>`` as what ``Book`` says."""

    def __init__(self, schemas: Schemas) -> None:
        self._schemas = schemas

    def schema(self, node: Node, text: Text) -> s.Foreign | None:
        name, given = node.child_by_field_name("name"), node.child_by_field_name("type_arguments")
        side = _INFERRED.get(text.of(name).rpartition(".")[2]) if name is not None else None
        query = named(given)[0] if given is not None and named(given) else None
        if side is None or query is None or query.type != "type_query":
            return None
        target = named(query)[0]
        reader = ZodReader(self._schemas.project, text.module, side)
        try:
            read = reader.read(target, text)
        except No:
            return None
        return s.Foreign(json.dumps(read.json, sort_keys=True, ensure_ascii=False))


def _note(note: s.Underivable) -> str:
    return f"{note.place}: {note.reason}"


def _call_at(text: Text, function: Function) -> Node | None:
    suffix = ".tsx" if text.module.endswith("x") else ".ts"
    root = syntax.parse(text.text, suffix).root_node
    node = root.descendant_for_byte_range(function.span.start, function.span.end)
    while node is not None and node.type != "call_expression":
        node = next((child for child in node.named_children if child.type != "type_arguments"), None)
    return node


def _pairs(call: Node, text: Text) -> Iterable[tuple[str, Node]]:
    """The members of the object that an authoring call takes."""
    given = call.child_by_field_name("arguments")
    options = next((plain(child) for child in named(given) if plain(child).type == "object"), None) if given else None
    for child in named(options) if options is not None else ():
        if child.type == "shorthand_property_identifier":
            yield text.of(child), child
        elif child.type == "pair":
            key, value = child.child_by_field_name("key"), child.child_by_field_name("value")
            if key is not None and value is not None:
                yield text.of(key), value


