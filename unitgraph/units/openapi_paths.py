"""Routes as OpenAPI's templated paths, and a function's data as parameters and a body. Pure; knows JSON Schema only."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

Json = dict[str, Any]
_PARAMETER: Final = re.compile(r":(?P<name>[^{?]+)(?:\{(?P<pattern>.*)\})?(?P<optional>\?)?")
_PART: Final = re.compile(r"(?:\{[^}]*\}|[^/{])+")
WILDCARD: Final = "wildcard"
NO_BODY: Final = frozenset({"GET", "HEAD"})


@dataclass(frozen=True, slots=True)
class InPath:
    """A name in a path; ``pattern`` is its regular expression where the route has one."""

    name: str
    pattern: str | None = None


@dataclass(frozen=True, slots=True)
class Path:
    """``/books/{isbn}`` and its parameters; ``shape`` is the same for paths that differ in names alone."""

    template: str
    parameters: tuple[InPath, ...]

    @property
    def shape(self) -> str:
        return re.sub(r"\{[^}]*\}", "{}", self.template)


def paths_of(route: str) -> Iterator[Path]:
    """A route with a part that may be missing is two paths."""
    made: list[str] = []
    found: list[InPath] = []
    parts = _PART.findall(route.lstrip("/"))
    for index, part in enumerate(parts):
        parameter = _PARAMETER.fullmatch(part)
        if part == "*":
            found.append(InPath(WILDCARD))
        elif parameter is None:
            made.append(part)
            continue
        else:
            if parameter["optional"] and index == len(parts) - 1:
                yield Path("/" + "/".join(made), tuple(found))
            found.append(InPath(parameter["name"], parameter["pattern"]))
        made.append(f"{{{found[-1].name}}}")
    yield Path("/" + "/".join(made), tuple(found))


def renamed(path: Path, known: Mapping[str, Path]) -> Path:
    """The path under the names of one that is known and has the same shape: to OpenAPI the two are one."""
    other = known.get(path.shape)
    if other is None:
        return path
    names = zip(other.parameters, path.parameters, strict=True)
    return Path(other.template, tuple(InPath(first.name, own.pattern) for first, own in names))


def parameters(path: Path, original: Path, schema: Json | None) -> list[Json]:
    """The parameters in the path; what the function says of one of its names holds for it."""
    known = dict(properties(schema or {}))
    made = []
    for shown, own in zip(path.parameters, original.parameters, strict=True):
        said = known.get(own.name, ({"type": "string"}, True))[0]
        if own.pattern:
            said = said | {"pattern": f"^(?:{own.pattern})$"} if said.get("type") == "string" else said
        one = {"name": shown.name, "in": "path", "required": True, "schema": said}
        if own.name == WILDCARD:
            one["description"] = "All that follows in the path, slashes included."
        made.append(one)
    return made


def query(schema: Json | None, taken: Iterable[str]) -> list[Json]:
    """Everything that the path doesn't take, as the query of a request that has no body."""
    gone = set(taken)
    return [
        {"name": name, "in": "query", **({"required": True} if required else {}), "schema": said}
        for name, (said, required) in properties(schema or {})
        if name not in gone and said != {"not": {}}
    ]


def body(schema: Json | None, taken: Iterable[str]) -> Json | None:
    """Everything that the path doesn't take, as a body; None where that is nothing."""
    if schema is None:
        return None
    rest = _without(schema, frozenset(taken))
    if rest.get("type") == "object" and rest.get("properties") == {} and rest.keys() <= {"type", "properties"}:
        return None
    needed = bool(_required(rest)) or (rest != {} and rest.get("type") not in (None, "object"))
    return {"content": {"application/json": {"schema": rest}}, **({"required": True} if needed else {})}


def properties(schema: Json) -> Iterator[tuple[str, tuple[Json, bool]]]:
    """Name → what is said of it, and whether it must be there, over everything that an object may be."""
    found: dict[str, tuple[list[Json], bool]] = {}
    for part, sure in _objects(schema, sure=True):
        required = set(part.get("required", ()))
        for name, said in part.get("properties", {}).items():
            before, was = found.get(name, ([], False))
            found[name] = ([*before, said] if said not in before else before, was or (sure and name in required))
    for name, (several, required_) in found.items():
        yield name, (several[0] if len(several) == 1 else {"anyOf": several}, required_)


def _objects(schema: Json, *, sure: bool) -> Iterator[tuple[Json, bool]]:
    if "properties" in schema:
        yield schema, sure
    for part in schema.get("allOf", ()):
        yield from _objects(part, sure=sure)
    for part in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        yield from _objects(part, sure=False)


def _required(schema: Json) -> bool:
    return bool(schema.get("required")) or any(_required(part) for part in schema.get("allOf", ()))


def _without(schema: Json, names: frozenset[str]) -> Json:
    if not names:
        return schema
    made = dict(schema)
    if "properties" in made:
        made["properties"] = {name: said for name, said in made["properties"].items() if name not in names}
    if "required" in made:
        made["required"] = [name for name in made["required"] if name not in names]
        if not made["required"]:
            del made["required"]
    for word in ("allOf", "anyOf", "oneOf"):
        if word in made:
            made[word] = [_without(part, names) for part in made[word]]
    return made
