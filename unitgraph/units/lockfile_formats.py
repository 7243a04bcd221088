"""The formats of lockfiles: package-lock.json (1 to 3), bun.lock, pnpm-lock.yaml (5 to 9), yarn.lock (1 and later).

Knows how each one names packages and lets importers find them; knows nothing of digests.
YAML is read by ``yamltext``, which covers what these tools write: a general parser takes seconds for a large file.
"""

import posixpath
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from unitgraph.errors import Place, UnitgraphError
from unitgraph.errors.project import BadLockfile
from unitgraph.units import jsontext, yamltext
from unitgraph.units.lockfile import MANAGERS, Locked, Lockfile, Manager
from unitgraph.units.packages import PackageJson
from unitgraph.units.sources import Sources

Find = Callable[[str, str], str | None]
Placing = Callable[[str], str]        # a path of the lockfile → one of the project
Parsed = tuple[Mapping[str, Locked], Find]


class Unsupported(ValueError):
    """The file is of a kind that can't be read; the message says what to do."""


def read_lockfile(
    sources: Sources, root: str, members: Mapping[str, PackageJson]
) -> tuple[Lockfile | None, tuple[UnitgraphError, ...]]:
    """The lockfile in ``root``, the workspace's folder. ``members``: every package.json of the project, by folder."""
    place = partial(_placed, str(sources.root), root)
    for manager in MANAGERS.values():
        for name in manager.lockfiles:
            path = posixpath.join(root, name)
            if not sources.is_file(path):
                continue
            text = sources.read(path).decode("utf-8", "replace")
            try:
                packages, find = _FORMATS[manager.name](text, place, members)
            except jsontext.NotJson as error:
                where = Place(path, error.line, error.column)
                return None, (BadLockfile(where, error.detail, install=manager.install),)
            except yamltext.NotYaml as error:
                return None, (BadLockfile(Place(path, error.line, 1), error.detail, install=manager.install),)
            except (Unsupported, AttributeError, KeyError, TypeError, IndexError) as error:
                detail = str(error) if isinstance(error, Unsupported) else "its layout is not one that is known"
                return None, (BadLockfile(Place(path, 1, 1), detail, install=manager.install),)
            return Lockfile(path, manager, packages, find), ()
    return None, ()


def manager_of(sources: Sources, root: str) -> Manager | None:
    """The package manager whose lockfile is in the folder, readable or not."""
    for manager in MANAGERS.values():
        if any(sources.is_file(posixpath.join(root, name)) for name in manager.lockfiles):
            return manager
    return None


def _placed(project: str, root: str, path: str) -> str:
    """A path of the lockfile as one of the project's; the project's own folder is ""."""
    joined = posixpath.normpath(posixpath.join(root, path))
    if joined.startswith("../"):
        joined = posixpath.relpath(posixpath.join(project, joined), project)
    return "" if joined == "." else joined


# npm ------------------------------------------------------------------------------------------------------------------


def _npm(text: str, place: Placing, _members: Mapping[str, PackageJson]) -> Parsed:
    data = jsontext.parse_strict(text)
    packages: dict[str, Locked] = {}
    links: dict[str, str] = {}
    if "packages" in data:
        for path, entry in data["packages"].items():
            key = place(path)
            if entry.get("link"):
                links[key] = place(entry["resolved"])
                continue
            name = entry.get("name") or path.rpartition("node_modules/")[2]
            source = None if "node_modules/" in f"{path}/" else key
            packages[key] = _npm_locked(key, name, entry, source)
    elif isinstance(data.get("dependencies"), dict):
        _npm_nested(data["dependencies"], place(""), packages)
    elif data.get("lockfileVersion") is None:
        raise Unsupported("it has no 'lockfileVersion' and no 'packages'")

    root = place("")

    def find(name: str, importer: str) -> str | None:
        folder = importer
        while True:
            key = f"{folder}/node_modules/{name}" if folder else f"node_modules/{name}"
            if key in packages:
                return key
            if key in links:
                return links[key]
            if folder in ("", root, posixpath.dirname(folder)):     # an absolute one ends at "/"
                break
            folder = posixpath.dirname(folder)
        key = f"{root}/node_modules/{name}" if root else f"node_modules/{name}"
        return key if key in packages else links.get(key)

    return packages, find


