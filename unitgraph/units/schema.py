"""Schemas of data as trees: what TypeScript types say about JSON-like values. Knows neither syntax nor valibot.

``schema_types`` derives them from source, ``schema_valibot`` writes them as code.

    deriver = Deriver(facts, resolver, sources.read)                   # schema_types; one a run: it remembers
    derived = deriver.derive(function.input)                           # Derived | Underivable
    to_valibot(derived)                                                # schema_valibot; an expression, imports * as v
    to_json_schema(derived), coercions(derived)
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from typing import Literal as OneOf

from unitgraph.errors import Place

Kind = OneOf["string", "number", "boolean", "bigint", "date", "null", "undefined", "unknown", "never", "object"]


@dataclass(frozen=True, slots=True)
class Plain:
    kind: Kind


@dataclass(frozen=True, slots=True)
class Literal:
    value: str | int | float | bool


@dataclass(frozen=True, slots=True)
class Pattern:
    """A text of this form; a regular expression without its anchors."""

    regex: str


@dataclass(frozen=True, slots=True)
class Array:
    item: "Schema"


@dataclass(frozen=True, slots=True)
class Tuple:
    """``optional``: how many of the last items may be missing."""

    items: tuple["Schema", ...]
    rest: "Schema | None" = None
    optional: int = 0


@dataclass(frozen=True, slots=True)
class Property:
    """``secret``: it isn't for people to see."""

    name: str
    schema: "Schema"
    optional: bool = False
    secret: bool = False


@dataclass(frozen=True, slots=True)
class Object:
    """``rest`` is the index signature's value."""

    properties: tuple[Property, ...]
    rest: "Schema | None" = None


@dataclass(frozen=True, slots=True)
class Record:
    key: "Schema"
    value: "Schema"


@dataclass(frozen=True, slots=True)
class Union:
    members: tuple["Schema", ...]


@dataclass(frozen=True, slots=True)
class Intersection:
    members: tuple["Schema", ...]


@dataclass(frozen=True, slots=True)
class Reference:
    """A recursive type, by its name among the definitions."""

    name: str


@dataclass(frozen=True, slots=True)
class Foreign:
    """What a schema of a library says, as JSON Schema in canonical text: for documents, never for code."""

    json: str


Schema = Plain | Literal | Pattern | Array | Tuple | Object | Record | Union | Intersection | Reference | Foreign

UNKNOWN: Final = Plain("unknown")
NULL: Final = Plain("null")
UNDEFINED: Final = Plain("undefined")


@dataclass(frozen=True, slots=True)
class Underivable:
    """Why a type says nothing that could be checked, as a clause: "'Response' is no type of the project"."""

    reason: str
    place: Place


@dataclass(frozen=True, slots=True)
class Derived:
    """A schema, the recursive types it refers to, parts that are taken as unknown, and the files that it comes from."""

    schema: Schema
    definitions: tuple[tuple[str, Schema], ...] = ()
    notes: tuple[Underivable, ...] = ()
    files: frozenset[str] = frozenset()


def union(several: Iterable[Schema]) -> Schema:
    """Flat, without repetition; ``true | false`` is a boolean; unknown takes everything in."""
    flat = dict.fromkeys(inner for member in several for inner in members(member))
    flat.pop(Plain("never"), None)
    if UNKNOWN in flat:
        return UNKNOWN
    if Literal(True) in flat and Literal(False) in flat:
        flat = dict.fromkeys(
            Plain("boolean") if isinstance(member, Literal) and member.value is True else member
            for member in flat
            if not (isinstance(member, Literal) and member.value is False)
        )
    found = tuple(flat)
    if not found:
        return Plain("never")
    return found[0] if len(found) == 1 else Union(found)


def members(schema: Schema) -> tuple[Schema, ...]:
    return schema.members if isinstance(schema, Union) else (schema,)


def without(schema: Schema, *gone: Schema) -> Schema:
    return union(member for member in members(schema) if member not in gone)


