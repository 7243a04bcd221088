"""What a project's slices have in common: where names lead, what files bring with them, which requests there are.

Pure over facts, but for the text of modules with factories or ``requiredSingletonServices``, read once. Everything
that doesn't depend on the unit is remembered here; what one unit needs is ``slice_walk``'s.
"""

import posixpath
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final, Protocol

from unitgraph.units.application import Application, Expression, External, Function, Helper, Ref
from unitgraph.units.facts import Factory, Import, ImportKind
from unitgraph.units.resolve import Asset, Builtin, Package, ProjectFile, Resolver, Runtime
from unitgraph.units.slice import Closure, InPlace, Request, Roots, Sliced, SlicePlan, Target, Verbatim
from unitgraph.units.slice_factory import Shape, shape_of
from unitgraph.units.slice_module import FileFacts, Module
from unitgraph.units.slice_names import Texts

NOWHERE: Final = Closure()


class Linker(Protocol):
    def binding(self, module: str, local: str, /) -> Ref | External | None: ...
    def exported(self, module: str, name: str, /) -> Ref | External | None: ...


class Analysed(Protocol):
    @property
    def application(self) -> Application: ...
    @property
    def linker(self) -> Linker: ...


@dataclass(frozen=True, slots=True)
class Link:
    """Where an imported name comes from; ``ref`` is set when that is a slice."""

    target: Target
    name: str
    ref: Ref | None = None
    brings: Closure = NOWHERE


