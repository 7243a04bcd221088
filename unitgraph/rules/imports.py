"""What each project file imports at run time, and the digests of packages: what closures are computed from.

Knows facts, the resolver and the lockfile; a package that isn't pinned counts by the content that is installed.
"""

import json
import os
import posixpath
from functools import cached_property
from pathlib import Path

from unitgraph.cache import digest
from unitgraph.rules.closure import Imports
from unitgraph.rules.memo import Memo
from unitgraph.rules.workspace import Workspace
from unitgraph.units.resolve import Asset, Package, ProjectFile

MANIFEST = "package.json"


class ProjectImports:
    """Direct imports by file, and package digests by the folder that a package is installed in."""

    def __init__(self, workspace: Workspace, memo: Memo) -> None:
        self._workspace = workspace
        self._memo = memo
        self._digests: dict[str, str] = {}
        self._importers: dict[str, tuple[str, str]] = {}
        self._scopes: dict[str, str] = {}
        self.unpinned: set[str] = set()

    def direct(self, path: str) -> Imports:
        """What ``path`` imports; an asset imports nothing."""
        files: set[str] = set()
        packages: set[str] = {self._scope(posixpath.dirname(path))}
        for found in self._workspace.analysis.linker.imports(path):
            if isinstance(found, ProjectFile | Asset):
                files.add(found.path)
            elif isinstance(found, Package):
                packages.add(self.package(found.name, path))
        return Imports(tuple(sorted(files)), tuple(sorted(packages)))

    def package(self, name: str, importer: str) -> str:
        """The identity of a package as ``importer`` sees it: where it is installed, or its bare name."""
        folder = posixpath.dirname(importer)
        place = self._workspace.project.installed(name, folder) or name
        self._importers.setdefault(place, (name, folder))
        return place

    def _scope(self, folder: str) -> str:
        """The package.json that holds for a folder: it may change what a bundler makes of the files there."""
        sources = self._workspace.project.sources
        known = self._scopes.get(folder)
        if known is None:
            path = f"{folder}/{MANIFEST}"
            if not folder or folder.endswith(".."):
                known = MANIFEST
            else:
                known = path if sources.is_file(path) else self._scope(posixpath.dirname(folder))
            self._scopes[folder] = known
        return known

    def _manner(self, path: str) -> str:
        """What esbuild takes from a package.json besides where names lead: https://esbuild.github.io/api/#tree-shaking."""
        try:
            data = json.loads(self._workspace.project.sources.read(path))
        except ValueError:
            data = None
        fields = {key: data.get(key) for key in ("sideEffects", "type")} if isinstance(data, dict) else {}
        return f"manner:{digest.of(fields)}"

    def package_digest(self, place: str) -> str:
        """What the package and all that it needs are: from the lockfile, or from its files where it isn't pinned."""
        known = self._digests.get(place)
        if known is None and place.endswith(MANIFEST):
            known = self._digests[place] = self._manner(place)
        if known is None:
            name, folder = self._importers.get(place) or (place.rpartition("node_modules/")[2], "")
            lock = self._workspace.project.lock
            pinned = lock.entry(name, folder) if lock else None
            if lock and pinned and pinned.version == self._installed_version(place):
                known = f"lock:{lock.closure_digest([name], folder)}"
            else:
                self.unpinned.add(name)
                known = f"files:{self._content(place)}"
            self._digests[place] = known
        return known

    def places(self) -> set[str]:
        """Where the packages are installed that digests were asked for."""
        return {place for place in self._digests if not place.endswith(MANIFEST)}

    def _installed_version(self, place: str) -> str | None:
        package = self._workspace.project.sources
        try:
            return str(_version(package.read(f"{place}/package.json")))
        except (OSError, ValueError):
            return None

    def _content(self, place: str) -> str:
        found = []
        top = Path(self._root, place)
        for parent, folders, names in os.walk(top):
            folders.sort()
            for name in sorted(names):
                path = Path(parent, name)
                found.append((path.relative_to(top).as_posix(), self._memo.digest(str(path))))
        return digest.of(found)

    @cached_property
    def _root(self) -> Path:
        return self._workspace.project.root


def _version(text: bytes) -> object:
    return json.loads(text).get("version")
