"""Names across files: where an import leads, through barrels, renames and stars. Knows facts, evaluates nothing.

What an answer leans on is written down as it is found: the files whose names were looked through, and those whose text
was. An answer holds for as long as none of them moves.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from unitgraph.units.application import External, Ref
from unitgraph.units.resolve import Asset, Builtin, Package, ProjectFile, Resolved, Resolver, Runtime, Unresolved
from unitgraph.units.source import Facts

_NEVER: Final = 1 << 30
Found = Ref | External | None
Answer = tuple[Found, frozenset[str]]   # and the files whose names were looked through


class Leans(NamedTuple):
    """The files that something was found in: ``names`` counts what they import, declare and export, ``texts`` all."""

    names: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()

    def __or__(self, other: "Leans") -> "Leans":
        texts = {*self.texts, *other.texts}
        return _leans({*self.names, *other.names}, texts)


class FunctionName(NamedTuple):
    """What can be said of an authored function without its text. ``local`` is its top-level name, if it has one."""

    kind: str
    local: str | None
    has_argument: bool


class Looked:
    """Facts of the files of an application; every file that is looked into is written down."""

    def __init__(self, facts: Mapping[str, Facts], own: frozenset[str]) -> None:
        self.all = facts
        self.own = own
        self.seen: set[str] = set()

    def __getitem__(self, path: str) -> Facts:
        self.seen.add(path)
        return self.all[path]

    def get(self, path: str) -> Facts | None:
        self.seen.add(path)
        return self.all[path] if path in self.own else None

    def __contains__(self, path: object) -> bool:
        return path in self.own


class _Table:
    """The names of one file: what it declares, imports, exports and passes on."""

    __slots__ = ("authored", "bound", "declared", "exports", "imports", "made", "passed", "reexports", "stars", "types")

    def __init__(self, facts: Facts) -> None:
        self.bound: dict[str, Answer] = {}
        self.imports: dict[str, tuple[str, str]] = {}
        self.reexports: dict[str, tuple[str, str]] = {}
        self.stars: list[str] = []
        self.declared = {
            name for kind, _, _, declares, _ in facts.raw_statements if kind == "declaration" for name in declares
        }
        self.exports = dict(facts.exports)
        self.passed: dict[str, list[str]] = {}   # local → exported names
        for exported, local in facts.exports:
            self.passed.setdefault(local, []).append(exported)
        self.types = facts.type_exports
        self.made = [FunctionName(each[0], each[1], each[4] is not None) for each in facts.functions]
        self.authored = {name: expr[3] for name, expr in facts.constants.items() if expr[0] == "f"}
        for kind, specifier, names, types, *_ in facts.raw_imports:
            if kind in ("value", "require"):
                for imported, local in names:
                    if local not in types:
                        self.imports[local] = (specifier, imported if kind == "value" else "*")
            elif kind == "reexport":
                for imported, exported in names:
                    if exported == "*":
                        self.stars.append(specifier)
                    elif exported not in types:
                        self.reexports[exported] = (specifier, imported)


def names_of(facts: Facts) -> tuple[Any, ...]:
    """Everything of a file that a linker's answers come from besides where its imports lead; no place in the text."""
    return (
        facts.is_application,
        [(each[0], each[1], each[2], sorted(each[3]), each[8]) for each in facts.raw_imports],
        [declares for kind, _, _, declares, _ in facts.raw_statements if kind == "declaration"],
        facts.exports,
        sorted(facts.type_exports),
        [(name, expr[3]) for name, expr in facts.constants.items() if expr[0] == "f"],
        [(each[0], each[1], each[4] is None) for each in facts.functions],
    )


