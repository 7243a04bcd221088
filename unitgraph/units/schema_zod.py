"""Zod schemas as JSON Schema, read from their source: the forms that people write, nothing is run.

Knows expressions and where their names are declared. What it doesn't understand raises No with the place: a schema
is said exactly, as far as JSON Schema can, or not at all. Refinements are code, and say nothing here.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, Literal

from tree_sitter import Node

from unitgraph.units.expressions import plain
from unitgraph.units.schema_names import Names, Readable, Text
from unitgraph.units.schema_parts import No, named, number_of, string_of
from unitgraph.units.schema_zod_forms import (
    ANYTHING,
    CHECKS,
    PLAIN,
    SILENT,
    Json,
    Read,
    members_of,
    nullable,
    object_of,
    rest_of,
)

Side = Literal["input", "output"]
_PACKAGES: Final = ("zod", "zod/v4", "zod/v3")
_DEEPEST: Final = 40
_NOTHING: Final = object()


class ZodReader:
    """Reads one side of schemas: what a caller gives, or what comes out."""

    def __init__(self, project: Readable, module: str, side: Side) -> None:
        self.names = Names(project, module)
        self._project = project
        self._side = side
        self._open: list[tuple[str, str]] = []

    def read(self, node: Node, text: Text) -> Read:
        """Raises No."""
        node = plain(node)
        match node.type:
            case "call_expression":
                return self._call(node, text)
            case "identifier":
                return self._named(node, text)
            case "member_expression":
                return self._member(node, text)
            case _:
                raise No("this is no schema that can be read", text, node)

    def _call(self, node: Node, text: Text) -> Read:
        callee, given = node.child_by_field_name("function"), node.child_by_field_name("arguments")
        if callee is None or given is None or callee.type != "member_expression":
            raise No(f"`{text.of(callee or node)[:40]}` is no call of zod", text, node)
        target, name = plain(_field(callee, "object")), text.of(_field(callee, "property"))
        arguments = [plain(child) for child in named(given)]
        if self._is_zod(target, text):
            return self._made(name, arguments, node, text)
        if target.type == "member_expression" and self._is_zod(plain(_field(target, "object")), text):
            space = text.of(_field(target, "property"))
            if space == "coerce" and name in PLAIN:
                return Read(PLAIN[name])
            if space == "iso" and name in ("date", "time", "datetime", "duration"):
                return CHECKS[name](Read({"type": "string"}), ())
            raise No(f"`z.{space}.{name}` can't be read", text, node)
        return self._method(self.read(target, text), name, arguments, node, text)

    def _made(self, name: str, arguments: Sequence[Node], node: Node, text: Text) -> Read:
        if name in _MAKERS:
            if len(arguments) < _LEAST_ARGUMENTS.get(name, 1):
                raise No(f"`z.{name}` has too few arguments", text, node)
            return _MAKERS[name](self, arguments, text)
        if name in ("undefined", "void"):
            return Read({"not": {}}, absent=True)
        if name in PLAIN:
            return Read(PLAIN[name])
        raise No(f"`z.{name}` can't be read", text, node)

    def _method(self, read: Read, name: str, arguments: Sequence[Node], node: Node, text: Text) -> Read:
        if name in SILENT:
            return read
        if name == "regex":
            return self._pattern(read, arguments, text)
        if name in CHECKS:
            return CHECKS[name](read, [value_of(argument, text) for argument in arguments])
        if name in _METHODS and (arguments or name not in _NEEDING):
            return _METHODS[name](self, read, arguments, text)
        raise No(f"`.{name}()` can't be read", text, node)

    def _pattern(self, read: Read, arguments: Sequence[Node], text: Text) -> Read:
        """A flag changes what a pattern means, and JSON Schema has none."""
        if not arguments or arguments[0].type != "regex":
            return read
        flags = arguments[0].child_by_field_name("flags")
        if flags is not None and set(text.of(flags)) - {"u", "v", "g"}:
            return read
        source = text.of(_field(arguments[0], "pattern"))
        if "pattern" in read.json:
            return replace(read, json={"allOf": [read.json, {"pattern": source}]})
        return read.having(pattern=source)

    def _named(self, node: Node, text: Text) -> Read:
        name = text.of(node)
        key = (text.module, name)
        if key in self._open or len(self._open) > _DEEPEST:
            raise No(f"{name!r} refers to itself", text, node)
        found = self.names.find(text.module, name, set())
        value = found.value if found is not None else None
        if value is None:
            raise No(self.names.outside(text.module, name) or f"{name!r} is no constant of the project", text, node)
        self._open.append(key)
        try:
            return self.read(*value)
        finally:
            self._open.pop()

    def _member(self, node: Node, text: Text) -> Read:
        """``Book.shape.isbn``."""
        target, name = plain(_field(node, "object")), text.of(_field(node, "property"))
        if target.type == "member_expression" and text.of(_field(target, "property")) == "shape":
            members = members_of(self.read(_field(target, "object"), text))
            if name in members:
                return members[name]
        raise No(f"`{text.of(node)[:40]}` is no schema that can be read", text, node)

    def _is_zod(self, node: Node, text: Text) -> bool:
        """Whether an identifier is the library: ``import * as z``, ``import { z }``, ``import z``."""
        return node.type == "identifier" and any(
            entry.specifier in _PACKAGES and local == text.of(node) and imported in ("*", "z", "default")
            for entry in self.names.imports(text.module)
            for imported, local in entry.names
        )

    def members(self, node: Node, text: Text) -> dict[str, Read]:
        """``{ title: z.string(), isbn, ...Other.shape }``."""
        found: dict[str, Read] = {}
        if node.type != "object":
            raise No("these members can't be read", text, node)
        for child in named(node):
            if child.type == "shorthand_property_identifier":
                found[text.of(child)] = self._named(child, text)
                continue
            if child.type == "spread_element":
                spread = plain(named(child)[0])
                if spread.type == "member_expression" and text.of(_field(spread, "property")) == "shape":
                    found |= members_of(self.read(_field(spread, "object"), text))
                    continue
            key, value = child.child_by_field_name("key"), child.child_by_field_name("value")
            if child.type != "pair" or key is None or value is None or key.type == "computed_property_name":
                raise No("this member can't be read", text, child)
            found[string_of(key, text) if key.type == "string" else text.of(key)] = self.read(value, text)
        return found

    def several(self, node: Node, text: Text) -> list[Read]:
        if node.type != "array":
            raise No("this list of schemas can't be read", text, node)
        return [self.read(child, text) for child in named(node)]

    def choices(self, node: Node, text: Text) -> list[Any]:
        """The values of ``z.enum``: a list, or an object of them; there or by the name of a constant."""
        if node.type == "identifier":
            found = self.names.find(text.module, text.of(node), set())
            constant = found.value if found is not None else None
            if constant is None:
                raise No(f"{text.of(node)!r} is no constant of the project", text, node)
            node, text = plain(constant[0]), constant[1]
        value = value_of(node, text)
        listed = list(value.values()) if isinstance(value, dict) else value
        if not isinstance(listed, list) or None in listed:
            raise No("these choices can't be read", text, node)
        return listed

    def wrapped(self, read: Read, arguments: Sequence[Node], text: Text) -> Read:
        """With a default: a caller may leave it out, and it is there when it comes out."""
        value = value_of(arguments[0], text) if arguments else None
        said = read.having(default=value) if value is not None else read
        return replace(said, absent=self._side == "input")

    def transformed(self, read: Read, _arguments: Sequence[Node], _text: Text) -> Read:
        """What code makes of it is not known; what it is made from is."""
        return read if self._side == "input" else Read({}, absent=read.absent)

    def piped(self, read: Read, arguments: Sequence[Node], text: Text) -> Read:
        return read if self._side == "input" or not arguments else self.read(arguments[0], text)


def value_of(node: Node, text: Text) -> Any:
    """A constant as JSON has it; None for what isn't one."""
    found = _value(plain(node), text)
    return None if found is _NOTHING else found


