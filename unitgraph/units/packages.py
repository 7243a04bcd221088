"""package.json files: the project's own, those of its workspace, and what is installed beside them.

Knows names, exports and folders; versions and integrity are the lockfile's.
"""

import fnmatch
import os
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from unitgraph.units import jsontext
from unitgraph.units.sources import Sources

DEPENDENCY_FIELDS: Final = ("dependencies", "optionalDependencies", "peerDependencies", "devDependencies")
_NAME: Final = re.compile(r"(?:@[^/\\%:?#*\s]+/)?[^@./\\%:?#*\s][^/\\%:?#*\s]*")
_WORKSPACE_DEPTH: Final = 8


@dataclass(frozen=True, slots=True)
class PackageJson:
    """What one package.json says. ``folder`` is relative to the project's root ("" for the project itself)."""

    folder: str
    name: str | None = None
    version: str | None = None
    type: str = "commonjs"
    exports: Any = None
    imports: Mapping[str, Any] = field(default_factory=dict)
    entries: Mapping[str, str] = field(default_factory=dict)      # source, module, main
    dependencies: Mapping[str, str] = field(default_factory=dict)
    workspaces: tuple[str, ...] = ()
    side_effects: bool = True


def parse_package_json(text: str, folder: str) -> PackageJson:
    """Raises NotJson; fields of an unexpected type are as if absent, since other tools own this file."""
    data = jsontext.parse_strict(text)
    if not isinstance(data, dict):
        raise jsontext.NotJson("it is not an object", 1, 1)
    dependencies: dict[str, str] = {}
    for key in reversed(DEPENDENCY_FIELDS):
        dependencies |= _strings(data.get(key))
    workspaces = data.get("workspaces")
    if isinstance(workspaces, dict):
        workspaces = workspaces.get("packages")
    imports = data.get("imports")
    return PackageJson(
        folder=folder,
        name=_string(data.get("name")),
        version=_string(data.get("version")),
        type=_string(data.get("type")) or "commonjs",
        exports=data.get("exports"),
        imports=imports if isinstance(imports, dict) else {},
        entries={key: data[key] for key in ("source", "module", "main") if isinstance(data.get(key), str)},
        dependencies=dependencies,
        workspaces=tuple(item for item in workspaces if isinstance(item, str)) if isinstance(workspaces, list) else (),
        side_effects=data.get("sideEffects") is not False,
    )


def read_package_json(sources: Sources, folder: str) -> PackageJson | None:
    """The package.json of a folder; None where there is none, or none that can be read as one."""
    path = posixpath.join(folder, "package.json")
    if not sources.is_file(path):
        return None
    try:
        return parse_package_json(sources.read(path).decode("utf-8", "replace"), folder)
    except jsontext.NotJson:
        return None


@dataclass(frozen=True, slots=True)
class Workspace:
    """``root`` is the folder whose lockfile and node_modules all packages share; "" where that is the project."""

    root: str = ""
    packages: Mapping[str, PackageJson] = field(default_factory=dict)


def find_workspace(sources: Sources, own: PackageJson) -> Workspace:
    """The workspace that the project is the root of, or a member of."""
    for level in range(_WORKSPACE_DEPTH):
        folder = "/".join([".."] * level)
        patterns = _patterns(sources, folder, own if level == 0 else None)
        if patterns:
            members = tuple(_shortest(sources, member) for member in _members(sources, folder, patterns))
            if level == 0 or any(_same(sources, member, "") for member in members):
                packages = (read_package_json(sources, member) for member in members)
                named = {package.name: package for package in packages if package is not None and package.name}
                if own.name:
                    named.pop(own.name, None)
                return Workspace(folder, dict(sorted(named.items())))
        if os.path.exists(sources.absolute(posixpath.join(folder, ".git"))):
            break
    return Workspace()


def split_name(specifier: str) -> tuple[str, str] | None:
    """A bare specifier's package and the subpath behind it ("" or "/x"); None where it names no package."""
    head = _NAME.match(specifier)
    if head is None:
        return None
    name, rest = head[0], specifier[head.end() :]
    return (name, rest) if not rest or rest[0] == "/" else None


def match_exports(exports: Any, subpath: str, conditions: Iterable[str]) -> str | None:
    """The target ("./x") that a package.json's ``exports`` give for a subpath ("." or "./x")."""
    if not isinstance(exports, dict) or not any(key.startswith(".") for key in exports):
        exports = {".": exports}
    return match_pattern(exports, subpath, frozenset(conditions))