class Linker:
    """Answers where names lead; every answer is worked out once."""

    def __init__(
        self, facts: Mapping[str, Facts], own: frozenset[str], resolver: Resolver, *, keeps_unused_imports: bool = False
    ) -> None:
        self.facts = Looked(facts, own)
        self.keeps_unused_imports = keeps_unused_imports
        self._resolver = resolver
        self._tables: dict[str, _Table] = {}
        self._exported: dict[tuple[str, str], Answer] = {}
        self._pending: dict[tuple[str, str], int] = {}
        self._circle = _NEVER       # the outermost question that was met again while it was open
        self._names: set[str] = set()

    # what answers lean on

    def begin(self) -> None:
        """Forgets which files were looked at."""
        self._names = set()
        self.facts.seen = set()

    def leans(self, own: str = "") -> Leans:
        """The files that were looked at since, without ``own``."""
        return _leans(self._names - {own}, self.facts.seen - {own})

    # names

    def resolve(self, module: str, specifier: str) -> Resolved:
        self._names.add(module)
        return self._resolver.resolve(module, specifier)

    def binding(self, module: str, local: str) -> Found:
        """What a top-level name of a file means: a declaration of the project, or a name from outside."""
        table = self._table(module)
        if table is None:
            return None
        known = table.bound.get(local)
        if known is None:
            known, holds = self._leaning(lambda: self._bind(table, module, local))
            if holds:
                table.bound[local] = known
        self._names |= known[1]
        return known[0]

    def exported(self, module: str, name: str) -> Found:
        """What a name that a file exports means; None where it exports no such name."""
        key = (module, name)
        known = self._exported.get(key)
        if known is None:
            if key in self._pending:
                self._circle = min(self._circle, self._pending[key])
                return None
            depth = self._pending[key] = len(self._pending)
            known, holds = self._leaning(lambda: self._find(module, name), depth)
            del self._pending[key]
            if holds:
                self._exported[key] = known
        self._names |= known[1]
        return known[0]

    def function(self, ref: Ref) -> int | None:
        """Which of its file's authored functions a top-level binding is; None where it is none."""
        table = self._table(ref.module)
        return table.authored.get(ref.name) if table is not None else None

    def exported_as(self, module: str, local: str) -> Sequence[str]:
        """The names under which a file exports a top-level name of its own."""
        table = self._table(module)
        return table.passed.get(local, ()) if table is not None else ()

    def authored(self, module: str) -> Sequence[FunctionName]:
        """The authored functions of a file, in its order."""
        table = self._table(module)
        return table.made if table is not None else ()

    def names(self, module: str) -> frozenset[str]:
        """The names that a file exports, without those that it passes on by star."""
        table = self._table(module)
        if table is None:
            return frozenset()
        return frozenset((*table.exports, *table.reexports, *table.types))

    def has_name(self, module: str, name: str, seen: frozenset[str] = frozenset()) -> bool:
        """Whether a file exports a name, as a value or as a type."""
        table = self._table(module)
        if table is None or name == "*" or name in self.names(module):
            return True
        for kind, specifier, names, *_ in self.facts.all[module].raw_imports:
            if kind in ("reexport", "type") and any(each[1] in ("*", name) for each in names):
                target = self._resolver.resolve(module, specifier)
                if not isinstance(target, ProjectFile):
                    return True
                if target.path not in seen and self.has_name(target.path, name, seen | {module, target.path}):
                    return True
        return False

    def _leaning(self, find: Callable[[], Found], depth: int = _NEVER) -> tuple[Answer, bool]:
        """An answer with what it leans on, and whether it holds: not within a circle that is still open."""
        names, circle = self._names, self._circle
        self._names, self._circle = set(), _NEVER
        try:
            found = find(), frozenset(self._names)
            return found, self._circle >= depth
        finally:
            self._names = names
            self._circle = circle if self._circle >= depth else min(circle, self._circle)

    def _table(self, module: str) -> _Table | None:
        self._names.add(module)
        table = self._tables.get(module)
        if table is None:
            if module not in self.facts.own:
                return None
            table = self._tables[module] = _Table(self.facts.all[module])
        return table

    def _bind(self, table: _Table, module: str, local: str) -> Found:
        if local in table.declared:
            return Ref(module, local)
        imported = table.imports.get(local)
        return self._from(module, *imported) if imported is not None else None

    def _find(self, module: str, name: str) -> Found:
        if name == "*":
            return Ref(module, "*")
        table = self._table(module)
        if table is None:
            return Ref(module, name)
        local = table.exports.get(name)
        if local is not None:
            return self.binding(module, local)
        passed = table.reexports.get(name)
        if passed is not None:
            return self._from(module, *passed)
        outside: External | None = None
        for specifier in table.stars if name != "default" else ():
            target = self._resolver.resolve(module, specifier)
            if isinstance(target, ProjectFile):
                found = self.exported(target.path, name)
                if found is not None:
                    return found
            elif outside is None:
                outside = _outside(specifier, target, name)
        return outside

    def _from(self, module: str, specifier: str, name: str) -> Found:
        target = self._resolver.resolve(module, specifier)
        if isinstance(target, ProjectFile):
            return self.exported(target.path, name)
        return _outside(specifier, target, name)


def _leans(names: set[str], texts: set[str]) -> Leans:
    return Leans(tuple(sorted(names)), tuple(sorted(texts)))


def _outside(specifier: str, target: Resolved, name: str) -> External | None:
    match target:
        case Package(package, subpath):
            return External(package + subpath, name)
        case Runtime(public) | Builtin(public):
            return External(public, name)
        case Asset():
            return External(specifier, name)
        case Unresolved() | ProjectFile():
            return None
