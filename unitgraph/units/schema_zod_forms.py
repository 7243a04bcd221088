"""What each of zod's checks says in JSON Schema. Knows names and constant arguments, no syntax.

https://zod.dev/api, https://json-schema.org/draft/2020-12
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Read:
    """What a schema says of data. ``absent``: an object may lack it."""

    json: Json
    absent: bool = False

    def having(self, **words: Any) -> "Read":
        """The same with more said; in words that only look like Python's (``minLength``)."""
        return replace(self, json=self.json | words)


ANYTHING: Final = Read({})
BIGINT: Final[Json] = {"type": "string", "pattern": "^-?\\d+$"}
DATE: Final[Json] = {"type": "string", "format": "date-time"}

FORMATS: Final[Mapping[str, Json]] = {
    "email": {"format": "email"},
    "url": {"format": "uri"},
    "httpUrl": {"format": "uri"},
    "uuid": {"format": "uuid"},
    "guid": {"format": "uuid"},
    "uuidv4": {"format": "uuid"},
    "uuidv7": {"format": "uuid"},
    "ipv4": {"format": "ipv4"},
    "ipv6": {"format": "ipv6"},
    "hostname": {"format": "hostname"},
    "base64": {"contentEncoding": "base64"},
    "base64url": {"contentEncoding": "base64url"},
    "datetime": {"format": "date-time"},
    "date": {"format": "date"},
    "time": {"format": "time"},
    "duration": {"format": "duration"},
    "cuid": {},
    "cuid2": {},
    "ulid": {},
    "xid": {},
    "ksuid": {},
    "nanoid": {},
    "jwt": {},
    "e164": {},
    "emoji": {},
    "cidrv4": {},
    "cidrv6": {},
}
"""Forms of text, as functions of zod's and as methods of ``z.string()``."""

_TEXT: Final[Json] = {"type": "string"}
_ELSEWHERE: Final = frozenset({"date", "time", "datetime", "duration"})    # of these, `z.iso` has the text forms
PLAIN: Final[Mapping[str, Json]] = {
    **{name: _TEXT | words for name, words in FORMATS.items() if name not in _ELSEWHERE},
    "string": _TEXT,
    "number": {"type": "number"},
    "int": {"type": "integer"},
    "int32": {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1},
    "float32": {"type": "number"},
    "float64": {"type": "number"},
    "boolean": {"type": "boolean"},
    "bigint": BIGINT,
    "date": DATE,
    "null": {"type": "null"},
    "any": {},
    "unknown": {},
    "never": {"not": {}},
    "json": {},
    "stringbool": _TEXT,
}

# Changes nothing that JSON Schema could say.
SILENT: Final = frozenset(
    {
        "refine", "superRefine", "check", "brand", "readonly", "trim", "toLowerCase", "toUpperCase", "normalize",
        "finite", "safe", "strip", "register", "overwrite",
    }
)  # fmt: skip

_LEAST: Final = {"string": "minLength", "array": "minItems"}
_MOST: Final = {"string": "maxLength", "array": "maxItems"}
Said = Sequence[Any]
"""A check's constant arguments; what isn't constant is None."""


def _least(read: Read, said: Said) -> Read:
    return _bound(read, said, _LEAST.get(str(read.json.get("type")), "minimum"))


def _most(read: Read, said: Said) -> Read:
    return _bound(read, said, _MOST.get(str(read.json.get("type")), "maximum"))


def _bound(read: Read, said: Said, word: str) -> Read:
    # a date's or bigint's limits stand in no JSON Schema
    is_text = read.json in (BIGINT, DATE)
    fits = said and isinstance(said[0], int | float) and not isinstance(said[0], bool)
    return read.having(**{word: said[0]}) if fits and not is_text else read


def _length(read: Read, said: Said) -> Read:
    return _most(_least(read, said), said)


def _limit(word: str) -> Callable[[Read, Said], Read]:
    return lambda read, said: _bound(read, said, word)


def _fixed(word: str, value: int) -> Callable[[Read, Said], Read]:
    return lambda read, _: _bound(read, (value,), word)


def _words(words: Json) -> Callable[[Read, Said], Read]:
    return lambda read, _: read.having(**words) if read.json.get("type") == "string" else read


CHECKS: Final[Mapping[str, Callable[[Read, Said], Read]]] = {
    "min": _least,
    "max": _most,
    "length": _length,
    "nonempty": lambda read, _: _least(read, (1,)),
    "gte": _limit("minimum"),
    "gt": _limit("exclusiveMinimum"),
    "lte": _limit("maximum"),
    "lt": _limit("exclusiveMaximum"),
    "positive": _fixed("exclusiveMinimum", 0),
    "negative": _fixed("exclusiveMaximum", 0),
    "nonnegative": _fixed("minimum", 0),
    "nonpositive": _fixed("maximum", 0),
    "multipleOf": _limit("multipleOf"),
    "step": _limit("multipleOf"),
    "int": lambda read, _: read.having(type="integer") if read.json.get("type") == "number" else read,
    "describe": lambda read, said: read.having(description=said[0]) if said and isinstance(said[0], str) else read,
    "strict": lambda read, _: read.having(additionalProperties=False),
    "passthrough": lambda read, _: replace(read, json=_without(read.json, "additionalProperties")),
    "loose": lambda read, _: replace(read, json=_without(read.json, "additionalProperties")),
    **{name: _words(words) for name, words in FORMATS.items()},
}
"""Checks with constant arguments."""


def nullable(read: Read) -> Read:
    if isinstance(read.json.get("type"), str) and not {"enum", "const", "not"} & read.json.keys():
        return replace(read, json=read.json | {"type": [read.json["type"], "null"]})
    return replace(read, json={"anyOf": [read.json, {"type": "null"}]})


def object_of(members: Mapping[str, Read], **words: Any) -> Read:
    """An object with these members, whether they must be there as each says."""
    required = [name for name, member in members.items() if not member.absent]
    properties = {name: member.json for name, member in members.items()}
    said = {"type": "object", "properties": properties} | ({"required": required} if required else {}) | words
    return Read(said)


def members_of(read: Read) -> dict[str, Read]:
    """The members of an object again."""
    required = read.json.get("required", ())
    return {
        name: Read(json, absent=name not in required)
        for name, json in read.json.get("properties", {}).items()
    }


def rest_of(read: Read) -> Json:
    """What an object says besides its members."""
    return _without(read.json, "type", "properties", "required")


def _without(json: Json, *names: str) -> Json:
    return {name: value for name, value in json.items() if name not in names}
