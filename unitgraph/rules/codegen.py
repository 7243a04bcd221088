"""The rule ``codegen``: units to entry points and slices. Knows how a unit's parts come together in generated files.

Its key is coarse (the unit in the manifest, and every file that could matter, bodies of pure helpers left out); what
it writes is exact, so an edit that leaves the text as it was stops here.
"""

import os
import posixpath
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, cast

from unitgraph import __version__
from unitgraph.cache import digest
from unitgraph.cache.key import Component, Key, make
from unitgraph.errors import Place, UnitgraphError
from unitgraph.errors.build import GeneratedDiffers
from unitgraph.providers.base import Provider
from unitgraph.providers.cloudflare.bindings import binding_name
from unitgraph.rules import command_lines
from unitgraph.rules.action import Finished, Pool, Result
from unitgraph.rules.agents import keys
from unitgraph.rules.bundle import PROCESS, Source
from unitgraph.rules.closure import Closures, Imports
from unitgraph.rules.database import Record
from unitgraph.rules.imports import ProjectImports
from unitgraph.rules.memo import Memo
from unitgraph.rules.openapi_document import OpenApiDocument
from unitgraph.rules.outputs import Outputs
from unitgraph.rules.recall import Recall
from unitgraph.rules.tools import Tools
from unitgraph.rules.wirings import Wirings
from unitgraph.rules.workspace import Workspace
from unitgraph.units.application import TypeSource
from unitgraph.units.migrations import FOLDER
from unitgraph.units.model import Unit
from unitgraph.units.model_providers import ModelProvider, providers
from unitgraph.units.slice_plan import Slicer

if TYPE_CHECKING:
    from unitgraph.rules.generate import Generator
    from unitgraph.rules.names import Names


