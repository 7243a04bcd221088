"""One file's facts, indexed for slicing: who declares a name, and what a stretch of text uses.

Knows a single file and its names; where imports lead is ``slice_plan``'s.
"""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, Protocol

from unitgraph.units.application import Helper
from unitgraph.units.facts import Factory, Import, ImportKind, Span, Statement, StatementKind

_IDENTIFIER: Final = re.compile(r"[A-Za-z_$][\w$]*(?!\s*:|[\w$])")
_KEPT_KINDS: Final = frozenset({StatementKind.DECLARATION, StatementKind.EFFECT})


class FileFacts(Protocol):
    """What slicing reads of a file's facts."""

    @property
    def imports(self) -> Sequence[Import]: ...
    @property
    def statements(self) -> Sequence[Statement]: ...
    @property
    def refs(self) -> Sequence[tuple[int, str]]: ...
    @property
    def exports(self) -> Sequence[tuple[str, str]]: ...
    @property
    def factories(self) -> Sequence[Factory]: ...
    @property
    def functions(self) -> Sequence[Any]:
        """(kind, local name, start, end, …) of each authoring call."""

    @property
    def is_application(self) -> bool: ...


class Module:
    """The index of one file, made once a run."""

    def __init__(self, path: str, facts: FileFacts, helpers: Iterable[Helper]) -> None:
        self.path = path
        self.facts = facts
        self.helpers = tuple(helpers)
        self.declared: dict[str, list[int]] = {}
        self.imported: dict[str, tuple[Import, str]] = {}
        self.effects = [i for i, s in enumerate(facts.statements) if s.kind is StatementKind.EFFECT]
        self.bare = [entry for entry in facts.imports if entry.kind is ImportKind.EFFECT]
        self.deferred = [e for e in facts.imports if e.kind in (ImportKind.DYNAMIC, ImportKind.REQUIRE)]
        self.reexports = [entry for entry in facts.imports if entry.kind is ImportKind.REEXPORT]
        self._uses: dict[int, tuple[str, ...]] = {}
        self._span_names: dict[Span, frozenset[str]] = {}
        for index, statement in enumerate(facts.statements):
            if statement.kind in _KEPT_KINDS:
                for name in statement.declares:
                    self.declared.setdefault(name, []).append(index)
        for entry in facts.imports:
            if entry.kind is ImportKind.VALUE:
                for imported, local in entry.names:
                    if local not in entry.type_names:
                        self.imported[local] = (entry, imported)
            elif entry.kind is ImportKind.REQUIRE:
                self._own_require(entry)
        self._exported = dict(facts.exports)
        refs = [ref for ref in facts.refs if ref[1] in self.declared or ref[1] in self.imported]
        self._offsets = [offset for offset, _ in refs]
        self._names = [name for _, name in refs]

    def _own_require(self, entry: Import) -> None:
        """``import x = require()`` is kept as a statement under the name that it binds."""
        for index, statement in enumerate(self.facts.statements):
            if statement.kind is StatementKind.IMPORT and statement.span == entry.statement:
                for _, local in entry.names:
                    self.declared.setdefault(local, []).append(index)

    def statement_names(self, index: int) -> tuple[str, ...]:
        """The top-level names that a statement uses."""
        known = self._uses.get(index)
        if known is None:
            known = self._uses[index] = tuple(sorted(self.names((self.facts.statements[index].span,))))
        return known

    def names(self, spans: Iterable[Span], without: Sequence[Span] = ()) -> set[str]:
        """The top-level names that stretches of text use, but for those used only in ``without``."""
        found: set[str] = set()
        for span in spans:
            for part in _outside(span, without):
                known = self._span_names.get(part)
                if known is None:
                    low = bisect_left(self._offsets, part.start)
                    known = frozenset(self._names[low : bisect_left(self._offsets, part.end, low)])
                    self._span_names[part] = known
                found |= known
        return found

    def mentions(self, span: Span, without: Sequence[Span] = ()) -> set[str]:
        """Every name that a stretch of text uses, top-level or not."""
        refs = self.facts.refs
        return {
            name
            for part in _outside(span, without)
            for _, name in refs[bisect_left(refs, (part.start, "")) : bisect_left(refs, (part.end, ""))]
        }

    def deferred_in(self, span: Span, without: Sequence[Span] = ()) -> list[Import]:
        return [e for e in self.deferred if _holds(span, e.specifier_span, without)]

    def helpers_in(self, span: Span, without: Sequence[Span] = ()) -> list[Helper]:
        return [h for h in self.helpers if _holds(span, h.span, without)]

    def export_name(self, local: str) -> str:
        """The name under which a slice of this module exports a local one: the module's own where it has one."""
        public = self.public_name(local)
        return f"{local}$" if public is None and local in self._exported else public or local

    def public_name(self, local: str) -> str | None:
        """The name under which the module itself exports a local one."""
        if local == "default" or self._exported.get(local) == local:
            return local
        names = [exported for exported, name in self.facts.exports if name == local]
        return next((name for name in names if name != "default"), names[0] if names else None)

    def factory_at(self, index: int) -> Factory | None:
        """The factory in a statement."""
        span = self.facts.statements[index].span
        inside = (f for f in self.facts.factories if span.start <= f.call.start and f.call.end <= span.end)
        return next(inside, None)


def pattern_names(pattern: str) -> frozenset[str]:
    """The names that a binding pattern binds: ``{ path: p, func }`` gives p and func."""
    return frozenset(_IDENTIFIER.findall(pattern))


def _holds(span: Span, inner: Span, without: Sequence[Span]) -> bool:
    if not (span.start <= inner.start and inner.end <= span.end):
        return False
    return not any(gone.start <= inner.start and inner.end <= gone.end for gone in without)


def _outside(span: Span, without: Sequence[Span]) -> Iterable[Span]:
    return _pieces(span, without) if without else (span,)


def _pieces(span: Span, without: Sequence[Span]) -> Iterator[Span]:
    at = span.start
    for gone in sorted(without, key=lambda entry: entry.start):
        if span.start <= gone.start and gone.end <= span.end:
            yield Span(at, gone.start)
            at = gone.end
    yield Span(at, span.end)