class Slicer:
    """Plans units of one analysed project. ``read`` gives a file's bytes. ``by_place`` is for slices that keep their
    lines: what stands on other ones isn't the same then."""

    def __init__(
        self,
        analysis: Analysed,
        facts: Mapping[str, FileFacts],
        resolver: Resolver,
        read: Callable[[str], bytes],
        *,
        by_place: bool = False,
    ) -> None:
        self._by_place = by_place
        self._texts = Texts(read, by_place=by_place)
        self.application = analysis.application
        self.linker = analysis.linker
        self.resolver = resolver
        self._facts = facts
        self._read = read
        self._modules: dict[str, Module] = {}
        self._links: dict[tuple[str, str], Link] = {}
        self._closures: dict[str, Closure] = {}
        self._shapes: dict[tuple[str, int], Shape] = {}
        self._required: dict[str, frozenset[str] | None] = {}
        self._requests: dict[str, tuple[tuple[str, ...], Request]] = {}
        self._helpers: dict[str, list[Helper]] = defaultdict(list)
        for helper in self.application.helpers:
            self._helpers[helper.module].append(helper)
        self._values: dict[str, list[Expression]] = defaultdict(list)
        for expression in _expressions(self.application):
            self._values[expression.fragment.module].append(expression)
            for _, fragment in expression.bindings:
                self._values[fragment.module].append(Expression(fragment))
        self._value_names: dict[Expression, str] = {}
        self.sliced = self._leading_to_application()

    def plan(self, roots: Roots) -> SlicePlan:
        from unitgraph.units.slice_walk import Walk  # noqa: PLC0415  # a walk is made of a slicer: one must come first

        return Walk(self, roots).plan()

    def closure(self, paths: Iterable[str]) -> Closure:
        """What these files bring with them when used as they stand."""
        whole = NOWHERE
        for path in paths:
            whole = whole | self._closure(path)
        return whole

    def helpers_behind(self, path: str) -> Iterator[Helper]:
        """The authored helpers (middleware, permissions) in a file used as it stands, and in what it imports."""
        if self._helpers:
            for file in sorted(self._closure(path).files):
                yield from self._helpers.get(file, ())

    def module(self, path: str) -> Module:
        known = self._modules.get(path)
        if known is None:
            known = self._modules[path] = Module(path, self._facts[path], self._helpers.get(path, ()))
        return known

    def shape(self, path: str, index: int, factory: Factory) -> Shape:
        known = self._shapes.get((path, index))
        if known is None:
            facts = self._facts[path]
            known = shape_of(factory, facts.statements[index], facts.refs, self._read(path))
            self._shapes[path, index] = known
        return known

    def required(self, path: str, alias: str) -> frozenset[str] | None:
        """The services that a module asks ``requiredSingletonServices`` for; None: not told by its text."""
        if path not in self._required:
            text = self._read(path).decode("utf-8", "replace")
            names = re.findall(rf"(?<![\w$.]){re.escape(alias)}\??\.([A-Za-z_$][\w$]*)", text)
            uses = sum(name == alias for _, name in self._facts[path].refs)
            self._required[path] = frozenset(names) if uses == len(names) else None
        return self._required[path]

    def link(self, path: str, local: str) -> Link:
        """Where a module's imported name comes from."""
        known = self._links.get((path, local))
        if known is None:
            entry, imported = self.module(path).imported[local]
            bound = self.linker.binding(path, local)
            known = self._links[path, local] = self._bound(path, entry.specifier, imported, bound)
        return known

    def link_export(self, path: str, entry: Import, imported: str, exported: str) -> Link:
        """Where a name that a module re-exports comes from."""
        return self._bound(path, entry.specifier, imported, self.linker.exported(path, exported))

    def target(self, path: str, specifier: str) -> tuple[Target, Closure]:
        """Where a module as a whole comes from."""
        resolved = self.resolver.resolve(path, specifier)
        if isinstance(resolved, ProjectFile):
            if resolved.path in self.sliced:
                return Sliced(resolved.path), NOWHERE
            return InPlace(resolved.path), Closure(files=frozenset({resolved.path}))
        if isinstance(resolved, Asset):
            return InPlace(resolved.path), Closure(assets=frozenset({resolved.path}))
        if isinstance(resolved, Package):
            target = Verbatim(resolved.name + resolved.subpath)
            return target, Closure(packages=frozenset({(resolved, path)}))
        if isinstance(resolved, Runtime):
            return Verbatim(resolved.name), Closure(runtime=frozenset({resolved.name}))
        if isinstance(resolved, Builtin):
            return Verbatim(resolved.name), Closure(builtins=frozenset({resolved.name}))
        return Verbatim(specifier), NOWHERE

    def request(self, path: str, signature: tuple[str, ...], make: Callable[[str], Request]) -> Request:
        """The one request with this signature; its path carries a digest of it, never of where the checkout lies."""
        digest = blake2b("\0".join(signature).encode(), digest_size=16).hexdigest()
        stem, suffix = posixpath.splitext(path.replace("../", "_/"))
        for length in (8, 32):
            name = f"{stem}~{digest[:length]}{suffix}"
            known = self._requests.get(name)
            if known is None:
                known = self._requests[name] = (signature, make(name))
            if known[0] == signature:
                return known[1]
        raise AssertionError(f"two slices have one digest: {path}")

    def value_name(self, expression: Expression) -> str:
        """An expression's identity in its module, which an edit elsewhere in the file doesn't change.

        Equal names are equal texts, so a slice of the one is a slice of the other, unless lines have to be kept.
        """
        path = expression.fragment.module
        registered = sorted(set(self._values.pop(path, ())), key=lambda entry: text_order(entry, path))
        for each in (*registered, expression):
            if each not in self._value_names:
                self._value_names[each] = self._texts.name(each)
        return self._value_names[expression]

    def value_order(self, expression: Expression, path: str) -> tuple[object, ...]:
        """How the values of one slice are numbered: alike in every unit that has the same ones."""
        order = text_order(expression, path)
        return order if self._by_place else (self.value_name(expression), *order)

    def _bound(self, path: str, specifier: str, imported: str, bound: Ref | External | None) -> Link:
        if isinstance(bound, Ref) and bound.module in self.sliced:
            name = bound.name if bound.name == "*" else self.module(bound.module).export_name(bound.name)
            return Link(Sliced(bound.module), name, bound)
        target, brings = self.target(path, specifier)
        if not isinstance(target, Sliced):
            return Link(target, imported, None, brings)
        # A barrel that also leads to the application: go past it, to what stands behind.
        if isinstance(bound, Ref):
            name = bound.name if bound.name == "*" else self.module(bound.module).export_name(bound.name)
            return Link(InPlace(bound.module), name, None, Closure(files=frozenset({bound.module})))
        if isinstance(bound, External):
            outer, brings = self.target(target.module, bound.specifier)
            if not isinstance(outer, Sliced):
                return Link(outer, bound.name, None, brings)
        return Link(target, imported, Ref(target.module, "*"))

    def _closure(self, start: str) -> Closure:
        known = self._closures.get(start)
        if known is None:
            files, pending, found = {start}, [start], NOWHERE
            brought: list[Closure] = []
            while pending:
                path = pending.pop()
                facts = self._facts.get(path)
                for entry in facts.imports if facts is not None else ():
                    if entry.kind is ImportKind.TYPE:
                        continue
                    target, brings = self.target(path, entry.specifier)
                    inner = target.path if isinstance(target, InPlace) else None
                    if inner is None or brings.assets:
                        brought.append(brings)
                    elif inner not in files:
                        files.add(inner)
                        pending.append(inner)
            for brings in set(brought):
                found = found | brings
            known = self._closures[start] = found | Closure(files=frozenset(files))
        return known

    def _leading_to_application(self) -> frozenset[str]:
        importers: dict[str, list[str]] = defaultdict(list)
        for path, facts in self._facts.items():
            for entry in facts.imports:
                if entry.kind is not ImportKind.TYPE:
                    resolved = self.resolver.resolve(path, entry.specifier)
                    if isinstance(resolved, ProjectFile):
                        importers[resolved.path].append(path)
        found = {path for path, facts in self._facts.items() if facts.is_application} | self._values.keys()
        pending = list(found)
        while pending:
            for importer in importers.get(pending.pop(), ()):
                if importer not in found:
                    found.add(importer)
                    pending.append(importer)
        return frozenset(found)


def text_order(value: Expression, path: str) -> tuple[object, ...]:
    """How expressions of one module are put in order: as they stand in it."""
    spans = tuple((fragment.module != path, fragment.module, fragment.span.start) for _, fragment in value.bindings)
    omitted = tuple(span.start for span in value.omit)
    return (value.fragment.span.start, value.fragment.span.end, spans, omitted)


def _expressions(application: Application) -> Iterator[Expression]:
    """Every expression that some unit may ask for."""
    for route in application.http:
        yield from route.options
    for wirings in (
        application.queues, application.schedules, application.channels, application.mcp, application.triggers,
        application.cli,
    ):  # fmt: skip
        for wiring in wirings:
            if wiring.options is not None:
                yield wiring.options
    for channel in application.channels:
        for call in channel.calls:
            yield from call.outer
            yield from (call.options,) if call.options is not None else ()
        if channel.shared is not None:
            yield channel.shared
    for program in application.cli:
        yield from (program.shown, program.around)
        for command in program.commands:
            yield from (each for each in (command.options, command.shown, command.around) if each is not None)
    for scoped in application.scoped:
        yield scoped.value
    for declared in (*application.secrets, *application.variables):
        if declared.schema is not None:
            yield declared.schema
    for function in application.functions.values():
        yield from _inline(function)


def _inline(function: Function) -> Iterator[Expression]:
    if not isinstance(function.value, Ref):
        yield function.value[0]
