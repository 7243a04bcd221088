"""Where a specifier leads: a file of the project, a package, the runtime, a builtin or an asset.

Answers from the listing, from tsconfig and from package.json files alone, in the order that esbuild has; ``Resolver``
never opens a source. A name of a package is looked up; its insides are not.
"""

import posixpath
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

from unitgraph.errors import Place, UnitgraphError
from unitgraph.errors.project import PackageNotInstalled, UnresolvedImport
from unitgraph.units.packages import PackageJson, match_exports, match_pattern, read_package_json, split_name
from unitgraph.units.sources import SUFFIXES

if TYPE_CHECKING:
    from unitgraph.units.project import Project


@dataclass(frozen=True, slots=True)
class ProjectFile:
    """Code of the project or of its workspace, by its relative POSIX path."""

    path: str


@dataclass(frozen=True, slots=True)
class Package:
    """A package outside the project; ``subpath`` is "" or "/x"."""

    name: str
    subpath: str = ""


@dataclass(frozen=True, slots=True)
class Runtime:
    """A module of the runtime, by its public name: ``#pikku``, ``#pikku/http``, ``@pikku/core/errors``."""

    name: str


@dataclass(frozen=True, slots=True)
class Builtin:
    """A module of the platform, such as ``node:fs``, ``cloudflare:workers``, ``bun:sqlite``."""

    name: str


@dataclass(frozen=True, slots=True)
class Asset:
    """A file of the project that isn't code, such as .json, .sql or .wasm."""

    path: str


@dataclass(frozen=True, slots=True)
class Unresolved:
    """``package`` is set where a package of that name would have to be installed."""

    reason: str
    near: tuple[str, ...] = ()
    package: str | None = None


Resolved = ProjectFile | Package | Runtime | Builtin | Asset | Unresolved

# esbuild's defaults, in its order.
EXTENSIONS: Final = (".tsx", ".ts", ".jsx", ".js", ".css", ".json")
REWRITTEN: Final = {
    ".js": (".ts", ".tsx"),
    ".jsx": (".ts", ".tsx"),
    ".mjs": (".mts",),
    ".cjs": (".cts",),
}
DECLARED: Final = (".d.ts", ".d.mts", ".d.cts")
# What both targets' bundles are built with: pass the same to the bundler.
CONDITIONS: Final = ("import", "module")

_NODE: Final = frozenset(
    """
    assert async_hooks buffer child_process cluster console constants crypto dgram diagnostics_channel dns domain events
    fs http http2 https inspector module net os path perf_hooks process punycode querystring readline repl stream
    string_decoder sys timers tls trace_events tty url util v8 vm wasi worker_threads zlib
    """.split()  # noqa: SIM905  # a list of fifty literals is no easier to read
)
_RUNTIME: Final = re.compile(r"(?:#pikku|@pikku/core)(?:/|$)")
_PREFIXES: Final = ("node:", "cloudflare:", "bun:", "workerd:", "data:")
_GENERATED: Final = re.compile(r"/(?:pikku(?:-[a-z0-9-]+)?\.gen|index)(?:\.d)?(?:\.[cm]?[jt]s)?$")


