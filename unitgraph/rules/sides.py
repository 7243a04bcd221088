"""One of two states of a project that are compared: what each of its units is made of, down to files and packages.

Knows an engine and makes no bundle. What is installed is what is installed now, so packages count by what the lockfile
of each state pins; the texts themselves are looked at only where they can differ.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import cast

from unitgraph.cache import digest
from unitgraph.errors import UnitgraphError
from unitgraph.rules.closure import Closures
from unitgraph.rules.database import Database
from unitgraph.rules.engine import Engine
from unitgraph.rules.imports import MANIFEST, ProjectImports
from unitgraph.rules.memo import Memo
from unitgraph.rules.wirings import Wirings
from unitgraph.rules.workspace import analyse
from unitgraph.units.lockfile import Locked
from unitgraph.units.model import Manifest, Unit
from unitgraph.units.project import load_project


class PinnedImports(ProjectImports):
    """Packages by what the project asks for, whatever is installed."""

    def package_digest(self, place: str) -> str:
        if place.endswith(MANIFEST):
            return super().package_digest(place)
        project = self._workspace.project
        name, folder = self._asked(place)
        if project.lock is not None and project.lock.entry(name, folder) is not None:
            return f"lock:{project.lock.closure_digest([name], folder)}"
        return f"asked:{' '.join(self.ranges(place))}"

    def name(self, place: str) -> str:
        """The name that a package is imported by."""
        return self._asked(place)[0]

    def ranges(self, place: str) -> list[str]:
        """The versions that the package.json files of the project ask for."""
        project = self._workspace.project
        name = self.name(place)
        asking = (project.package, *project.workspace.packages.values())
        return sorted({package.dependencies[name] for package in asking if name in package.dependencies})

    def pinned(self, place: str) -> Mapping[str, Locked]:
        """The package and all that it needs, by their keys in the lockfile."""
        lock = self._workspace.project.lock
        name, folder = self._asked(place)
        return {} if lock is None else {each.key: each for each in lock.closure([name], folder)}


@dataclass(frozen=True, slots=True)
class Parts:
    """What a unit is made of: ``generated``, path below the generated folder → (text, the source that it is cut from);
    what these import, ``modules`` and ``packages``; ``files`` and ``needs``, the files and packages of its closure."""

    generated: Mapping[str, tuple[bytes, str]]
    modules: tuple[str, ...]
    packages: tuple[str, ...]
    files: frozenset[str]
    needs: frozenset[str]


class Side:
    """The state of the project that ``engine`` has opened."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.workspace = engine.workspace
        self.memo = engine.memo
        self.imports = PinnedImports(self.workspace, self.memo)
        self._closures = Closures(self.imports.direct)

    @property
    def manifest(self) -> Manifest:
        return self.workspace.manifest

    @cached_property
    def units(self) -> Mapping[str, Unit]:
        """Every unit of the manifest, those that this version can't run among them."""
        return {unit.name: unit for unit in self.manifest.units}

    @cached_property
    def marks(self) -> Mapping[str, str]:
        """File → digest over its content, where its imports lead, and the packages among them."""
        outlines = self.workspace.outlines
        reached = {path for outline in outlines.values() for path in outline.paths()}
        marks = {path: self.memo.digest(path) for path in reached - outlines.keys()}
        for path, outline in outlines.items():
            packages = [(name, self.imports.package_digest(name)) for name in self.imports.direct(path).packages]
            marks[path] = digest.of([outline.digest, sorted(map(repr, outline.targets)), packages])
        return marks

    def reaching(self, changed: Iterable[str]) -> set[str]:
        """Every file that leads to one of these, themselves included; by types, too."""
        importers: dict[str, list[str]] = {}
        for path, outline in self.workspace.outlines.items():
            for target in set(outline.paths()):
                importers.setdefault(target, []).append(path)
        pending = list(changed)
        reached = set(pending)
        while pending:
            for importer in importers.get(pending.pop(), ()):
                if importer not in reached:
                    reached.add(importer)
                    pending.append(importer)
        return reached

    def modules(self, name: str) -> set[str]:
        """The files that a unit starts from."""
        return self._wirings.modules(self.units[name])

    def wired_in(self, name: str) -> set[str]:
        """The files that say how a unit is called, and what stands around it."""
        unit = self.units[name]
        options = [option for wiring in self._wirings.routes(unit) for option in wiring.options]
        options += [scoped.value for scoped in self._wirings.scoped(unit)]
        loops = {fragment.module for value in options for _, fragment in value.bindings}
        return loops | {value.fragment.module for value in options}

    def generator_key(self, name: str) -> str:
        """Equal keys, equal generated text."""
        return self.engine.codegen.key(name).digest

    def parts(self, name: str) -> Parts:
        """Generates the unit's files, in memory. Raises what is wrong with them."""
        if name not in self.engine.units:
            return self._parts({}, tuple(sorted(self.modules(name))), ())
        made = self.engine.codegen.run([name])[name]
        if isinstance(made, UnitgraphError):
            raise made
        origins = cast("Mapping[str, str]", made.facts["origins"])
        generated = {path: (text, origins.get(path, "")) for path, text in made.outputs.items()}
        modules, packages = cast("list[str]", made.facts["modules"]), cast("list[str]", made.facts["packages"])
        return self._parts(generated, tuple(modules), tuple(packages))

    def parts_like(self, other: Parts) -> Parts:
        """The parts of a unit for which the same is generated here as there."""
        return self._parts(other.generated, other.modules, other.packages)

    def _parts(
        self, generated: Mapping[str, tuple[bytes, str]], modules: tuple[str, ...], packages: tuple[str, ...]
    ) -> Parts:
        reached = self._closures.files(modules)
        found = {name for imports in reached.values() for name in imports.packages}
        return Parts(generated, modules, packages, frozenset(reached), frozenset((*found, *packages, MANIFEST)))

    def text(self, path: str) -> bytes:
        return self.workspace.project.sources.read(path)

    @cached_property
    def _wirings(self) -> Wirings:
        return Wirings(self.workspace.analysis.application, self.workspace.manifest)


def side_at(now: Engine, folder: Path, scratch: Path) -> Side:
    """The state that lies in ``folder``, for the same provider. Raises what is wrong with it.

    It shares the facts that are known of files, by content; where its own files stand is forgotten with ``scratch``.
    """
    project = load_project(folder)
    made = Engine(project, now.settings, now.say)
    memo = Memo(project.root, Database(scratch / "files.db"), digest.local)
    workspace = analyse(project, now.database, memo, remember=False)
    filled = {"database": now.database, "memo": memo, "tools": now.tools, "workspace": workspace}
    vars(made).update(filled)       # what would be opened anew for a build
    return Side(made)