def parts(schema: Schema) -> Iterator[Schema]:
    """The schema and everything in it; what references mean isn't followed."""
    yield schema
    inner: Iterable[Schema]
    match schema:
        case Array(item):
            inner = (item,)
        case Tuple(items, rest, _):
            inner = (*items, *((rest,) if rest else ()))
        case Object(properties, rest):
            inner = (*(entry.schema for entry in properties), *((rest,) if rest else ()))
        case Record(key, value):
            inner = (key, value)
        case Union(several) | Intersection(several):
            inner = several
        case _:
            inner = ()
    for part in inner:
        yield from parts(part)


def coercions(derived: Derived) -> dict[str, str]:
    """For an object's members: what the text of a path or a query must become."""
    definitions = dict(derived.definitions)
    found: dict[str, str] = {}
    for entry in _properties(derived.schema, definitions):
        kind = _coercion(entry.schema, definitions)
        if kind is not None:
            found[entry.name] = kind
    return dict(sorted(found.items()))


def _properties(schema: Schema, definitions: Mapping[str, Schema]) -> Iterator[Property]:
    match schema:
        case Object(properties, _):
            yield from properties
        case Union(several) | Intersection(several):
            for member in several:
                yield from _properties(member, definitions)
        case Reference(name):
            target = definitions[name]
            if isinstance(target, Object):
                yield from target.properties
        case _:
            return


_COERCED: Final = {"number": "number", "boolean": "boolean", "bigint": "bigint", "date": "date"}


def _coercion(schema: Schema, definitions: Mapping[str, Schema]) -> str | None:
    kinds = set()
    for member in members(without(schema, NULL, UNDEFINED)):
        match member:
            case Plain(kind):
                kinds.add(_COERCED.get(kind, "text"))
            case Literal(bool()):
                kinds.add("boolean")
            case Literal(int() | float()):
                kinds.add("number")
            case Array() | Tuple():
                kinds.add("array")
            case Reference(name) if isinstance(definitions[name], Array):
                kinds.add("array")
            case _:
                kinds.add("text")
    # A text that would fit as it is stays one.
    return kinds.pop() if len(kinds) == 1 and "text" not in kinds else None


def to_json_schema(derived: Derived) -> dict[str, Any]:
    """JSON Schema 2020-12 of the values as they are in JSON."""
    schema = _json(derived.schema)
    if derived.definitions:
        schema["$defs"] = {name: _json(inner) for name, inner in derived.definitions}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


_JSON: Final[Mapping[str, dict[str, Any]]] = {
    "string": {"type": "string"},
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
    "bigint": {"type": "string", "pattern": "^-?\\d+$"},
    "date": {"type": "string", "format": "date-time"},
    "null": {"type": "null"},
    "undefined": {"not": {}},
    "unknown": {},
    "never": {"not": {}},
    "object": {"type": "object"},
}


def _json(schema: Schema) -> dict[str, Any]:  # noqa: PLR0911  # a table of forms
    match schema:
        case Plain(kind):
            return dict(_JSON[kind])
        case Literal(value):
            return {"const": value}
        case Pattern(regex):
            return {"type": "string", "pattern": f"^(?:{regex})$"}
        case Array(item):
            return {"type": "array", "items": _json(item)}
        case Tuple(items, rest, optional):
            return {
                "type": "array",
                "prefixItems": [_json(item) for item in items],
                "items": _json(rest) if rest else False,
                "minItems": len(items) - optional,
            }
        case Object(properties, rest):
            found: dict[str, Any] = {
                "type": "object",
                "properties": {
                    p.name: _json(without(p.schema, UNDEFINED)) | ({"format": "password"} if p.secret else {})
                    for p in properties
                },
            }
            required = [p.name for p in properties if not p.optional and UNDEFINED not in members(p.schema)]
            if required:
                found["required"] = required
            if rest is not None:
                found["additionalProperties"] = _json(rest)
            return found
        case Record(key, value):
            return {"type": "object", "propertyNames": _json(key), "additionalProperties": _json(value)}
        case Union(several):
            values = [member.value for member in several if isinstance(member, Literal)]
            if len(values) == len(several):
                return {"enum": values}
            return {"anyOf": [_json(member) for member in several]}
        case Intersection(several):
            return {"allOf": [_json(member) for member in several]}
        case Reference(name):
            return {"$ref": f"#/$defs/{name}"}
        case Foreign(text):
            found_there: dict[str, Any] = json.loads(text)
            return found_there
