"""Schemas as the source of valibot schemas: one expression over ``import * as v from 'valibot'``."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Final

from unitgraph.units.schema import (
    NULL,
    UNDEFINED,
    Array,
    Derived,
    Foreign,
    Intersection,
    Literal,
    Object,
    Pattern,
    Plain,
    Property,
    Record,
    Reference,
    Schema,
    Tuple,
    Union,
    members,
    without,
)

_IDENTIFIER: Final = re.compile(r"[A-Za-z_$][\w$]*")
# Dates and bigints arrive as JSON has them: as text.
_PLAIN: Final[Mapping[str, str]] = {
    "string": "v.string()",
    "number": "v.number()",
    "boolean": "v.boolean()",
    "bigint": "v.pipe(v.union([v.bigint(), v.pipe(v.number(), v.integer()), v.pipe(v.string(), v.regex(/^-?\\d+$/))]),"
    " v.transform((x) => BigInt(x)))",
    "date": "v.pipe(v.union([v.date(), v.pipe(v.string(), v.transform((x) => new Date(x)))]), v.date())",
    "null": "v.null()",
    "undefined": "v.undefined()",
    "unknown": "v.unknown()",
    "never": "v.never()",
    "object": "v.record(v.string(), v.unknown())",
}


def to_valibot(derived: Derived) -> str:
    """The source of a schema; recursive types are constants inside an immediately called function."""
    expression = _source(derived.schema)
    if not derived.definitions:
        return expression
    constants = " ".join(f"const {_constant(name)} = {_source(schema)};" for name, schema in derived.definitions)
    return f"(() => {{ {constants} return {expression} }})()"


def _source(schema: Schema) -> str:  # a table of forms
    match schema:
        case Plain() | Foreign():
            return _PLAIN[schema.kind if isinstance(schema, Plain) else "unknown"]
        case Literal(value):
            return f"v.literal({_value(value)})"
        case Pattern(regex):
            return f"v.pipe(v.string(), v.regex(/^(?:{regex})$/))"
        case Array(item):
            return f"v.array({_source(item)})"
        case Tuple():
            return _tuple(schema)
        case Object(properties, rest):
            entries = ", ".join(_entry(entry) for entry in properties)
            inner = f"{{ {entries} }}" if entries else "{}"
            return f"v.object({inner})" if rest is None else f"v.objectWithRest({inner}, {_source(rest)})"
        case Record(key, value):
            return f"v.record({_source(key)}, {_source(value)})"
        case Union():
            return _union(schema)
        case Intersection(several):
            return f"v.intersect([{', '.join(_source(member) for member in several)}])"
        case Reference(name):
            return f"v.lazy(() => {_constant(name)})"


def _entry(entry: Property) -> str:
    key = entry.name if _IDENTIFIER.fullmatch(entry.name) and entry.name != "__proto__" else f"[{_value(entry.name)}]"
    absent = entry.optional or UNDEFINED in members(entry.schema)
    inner = _source(without(entry.schema, UNDEFINED) if entry.schema != UNDEFINED else entry.schema)
    return f"{key}: v.optional({inner})" if absent else f"{key}: {inner}"


def _tuple(schema: Tuple) -> str:
    sure = len(schema.items) - schema.optional
    items = [_source(item) for item in schema.items[:sure]]
    items += [f"v.optional({_source(item)})" for item in schema.items[sure:]]
    inner = f"[{', '.join(items)}]"
    return f"v.strictTuple({inner})" if schema.rest is None else f"v.tupleWithRest({inner}, {_source(schema.rest)})"


def _union(schema: Union) -> str:
    if NULL in schema.members:
        return f"v.nullable({_source(without(schema, NULL))})"
    if UNDEFINED in schema.members:
        return f"v.optional({_source(without(schema, UNDEFINED))})"
    literals = [member for member in schema.members if isinstance(member, Literal)]
    rest = [member for member in schema.members if not isinstance(member, Literal)]
    choices = [literal for literal in literals if not isinstance(literal.value, bool)]
    sources = [_source(member) for member in rest]
    sources += [_source(literal) for literal in literals if isinstance(literal.value, bool)]
    if len(choices) == 1:
        sources.insert(0, _source(choices[0]))
    elif choices:
        sources.insert(0, f"v.picklist([{', '.join(_value(choice.value) for choice in choices)}])")
    if len(sources) == 1:
        return sources[0]
    name = _discriminant(rest) if not literals else None
    if name is not None:
        return f"v.variant({_value(name)}, [{', '.join(sources)}])"
    return f"v.union([{', '.join(sources)}])"


def _discriminant(options: Sequence[Schema]) -> str | None:
    """A member by whose different literals the objects of a union can be told apart: errors then name the right one."""
    if len(options) < 2 or not all(isinstance(option, Object) for option in options):
        return None
    shapes = [
        {entry.name: entry.schema for entry in option.properties if not entry.optional}
        for option in options
        if isinstance(option, Object)
    ]
    for name, first in shapes[0].items():
        values = [shape.get(name) for shape in shapes]
        told_apart = all(isinstance(value, Literal) for value in values) and len(set(values)) == len(values)
        if isinstance(first, Literal) and told_apart:
            return name
    return None


def _value(value: str | float | bool) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _constant(name: str) -> str:
    return f"${name}"
