"""What code that a function leads to takes and reads: services, secrets, variables, queues, other functions.

Application modules are followed by statement, other files as a whole with what they import. Another authored function
is where it ends: that runs in its own unit. Knows names and calls, no wirings.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from unitgraph.units import authoring
from unitgraph.units.application import Application, Expression, Ref
from unitgraph.units.calls import Called
from unitgraph.units.facts import Factory, Span
from unitgraph.units.link import Linker
from unitgraph.units.resolve import ProjectFile

WHOLE: Final = -1
Node = tuple[str, int]  # a file, and a statement of it or WHOLE


@dataclass(slots=True)
class Reached:
    """What is found on the way. ``unresolved`` are reads of secrets whose id isn't constant: (file, offset)."""

    services: set[str] = field(default_factory=set)
    escapes: bool = False
    secrets: set[str] = field(default_factory=set)
    variables: set[str] = field(default_factory=set)
    queues: set[str] = field(default_factory=set)
    functions: set[str] = field(default_factory=set)

    def take(self, calls: Iterable[Called]) -> None:
        for called in calls:
            if called.kind == "function":
                if called.name is not None:
                    self.functions.add(called.name)
            elif called.kind == "queue":
                self.queues.add(called.name or "*")
            elif called.name is not None:
                (self.secrets if called.kind == "secret" else self.variables).add(called.name)


@dataclass(slots=True)
class _Place:
    """What stands in a node: where it leads, what its helpers take, what it calls."""

    edges: tuple[Node, ...]
    services: tuple[str, ...] = ()
    escapes: bool = False
    calls: tuple[Called, ...] = ()


