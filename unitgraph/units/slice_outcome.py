"""What a unit's way through the modules comes to: a request a module, and where the entry finds its roots.

Knows names and digests; how they were found is ``slice_walk``'s.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import partial
from typing import Final, Protocol

from unitgraph.units.application import Expression, Fragment, Helper, Ref
from unitgraph.units.facts import Import, Span
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
from unitgraph.units.slice_module import Module
from unitgraph.units.slice_plan import Link, Slicer

REQUIRED: Final = "requiredSingletonServices"


@dataclass(slots=True)
class Need:
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


class Walked(Protocol):
    """What is known at the end of the way."""

    slicer: Slicer
    roots: Roots
    needs: dict[str, Need]
    brought: set[Closure]
    helpers: dict[Helper, None]
    services: set[str]
    existing: set[str]
    all_services: bool
    cuts: list[tuple[Module, int, Cut, Ref]]
    targets: dict[str, set[str]]

    def used_bindings(self, value: Expression) -> tuple[tuple[str, Fragment], ...]: ...
    def reexported(self, module: Module) -> Iterator[tuple[str, Link]]: ...


class Outcome:
    def __init__(self, walk: Walked) -> None:
        self._walk = walk

    def plan(self) -> SlicePlan:
        walk = self._walk
        requests = self._requests()
        return SlicePlan(
            modules=requests,
            values={value: self._value_export(value, requests) for value in walk.roots.values},
            exports=dict(self._root_exports()),
            services=frozenset(walk.services),
            all_services=walk.all_services,
            helpers=tuple(walk.helpers),
            direct=_union(walk.brought),
            existing=frozenset(walk.existing),
        )

    def _requests(self) -> dict[str, Request]:
        hollow = self._hollow()
        signatures = {path: self._signature(path) for path in sorted(self._walk.needs) if path not in hollow}
        made: dict[str, Request] = {}
        for path, signature in signatures.items():
            behind = sorted(self._reachable(path) - hollow - {path})
            whole = (*signature, *(part for other in behind for part in signatures[other]))
            made[path] = self._walk.slicer.request(path, whole, partial(self._request, path, hollow))
        return made

    def _hollow(self) -> set[str]:
        """Modules asked for their effects that have none."""
        hollow: set[str] = set()
        grown = True
        while grown:
            grown = False
            for path, need in self._walk.needs.items():
                if path in hollow or need.statements or need.exports or need.values or need.stand_ins or need.whole:
                    continue
                if all(isinstance(target, Sliced) and target.module in hollow for _, target in need.bare):
                    hollow.add(path)
                    grown = True
        return hollow

    def _reachable(self, start: str) -> set[str]:
        seen, pending = {start}, [start]
        while pending:
            for other in self._walk.targets.get(pending.pop(), ()):
                if other not in seen:
                    seen.add(other)
                    pending.append(other)
        return seen

    def _signature(self, path: str) -> tuple[str, ...]:
        need = self._walk.needs[path]
        parts = [f"module {path}"]
        if need.whole:
            parts.append("whole")
        parts += [f"export {name}" for name in sorted(need.exports)]
        parts += sorted(f"value {self._walk.slicer.value_name(value)}" for value in need.values)
        parts += [f"cut {cut.shape.factory.name} {' '.join(cut.names())}" for _, cut in sorted(need.cuts.items())]
        parts += [f"remote {name} {function}" for name, function in sorted(need.stand_ins.items())]
        required = self._required(path, need)
        if required is not None:
            parts.append(f"required {'*' if required[1] is None else ' '.join(sorted(required[1]))}")
        return tuple(parts)

    def _required(self, path: str, need: Need) -> tuple[str, frozenset[str] | None] | None:
        module = self._walk.slicer.module(path)
        alias = next((name for name in need.imports if module.imported[name][1] == REQUIRED), None)
        if alias is None:
            return None
        if self._walk.all_services:
            return alias, None
        asked = self._walk.slicer.required(path, alias)
        return alias, frozenset(self._walk.services if asked is None else asked & self._walk.services)

    def _request(self, path: str, hollow: set[str], name: str) -> Request:
        need, module = self._walk.needs[path], self._walk.slicer.module(path)
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
    def _stood_in(module: Module, need: Need) -> set[int]:
        return {index for name in need.stand_ins for index in module.declared.get(name, ())}

    def _imports(
        self, module: Module, need: Need, hollow: set[str], required: str | None
    ) -> Iterator[SliceImport]:
        by_entry: dict[int, dict[Target, list[tuple[str, str]]]] = defaultdict(lambda: defaultdict(list))
        entries: dict[int, Import] = {}
        for local in need.imports - {required}:
            entry, _ = module.imported[local]
            link = self._walk.slicer.link(module.path, local)
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
        for exported, link in self._walk.reexported(module):
            yield link.target, ((link.name, exported),)

    def _exports(self, module: Module, need: Need) -> Iterator[tuple[str, str]]:
        pairs = {(local, module.export_name(local)) for local in need.exports}
        if need.whole:
            pairs |= {(local, exported) for exported, local in module.facts.exports if local in need.exports}
        yield from sorted(pairs)

    def _values_of(self, path: str) -> tuple[tuple[Value, ...], list[SliceImport]]:
        values: list[Value] = []
        borrowed: list[SliceImport] = []
        for value, name in self._numbered(path).items():
            bindings: list[Binding] = []
            for pattern, fragment in self._walk.used_bindings(value):
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
        slicer = self._walk.slicer
        ordered = sorted(self._walk.needs[path].values, key=lambda entry: slicer.value_order(entry, path))
        return {value: f"${number}" for number, value in enumerate(ordered, 1)}

    def _value_export(self, value: Expression, requests: Mapping[str, Request]) -> tuple[Target, str]:
        path = value.fragment.module
        assert path in requests, "a value's module always has a slice"
        return Sliced(path), self._numbered(path)[value]

    def _root_exports(self) -> Iterator[tuple[Ref, tuple[Target, str]]]:
        refs = list(self._walk.roots.refs)
        if self._walk.roots.services is not None:
            if self._walk.slicer.application.config is not None:
                refs.append(self._walk.slicer.application.config)
            refs += [ref for _, _, cut, ref in self._walk.cuts if cut.started]
            opened = {ref for _, _, _, ref in self._walk.cuts}
            application = self._walk.slicer.application
            refs += [r for r in (application.services, application.wire_services) if r is not None and r not in opened]
        for ref in refs:
            module = self._walk.slicer.module(ref.module)
            if ref.module in self._walk.slicer.sliced:
                yield ref, (Sliced(ref.module), module.export_name(ref.name))
            else:
                yield ref, (InPlace(ref.module), module.export_name(ref.name))


def _union(closures: Iterable[Closure]) -> Closure:
    parts = tuple(closures)
    return Closure(**{
        entry.name: frozenset().union(*(getattr(part, entry.name) for part in parts)) for entry in fields(Closure)
    })