def _value(node: Node, text: Text) -> Any:
    match node.type:
        case "string":
            return string_of(node, text)
        case "number" | "unary_expression":
            try:
                return number_of(text.of(node).replace("_", ""))
            except ValueError:
                return _NOTHING
        case "true" | "false":
            return node.type == "true"
        case "array":
            items = [_value(plain(child), text) for child in named(node)]
            return _NOTHING if _NOTHING in items else items
        case "object":
            made: dict[str, Any] = {}
            for child in named(node):
                key, value = child.child_by_field_name("key"), child.child_by_field_name("value")
                if child.type != "pair" or key is None or value is None:
                    return _NOTHING
                name = string_of(key, text) if key.type == "string" else text.of(key)
                made[name] = _value(plain(value), text)
                if made[name] is _NOTHING:
                    return _NOTHING
            return made
        case _:
            return _NOTHING


def _field(node: Node, name: str) -> Node:
    found = node.child_by_field_name(name)
    assert found is not None, "the grammar has it"
    return found


def _literal(_reader: ZodReader, arguments: Sequence[Node], text: Text) -> Read:
    if arguments[0].type == "null":
        return Read({"type": "null"})
    value = value_of(arguments[0], text)
    if value is None:
        raise No("this literal can't be read", text, arguments[0])
    return Read({"enum": value} if isinstance(value, list) else {"const": value})


