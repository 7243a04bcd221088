"""Which fields of data are secret, by its JSON Schema: ``format: password`` or ``writeOnly``. Pure.

A field is a path of keys: ``*`` is any one key or index, ``**`` any number of them.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

Path = tuple[str, ...]

_REFERENCE: Final = "#/$defs/"


def secret_fields(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> list[Path]:
    """Sorted, without repetition."""
    return sorted(set(_fields(schema, definitions, ())))


def _fields(schema: object, definitions: Mapping[str, Any], within: Path) -> Iterator[Path]:
    """``within``: the definitions that the schema is a part of."""
    if not isinstance(schema, Mapping):
        return
    if schema.get("format") == "password" or schema.get("writeOnly") is True:
        yield ()
        return
    for key, inner in _parts(schema):
        yield from ((*key, *path) for path in _fields(inner, definitions, within))
    name = str(schema.get("$ref", "")).removeprefix(_REFERENCE)
    if name in definitions and name not in within:
        found = list(_fields(definitions[name], definitions, (*within, name)))
        yield from found
        # a recursive type has them at any depth
        if _recurs(name, definitions[name], definitions, set()):
            yield from (("**", *path) for path in found)


def _parts(schema: Mapping[str, Any]) -> Iterator[tuple[Path, object]]:
    for name, inner in schema.get("properties", {}).items():
        yield (name,), inner
    for word in ("items", "additionalProperties"):
        yield ("*",), schema.get(word)
    for inner in schema.get("prefixItems", ()):
        yield ("*",), inner
    for word in ("anyOf", "oneOf", "allOf"):
        yield from (((), inner) for inner in schema.get(word, ()))


def _recurs(name: str, schema: object, definitions: Mapping[str, Any], seen: set[str]) -> bool:
    if not isinstance(schema, Mapping):
        return False
    target = str(schema.get("$ref", "")).removeprefix(_REFERENCE)
    if target == name:
        return True
    if target in definitions and target not in seen:
        seen.add(target)
        if _recurs(name, definitions[target], definitions, seen):
            return True
    return any(_recurs(name, inner, definitions, seen) for _, inner in _parts(schema))
