"""What code that a function leads to takes and reads: services, secrets, variables, queues, other functions.

Application modules are followed by statement, other files as a whole with what they import. Another authored function
is where it ends: that runs in its own unit. Knows names and calls, and of wirings their options.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final

from unitgraph.units import authoring
from unitgraph.units.application import Application, Expression, Ref
from unitgraph.units.calls import Called
from unitgraph.units.facts import Factory, Span
from unitgraph.units.findings import Authored, Findings
from unitgraph.units.link import Leans, Linker
from unitgraph.units.reached import NOTHING, Reached, ReachFound, Root, Trail, Walk, together
from unitgraph.units.source import Facts

WHOLE: Final = -1
Node = tuple[str, int]  # a file, and a statement of it or WHOLE


@dataclass(slots=True)
class _Place:
    """What stands in a node: where it leads, what its helpers take, what it calls."""

    edges: tuple[Node, ...]
    trail: Trail = field(default_factory=Trail)
    services: tuple[str, ...] = ()
    escapes: bool = False
    calls: tuple[Called, ...] = ()


def roots(authored: Authored) -> list[Root]:
    """What units are made from that stands in a file: its functions, the options of its wirings, middleware."""
    values: list[Root] = [
        made.function.value if isinstance(made.function.value, Ref) else made.function.value[0]
        for made in authored.functions
    ]
    wired = authored.wired
    values += [option for wiring in wired.http for option in wiring.options if not option.is_constant]
    options = [wiring.options for wirings in (wired.queues, wired.schedules) for wiring in wirings]
    values += [option for option in options if option is not None and not option.is_constant]
    values += [scoped.value for scoped in wired.scoped if not scoped.value.is_constant]
    return values


class Reach:
    """Follows code. ``findings`` are of all files; ``roster`` says which functions there are."""

    def __init__(
        self, application: Application, linker: Linker, findings: Mapping[str, Findings], roster: str
    ) -> None:
        self._linker = linker
        self._facts = linker.facts
        self._findings = findings
        self._roster = roster
        self._places: dict[Node, _Place] = {}
        self._declared: dict[str, dict[str, int]] = {}
        self._effects: dict[str, tuple[Node, ...]] = {}
        self._ended: dict[str, frozenset[int]] = {}
        self._trail = Trail()
        self._telling = self._leading_somewhere()
        self._config = application.config
        self._refs = [ref for ref in (application.services, application.wire_services) if ref is not None]
        self._by_root: dict[Root, Reached] = {}
        self._by_service: dict[str, Reached] = {}
        self._by_services: dict[tuple[frozenset[str], bool], Reached] = {}
        self._cuts: dict[tuple[str, str, str | None], Reached] = {}

    def complete(self) -> dict[str, Findings]:
        """Findings of the files whose roots had to be followed; what was found before is taken where it holds."""
        made: dict[str, Findings] = {}
        for module, findings in self._findings.items():
            if findings.authored is None:
                continue
            own = roots(findings.authored)
            found = findings.reach
            if found is None or not self._holds(found):
                found = self._find(own)
                made[module] = replace(findings, reach=found)
            self._by_root.update(zip(own, found.found, strict=True))
        return made

    def of(self, behind: Iterable[Root], services: frozenset[str], *, escapes: bool = False) -> Reached:
        """Everything behind the roots of one unit, its services' code included."""
        own = together(self._root(root) for root in behind)
        return own | self._with_services(own.services | services, escapes=own.escapes or escapes)

    def _root(self, root: Root) -> Reached:
        if isinstance(root, Expression) and root.is_constant:
            return NOTHING
        known = self._by_root.get(root)
        if known is None:
            known = self._by_root[root] = self._behind(root, Trail())
        return known

    def _holds(self, found: ReachFound) -> bool:
        return found.roster in ("", self._roster) and self._telling.isdisjoint(found.quiet)

    # following

    def _find(self, own: Iterable[Root]) -> ReachFound:
        trail = Trail()
        found = tuple([self._behind(root, trail) for root in own])
        leans = Leans(tuple(sorted(trail.names - trail.texts)), tuple(sorted(trail.texts)))
        return ReachFound(self._roster if trail.by_name else "", tuple(sorted(trail.quiet)), leans, found)

    def _behind(self, root: Root, trail: Trail) -> Reached:
        walk = Walk()
        self._begin()
        if isinstance(root, Ref):
            node = self._node(root)
            nodes = [node] if node is not None else []
        else:
            nodes = self._value(root, walk)
        trail.add(self._end())
        self._follow(nodes, walk, trail)
        return walk.reached()

    def _follow(self, pending: list[Node], walk: Walk, trail: Trail) -> None:
        seen: set[Node] = set()
        while pending:
            node = pending.pop()
            if node in seen:
                continue
            seen.add(node)
            place = self._places.get(node)
            if place is None:
                self._begin()
                place = self._places[node] = self._place(node)
                place.trail = self._end()
            trail.add(place.trail)
            if place.services:
                walk.services.update(place.services)
            if place.escapes:
                walk.escapes = True
            if place.calls:
                walk.take(place.calls)
            pending.extend(place.edges)

    def _begin(self) -> None:
        self._linker.begin()
        self._trail = Trail()

    def _end(self) -> Trail:
        """What was leaned on since."""
        leans = self._linker.leans()
        self._trail.names.update(leans.names)
        self._trail.texts.update(leans.texts)
        return self._trail

    def _place(self, node: Node) -> _Place:
        module, index = node
        if index == WHOLE:
            self._trail.texts.add(module)
            edges = tuple(
                each for path in self._findings[module].imports.files if self._tells(path)
                for each in self._entering(path)
            )  # fmt: skip
            return _Place(edges, calls=self._calls(module))
        facts = self._facts[module]
        _, start, end, _, _ = facts.raw_statements[index]
        services: list[str] = []
        escapes = False
        for helper_start, helper_end, taken, whole in facts.helpers:
            if start <= helper_start and helper_end <= end:
                services.extend(taken)
                escapes = escapes or whole
        edges = (*self._named(module, facts.uses[index]), *self._effects_of(module))
        return _Place(edges, services=tuple(services), escapes=escapes, calls=self._calls_in(module, start, end))

    def _tells(self, path: str) -> bool:
        """Whether anything worth knowing is reached from a file; where nothing is, that is leaned on."""
        if path in self._telling:
            return True
        self._trail.quiet.add(path)
        return False

    def _entering(self, path: str) -> tuple[Node, ...]:
        """Where a file that is used as a whole leads into: of an application module only what it does by itself."""
        if self._findings[path].authored is None:
            return ((path, WHOLE),)
        return self._effects_of(path)

    def _named(self, module: str, names: Iterable[str]) -> list[Node]:
        found: list[Node] = []
        for name in names:
            bound = self._linker.binding(module, name)
            node = self._node(bound, stop=True) if isinstance(bound, Ref) else None
            if node is not None:
                found.append(node)
        return found

    def _node(self, ref: Ref, *, stop: bool = False) -> Node | None:
        """The node of a top-level name; None for what has none, or (``stop``) is another function or a factory."""
        findings = self._findings.get(ref.module)
        if findings is None:
            return None
        if findings.authored is None:
            return (ref.module, WHOLE) if self._tells(ref.module) else None
        facts = self._facts[ref.module]
        declared = self._declared.get(ref.module)
        if declared is None:
            declared = self._declared[ref.module] = _declarations(facts)
        index = declared.get(ref.name)
        if index is None or (stop and index in self._ends(ref.module)):
            return None
        return ref.module, index

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
        facts = self._facts[module]
        known = self._effects.get(module)
        if known is None:
            statements = enumerate(facts.raw_statements)
            known = self._effects[module] = tuple((module, index) for index, each in statements if each[0] == "effect")
        return known

    def _calls(self, module: str) -> tuple[Called, ...]:
        found = self._findings[module].calls
        if found is None:
            return ()
        self._trail.names.update(found.leans.names)
        self._trail.texts.update(found.leans.texts)
        self._trail.by_name = self._trail.by_name or bool(found.roster)
        return found.calls

    def _calls_in(self, module: str, start: int, end: int) -> tuple[Called, ...]:
        calls = self._calls(module)
        if not calls:
            return ()
        low = bisect_left(calls, start, key=lambda called: called.offset)
        return tuple(called for called in calls[low:] if called.offset < end)

    def _value(self, value: Expression, walk: Walk) -> list[Node]:
        """What an expression leads to, the parts left out of it left out."""
        if value.is_constant:
            return []
        fragments = [(value.fragment, value.omit), *((fragment, ()) for _, fragment in value.bindings)]
        nodes: list[Node] = []
        for fragment, omit in fragments:
            nodes.extend(self._span(fragment.module, fragment.span, omit, walk))
        return nodes

    def _span(self, module: str, span: Span, omit: Iterable[Span], walk: Walk) -> list[Node]:
        facts = self._facts[module]
        spans = tuple(omit)

        def inside(offset: int) -> bool:
            return span.start <= offset < span.end and not any(gone.start <= offset < gone.end for gone in spans)

        for start, _, services, escapes in facts.helpers:
            if inside(start):
                walk.services.update(services)
                walk.escapes = walk.escapes or escapes
        walk.take(called for called in self._calls_in(module, span.start, span.end) if inside(called.offset))
        refs = facts.refs
        low = bisect_left(refs, (span.start, ""))
        high = bisect_left(refs, (span.end, ""), low)
        return self._named(module, {name for offset, name in refs[low:high] if inside(offset)})

    # services

    def _with_services(self, taken: frozenset[str], *, escapes: bool) -> Reached:
        """Services with the code of each, and of those that this code takes in turn."""
        key = (taken, escapes)
        known = self._by_services.get(key)
        if known is None:
            wanted = taken | self.provided if escapes else taken
            known = together(self._service(name) for name in sorted(wanted))
            if known.escapes and not escapes:
                known |= self._with_services(taken, escapes=True)
            if escapes:
                known |= Reached(escapes=True)
            self._by_services[key] = known
        return known

    @cached_property
    def factories(self) -> list[tuple[str, Factory]]:
        return [
            (ref.module, factory)
            for ref in self._refs
            for factory in self._facts[ref.module].factories
            if factory.name == ref.name
        ]

    @cached_property
    def provided(self) -> frozenset[str]:
        """The services that the project makes."""
        return frozenset(
            each.name for _, factory in self.factories for each in factory.properties if each.name is not None
        )

    def _service(self, name: str) -> Reached:
        """What taking one service brings: the configuration, its own code, and that of the services it takes."""
        known = self._by_service.get(name)
        if known is not None:
            return known
        found = self._behind(self._config, Trail()) if self._config is not None else NOTHING
        found |= Reached(frozenset((name,)))
        done: set[str] = set()
        while fresh := found.services - done:
            done |= fresh
            for module, factory in self.factories:
                found |= self._factory(module, factory, fresh)
        secrets = frozenset(
            secret
            for service, secret in authoring.SERVICE_SECRETS.items()
            if service in done and service not in self.provided
        )
        known = self._by_service[name] = found | Reached(secrets=secrets)
        return known

    def _factory(self, module: str, factory: Factory, wanted: frozenset[str]) -> Reached:
        if not factory.sliceable:
            taken = frozenset(service for _, service in factory.reads if service != "*")
            return self._behind(Ref(module, factory.name), Trail()) | Reached(taken)
        found = NOTHING
        for each in factory.properties:
            if each.name is not None and each.name not in wanted:
                continue
            key = (module, factory.name, each.name)
            cut = self._cuts.get(key)
            if cut is None:
                cut = self._cuts[key] = self._cut(module, factory, each.span)
            found |= cut
        return found

    def _cut(self, module: str, factory: Factory, span: Span) -> Reached:
        """What one service's property and the statements that it needs lead to."""
        walk = Walk()
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
            nodes.extend(self._span(module, part, (), walk))
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
                walk.services.add(service)
        self._follow(nodes, walk, Trail())
        return replace(walk.reached(), escapes=False)

    # files

    def _leading_somewhere(self) -> frozenset[str]:
        """The files from which something is reached that is worth knowing."""
        found: set[str] = set()
        importers: dict[str, list[str]] = {}
        for module, findings in self._findings.items():
            if findings.authored is not None or (findings.calls is not None and findings.calls.calls):
                found.add(module)
            for path in findings.imports.files:
                importers.setdefault(path, []).append(module)
        pending = list(found)
        while pending:
            for importer in importers.get(pending.pop(), ()):
                if importer not in found:
                    found.add(importer)
                    pending.append(importer)
        return frozenset(found)


def _declarations(facts: Facts) -> dict[str, int]:
    found: dict[str, int] = {}
    for index, (kind, _, _, names, _) in enumerate(facts.raw_statements):
        if kind == "declaration":
            for name in names:
                found[name] = index
    return found
