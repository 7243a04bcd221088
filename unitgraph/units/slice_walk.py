"""One unit's way through the modules: follows names from its roots until nothing is added, then says what is kept.

Knows one unit; where a name leads, ``slice_plan.Slicer`` knows.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import partial
from typing import Final

from unitgraph.units.application import Expression, Fragment, Helper, Ref
from unitgraph.units.facts import Import, Span, StatementKind
from unitgraph.units.slice import (
    Binding,
    Closure,
    InPlace,
    Request,
    Roots,
    Sliced,
    SliceImport,
    SlicePlan,
    Target,
    Value,
)
from unitgraph.units.slice_factory import Cut
from unitgraph.units.slice_module import Module, pattern_names
from unitgraph.units.slice_plan import NOWHERE, Link, Slicer, text_order

REQUIRED: Final = "requiredSingletonServices"


@dataclass(slots=True)
class _Need:
    """What the unit needs of one module so far."""

    statements: set[int] = field(default_factory=set)
    imports: set[str] = field(default_factory=set)
    exports: set[str] = field(default_factory=set)
    values: dict[Expression, None] = field(default_factory=dict)
    deferred: dict[Span, Target] = field(default_factory=dict)
    bare: list[tuple[Import, Target]] = field(default_factory=list)
    stand_ins: dict[str, str] = field(default_factory=dict)
    cuts: dict[int, Cut] = field(default_factory=dict)
    whole: bool = False


class Walk:
    """One unit's way through the modules."""

    def __init__(self, slicer: Slicer, roots: Roots) -> None:
        self._slicer = slicer
        self._roots = roots
        self._needs: dict[str, _Need] = {}
        self._pending: list[tuple[Module, int]] = []
        self._brought: set[Closure] = set()
        self._placed: set[str] = set()
        self._helpers: dict[Helper, None] = {}
        self._services: set[str] = set(roots.services or ())
        self._all = roots.all_services
        self._cuts: list[tuple[Module, int, Cut, Ref]] = []
        self._targets: dict[str, set[str]] = {}         # module → modules whose slices it imports

    def plan(self) -> SlicePlan:
        roots, slicer = self._roots, self._slicer
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
        requests = self._requests()
        return SlicePlan(
            modules=requests,
            values={value: self._value_export(value, requests) for value in roots.values},
            exports=dict(self._root_exports()),
            services=frozenset(self._services),
            all_services=self._all,
            helpers=tuple(self._helpers),
            direct=_union(self._brought),
        )

    # What is needed ---------------------------------------------------------------------------------------------------

    def _settle(self) -> None:
        """Follow everything, and ask the factories for what it needs, until nothing is added."""
        grown = True
        while grown or self._pending:
            while self._pending:
                module, index = self._pending.pop()
                self._statement(module, index)
            grown = False
            for module, index, cut, _ in self._cuts:
                fresh = cut.want(None if self._all else self._services) + cut.settle()
                if fresh:
                    grown = True
                    self._factory(module, index, cut, fresh)

    def _root(self, ref: Ref) -> None:
        if ref.module in self._slicer.sliced:
            self._export(ref)
        else:
            self._place(Closure(files=frozenset({ref.module})))

    def _open(self, ref: Ref) -> None:
        """A factory: nothing of it is kept until a service is wanted."""
        module = self._slicer.module(ref.module)
        for index in module.declared.get(ref.name, ()):
            factory = module.factory_at(index)
            if factory is None:
                self._export(ref)
                continue
            self._cuts.append((module, index, Cut(self._slicer.shape(ref.module, index, factory)), ref))

    def _factory(self, module: Module, index: int, cut: Cut, fresh: list[Span]) -> None:
        need = self._need(module.path)
        need.cuts[index] = cut
        need.statements.add(index)
        need.exports.update(module.facts.statements[index].declares)
        self._text(module, fresh, hidden=cut.shape.declared)
        self._asked(module, cut)

    def _asked(self, module: Module, cut: Cut) -> None:
        """What the kept part of ``pikkuWireServices`` takes from the singleton services."""
        if cut.shape.factory.kind != "wire-services":
            return
        if all(service in self._services for _, service in cut.shape.factory.reads) or self._all:
            return
        kept = cut.kept()
        mentioned = {name for span in kept for name in module.mentions(span)}
        for offset, service in cut.shape.factory.reads:
            # What the parameter destructures counts where it is used; under another name, always.
            in_parameter = cut.shape.factory.sliceable and offset < cut.shape.inner_start
            inside = any(span.start <= offset < span.end for span in kept)
            if inside or (in_parameter and (service in mentioned or offset in cut.shape.renamed)):
                if service == "*":
                    self._all = True
                else:
                    self._services.add(service)

    def _need(self, path: str) -> _Need:
        need = self._needs.get(path)
        if need is None:
            need = self._needs[path] = _Need()
            module = self._slicer.module(path)
            self._pending += [(module, index) for index in module.effects]
            for entry in module.bare:
                target, brings = self._slicer.target(path, entry.specifier)
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
            self._local(self._slicer.module(ref.module), need, ref.name)

    def _local(self, module: Module, need: _Need, name: str) -> None:
        declared = module.declared.get(name)
        if declared is not None:
            remote = self._roots.remote.get(Ref(module.path, name))
            if remote is not None:
                need.stand_ins[name] = remote
                return
            for index in declared:
                if index not in need.statements:
                    self._pending.append((module, index))
        elif name in module.imported and name not in need.imports:
            link = self._slicer.link(module.path, name)
            if link.ref is not None and link.ref in self._roots.remote:
                need.stand_ins[name] = self._roots.remote[link.ref]
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
                target, brings = self._slicer.target(module.path, entry.specifier)
                need.deferred[entry.specifier_span] = target
                self._place(brings)
                if isinstance(target, Sliced):
                    self._points(module.path, target.module)
                    self._whole(target.module, self._need(target.module))
            for helper in module.helpers_in(span, without):
                self._helper(helper)

    def _value(self, value: Expression) -> None:
        path = value.fragment.module
        module, need = self._slicer.module(path), self._need(path)
        if value in need.values:
            return
        need.values[value] = None
        used = self._used_bindings(value)
        bound = frozenset(name for pattern, _ in used for name in pattern_names(pattern))
        spans = [value.fragment.span]
        for _, fragment in used:
            if fragment.module == path:
                spans.append(fragment.span)
            else:
                self._points(path, fragment.module)
                self._value(Expression(fragment))
        self._text(module, spans, value.omit, bound)

    def _used_bindings(self, value: Expression) -> tuple[tuple[str, Fragment], ...]:
        """The loop bindings that an expression uses, itself or through an inner one; outermost first."""
        module = self._slicer.module(value.fragment.module)
        mentioned = module.mentions(value.fragment.span, value.omit) if value.bindings else set()
        used = []
        for pattern, fragment in reversed(value.bindings):
            if pattern_names(pattern) & mentioned:
                used.append((pattern, fragment))
                if fragment.module == value.fragment.module:
                    mentioned |= module.mentions(fragment.span)
        return tuple(reversed(used))

    def _whole(self, path: str, need: _Need) -> None:
        """Everything of a module but its wirings, under the names that it exports itself."""
        if need.whole:
            return
        need.whole = True
        module = self._slicer.module(path)
        for index, statement in enumerate(module.facts.statements):
            if statement.kind is StatementKind.DECLARATION:
                self._pending.append((module, index))
        for _, local in module.facts.exports:
            if local in module.declared or local in module.imported:
                need.exports.add(local)
                self._local(module, need, local)
        for link in (link for _, link in self._reexported(module)):
            self._place(link.brings)
            if isinstance(link.target, Sliced):
                self._points(path, link.target.module)
            if link.ref is not None:
                self._export(link.ref)

    def _reexported(self, module: Module) -> Iterator[tuple[str, Link]]:
        for entry in module.reexports:
            for imported, exported in entry.names:
                if exported in entry.type_names:
                    continue
                if imported == "*":
                    target, brings = self._slicer.target(module.path, entry.specifier)
                    ref = Ref(target.module, "*") if isinstance(target, Sliced) else None
                    yield exported, Link(target, "*", ref, brings)
                else:
                    yield exported, self._slicer.link_export(module.path, entry, imported, exported)

    def _helper(self, helper: Helper) -> None:
        if helper not in self._helpers:
            self._helpers[helper] = None
            self._services |= helper.services.names
            self._all = self._all or helper.services.escapes

    def _place(self, brings: Closure) -> None:
        if brings is NOWHERE or brings in self._brought:
            return
        self._brought.add(brings)
        for path in brings.files:
            for helper in self._slicer.helpers_behind(path):
                self._helper(helper)

    def _points(self, path: str, other: str) -> None:
        self._targets.setdefault(path, set()).add(other)

    # What it comes to -------------------------------------------------------------------------------------------------

    def _requests(self) -> dict[str, Request]:
        hollow = self._hollow()
        signatures = {path: self._signature(path) for path in sorted(self._needs) if path not in hollow}
        made: dict[str, Request] = {}
        for path, signature in signatures.items():
            behind = sorted(self._reachable(path) - hollow - {path})
            whole = (*signature, *(part for other in behind for part in signatures[other]))
            made[path] = self._slicer.request(path, whole, partial(self._request, path, hollow))
        return made

    def _hollow(self) -> set[str]:
        """Modules asked for their effects that have none."""
        hollow: set[str] = set()
        grown = True
        while grown:
            grown = False
            for path, need in self._needs.items():
                if path in hollow or need.statements or need.exports or need.values or need.stand_ins or need.whole:
                    continue
                if all(isinstance(target, Sliced) and target.module in hollow for _, target in need.bare):
                    hollow.add(path)
                    grown = True
        return hollow

    def _reachable(self, start: str) -> set[str]:
        seen, pending = {start}, [start]
        while pending:
            for other in self._targets.get(pending.pop(), ()):
                if other not in seen:
                    seen.add(other)
                    pending.append(other)
        return seen

    def _signature(self, path: str) -> tuple[str, ...]:
        need = self._needs[path]
        parts = [f"module {path}"]
        if need.whole:
            parts.append("whole")
        parts += [f"export {name}" for name in sorted(need.exports)]
        parts += sorted(f"value {self._slicer.value_name(value)}" for value in need.values)
        parts += [f"cut {cut.shape.factory.name} {' '.join(cut.names())}" for _, cut in sorted(need.cuts.items())]
        parts += [f"remote {name} {function}" for name, function in sorted(need.stand_ins.items())]
        required = self._required(path, need)
        if required is not None:
            parts.append(f"required {'*' if required[1] is None else ' '.join(sorted(required[1]))}")
        return tuple(parts)

    def _required(self, path: str, need: _Need) -> tuple[str, frozenset[str] | None] | None:
        module = self._slicer.module(path)
        alias = next((name for name in need.imports if module.imported[name][1] == REQUIRED), None)
        if alias is None:
            return None
        if self._all:
            return alias, None
        asked = self._slicer.required(path, alias)
        return alias, frozenset(self._services if asked is None else asked & self._services)

    def _request(self, path: str, hollow: set[str], name: str) -> Request:
        need, module = self._needs[path], self._slicer.module(path)
        required = self._required(path, need)
        values, borrowed = self._values_of(path)
        return Request(
            module=path,
            path=name,
            statements=tuple(sorted(need.statements - self._stood_in(module, need))),
            imports=(*self._imports(module, need, hollow, required[0] if required else None), *borrowed),
            reexports=tuple(self._reexports(module)) if need.whole else (),
            exports=tuple(self._exports(module, need)),
            values=values,
            omit=tuple(span for _, cut in sorted(need.cuts.items()) for span in cut.omitted()),
            specifiers=tuple(sorted(need.deferred.items(), key=lambda entry: entry[0].start)),
            required=required,
            stand_ins=tuple(sorted(need.stand_ins.items())),
            whole=need.whole,
        )

    @staticmethod
    def _stood_in(module: Module, need: _Need) -> set[int]:
        return {index for name in need.stand_ins for index in module.declared.get(name, ())}

    def _imports(
        self, module: Module, need: _Need, hollow: set[str], required: str | None
    ) -> Iterator[SliceImport]:
        by_entry: dict[int, dict[Target, list[tuple[str, str]]]] = defaultdict(lambda: defaultdict(list))
        entries: dict[int, Import] = {}
        for local in need.imports - {required}:
            entry, _ = module.imported[local]
            link = self._slicer.link(module.path, local)
            entries[entry.statement.start] = entry
            by_entry[entry.statement.start][link.target].append((link.name, local))
        for entry, target in need.bare:
            if not (isinstance(target, Sliced) and target.module in hollow):
                entries[entry.statement.start] = entry
                by_entry[entry.statement.start][target] = []
        for start in sorted(by_entry):
            entry = entries[start]
            tail = Span(entry.specifier_span.end, entry.statement.end)
            for target in sorted(by_entry[start], key=repr):
                names = tuple(sorted(by_entry[start][target], key=lambda pair: pair[1]))
                attributes = tail if not isinstance(target, Sliced) and tail.end - tail.start > 1 else None
                yield SliceImport(target, names, attributes)

    def _reexports(self, module: Module) -> Iterator[tuple[Target, tuple[tuple[str, str], ...]]]:
        for exported, link in self._reexported(module):
            yield link.target, ((link.name, exported),)

    def _exports(self, module: Module, need: _Need) -> Iterator[tuple[str, str]]:
        pairs = {(local, module.export_name(local)) for local in need.exports}
        if need.whole:
            pairs |= {(local, exported) for exported, local in module.facts.exports if local in need.exports}
        yield from sorted(pairs)

    def _values_of(self, path: str) -> tuple[tuple[Value, ...], list[SliceImport]]:
        values: list[Value] = []
        borrowed: list[SliceImport] = []
        for value, name in self._numbered(path).items():
            bindings: list[Binding] = []
            for pattern, fragment in self._used_bindings(value):
                if fragment.module == path:
                    bindings.append(Binding(pattern, fragment.span))
                else:
                    local = f"$$_{len(borrowed) + 1}"
                    other = self._numbered(fragment.module)[Expression(fragment)]
                    borrowed.append(SliceImport(Sliced(fragment.module), ((other, local),)))
                    bindings.append(Binding(pattern, local))
            values.append(Value(name, value.fragment.span, tuple(bindings), value.omit))
        return tuple(values), borrowed

    def _numbered(self, path: str) -> dict[Expression, str]:
        ordered = sorted(self._needs[path].values, key=lambda entry: text_order(entry, path))
        return {value: f"${number}" for number, value in enumerate(ordered, 1)}

    def _value_export(self, value: Expression, requests: Mapping[str, Request]) -> tuple[Target, str]:
        path = value.fragment.module
        assert path in requests, "a value's module always has a slice"
        return Sliced(path), self._numbered(path)[value]

    def _root_exports(self) -> Iterator[tuple[Ref, tuple[Target, str]]]:
        refs = list(self._roots.refs)
        if self._roots.services is not None:
            if self._slicer.application.config is not None:
                refs.append(self._slicer.application.config)
            refs += [ref for _, _, cut, ref in self._cuts if cut.started]
            opened = {ref for _, _, _, ref in self._cuts}
            application = self._slicer.application
            refs += [r for r in (application.services, application.wire_services) if r is not None and r not in opened]
        for ref in refs:
            module = self._slicer.module(ref.module)
            if ref.module in self._slicer.sliced:
                yield ref, (Sliced(ref.module), module.export_name(ref.name))
            else:
                yield ref, (InPlace(ref.module), module.export_name(ref.name))


def _union(closures: Iterable[Closure]) -> Closure:
    parts = tuple(closures)
    return Closure(**{
        entry.name: frozenset().union(*(getattr(part, entry.name) for part in parts)) for entry in fields(Closure)
    })