def _any_of(several: Sequence[Read]) -> Read:
    return Read({"anyOf": [each.json for each in several]}, any(each.absent for each in several))


def _all_of(several: Sequence[Read]) -> Read:
    return Read({"allOf": [each.json for each in several]})


def _array(item: Read) -> Read:
    return Read({"type": "array", "items": item.json})


def _tuple(reader: ZodReader, arguments: Sequence[Node], text: Text) -> Read:
    items = reader.several(arguments[0], text)
    rest = reader.read(arguments[1], text).json if len(arguments) > 1 else False
    least = sum(not item.absent for item in items)
    return Read({"type": "array", "prefixItems": [item.json for item in items], "items": rest, "minItems": least})


def _record(reader: ZodReader, arguments: Sequence[Node], text: Text) -> Read:
    *keys, value = (reader.read(argument, text) for argument in arguments[:2])
    said = {"type": "object", "additionalProperties": value.json}
    return Read(said | ({"propertyNames": keys[0].json} if keys and keys[0].json != PLAIN["string"] else {}))


def _intersection(reader: ZodReader, arguments: Sequence[Node], text: Text) -> Read:
    return _all_of([reader.read(argument, text) for argument in arguments[:2]])


def _preprocessed(reader: ZodReader, arguments: Sequence[Node], text: Text) -> Read:
    read = reader.read(arguments[1], text)
    return ANYTHING if reader._side == "input" else read  # noqa: SLF001 - one module, two halves


Maker = Callable[[ZodReader, Sequence[Node], Text], Read]
_MAKERS: Final[Mapping[str, Maker]] = {
    "object": lambda reader, given, text: object_of(reader.members(given[0], text)),
    "looseObject": lambda reader, given, text: object_of(reader.members(given[0], text)),
    "strictObject": lambda reader, given, text: object_of(reader.members(given[0], text), additionalProperties=False),
    "array": lambda reader, given, text: _array(reader.read(given[0], text)),
    "tuple": _tuple,
    "record": _record,
    "partialRecord": _record,
    "enum": lambda reader, given, text: Read({"enum": reader.choices(given[0], text)}),
    "nativeEnum": lambda reader, given, text: Read({"enum": reader.choices(given[0], text)}),
    "literal": _literal,
    "union": lambda reader, given, text: _any_of(reader.several(given[0], text)),
    "discriminatedUnion": lambda reader, given, text: Read(
        {"oneOf": [each.json for each in reader.several(given[1], text)]}
    ),
    "intersection": _intersection,
    "optional": lambda reader, given, text: replace(reader.read(given[0], text), absent=True),
    "nullable": lambda reader, given, text: nullable(reader.read(given[0], text)),
    "nullish": lambda reader, given, text: replace(nullable(reader.read(given[0], text)), absent=True),
    "preprocess": _preprocessed,
}
_LEAST_ARGUMENTS: Final = {"discriminatedUnion": 2, "intersection": 2, "preprocess": 2}

