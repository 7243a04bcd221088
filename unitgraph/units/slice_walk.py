"""One unit's way through the modules: follows names from its roots until nothing is added.

Knows one unit; where a name leads, ``slice_plan.Slicer`` knows, and ``slice_outcome`` says what is kept in the end.
"""

from collections.abc import Iterable, Iterator

from unitgraph.units.application import Expression, Fragment, Helper, Ref
from unitgraph.units.facts import Span, StatementKind
from unitgraph.units.slice import Closure, Roots, Sliced, SlicePlan
from unitgraph.units.slice_factory import Cut
from unitgraph.units.slice_module import Module, pattern_names
from unitgraph.units.slice_outcome import Need, Outcome
from unitgraph.units.slice_plan import NOWHERE, Link, Slicer


class Walk:
    """One unit's way through the modules."""

    def __init__(self, slicer: Slicer, roots: Roots) -> None:
        self.slicer = slicer
        self.roots = roots
        self.needs: dict[str, Need] = {}
        self._pending: list[tuple[Module, int]] = []
        self.brought: set[Closure] = set()
        self._placed: set[str] = set()
        self.helpers: dict[Helper, None] = {}
        self.services: set[str] = set(roots.services or ())
        self.existing: set[str] = set()
        self.all_services = roots.all_services
        self.cuts: list[tuple[Module, int, Cut, Ref]] = []
        self.targets: dict[str, set[str]] = {}         # module → modules whose slices it imports

    def plan(self) -> SlicePlan:
        roots, slicer = self.roots, self.slicer
        for ref in roots.refs:
            self._root(ref)
        for value in roots.values:
            self._value(value)
        if roots.services is not None:
            if slicer.application.config is not None:
                self._root(slicer.application.config)
            for factory in (slicer.application.services, slicer.application.wire_services):
                if factory is not None:
                    self._open(factory)
        self._settle()
        return Outcome(self).plan()

    def _settle(self) -> None:
        """Follow everything, and ask the factories for what it needs, until nothing is added."""
        grown = True
        while grown or self._pending:
            while self._pending:
                module, index = self._pending.pop()
                self._statement(module, index)
            grown = False
            for module, index, cut, _ in self.cuts:
                fresh = cut.want(None if self.all_services else self.services) + cut.settle()
                if fresh:
                    grown = True
                    self._factory(module, index, cut, fresh)

    def _root(self, ref: Ref) -> None:
        if ref.module in self.slicer.sliced:
            self._export(ref)
        else:
            self._place(Closure(files=frozenset({ref.module})))

    def _open(self, ref: Ref) -> None:
        """A factory: nothing of it is kept until a service is wanted."""
        module = self.slicer.module(ref.module)
        for index in module.declared.get(ref.name, ()):
            factory = module.factory_at(index)
            if factory is None:
                self._export(ref)
                continue
            self.cuts.append((module, index, Cut(self.slicer.shape(ref.module, index, factory)), ref))

    def _factory(self, module: Module, index: int, cut: Cut, fresh: list[Span]) -> None:
        need = self._need(module.path)
        need.cuts[index] = cut
        need.statements.add(index)
        need.exports.update(module.facts.statements[index].declares)
        self._text(module, fresh, hidden=cut.shape.declared)
        self._asked(module, cut)

    def _asked(self, module: Module, cut: Cut) -> None:
        """What the kept part of a factory takes: ``pikkuWireServices`` of the singleton services, ``pikkuServices`` of
        what is there before it."""
        kind, reads = cut.shape.factory.kind, cut.shape.factory.reads
        taken = self.services if kind == "wire-services" else self.existing
        if kind == "config" or all(service in taken for _, service in reads):
            return
        if kind == "wire-services" and self.all_services:
            return
        kept = cut.kept()
        mentioned = {name for span in kept for name in module.mentions(span)}
        for offset, service in reads:
            # What the parameter destructures counts where it is used; under another name, always.
            in_parameter = cut.shape.factory.sliceable and offset < cut.shape.inner_start
            inside = any(span.start <= offset < span.end for span in kept)
            if inside or (in_parameter and (service in mentioned or offset in cut.shape.renamed)):
                if service != "*":
                    taken.add(service)
                elif kind == "wire-services":
                    self.all_services = True

    def _need(self, path: str) -> Need:
        need = self.needs.get(path)
        if need is None:
            need = self.needs[path] = Need()
            module = self.slicer.module(path)
            self._pending += [(module, index) for index in module.effects]
            for entry in module.bare:
                target, brings = self.slicer.target(path, entry.specifier)
                need.bare.append((entry, target))
                self._place(brings)
                if isinstance(target, Sliced):
                    self._points(path, target.module)
                    self._need(target.module)
        return need

    def _export(self, ref: Ref) -> None:
        need = self._need(ref.module)
        if ref.name == "*":
            self._whole(ref.module, need)
        elif ref.name not in need.exports:
            need.exports.add(ref.name)
            self._local(self.slicer.module(ref.module), need, ref.name)

    def _local(self, module: Module, need: Need, name: str) -> None:
        declared = module.declared.get(name)
        if declared is not None:
            remote = self.roots.remote.get(Ref(module.path, name))
            if remote is not None:
                need.stand_ins[name] = remote
                return
            for index in declared:
                if index not in need.statements:
                    self._pending.append((module, index))
        elif name in module.imported and name not in need.imports:
            link = self.slicer.link(module.path, name)
            if link.ref is not None and link.ref in self.roots.remote:
                need.stand_ins[name] = self.roots.remote[link.ref]
                return
            need.imports.add(name)
            if link.ref is not None:
                self._points(module.path, link.ref.module)
                self._export(link.ref)
            else:
                self._place(link.brings)

    def _statement(self, module: Module, index: int) -> None:
        need = self._need(module.path)
        if index in need.statements:
            return
        need.statements.add(index)
        for name in module.statement_names(index):
            self._local(module, need, name)
        if module.deferred or module.helpers:
            self._text(module, (module.facts.statements[index].span,))

    def _text(
        self, module: Module, spans: Iterable[Span], without: tuple[Span, ...] = (), hidden: Iterable[str] = ()
    ) -> None:
        """Stretches of text are kept: what they name, import later, and hold."""
        need = self._need(module.path)
        spans = tuple(spans)
        for name in sorted(module.names(spans, without) - set(hidden)):
            self._local(module, need, name)
        if not (module.deferred or module.helpers):
            return
        for span in spans:
            for entry in module.deferred_in(span, without):
                target, brings = self.slicer.target(module.path, entry.specifier)
                need.deferred[entry.specifier_span] = target
                self._place(brings)
                if isinstance(target, Sliced):
                    self._points(module.path, target.module)
                    self._whole(target.module, self._need(target.module))
            for helper in module.helpers_in(span, without):
                self._helper(helper)

    def _value(self, value: Expression) -> None:
        path = value.fragment.module
        module, need = self.slicer.module(path), self._need(path)
        if value in need.values:
            return
        need.values[value] = None
        used = self.used_bindings(value)
        bound = frozenset(name for pattern, _ in used for name in pattern_names(pattern))
        spans = [value.fragment.span]
        for _, fragment in used:
            if fragment.module == path:
                spans.append(fragment.span)
            else:
                self._points(path, fragment.module)
                self._value(Expression(fragment))
        self._text(module, spans, value.omit, bound)

    def used_bindings(self, value: Expression) -> tuple[tuple[str, Fragment], ...]:
        """The loop bindings that an expression uses, itself or through an inner one; outermost first."""
        module = self.slicer.module(value.fragment.module)
        mentioned = module.mentions(value.fragment.span, value.omit) if value.bindings else set()
        used = []
        for pattern, fragment in reversed(value.bindings):
            if pattern_names(pattern) & mentioned:
                used.append((pattern, fragment))
                if fragment.module == value.fragment.module:
                    mentioned |= module.mentions(fragment.span)
        return tuple(reversed(used))

    def _whole(self, path: str, need: Need) -> None:
        """Everything of a module but its wirings, under the names that it exports itself."""
        if need.whole:
            return
        need.whole = True
        module = self.slicer.module(path)
        for index, statement in enumerate(module.facts.statements):
            if statement.kind is StatementKind.DECLARATION:
                self._pending.append((module, index))
        for _, local in module.facts.exports:
            if local in module.declared or local in module.imported:
                need.exports.add(local)
                self._local(module, need, local)
        for link in (link for _, link in self.reexported(module)):
            self._place(link.brings)
            if isinstance(link.target, Sliced):
                self._points(path, link.target.module)
            if link.ref is not None:
                self._export(link.ref)

    def reexported(self, module: Module) -> Iterator[tuple[str, Link]]:
        for entry in module.reexports:
            for imported, exported in entry.names:
                if exported in entry.type_names:
                    continue
                if imported == "*":
                    target, brings = self.slicer.target(module.path, entry.specifier)
                    ref = Ref(target.module, "*") if isinstance(target, Sliced) else None
                    yield exported, Link(target, "*", ref, brings)
                else:
                    yield exported, self.slicer.link_export(module.path, entry, imported, exported)

    def _helper(self, helper: Helper) -> None:
        if helper not in self.helpers:
            self.helpers[helper] = None
            self.services |= helper.services.names
            self.all_services = self.all_services or helper.services.escapes

    def _place(self, brings: Closure) -> None:
        if brings is NOWHERE or brings in self.brought:
            return
        self.brought.add(brings)
        for path in brings.files:
            for helper in self.slicer.helpers_behind(path):
                self._helper(helper)

    def _points(self, path: str, other: str) -> None:
        self.targets.setdefault(path, set()).add(other)