class CodegenRule:
    kind = "codegen"
    pool = Pool.HERE
    batch = 1
    is_shared = False

    def __init__(
        self, workspace: Workspace, provider: Provider, units: Sequence[Unit], memo: Memo, tools: Tools,
        outputs: Outputs, imports: ProjectImports, *, keep_lines: bool = False,
    ) -> None:  # fmt: skip
        self._workspace = workspace
        self._provider = provider
        self._units = {unit.name: unit for unit in units}
        self._memo = memo
        self._tools = tools
        self._outputs = outputs
        self._imports = imports
        self._keep_lines = keep_lines
        self.document: OpenApiDocument | None = None      # what a process may have to answer with
        self.recall: Recall | None = None
        self._closures = Closures(self._every_import)
        self._sources: dict[str, Source] = {}
        self._digests: dict[str, str] = {}
        self._made_of: dict[str, set[str]] = {}
        self._origins: dict[str, str] = {}
        self._away: dict[str, Mapping[str, str]] = {}

    def key(self, subject: str) -> Key:
        return make(self.kind, self._components(subject))

    def _recalled(
        self, path: str, unit: Unit, names: "Names", write: Callable[[], bytes], told: list[str]
    ) -> bytes:
        if self.recall is None:
            return write()
        decides = [component.digest for component in self._components(unit.name)]
        return self.recall.member(path, " ".join((*decides, *sorted(names.plan.services))), names, write, told)

    def _components(self, subject: str) -> list[Component]:
        units = list(self._units.values()) if subject == PROCESS else [self._units[subject]]
        found = {module for unit in units for module in self._modules(unit)}
        modules = sorted(found | command_lines.modules(self._wirings.application) if subject == PROCESS else found)
        nodes = self._closures.digest(modules, self._interface, lambda name: name)
        components = [
            Component("tool", "unitgraph", __version__),
            Component("tool", "templates", self._tools.templates),
            Component("tool", "generator", self._tools.generator),
            Component("option", "isolation", self._provider.isolation),
            Component("option", "lines kept", str(self._keep_lines)),
            *(Component("option", "models", digest.of(repr(models))) for models in self._models(units)),
            Component("option", "taken by functions", digest.of(repr(list(self._taken(units))))),
            Component("package", "kysely", str("kysely" in self._workspace.project.package.dependencies)),
            *self._migrations(units),
            *(Component("unit", unit.name, self._digest(unit)) for unit in units),
            *(Component("closure", module, node) for module, node in nodes.items()),
        ]
        if subject != PROCESS and self._workspace.project.config.deploy.has_collector:
            components.append(Component("option", "spans", "told"))
        if elsewhere := self._wirings.elsewhere(units):
            components.append(Component("option", "services elsewhere", ", ".join(sorted(elsewhere))))
        if subject == PROCESS and self.document is not None and self.document.route is not None:
            components.append(Component("source", "openapi", self.document.key.digest))
        return components

    def _digest(self, unit: Unit) -> str:
        if unit.name not in self._digests:
            self._digests[unit.name] = digest.sha256(unit.model_dump_json().encode())
        return self._digests[unit.name]

    def _modules(self, unit: Unit) -> set[str]:
        if unit.name not in self._made_of:
            self._made_of[unit.name] = self._wirings.modules(unit)
        return self._made_of[unit.name]

    def _taken(self, units: Sequence[Unit]) -> Iterator[tuple[object, ...]]:
        """What analysis says of the units' functions, of which a body or its types may stand in a helper."""
        for function in (self._wirings.application.functions[name] for unit in units for name in unit.function_ids):
            services, wire = function.services, function.wire
            yield (
                function.id, sorted(services.names), services.escapes, sorted(wire.names), wire.escapes,
                function.around, function.has_input_schema, function.has_output_schema,
                self._annotation(function.input),
            )

    def _annotation(self, source: TypeSource | None) -> bytes:
        """The text of a type that stands in a helper whose text doesn't count otherwise."""
        if source is None or source.fragment.module not in self._pure:
            return b""
        start, end = source.fragment.span
        return self._workspace.project.sources.read(source.fragment.module)[start:end]

    def _models(self, units: Sequence[Unit]) -> Iterable[Mapping[str, ModelProvider]]:
        """Who has the models of agents, where there are any."""
        if any(self._wirings.application.functions[name].agent for unit in units for name in unit.function_ids):
            yield providers(self._workspace.project.config.deploy)

    def _migrations(self, units: Sequence[Unit]) -> list[Component]:
        """A process holds their texts."""
        if self._provider.isolation != "process" and all(unit.target != "server" for unit in units):
            return []
        found = self._workspace.manifest.migrations
        return [Component("source", f"{FOLDER}/{each.name}", each.digest) for each in found]

    @property
    def closure_nodes(self) -> Mapping[str, str]:
        """The closure nodes that keys were made of, by digest, for the database."""
        return self._closures.written

    def intact(self, subject: str, record: Record) -> bool:  # noqa: ARG002 - the Rule's
        return self._outputs.intact(record)

    def place(self, subject: str, outputs: Mapping[str, bytes]) -> None:  # noqa: ARG002 - the Rule's
        self._outputs.place(outputs)
        self._link_packages(outputs)

    def withdraw(self, subject: str, outputs: Iterable[str]) -> None:  # noqa: ARG002 - the Rule's
        self._outputs.withdraw(outputs)

    def run(self, subjects: Sequence[str]) -> Mapping[str, Finished | UnitgraphError]:
        generator = self.generator
        made: dict[str, Finished | UnitgraphError] = {}
        for subject in subjects:
            is_process = subject == PROCESS
            if is_process:
                generated = generator.process(self._units.values(), self._documents())
            else:
                generated = generator.unit(self._units[subject])
            made[subject] = Finished(
                generated.files,
                inputs=generated.sources,
                facts={
                    "entries": generated.entries,
                    "modules": sorted(generated.modules),
                    "packages": sorted({self._imports.package(*package) for package in generated.packages}),
                    "origins": generated.origins,
                    "notices": generated.notices,
                },
            )
        return made

    def _documents(self) -> Mapping[str, bytes]:
        """Route → the text that a process answers with there."""
        document = self.document
        return {document.route: document.made.text} if document is not None and document.route is not None else {}

    def path(self, name: str) -> str:
        """Where an output is, relative to the project's root."""
        return self._outputs.path(name)

    def make_ready(self, subjects: Sequence[str]) -> None:
        """Writes the files of those of ``subjects`` that were known by their digests alone. Raises GeneratedDiffers."""
        for subject in [subject for subject in subjects if subject in self._away]:
            made = self.run([subject])[subject]
            expected = self._away.pop(subject)
            if isinstance(made, UnitgraphError):
                raise made
            if {path: digest.sha256(data) for path, data in made.outputs.items()} != expected:
                raise GeneratedDiffers(subject)
            for path in made.outputs:
                self._memo.forget(self._outputs.path(path))
            self.place(subject, made.outputs)

    def accept(self, results: Mapping[str, Result]) -> None:
        """Learns from finished actions what the bundles are made of."""
        for subject, result in results.items():
            facts = result.facts
            if not result.placed:
                self._away[subject] = dict(result.outputs)
                marks = cast("Mapping[str, str]", facts["local"])
                self._memo.assume({self._outputs.path(path): mark for path, mark in marks.items()})
            entries = cast("Mapping[str, str]", facts["entries"])
            origins = cast("Mapping[str, str]", facts["origins"])
            self._sources[subject] = Source(
                {name: self._outputs.path(path) for name, path in entries.items()},
                {self._outputs.path(path): origins.get(path, "") for path in sorted(result.outputs)},
                tuple(cast("Sequence[str]", facts["modules"])),
                tuple(cast("Sequence[str]", facts["packages"])),
            )
            for path, origin in origins.items():
                self._origins[self._outputs.path(path)] = origin

    def source(self, subject: str) -> Source:
        return self._sources[subject]

    def notices(self, results: Iterable[Result]) -> list[str]:
        """What people should know of the generated units, each once."""
        found = (cast("Sequence[str]", result.facts.get("notices", ())) for result in results)
        return sorted({notice for notices in found for notice in notices})

    def locate(self, place: Place) -> Place:
        """Where in the project's own sources a generated file's line comes from, as near as its text tells."""
        origin = self._origins.get(place.path)
        if origin is None:
            return place
        root = self._workspace.project.root
        lines = (root / place.path).read_text("utf-8", "replace").splitlines()
        wanted = lines[place.line - 1] if place.line <= len(lines) else ""
        text = (root / origin).read_text("utf-8", "replace").splitlines()
        found = [number for number, line in enumerate(text, 1) if line == wanted]
        return Place(origin, found[0] if found else 1, place.column if found else 1)

    def sweep(self, results: Mapping[str, Result]) -> None:
        """Removes generated files of units that are no more."""
        self._outputs.sweep(
            path for result in results.values() if result.name.startswith("codegen:") for path in result.outputs
        )

    @cached_property
    def generator(self) -> "Generator":
        from unitgraph.rules.generate import Generator  # noqa: PLC0415 - jinja2, and only where something is generated

        return Generator(
            self._workspace, self._provider, self._slicer, self._wirings, binding_name, keep_lines=self._keep_lines,
            recalled=self._recalled,
        )  # fmt: skip

    @cached_property
    def _wirings(self) -> Wirings:
        application = self._workspace.analysis.application
        return Wirings(application, self._workspace.manifest, keys(self._workspace))

    @cached_property
    def _slicer(self) -> Slicer:
        workspace = self._workspace
        read = workspace.project.sources.read
        return Slicer(
            workspace.analysis, workspace.facts, workspace.resolver, read, by_place=self._keep_lines
        )

    def _every_import(self, path: str) -> Imports:
        """Type imports too: input schemas come from types."""
        outline = self._workspace.outlines.get(path)
        return Imports(tuple(sorted(set(outline.paths()))) if outline is not None else (), ())

    def _interface(self, path: str) -> str:
        """What of a file can be in generated text: of an asset its name alone."""
        outline = self._workspace.outlines.get(path)
        if outline is None:
            return ""
        return outline.interface if path in self._pure else self._memo.digest(path)

    @cached_property
    def _pure(self) -> set[str]:
        """Helper modules through which neither an application module nor zod is reached: never sliced, and without
        schemas that are read, so their bodies don't matter.
        """
        outlines = self._workspace.outlines
        importers: dict[str, set[str]] = {}
        for path, outline in outlines.items():
            for target in outline.paths():
                importers.setdefault(target, set()).add(path)
        pending = [path for path, found in self._workspace.analysis.findings.items() if found.authored is not None]
        pending += [path for path, each in outlines.items() if any(to[:2] == ("package", "zod") for to in each.targets)]
        reached = set(pending)
        while pending:
            for importer in importers.get(pending.pop(), ()):
                if importer not in reached:
                    reached.add(importer)
                    pending.append(importer)
        return outlines.keys() - reached

    def _link_packages(self, outputs: Iterable[str]) -> None:
        """Lets a slice of a nested package find what that package has installed for itself."""
        project = self._workspace.project
        slices = (path.removeprefix("slices/") for path in outputs if path.startswith("slices/"))
        for folder in {posixpath.dirname(path) for path in slices}:
            parts = folder.split("/")
            for depth in range(1, len(parts) + 1):
                inner = "/".join(parts[:depth])
                if inner and project.sources.is_folder(f"{inner}/node_modules"):
                    link = Path(project.root, self._outputs.path(f"slices/{inner}/node_modules"))
                    if not link.is_symlink():
                        link.parent.mkdir(parents=True, exist_ok=True)
                        link.symlink_to(os.path.relpath(project.root / inner / "node_modules", link.parent))

