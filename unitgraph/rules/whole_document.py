"""What a whole build came to, as a document that another machine can take over: JSON, and nothing that runs.

Knows the document's shape. What is wrong with one is a ValueError: then it is as if it weren't there. It may be from
anybody, where a project trusts no key: names in it that lead elsewhere, or that a terminal would obey, are wrong.
"""

import dataclasses
import json
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin, get_type_hints

from unitgraph.cache.digest import is_sha256
from unitgraph.cache.paths import fit_together, is_inside
from unitgraph.units.model import FetchHandler, Manifest, QueueHandler, ScheduledHandler

_HANDLERS: Final = {"fetch": FetchHandler, "queue": QueueHandler, "scheduled": ScheduledHandler}
_LARGEST: Final = 1 << 28       # bytes of a document once it is unpacked
_PROCESS: Final = "process"     # the subject of the one bundle of a provider whose units share a process
_UNIT: Final = re.compile(r"[a-z0-9-]{1,255}")
_OBEYED: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class Outcome:
    """One action's: its key, relative path → (SHA-256, size), and the facts about its outputs."""

    key: str
    outputs: Mapping[str, tuple[str, int]]
    facts: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Whole:
    """``inputs``: path → SHA-256; ``folders``: path → digest of the names in it; ``packages``: place → version, where
    one is installed. All of them have to be as they were. ``results``: action → what became of it."""

    inputs: Mapping[str, str]
    folders: Mapping[str, str]
    packages: Mapping[str, str]
    manifest: Manifest
    notices: tuple[str, ...]
    results: Mapping[str, Outcome]


def encode(whole: Whole) -> bytes:
    """Deflated JSON; equal builds give equal bytes."""
    results = {name: [each.key, each.outputs, each.facts] for name, each in sorted(whole.results.items())}
    data = [
        dict(sorted(whole.inputs.items())), dict(sorted(whole.folders.items())), dict(sorted(whole.packages.items())),
        _listed(whole.manifest), whole.notices, results,
    ]  # fmt: skip
    return zlib.compress(json.dumps(data, separators=(",", ":")).encode(), 1)


def decode(data: bytes) -> Whole:
    """Raises ValueError."""
    unpacker = zlib.decompressobj()
    try:
        text = unpacker.decompress(data, _LARGEST)
        if not unpacker.eof:
            raise ValueError("it is cut, or larger than any build")
        inputs, folders, packages, manifest, notices, results = json.loads(text)
        read = _made(Manifest, manifest)
        return Whole(
            _strings(inputs), _strings(folders), _strings(packages), read, tuple(_made(str, each) for each in notices),
            _outcomes(results, {_made_unit(unit.name) for unit in read.units} | {_PROCESS}),
        )  # fmt: skip
    except (zlib.error, TypeError, KeyError, IndexError, AttributeError, RecursionError) as error:
        raise ValueError(str(error)) from None


def _made_unit(name: str) -> str:
    if not _UNIT.fullmatch(name):
        raise ValueError(f"{name!r} is no unit's name")
    return name


def _outcomes(results: Any, subjects: set[str]) -> dict[str, Outcome]:
    found = {str(name): _outcome(each) for name, each in results.items()}
    if not found.keys() <= {f"bundle:{subject}" for subject in subjects}:
        raise ValueError("it has results of what isn't in the project")
    return found


def _outcome(data: Any) -> Outcome:
    key, outputs, facts = data
    if not (is_sha256(key) and all(map(is_inside, outputs)) and fit_together(outputs)):
        raise ValueError("a result's key is none, or its outputs lead elsewhere")
    for name, size in outputs.values():
        if not is_sha256(name) or type(size) is not int or size < 0:
            raise ValueError(f"{name!r}, {size!r} are no bytes")
    if {*facts["local"]} != {*outputs} or not all(isinstance(mark, str) for mark in facts["local"].values()):
        raise ValueError("its facts are of other outputs")
    found = {path: (name, size) for path, (name, size) in outputs.items()}
    return Outcome(key, found, {**facts, "sizes": {path: size for path, (_, size) in found.items()}})


def _strings(data: Any) -> dict[str, str]:
    return {str(name): str(value) for name, value in data.items()}


def _listed(value: Any) -> Any:
    """Dataclasses as lists of their fields' values; a handler's kind is one of them."""
    if isinstance(value, tuple):
        return [_listed(each) for each in value]
    if dataclasses.is_dataclass(value):
        return [_listed(getattr(value, field.name)) for field in dataclasses.fields(value)]
    return value


@cache
def _hints(model: type) -> tuple[Any, ...]:
    hints = get_type_hints(model)
    return tuple(hints[field.name] for field in dataclasses.fields(model))


def _made(kind: Any, value: Any) -> Any:
    if kind is str or kind is int or kind is bool:
        if type(value) is not kind or (isinstance(value, str) and not value.isprintable() and _OBEYED.search(value)):
            raise ValueError(f"{value!r} isn't a {kind.__name__}")
        return value
    if dataclasses.is_dataclass(kind):
        hints = _hints(kind)  # type: ignore[arg-type]  # is_dataclass also accepts instances; kind is a class
        if not isinstance(value, list) or len(value) != len(hints):
            raise ValueError(f"{value!r} isn't a {kind}")
        return kind(*[_made(hint, each) for hint, each in zip(hints, value, strict=True)])  # type: ignore[operator]
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is tuple:
        if not isinstance(value, list):
            raise ValueError(f"{value!r} isn't a list")
        return tuple([_made(arguments[0], each) for each in value])
    if origin is Literal:
        if value not in arguments:
            raise ValueError(f"{value!r} isn't one of {arguments}")
        return value
    if origin is UnionType or origin is Union:
        if FetchHandler in arguments:
            return _made(_HANDLERS[value[-1]], value)
        return None if value is None else _made(arguments[0], value)
    raise ValueError(f"{kind} has no form")