def _npm_locked(key: str, name: str, entry: Mapping[str, Any], source: str | None) -> Locked:
    optional = frozenset(entry.get("optionalDependencies", ())) | {
        peer for peer, meta in entry.get("peerDependenciesMeta", {}).items() if meta.get("optional")
    }
    names = {*entry.get("dependencies", ()), *entry.get("peerDependencies", ()), *optional}
    pinned = entry.get("integrity") or entry.get("resolved") or ""
    return Locked(key, name, entry.get("version", ""), pinned, tuple(sorted(names)), source, optional)


def _npm_nested(dependencies: Mapping[str, Any], folder: str, packages: dict[str, Locked]) -> None:
    for name, entry in dependencies.items():
        key = f"{folder}/node_modules/{name}" if folder else f"node_modules/{name}"
        pinned = entry.get("integrity") or entry.get("resolved") or entry["version"]
        packages[key] = Locked(key, name, entry["version"], pinned, tuple(sorted(entry.get("requires", {}))))
        _npm_nested(entry.get("dependencies", {}), key, packages)


# Bun ------------------------------------------------------------------------------------------------------------------


def _bun(text: str, place: Placing, _members: Mapping[str, PackageJson]) -> Parsed:
    data = jsontext.parse_lenient(text)
    folders = {place(folder): entry.get("name", "") for folder, entry in data["workspaces"].items()}
    packages: dict[str, Locked] = {}
    for path, entry in data["packages"].items():
        name, _, version = entry[0][1:].partition("@")
        name = entry[0][0] + name
        meta = next((part for part in entry[1:] if isinstance(part, dict)), {})
        texts = [part for part in entry[1:] if isinstance(part, str) and part]
        source = None
        protocol, _, folder = version.partition(":")
        if protocol in ("workspace", "file", "link") and not folder.endswith((".tgz", ".tar.gz")):
            source = place(folder)
            own = data["workspaces"].get(folder, {}) if protocol == "workspace" else {}
            meta = {**own, **meta}
        optional = frozenset(meta.get("optionalDependencies", ())) | frozenset(meta.get("optionalPeers", ()))
        names = {*meta.get("dependencies", ()), *meta.get("peerDependencies", ()), *optional}
        key = f"bun:{path}"
        pinned = texts[-1] if texts else version
        packages[key] = Locked(key, name, version, pinned, tuple(sorted(names)), source, optional)

    def find(name: str, importer: str) -> str | None:
        path = importer[4:] if importer.startswith("bun:") else _owner(folders, importer)
        while path:
            key = f"bun:{path}/{name}"
            if key in packages:
                return key
            path = posixpath.dirname(path)
            if path.startswith("@") and "/" not in path:
                break
            if posixpath.basename(path).startswith("@"):
                path = posixpath.dirname(path)
        key = f"bun:{name}"
        return key if key in packages else None

    return packages, find


def _owner(folders: Mapping[str, str], path: str) -> str:
    folder = path
    while folder:
        if folder in folders:
            return folders[folder]
        folder = posixpath.dirname(folder)
    return ""


# pnpm -----------------------------------------------------------------------------------------------------------------

_PEERS: Final = re.compile(r"[(_].*$")