class Resolver:
    def __init__(self, project: "Project", conditions: Iterable[str] = CONDITIONS) -> None:
        self._project = project
        self._sources = project.sources
        self._conditions = frozenset(conditions)
        self._known: dict[tuple[str, str], Resolved] = {}
        self._packages: dict[tuple[str, str], str | None] = {}
        self._scopes: dict[str, PackageJson] = {}
        self._exact = {name: targets for name, targets in project.tsconfig.paths.items() if "*" not in name}
        self._patterns = sorted(
            (
                (*pattern.partition("*")[::2], targets)
                for pattern, targets in project.tsconfig.paths.items()
                if "*" in pattern
            ),
            key=lambda entry: (-len(entry[0]), -len(entry[1])),
        )

    def resolve(self, importer: str, specifier: str) -> Resolved:
        """Where a file's specifier leads; the same folder and specifier are worked out once."""
        folder = importer.rpartition("/")[0]
        key = (folder, specifier)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._resolve(folder, specifier)
        return known

    def error(self, place: Place, specifier: str, unresolved: Unresolved) -> UnitgraphError:
        """The error to report where a value is imported from somewhere that leads nowhere."""
        if unresolved.package is not None and not unresolved.near:
            manager = self._project.manager
            return PackageNotInstalled(
                unresolved.package, declared=False, install=manager.install, add=manager.add, place=place
            )
        return UnresolvedImport(place, specifier, reason=unresolved.reason, near=unresolved.near)

    def _resolve(self, folder: str, specifier: str) -> Resolved:
        if specifier.startswith(("./", "../")) or specifier in (".", ".."):
            return self._relative(folder, specifier)
        if _RUNTIME.match(specifier) and (specifier[0] == "#" or self._installed("@pikku/core", folder) is None):
            return Runtime(_public(specifier))
        if specifier.startswith(_PREFIXES) or specifier == "bun":
            return Builtin(specifier)
        if not specifier:
            return Unresolved("it is empty")
        if specifier[0] == "/":
            return Unresolved("it is an absolute path, which means another file on every machine")
        if specifier.startswith(("http:", "https:")):
            return Unresolved("code can't be imported from the network")
        return self._mapped(specifier) or self._bare(folder, specifier)

    def _relative(self, folder: str, specifier: str) -> Resolved:
        path = posixpath.normpath(posixpath.join(folder, specifier))
        out_dir = self._sources.out_dir
        if path == out_dir or path.startswith(f"{out_dir}/"):
            return Runtime(_public("#pikku" + path[len(out_dir) :]))
        found = self._load(path, folder_only=specifier.endswith("/") or specifier in (".", ".."))
        return found or self._nowhere(path, specifier)

    def _nowhere(self, path: str, specifier: str) -> Unresolved:
        where, name = posixpath.split(path)
        names = tuple(self._sources.names(where))
        if not names:
            return Unresolved(f"there is no folder {where!r}")
        stem = posixpath.splitext(name)[0]
        stems = {posixpath.splitext(candidate)[0]: candidate for candidate in sorted(names)}
        close = get_close_matches(stem, stems, n=3, cutoff=0.6) or [s for s in stems if s.lower() == stem.lower()]
        head = specifier[: len(specifier) - len(name)] if specifier.endswith(name) else ""
        return Unresolved(f"there is no file {path!r}", tuple(head + stems[candidate] for candidate in close))

    def _mapped(self, specifier: str) -> Resolved | None:
        """By ``paths`` of the tsconfig, then by its ``baseUrl``."""
        exact = self._exact.get(specifier)
        if exact is not None:
            for target in exact:
                found = self._load(target)
                if found is not None:
                    return found
        for head, tail, targets in self._patterns:
            if specifier.startswith(head) and specifier.endswith(tail) and len(specifier) >= len(head) + len(tail):
                star = specifier[len(head) : len(specifier) - len(tail)]
                for target in targets:
                    found = self._load(posixpath.normpath(target.replace("*", star)))
                    if found is not None:
                        return found
                break
        base = self._project.tsconfig.base_url
        return None if base is None else self._load(posixpath.normpath(posixpath.join(base, specifier)))

    def _bare(self, folder: str, specifier: str) -> Resolved:
        scope = self._scope(folder)
        if specifier[0] == "#":
            target = match_pattern(scope.imports, specifier, self._conditions)
            if target is None:
                near = get_close_matches(specifier, sorted(scope.imports), n=3)
                file = posixpath.join(scope.folder, "package.json")
                return Unresolved(f"'imports' of {file!r} lacks it", tuple(near))
            if not target.startswith("./"):
                return self._resolve(scope.folder, target)
            return self._inside(scope, target)
        named = split_name(specifier)
        if named is None:
            return Unresolved("it is neither a path nor the name of a package")
        name, subpath = named
        if name in _NODE and name not in scope.dependencies:
            return Builtin(specifier)
        if name == scope.name and scope.exports is not None:
            return self._exported(scope, subpath)
        member = self._project.workspace.packages.get(name)
        if member is not None:
            return self._exported(member, subpath)
        return self._package(folder, name, subpath)

    def _package(self, folder: str, name: str, subpath: str) -> Resolved:
        place = self._installed(name, folder)
        if place is not None:
            real = self._sources.real(place)
            if "node_modules" not in real.split("/"):
                linked = read_package_json(self._sources, real)
                loaded = self._exported(linked, subpath) if linked else self._load(real + subpath)
                return loaded or Package(name, subpath)
            return Package(name, subpath)
        project = self._project
        declared = self._scope(folder).dependencies.keys() | project.package.dependencies.keys()
        if name in declared or (project.lock is not None and project.lock.entry(name, folder) is not None):
            return Package(name, subpath)
        if name in _NODE:
            return Builtin(name + subpath)
        near = get_close_matches(name, sorted(declared | project.workspace.packages.keys()), n=3, cutoff=0.75)
        return Unresolved(f"no package {name!r} is installed or declared", tuple(near), package=name)

    def _exported(self, package: PackageJson, subpath: str) -> Resolved:
        """An entry of a package whose files are sources."""
        if package.exports is not None:
            target = match_exports(package.exports, f".{subpath}", self._conditions)
            if target is None:
                return Unresolved(f"{package.name!r} does not export '.{subpath}'")
            return self._inside(package, target)
        if subpath:
            path = posixpath.join(package.folder, subpath[1:])
            return self._load(path) or self._nowhere(path, f"{package.name}{subpath}")
        for entry in ("module", "main", "source"):
            if entry in package.entries:
                found = self._load(posixpath.normpath(posixpath.join(package.folder, package.entries[entry])))
                if found is not None:
                    return found
        found = self._load(posixpath.join(package.folder, "index"))
        tried = next(iter(package.entries.values()), "index")
        return found or Unresolved(f"{package.name!r} has no file {tried!r}: build that package first")

    def _inside(self, package: PackageJson, target: str) -> Resolved:
        """A target that package.json names: taken as it stands, since Node adds no extension there."""
        path = posixpath.normpath(posixpath.join(package.folder, target))
        out_dir = self._sources.out_dir
        if path.startswith(f"{out_dir}/"):
            return Runtime(_public("#pikku" + path[len(out_dir) :]))
        found = self._load(path)
        if found is not None:
            return found
        source = package.entries.get("source")
        if source is not None and match_exports(package.exports, ".", self._conditions) == target:
            found = self._load(posixpath.normpath(posixpath.join(package.folder, source)))
        return found or Unresolved(f"there is no file {path!r}, which package.json names: build that package first")

    def _load(self, path: str, *, folder_only: bool = False) -> Resolved | None:
        """A file or a folder's index, with the extensions that may be left out or written otherwise."""
        found = None if folder_only else self._file(path)
        if found is None and self._sources.is_folder(path):
            found = self._folder(path)
        if found is None:
            bare, query, _ = path.partition("?")
            return self._load(bare) if query else None
        real = self._sources.real(found)
        if "node_modules/" in real:
            name, subpath = split_name(real.rpartition("node_modules/")[2]) or ("", "")
            return Package(name, subpath)
        return ProjectFile(real) if real.endswith(SUFFIXES) else Asset(real)

    def _folder(self, path: str) -> str | None:
        package = read_package_json(self._sources, path)
        for entry in ("module", "main") if package is not None else ():
            target = package.entries.get(entry) if package is not None else None
            if target is not None:
                inner = posixpath.normpath(posixpath.join(path, target))
                found = self._file(inner) or self._index(inner)
                if found is not None:
                    return found
        return self._index(path)

    def _index(self, path: str) -> str | None:
        return self._first(posixpath.join(path, "index"), EXTENSIONS)

    def _file(self, path: str) -> str | None:
        if self._sources.is_file(path):
            return path
        found = self._first(path, EXTENSIONS)
        if found is None:
            stem, extension = posixpath.splitext(path)
            if extension in REWRITTEN:
                found = self._first(stem, (*REWRITTEN[extension], *DECLARED))
            found = found or self._first(path, DECLARED)
        return found

    def _first(self, stem: str, extensions: Iterable[str]) -> str | None:
        is_file = self._sources.is_file
        for end in extensions:
            if is_file(stem + end):
                return stem + end
        return None

    def _scope(self, folder: str) -> PackageJson:
        """The package.json that holds for a folder."""
        known = self._scopes.get(folder)
        if known is None:
            known = read_package_json(self._sources, folder) if folder else self._project.package
            if known is None:
                outside = folder == ".." or folder.endswith("/..")
                known = self._project.package if outside else self._scope(posixpath.dirname(folder))
            self._scopes[folder] = known
        return known

    def _installed(self, name: str, folder: str) -> str | None:
        key = (folder, name)
        if key not in self._packages:
            self._packages[key] = self._project.installed(name, folder)
        return self._packages[key]


def _public(name: str) -> str:
    """The runtime module that a deep name means: ``#pikku/workflow/pikku-x.gen.js`` is ``#pikku/workflow``."""
    return sys.intern(_GENERATED.sub("", name))