def match_pattern(table: Mapping[str, Any], key: str, conditions: frozenset[str]) -> str | None:
    """Node's algorithm for ``imports`` and ``exports``: the exact key, else the pattern with the longest head."""
    if key in table and "*" not in key:
        return _target(table[key], "", conditions)
    best: tuple[int, str, str] | None = None
    for pattern in table:
        head, star, tail = pattern.partition("*")
        if star and key.startswith(head) and key.endswith(tail) and len(key) >= len(head) + len(tail):
            candidate = (len(head), pattern, key[len(head) : len(key) - len(tail)])
            if best is None or candidate[:2] > best[:2]:
                best = candidate
    return None if best is None else _target(table[best[1]], best[2], conditions)


def _target(value: Any, star: str, conditions: frozenset[str]) -> str | None:
    if isinstance(value, str):
        return value.replace("*", star)
    if isinstance(value, list):
        return next((found for item in value if (found := _target(item, star, conditions))), None)
    if isinstance(value, dict):
        for condition, inner in value.items():
            if condition in conditions or condition == "default":
                found = _target(inner, star, conditions)
                if found is not None:
                    return found
    return None


def _patterns(sources: Sources, folder: str, own: PackageJson | None) -> tuple[str, ...]:
    package = own or read_package_json(sources, folder)
    listed = list(package.workspaces) if package else []
    pnpm = posixpath.join(folder, "pnpm-workspace.yaml")
    if sources.is_file(pnpm):
        listed += _pnpm_packages(sources.read(pnpm).decode("utf-8", "replace"))
    return tuple(listed)


def _pnpm_packages(text: str) -> list[str]:
    """The list under ``packages:``, in block or flow form."""
    found: list[str] = []
    inside = False
    for line in text.splitlines():
        bare = line.split(" #")[0].strip()
        if not bare or bare[0] == "#":
            continue
        if not line[0].isspace() and bare[0] != "-":
            inside = bare.startswith("packages:")
            flow = bare.partition("[")[2].rpartition("]")[0] if inside else ""
            found += [item.strip().strip("'\"") for item in flow.split(",") if item.strip()]
        elif inside and bare[0] == "-":
            found.append(bare[1:].strip().strip("'\""))
    return found


def _members(sources: Sources, root: str, patterns: Iterable[str]) -> Iterator[str]:
    taken: dict[str, None] = {}
    for pattern in patterns:
        if pattern.startswith("!"):
            refused = posixpath.normpath(posixpath.join(root, pattern[1:]))
            taken = {folder: None for folder in taken if not fnmatch.fnmatchcase(folder, refused)}
            continue
        parts = [part for part in posixpath.normpath(pattern).split("/") if part != "."]
        for folder in _expand(sources, root, parts):
            if sources.is_file(posixpath.join(folder, "package.json")):
                taken.setdefault(folder)
    yield from taken


def _expand(sources: Sources, folder: str, parts: list[str]) -> Iterator[str]:
    if not parts:
        yield folder
        return
    head, rest = parts[0], parts[1:]
    if not set(head) & set("*?["):
        yield from _expand(sources, posixpath.normpath(posixpath.join(folder, head)), rest)
        return
    if head == "**":
        yield from _expand(sources, folder, rest)
    for name in sorted(sources.names(folder)):
        below = posixpath.join(folder, name)
        if name[0] == "." or name == "node_modules" or not sources.is_folder(below):
            continue
        if head == "**":
            yield from _expand(sources, below, parts)
        elif fnmatch.fnmatchcase(name, head):
            yield from _expand(sources, below, rest)


def _shortest(sources: Sources, folder: str) -> str:
    """The one way to write a folder above the project: "../shared" where that is "../../packages/shared"."""
    if not folder.startswith("../"):
        return folder
    top = posixpath.normpath(sources.absolute(""))
    path = posixpath.relpath(posixpath.normpath(sources.absolute(folder)), top)
    return "" if path == "." else path


def _same(sources: Sources, first: str, second: str) -> bool:
    return posixpath.normpath(sources.absolute(first)) == posixpath.normpath(sources.absolute(second))


def _string(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _strings(value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        return {}
    return {name: text for name, text in value.items() if isinstance(text, str)}