def _pnpm(text: str, place: Placing, members: Mapping[str, PackageJson]) -> Parsed:
    data = yamltext.parse(text)
    try:
        version = float(str(data.get("lockfileVersion", "0")).strip("'\""))
    except ValueError:
        raise Unsupported("it names no version") from None
    if version < 5:
        raise Unsupported("its version is older than 5")
    importers = data.get("importers") or {".": data}
    resolutions = data.get("packages") or {}
    snapshots = data.get("snapshots") or resolutions
    seen: dict[str, Mapping[str, str]] = {}         # importer's folder or key → name → key
    packages: dict[str, Locked] = {}

    def key_of(name: str, value: str) -> str:
        if value.startswith(("link:", "file:")) and f"{name}@{value}" not in snapshots:
            return value
        candidates = (f"{name}@{value}", value, f"/{name}@{value}", f"/{name}/{value}")
        return "pnpm:" + next((key for key in candidates if key in snapshots), f"{name}@{value}")

    for path, snapshot in snapshots.items():
        entry = snapshot or {}
        name, number = _pnpm_name(path)
        meta = resolutions.get(path) or resolutions.get(_PEERS.sub("", path)) or {}
        resolution = meta.get("resolution") or {}
        pinned = resolution.get("integrity") or resolution.get("tarball") or resolution.get("commit") or number
        wanted = {**(entry.get("dependencies") or {}), **(entry.get("optionalDependencies") or {})}
        key = f"pnpm:{path}"
        source = place(resolution["directory"]) if resolution.get("directory") else None
        optional = frozenset(entry.get("optionalDependencies") or ())
        packages[key] = Locked(key, name, number, pinned, tuple(sorted(wanted)), source, optional)
        seen[key] = {dependency: key_of(dependency, value) for dependency, value in wanted.items()}
    for folder, entry in importers.items():
        own: dict[str, str] = {}
        for field in ("devDependencies", "optionalDependencies", "dependencies"):
            for name, value in ((entry or {}).get(field) or {}).items():
                key = key_of(name, value["version"] if isinstance(value, dict) else value)
                if key.startswith(("link:", "file:")):
                    source = place(posixpath.join(folder, key[5:]))
                    package = members.get(source)
                    packages.setdefault(
                        source,
                        Locked(source, name, "", "", tuple(sorted(package.dependencies)) if package else (), source),
                    )
                    key = source
                own[name] = key
        seen[place(folder)] = own

    def find(name: str, importer: str) -> str | None:
        folder = importer
        while folder not in seen:
            if not folder or folder == "..":
                return None
            folder = posixpath.dirname(folder)
        found = seen[folder].get(name)
        return found if found in packages else None

    return packages, find


def _pnpm_name(path: str) -> tuple[str, str]:
    bare = _PEERS.sub("", path.removeprefix("/"))
    at = bare.rfind("@")
    if at > 0:
        return bare[:at], bare[at + 1 :]
    name, _, version = bare.rpartition("/")
    return name, version


# Yarn -----------------------------------------------------------------------------------------------------------------


def _yarn(text: str, place: Placing, members: Mapping[str, PackageJson]) -> Parsed:
    data = yamltext.parse(text)
    packages: dict[str, Locked] = {}
    keys: dict[str, str] = {}                       # descriptor → key
    ranges: dict[str, Mapping[str, str]] = {}       # importer's folder or key → name → range
    for descriptors, entry in data.items():
        if descriptors == "__metadata":
            continue
        first = descriptors.split(",")[0].strip().strip('"')
        name = first[0] + first[1:].partition("@")[0]
        resolution = entry.get("resolution", "")
        _, is_workspace, folder = resolution.partition("@workspace:")
        source = place(folder) if is_workspace else None
        key = source if source is not None else f"yarn:{name}@{entry['version']}"
        optional = frozenset(entry.get("optionalDependencies") or ())
        wanted = {**(entry.get("dependencies") or {}), **(entry.get("optionalDependencies") or {})}
        pinned = entry.get("integrity") or entry.get("checksum") or entry.get("resolved") or resolution
        packages[key] = Locked(key, name, entry["version"], pinned, tuple(sorted(wanted)), source, optional)
        ranges[key] = wanted
        for descriptor in descriptors.split(","):
            keys[descriptor.strip().strip('"')] = key
    for folder, package in members.items():
        ranges.setdefault(folder, package.dependencies)
    by_name = {locked.name: key for key, locked in sorted(packages.items())}
    by_folder = {package.name: folder for folder, package in members.items() if package.name}

    def find(name: str, importer: str) -> str | None:
        folder = importer
        while folder not in ranges or name not in ranges[folder]:
            if not folder or folder == "..":
                return by_name.get(name)
            folder = posixpath.dirname(folder) if not folder.startswith("yarn:") else ""
        wanted = ranges[folder][name]
        for descriptor in (f"{name}@{wanted}", f"{name}@npm:{wanted}"):
            if descriptor in keys:
                return keys[descriptor]
        return by_folder[name] if by_folder.get(name) in packages else by_name.get(name)

    return packages, find


_FORMATS: Final[Mapping[str, Callable[[str, Placing, Mapping[str, PackageJson]], Parsed]]] = {
    "npm": _npm,
    "bun": _bun,
    "pnpm": _pnpm,
    "yarn": _yarn,
}