class Reach:
    def __init__(
        self, application: Application, linker: Linker, calls: Mapping[str, tuple[Called, ...]],
        imports: Mapping[str, tuple[str, ...]],
    ) -> None:  # fmt: skip
        self._linker = linker
        self._facts = linker.facts
        self._calls = calls
        self._imports = imports
        self._places: dict[Node, _Place] = {}
        self._declared: dict[str, dict[str, int]] = {}
        self._nodes: dict[str, dict[str, Node | None]] = {}
        self._effects: dict[str, tuple[Node, ...]] = {}
        self._ended: dict[str, frozenset[int]] = {}
        self._telling = self._leading_somewhere()
        self._config = application.config
        self._factories = [
            (ref.module, factory)
            for ref in (application.services, application.wire_services)
            if ref is not None
            for factory in self._facts[ref.module].factories
            if factory.name == ref.name
        ]
        self._cuts: dict[tuple[str, str, str | None], Reached] = {}
        self.provided = frozenset(
            each.name for _, factory in self._factories for each in factory.properties if each.name is not None
        )

    def of(
        self, refs: Iterable[Ref], values: Iterable[Expression], services: Iterable[str], *, escapes: bool = False
    ) -> Reached:
        """Everything behind the roots of one unit, its services' code included."""
        found = Reached(set(services), escapes)
        pending: list[Node] = []
        seen: set[Node] = set()
        for ref in refs:
            node = self._node(ref)
            if node is not None:
                pending.append(node)
        for value in values:
            pending.extend(self._value(value, found))
        self._follow(pending, seen, found)
        self._services(found, seen)
        return found

    # following

    def _follow(self, pending: list[Node], seen: set[Node], found: Reached) -> None:
        while pending:
            node = pending.pop()
            if node in seen:
                continue
            seen.add(node)
            place = self._places.get(node)
            if place is None:
                place = self._places[node] = self._place(node)
            if place.services:
                found.services.update(place.services)
            if place.escapes:
                found.escapes = True
            if place.calls:
                found.take(place.calls)
            pending.extend(place.edges)

    def _place(self, node: Node) -> _Place:
        module, index = node
        facts = self._facts[module]
        if index == WHOLE:
            edges = tuple((path, WHOLE) for path in self._imports.get(module, ()) if path in self._telling)
            edges = tuple(each for path, _ in edges for each in self._entering(path))
            return _Place(edges, calls=self._calls.get(module, ()))
        _, start, end, _, _ = facts.raw_statements[index]
        services: list[str] = []
        escapes = False
        for helper_start, helper_end, taken, whole in facts.helpers:
            if start <= helper_start and helper_end <= end:
                services.extend(taken)
                escapes = escapes or whole
        edges = (*self._named(module, facts.uses[index]), *self._effects_of(module))
        return _Place(edges, tuple(services), escapes, self._calls_in(module, start, end))

    def _entering(self, path: str) -> tuple[Node, ...]:
        """Where a file that is used as a whole leads into: of an application module only what it does by itself."""
        if not self._facts[path].is_application:
            return ((path, WHOLE),)
        return self._effects_of(path)

    def _named(self, module: str, names: Iterable[str]) -> list[Node]:
        known = self._nodes.get(module)
        if known is None:
            known = self._nodes[module] = {}
        found: list[Node] = []
        for name in names:
            if name not in known:
                bound = self._linker.binding(module, name)
                known[name] = self._node(bound, stop=True) if isinstance(bound, Ref) else None
            node = known[name]
            if node is not None:
                found.append(node)
        return found

    def _node(self, ref: Ref, *, stop: bool = False) -> Node | None:
        """The node of a top-level name; None for what has none, or (``stop``) is another function or a factory."""
        facts = self._facts.get(ref.module)
        if facts is None:
            return None
        if not facts.is_application:
            return (ref.module, WHOLE) if ref.module in self._telling else None
        declared = self._declared.get(ref.module)
        if declared is None:
            declared = self._declared[ref.module] = self._declarations(ref.module)
        index = declared.get(ref.name)
        if index is None or (stop and index in self._ends(ref.module)):
            return None
        return ref.module, index

    def _declarations(self, module: str) -> dict[str, int]:
        found: dict[str, int] = {}
        for index, (kind, _, _, names, _) in enumerate(self._facts[module].raw_statements):
            if kind == "declaration":
                for name in names:
                    found[name] = index
        return found

    def _ends(self, module: str) -> frozenset[int]:
        """The statements of a file that make functions or factories."""
        known = self._ended.get(module)
        if known is None:
            facts = self._facts[module]
            declared = self._declared[module]
            names = [record[1] for record in facts.functions] + [factory.name for factory in facts.factories]
            known = self._ended[module] = frozenset(declared[name] for name in names if name in declared)
        return known

    def _effects_of(self, module: str) -> tuple[Node, ...]:
        known = self._effects.get(module)
        if known is None:
            statements = enumerate(self._facts[module].raw_statements)
            known = self._effects[module] = tuple((module, index) for index, each in statements if each[0] == "effect")
        return known

    def _calls_in(self, module: str, start: int, end: int) -> tuple[Called, ...]:
        calls = self._calls.get(module, ())
        if not calls:
            return ()
        low = bisect_left(calls, start, key=lambda called: called.offset)
        return tuple(called for called in calls[low:] if called.offset < end)

    def _value(self, value: Expression, found: Reached) -> list[Node]:
        """What an expression leads to, the parts left out of it left out."""
        if value.is_constant:
            return []
        fragments = [(value.fragment, value.omit), *((fragment, ()) for _, fragment in value.bindings)]
        nodes: list[Node] = []
        for fragment, omit in fragments:
            nodes.extend(self._span(fragment.module, fragment.span, omit, found))
        return nodes

    def _span(self, module: str, span: Span, omit: Iterable[Span], found: Reached) -> list[Node]:
        facts = self._facts[module]
        spans = tuple(omit)

        def inside(offset: int) -> bool:
            return span.start <= offset < span.end and not any(gone.start <= offset < gone.end for gone in spans)

        for start, _, services, escapes in facts.helpers:
            if inside(start):
                found.services.update(services)
                found.escapes = found.escapes or escapes
        found.take(called for called in self._calls_in(module, span.start, span.end) if inside(called.offset))
        refs = facts.refs
        low = bisect_left(refs, (span.start, ""))
        high = bisect_left(refs, (span.end, ""), low)
        return self._named(module, {name for offset, name in refs[low:high] if inside(offset)})

    # services

    def _services(self, found: Reached, seen: set[Node]) -> None:
        """Follows the code of every service that is taken, and of those that this code takes in turn."""
        if self._config is not None and (found.escapes or found.services):
            node = self._node(self._config)
            if node is not None:
                self._follow([node], seen, found)
        done: set[str] = set()
        while True:
            if found.escapes:
                found.services |= self.provided
            fresh = found.services - done
            if not fresh:
                break
            done |= fresh
            for module, factory in self._factories:
                self._factory(module, factory, fresh, found, seen)
        found.secrets.update(
            secret
            for service, secret in authoring.SERVICE_SECRETS.items()
            if service in done and service not in self.provided
        )

    def _factory(self, module: str, factory: Factory, wanted: set[str], found: Reached, seen: set[Node]) -> None:
        if not factory.sliceable:
            node = self._node(Ref(module, factory.name))
            if node is not None:
                self._follow([node], seen, found)
            found.services.update(service for _, service in factory.reads if service != "*")
            return
        for each in factory.properties:
            if each.name is not None and each.name not in wanted:
                continue
            key = (module, factory.name, each.name)
            cut = self._cuts.get(key)
            if cut is None:
                cut = self._cuts[key] = self._cut(module, factory, each.span)
            found.services |= cut.services
            found.secrets |= cut.secrets
            found.variables |= cut.variables
            found.queues |= cut.queues
            found.functions |= cut.functions

    def _cut(self, module: str, factory: Factory, span: Span) -> Reached:
        """What one service's property and the statements that it needs lead to."""
        found = Reached()
        refs = self._facts[module].refs
        spans = [span]
        declared = {name: part for part in factory.body for name in part.declares}
        taken: set[Span] = set()
        nodes: list[Node] = []
        while spans:
            part = spans.pop()
            if part in taken:
                continue
            taken.add(part)
            nodes.extend(self._span(module, part, (), found))
            low, high = bisect_left(refs, (part.start, "")), bisect_left(refs, (part.end, ""))
            spans.extend(declared[name].span for _, name in refs[low:high] if name in declared)
        used = {
            name
            for part in taken
            for _, name in refs[bisect_left(refs, (part.start, "")) : bisect_left(refs, (part.end, ""))]
        }
        for offset, service in factory.reads:
            inside = any(part.start <= offset < part.end for part in taken)
            if service != "*" and (inside or service in used):
                found.services.add(service)
        self._follow(nodes, set(), found)
        return found

    # files

    def _leading_somewhere(self) -> frozenset[str]:
        """The files from which something is reached that is worth knowing."""
        found = {module for module, facts in self._facts.items() if facts.is_application or self._calls.get(module)}
        importers: dict[str, list[str]] = {}
        for module, paths in self._imports.items():
            for path in paths:
                importers.setdefault(path, []).append(module)
        pending = list(found)
        while pending:
            for importer in importers.get(pending.pop(), ()):
                if importer not in found:
                    found.add(importer)
                    pending.append(importer)
        return frozenset(found)


def imported_files(linker: Linker, module: str) -> tuple[str, ...]:
    """The project's files that a file imports at run time."""
    return tuple(target.path for target in linker.imports(module) if isinstance(target, ProjectFile))