_SAID: Final = ("title", "description", "examples", "deprecated", "format", "writeOnly")

Method = Callable[[ZodReader, Read, Sequence[Node], Text], Read]


def _chosen(arguments: Sequence[Node], text: Text) -> set[str]:
    value = value_of(arguments[0], text)
    if not isinstance(value, dict):
        raise No("these members can't be read", text, arguments[0])
    return set(value)


def _with_members(read: Read, members: Mapping[str, Read]) -> Read:
    return object_of(members, **rest_of(read))


def _extend(reader: ZodReader, read: Read, arguments: Sequence[Node], text: Text) -> Read:
    first = arguments[0]
    if first.type == "member_expression" and text.of(_field(first, "property")) == "shape":
        more = members_of(reader.read(_field(first, "object"), text))
    else:
        more = reader.members(first, text)
    return _with_members(read, members_of(read) | more)


def _partial(_reader: ZodReader, read: Read, arguments: Sequence[Node], text: Text) -> Read:
    chosen = _chosen(arguments, text) if arguments else members_of(read).keys()
    members = members_of(read)
    return _with_members(
        read, {name: replace(member, absent=member.absent or name in chosen) for name, member in members.items()}
    )


def _pick(_reader: ZodReader, read: Read, arguments: Sequence[Node], text: Text) -> Read:
    chosen = _chosen(arguments, text)
    return _with_members(read, {name: member for name, member in members_of(read).items() if name in chosen})


def _omit(_reader: ZodReader, read: Read, arguments: Sequence[Node], text: Text) -> Read:
    chosen = _chosen(arguments, text)
    return _with_members(read, {name: member for name, member in members_of(read).items() if name not in chosen})


def _meta(_reader: ZodReader, read: Read, arguments: Sequence[Node], text: Text) -> Read:
    value = value_of(arguments[0], text) if arguments else None
    known: Json = value if isinstance(value, dict) else {}
    return read.having(**{name: known[name] for name in _SAID if name in known})


_METHODS: Final[Mapping[str, Method]] = {
    "optional": lambda _reader, read, _given, _text: replace(read, absent=True),
    "exactOptional": lambda _reader, read, _given, _text: replace(read, absent=True),
    "nonoptional": lambda _reader, read, _given, _text: replace(read, absent=False),
    "nullable": lambda _reader, read, _given, _text: nullable(read),
    "nullish": lambda _reader, read, _given, _text: replace(nullable(read), absent=True),
    "array": lambda _reader, read, _given, _text: _array(read),
    "or": lambda reader, read, given, text: _any_of([read, reader.read(given[0], text)]),
    "and": lambda reader, read, given, text: _all_of([read, reader.read(given[0], text)]),
    "default": ZodReader.wrapped,
    "prefault": ZodReader.wrapped,
    "catch": ZodReader.wrapped,
    "transform": ZodReader.transformed,
    "pipe": ZodReader.piped,
    "extend": _extend,
    "safeExtend": _extend,
    "merge": lambda reader, read, given, text: _with_members(
        read, members_of(read) | members_of(reader.read(given[0], text))
    ),
    "partial": _partial,
    "required": lambda _reader, read, _given, _text: _with_members(
        read, {name: replace(member, absent=False) for name, member in members_of(read).items()}
    ),
    "pick": _pick,
    "omit": _omit,
    "catchall": lambda reader, read, given, text: read.having(additionalProperties=reader.read(given[0], text).json),
    "keyof": lambda _reader, read, _given, _text: Read({"enum": list(members_of(read))}),
    "meta": _meta,
}
_NEEDING: Final = frozenset({"or", "and", "extend", "safeExtend", "merge", "pick", "omit", "catchall"})
