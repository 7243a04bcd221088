"""TypeScript's own type functions over schemas: Partial, Pick, Record and their like. Knows no syntax."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Final

from unitgraph.units.schema import (
    NULL,
    UNDEFINED,
    Array,
    Intersection,
    Literal,
    Object,
    Plain,
    Property,
    Record,
    Schema,
    Tuple,
    Union,
    members,
    union,
    without,
)


class NotApplicable(Exception):
    """The message is a clause that says why."""


def object_of(schema: Schema) -> Object:
    match schema:
        case Object():
            return schema
        case Record(Plain("string"), value):
            return Object((), value)
        case Record(key, value):
            return Object(tuple(Property(name, value) for name in _names(key)))
        case Intersection(several) if all(isinstance(member, Object) for member in several):
            objects = (member for member in several if isinstance(member, Object))
            merged = {entry.name: entry for member in objects for entry in member.properties}
            return Object(tuple(merged.values()))
        case _:
            raise NotApplicable("this is applied to something else than an object")


def merge(objects: Iterable[Object]) -> Object:
    """One object with the members of all; where two have a member, both hold."""
    found: dict[str, Property] = {}
    rest: Schema | None = None
    for each in objects:
        rest = each.rest or rest
        for entry in each.properties:
            known = found.get(entry.name)
            if known is None or known.schema in (entry.schema, Plain("unknown")):
                found[entry.name] = replace(entry, secret=entry.secret or (known is not None and known.secret))
            else:
                both = Intersection((known.schema, entry.schema))
                narrower = entry.schema if _narrows(entry.schema, known.schema) else both
                secret = known.secret or entry.secret
                found[entry.name] = Property(entry.name, narrower, known.optional and entry.optional, secret)
    return Object(tuple(found.values()), rest)


def _narrows(new: Schema, old: Schema) -> bool:
    """Whether every choice of the new schema is one of the old."""
    if set(members(new)) <= set(members(old)):
        return True
    return all(fits(member, members(old)) for member in members(new))


def as_object(schema: Schema) -> Object:
    return Object((), schema.value) if isinstance(schema, Record) else object_of(schema)


def lookup(target: Schema, index: Schema) -> Schema:
    """``T['key']``, ``T[number]``."""
    if isinstance(target, Array) and index == Plain("number"):
        return target.item
    if isinstance(target, Tuple):
        if index == Plain("number"):
            return union((*target.items, *((target.rest,) if target.rest else ())))
        if isinstance(index, Literal) and isinstance(index.value, int) and index.value < len(target.items):
            return target.items[index.value]
        raise NotApplicable("a tuple has no such item")
    shape = object_of(target)
    if index == Plain("string") and shape.rest is not None:
        return shape.rest
    by_name = {entry.name: entry for entry in shape.properties}
    found: list[Schema] = []
    for name in _names(index):
        if name not in by_name:
            raise NotApplicable(f"there is no member {name!r}")
        found.append(by_name[name].schema)
        if by_name[name].optional:
            found.append(UNDEFINED)
    return union(found)


def _names(keys: Schema) -> list[str]:
    if not all(isinstance(member, Literal) for member in members(keys)):
        raise NotApplicable("its keys are not a list of names")
    return [str(member.value) for member in members(keys) if isinstance(member, Literal)]


def _each(change: Callable[[Property], Property]) -> Callable[[Schema], Schema]:
    def apply(schema: Schema) -> Schema:
        if isinstance(schema, Union):
            return union(apply(member) for member in schema.members)
        shape = object_of(schema)
        return replace(shape, properties=tuple(change(entry) for entry in shape.properties))

    return apply


def _pick(schema: Schema, keys: Schema) -> Schema:
    if isinstance(schema, Union):
        return union(_pick(member, keys) for member in schema.members)
    names = _names(keys)
    shape = object_of(schema)
    return Object(tuple(entry for entry in shape.properties if entry.name in names))


def _omit(schema: Schema, keys: Schema) -> Schema:
    if isinstance(schema, Union):
        return union(_omit(member, keys) for member in schema.members)
    names = _names(keys)
    shape = object_of(schema)
    return replace(shape, properties=tuple(entry for entry in shape.properties if entry.name not in names))


def _record(keys: Schema, value: Schema) -> Schema:
    if keys in (Plain("string"), Plain("number")):
        return Record(Plain("string"), value)
    if all(isinstance(member, Literal) for member in members(keys)):
        return Object(tuple(Property(name, value) for name in _names(keys)))
    return Record(keys, value)


def _filtered(keep: bool) -> Callable[[Schema, Schema], Schema]:
    def apply(schema: Schema, other: Schema) -> Schema:
        return union(member for member in members(schema) if fits(member, members(other)) is keep)

    return apply


_VALUES: Final[Mapping[str, type | tuple[type, ...]]] = {"string": str, "number": (int, float), "boolean": bool}


def fits(schema: Schema, choices: Iterable[Schema]) -> bool:
    """Whether a schema is one of the choices, or a literal of one's kind."""
    return any(schema == choice or _is_of(schema, choice) for choice in choices)


def _is_of(schema: Schema, choice: Schema) -> bool:
    if not (isinstance(choice, Plain) and isinstance(schema, Literal) and choice.kind in _VALUES):
        return False
    is_boolean = isinstance(schema.value, bool)
    return isinstance(schema.value, _VALUES[choice.kind]) and (choice.kind == "boolean") == is_boolean


def _text(change: Callable[[str], str]) -> Callable[[Schema], Schema]:
    def apply(schema: Schema) -> Schema:
        return union(Literal(change(name)) for name in _names(schema))

    return apply


def _same(schema: Schema) -> Schema:
    return schema


def _checked(name: str, function: Callable[..., Schema], count: int) -> Callable[..., Schema]:
    def apply(*arguments: Schema) -> Schema:
        if len(arguments) != count:
            raise NotApplicable(f"{name!r} takes {count} type argument{'' if count == 1 else 's'}")
        return function(*arguments)

    return apply


_TABLE: Final[Mapping[str, tuple[Callable[..., Schema], int]]] = {
    "Partial": (_each(lambda entry: replace(entry, optional=True)), 1),
    "Required": (_each(lambda entry: replace(entry, schema=without(entry.schema, UNDEFINED), optional=False)), 1),
    "Readonly": (_same, 1),
    "NoInfer": (_same, 1),
    "Array": (Array, 1),
    "ReadonlyArray": (Array, 1),
    "Pick": (_pick, 2),
    "Omit": (_omit, 2),
    "Record": (_record, 2),
    "Exclude": (_filtered(keep=False), 2),
    "Extract": (_filtered(keep=True), 2),
    "NonNullable": (lambda schema: without(schema, NULL, UNDEFINED), 1),
    "Uppercase": (_text(str.upper), 1),
    "Lowercase": (_text(str.lower), 1),
    "Capitalize": (_text(lambda name: name[:1].upper() + name[1:]), 1),
    "Uncapitalize": (_text(lambda name: name[:1].lower() + name[1:]), 1),
}
UTILITIES: Final[Mapping[str, Callable[..., Schema]]] = {
    name: _checked(name, function, count) for name, (function, count) in _TABLE.items()
}
