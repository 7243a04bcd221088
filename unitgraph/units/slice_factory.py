"""The body of a service factory, cut to the services that a unit asks for.

Knows which statements and properties belong together; where the names outside lead is ``slice_plan``'s.

A statement that declares names is kept when one of them is used. One that doesn't is kept
- when it names nothing that the body declares;
- when it assigns a kept name; or, where it assigns none, calls a kept one or hands a kept one to something from
  outside: it may be what makes that service ready. Whatever else it names is then kept, too;
- when it only logs, or hooks into the process: if everything it names is kept anyway.
"""

import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from unitgraph.units.facts import Factory, Span, Statement, StatementKind

# What a statement starts with that only observes: it never decides that a service is needed.
_RENAMED: Final = re.compile(rb"""\.\.\.|(?:[\w$]+|"[^"\n]*"|'[^'\n]*')\s*:""")
OBSERVERS: Final = frozenset({"console", "log", "logger", "process"})


@dataclass(frozen=True, slots=True)
class Part:
    """A body statement or a property: what it names inside the body, and its text."""

    span: Span
    locals: frozenset[str]
    assigned: frozenset[str] = frozenset()
    first: str = ""                  # the first name that it uses
    declares: tuple[str, ...] = ()
    effect: bool = False


@dataclass(frozen=True, slots=True)
class Shape:
    """A factory, read once.

    ``header`` are the spans of its statement that are always kept; ``renamed`` are the reads, by offset, that the
    parameter's pattern binds to another name or takes as a whole.
    """

    factory: Factory
    header: tuple[Span, ...]
    body: tuple[Part, ...] = ()
    properties: tuple[tuple[str | None, Part], ...] = ()
    declared: dict[str, int] = field(default_factory=dict)
    renamed: frozenset[int] = frozenset()

    @property
    def inner_start(self) -> int:
        """Where the parts that may be left out begin."""
        return self.header[0].end


def shape_of(factory: Factory, statement: Statement, refs: Sequence[tuple[int, str]], text: bytes) -> Shape:
    """``refs`` are the file's, sorted."""
    if not factory.sliceable:
        return Shape(factory, (statement.span,))
    declared = {name: index for index, part in enumerate(factory.body) for name in part.declares}
    body = tuple(_part(part, refs, declared, text) for part in factory.body)
    properties = tuple(
        (entry.name, Part(entry.span, _locals(entry.span, refs, declared))) for entry in factory.properties
    )
    inner = sorted((part.span for part in (*body, *(part for _, part in properties))), key=lambda span: span.start)
    renamed = frozenset(offset for offset, _ in factory.reads if _RENAMED.match(text, offset))
    return Shape(factory, tuple(_between(statement.span, inner)), body, properties, declared, renamed)


class Cut:
    """What one unit keeps of a factory; it only grows."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.body: set[int] = set()
        self.properties: set[int] = set()
        self.started = False

    def want(self, services: Iterable[str] | None) -> list[Span]:
        """The spans that become needed with these services; None asks for all that there is."""
        wanted = None if services is None else set(services)
        fresh: list[Span] = []
        for index, (name, part) in enumerate(self.shape.properties):
            if index not in self.properties and (wanted is None or name is None or name in wanted):
                self.properties.add(index)
                fresh.append(part.span)
                self._need(part.locals, fresh)
        if wanted is None:
            for index in range(len(self.shape.body)):
                self._keep(index, fresh)
        return self._start(fresh)

    def settle(self) -> list[Span]:
        """The spans of effects that what is kept by now brings along."""
        fresh: list[Span] = []
        grown = True
        while grown:
            grown = False
            for index, part in enumerate(self.shape.body):
                if part.effect and index not in self.body and self._is_due(part):
                    self._keep(index, fresh)
                    grown = True
        return self._start(fresh)

    def kept(self) -> list[Span]:
        """The parts that are kept; all of a factory that can't be taken apart."""
        if not self.shape.factory.sliceable:
            return list(self.shape.header)
        parts = [self.shape.body[index].span for index in self.body]
        return parts + [self.shape.properties[index][1].span for index in self.properties]

    def omitted(self) -> tuple[Span, ...]:
        gone = [part.span for index, part in enumerate(self.shape.body) if index not in self.body]
        gone += [part.span for index, (_, part) in enumerate(self.shape.properties) if index not in self.properties]
        return tuple(gone)

    def names(self) -> tuple[str, ...]:
        """The kept properties, as the identity of the cut."""
        return tuple(self.shape.properties[index][0] or "..." for index in sorted(self.properties))

    def _start(self, fresh: list[Span]) -> list[Span]:
        if not self.started and (fresh or not self.shape.factory.sliceable):
            self.started = True
            fresh.extend(self.shape.header)
        return fresh

    def _is_due(self, part: Part) -> bool:
        if not part.locals:
            return True
        kept = {name for name in part.locals if self.shape.declared[name] in self.body}
        if part.first in OBSERVERS:
            return kept == part.locals
        if part.assigned:
            return bool(kept & part.assigned)
        return part.first in kept if part.first in part.locals else bool(kept)

    def _need(self, names: Iterable[str], fresh: list[Span]) -> None:
        for name in names:
            self._keep(self.shape.declared[name], fresh)

    def _keep(self, index: int, fresh: list[Span]) -> None:
        if index not in self.body:
            self.body.add(index)
            part = self.shape.body[index]
            fresh.append(part.span)
            self._need(part.locals, fresh)


def _part(statement: Statement, refs: Sequence[tuple[int, str]], declared: dict[str, int], text: bytes) -> Part:
    used = _locals(statement.span, refs, declared)
    effect = statement.kind is not StatementKind.DECLARATION
    first, assigned = "", frozenset[str]()
    if effect:
        start = bisect_left(refs, (statement.span.start, ""))
        if start < len(refs) and refs[start][0] < statement.span.end:
            first = refs[start][1]
        source = text[statement.span.start : statement.span.end].decode("utf-8", "replace")
        assigned = frozenset(name for name in used if _assigns(source, name))
    return Part(statement.span, used - set(statement.declares), assigned, first, statement.declares, effect)


def _assigns(source: str, name: str) -> bool:
    return re.search(rf"(?<![\w$.]){re.escape(name)}\s*(?:=(?![=>])|[-+*/%&|^?<>]{{1,3}}=(?!=))", source) is not None


def _locals(span: Span, refs: Sequence[tuple[int, str]], declared: dict[str, int]) -> frozenset[str]:
    low, high = bisect_left(refs, (span.start, "")), bisect_left(refs, (span.end, ""))
    return frozenset(name for _, name in refs[low:high] if name in declared)


def _between(whole: Span, inner: Iterable[Span]) -> Iterable[Span]:
    at = whole.start
    for span in inner:
        yield Span(at, span.start)
        at = span.end
    yield Span(at, whole.end)
