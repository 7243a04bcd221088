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

MANIFEST = "package.json"
_SHORT = 200            # characters of a package.json's settings that stand for themselves
_MOST_FILES = 500       # of an unpinned package, that are remembered by name


class ProjectImports:
    """Direct imports by file, and package digests by the folder that a package is installed in."""

    def __init__(self, workspace: Workspace, memo: Memo) -> None:
        self._workspace = workspace
        self._memo = memo
        self._digests: dict[str, str] = {}
        self._contents: dict[str, dict[str, object]] = {}
        self._importers: dict[str, tuple[str, str]] = {}
        self._scopes: dict[str, str] = {}
        self.unpinned: set[str] = set()

    def direct(self, path: str) -> Imports:
        """What ``path`` imports; an asset imports nothing."""
        packages = {self._scope(posixpath.dirname(path))}
        findings = self._workspace.analysis.findings.get(path)
        if findings is None:
            return Imports((), tuple(packages))
        packages.update(self.package(name, path) for name in findings.imports.packages)
        return Imports(tuple(sorted((*findings.imports.files, *findings.imports.assets))), tuple(sorted(packages)))

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
        text = json.dumps(fields, sort_keys=True)
        return f"manner:{text if len(text) <= _SHORT else digest.of(fields)}"

    def package_digest(self, place: str) -> str:
        """What the package and all that it needs are: from the lockfile, or from its files where it isn't pinned."""
        known = self._digests.get(place)
        if known is None and place.endswith(MANIFEST):
            known = self._digests[place] = self._manner(place)
        if known is None:
            name, folder = self._asked(place)
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

    def made_of(self, mark: str) -> dict[str, object] | None:
        """What a package's digest stands for: pinned packages as [name, version, integrity], or files and a version."""
        if mark in self._contents:
            return self._contents[mark]
        lock = self._workspace.project.lock
        place = next((place for place, known in self._digests.items() if known == mark), None)
        if lock is None or place is None or not mark.startswith("lock:"):
            return None
        name, folder = self._asked(place)
        pins = [[pin.name, pin.version, pin.integrity] for pin in lock.closure([name], folder)]
        return {"path": lock.path, "pins": sorted(pins)}

    @property
    def digests(self) -> frozenset[str]:
        """Every package digest so far that stands for something."""
        return frozenset(mark for mark in self._digests.values() if not mark.startswith("manner:"))

    def _asked(self, place: str) -> tuple[str, str]:
        """The name that a package was imported by, and from which folder."""
        return self._importers.get(place) or (place.rpartition("node_modules/")[2], "")

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
        mark = digest.of(found)
        self._contents[f"files:{mark}"] = {"version": self._installed_version(place), "files": found[:_MOST_FILES]}
        return mark

    @cached_property
    def _root(self) -> Path:
        return self._workspace.project.root


def _version(text: bytes) -> object:
    return json.loads(text).get("version")
