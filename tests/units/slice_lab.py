"""A tiny project with its facts, ready for slicing: names are followed by a few lines, so that slicing is tested alone."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.units.tiny_project import write
from unitgraph.units.application import Application, Expression, External, Fragment, Helper, Ref, Services
from unitgraph.units.facts import ImportKind, Span
from unitgraph.units.project import load_project
from unitgraph.units.resolve import Package, ProjectFile, Resolver, Runtime
from unitgraph.units.slice import InPlace, Roots, Sliced, SlicePlan, Target, Verbatim
from unitgraph.units.slice_plan import Slicer
from unitgraph.units.slice_text import render_slice
from unitgraph.units.source import Facts, read_facts


class Links:
    def __init__(self, facts: Mapping[str, Facts], resolver: Resolver) -> None:
        self._facts = facts
        self._resolver = resolver

    def binding(self, module: str, local: str) -> Ref | External | None:
        for entry in self._facts[module].imports:
            if entry.kind in (ImportKind.VALUE, ImportKind.TYPE):
                for imported, name in entry.names:
                    if name == local:
                        return self._from(module, entry.specifier, imported)
        names = {name for statement in self._facts[module].statements for name in statement.declares}
        return Ref(module, local) if local in names else None

    def exported(self, module: str, name: str) -> Ref | External | None:
        for exported, local in self._facts[module].exports:
            if exported == name:
                return self.binding(module, local)
        stars = []
        for entry in self._facts[module].imports:
            if entry.kind is ImportKind.REEXPORT:
                for imported, exported in entry.names:
                    if exported == name:
                        return self._from(module, entry.specifier, imported)
                    if (imported, exported) == ("*", "*"):
                        stars.append(entry.specifier)
        found = (self._from(module, specifier, name) for specifier in stars)
        return next((entry for entry in found if entry is not None), None)

    def _from(self, module: str, specifier: str, name: str) -> Ref | External | None:
        resolved = self._resolver.resolve(module, specifier)
        if isinstance(resolved, ProjectFile):
            return Ref(resolved.path, "*") if name == "*" else self.exported(resolved.path, name)
        return External(specifier, name) if isinstance(resolved, (Package, Runtime)) else None


@dataclass
class Lab:
    root: Path
    facts: dict[str, Facts]
    slicer: Slicer
    application: Application
    linker: Links
    texts: dict[str, bytes] = field(default_factory=dict)

    def plan(self, *refs: str, values: Iterable[Expression] = (), **options: object) -> SlicePlan:
        """``refs`` are "module#name"."""
        roots = Roots(refs=tuple(ref(name) for name in refs), values=tuple(values), **options)  # type: ignore[arg-type]
        return self.slicer.plan(roots)

    def text(self, plan: SlicePlan, module: str, *, keep_lines: bool = False) -> str:
        request = plan.modules[module]
        where = {path: entry.path for path, entry in plan.modules.items()}

        def repoint(target: Target) -> str:
            if isinstance(target, Sliced):
                return f"slice:{where[target.module]}"
            return f"file:{target.path}" if isinstance(target, InPlace) else target.specifier

        return render_slice(self.texts[module], self.facts[module], request, repoint, keep_lines=keep_lines)

    def put(self, plan: SlicePlan, folder: Path) -> None:
        """Writes a plan's slices, for a bundler."""
        for module, request in plan.modules.items():
            where = folder / request.path

            def repoint(target: Target, where: Path = where) -> str:
                if isinstance(target, Verbatim):
                    return target.specifier
                goal = folder / plan.modules[target.module].path if isinstance(target, Sliced) else self.root / target.path
                return str(goal)

            where.parent.mkdir(parents=True, exist_ok=True)
            where.write_text(render_slice(self.texts[module], self.facts[module], request, repoint), "utf-8")

    def expression(self, module: str, text: str, *loops: tuple[str, str, str], omit: Iterable[str] = ()) -> Expression:
        """The expression with this text; ``loops`` are (pattern, module, text of the value)."""
        span = self.span(module, text)
        gone = tuple(self.span(module, part, span.fragment.span.start).fragment.span for part in omit)
        return Expression(span.fragment, tuple((p, self.span(m, t).fragment) for p, m, t in loops), gone)

    def span(self, module: str, text: str, after: int = 0) -> "Found":
        raw = text.encode()
        start = self.texts[module].index(raw, after)
        return Found(Fragment(module, Span(start, start + len(raw))))


@dataclass(frozen=True)
class Found:
    fragment: Fragment


@dataclass(frozen=True)
class Analysis:
    application: Application
    linker: Links


def ref(name: str) -> Ref:
    module, _, local = name.partition("#")
    return Ref(module, local)


def lab(
    root: Path, files: Mapping[str, str], *, helpers: Iterable[tuple[str, str, str]] = (), **application: str
) -> Lab:
    """``application``: config, services, wire_services as "module#name"; ``helpers`` are (module, text, services)."""
    project = load_project(write(root, {"src/empty.ts": None, **files}))
    resolver = Resolver(project)
    texts = {path: project.sources.read(path) for path in project.sources.files()}
    facts = {path: read_facts(text, Path(path).suffix) for path, text in texts.items()}
    linker = Links(facts, resolver)
    found = []
    for module, text, services in helpers:
        start = texts[module].index(text.encode())
        found.append(Helper(module, Span(start, start + len(text.encode())), Services(frozenset(services.split()))))
    parts = {name: ref(value) for name, value in application.items()}
    app = Application(functions={}, helpers=tuple(found), **parts)  # type: ignore[arg-type]
    slicer = Slicer(Analysis(app, linker), facts, resolver, project.sources.read)
    return Lab(root, facts, slicer, app, linker, texts)
