"""Names across files: where an import leads, through barrels, renames and stars. Knows facts, evaluates nothing."""

from collections.abc import Mapping
from typing import Any, Final, cast

from unitgraph.units.application import External, Ref
from unitgraph.units.resolve import Asset, Builtin, Package, ProjectFile, Resolved, Resolver, Runtime, Unresolved
from unitgraph.units.source import Facts

_VALUES: Final = frozenset({"declaration", "import"})


class _Table:
    """The names of one file: what it declares, imports, exports and passes on."""

    __slots__ = ("bound", "declared", "exports", "imports", "reexports", "stars")

    def __init__(self, facts: Facts) -> None:
        self.bound: dict[str, Any] = {}          # answers given
        self.imports: dict[str, tuple[str, str]] = {}
        self.reexports: dict[str, tuple[str, str]] = {}
        self.stars: list[str] = []
        self.declared = {
            name for kind, _, _, declares, _ in facts.raw_statements if kind == "declaration" for name in declares
        }
        self.exports = dict(facts.exports)
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


class Linker:
    """Answers where names lead; every answer is worked out once."""

    def __init__(self, facts: Mapping[str, Facts], resolver: Resolver, *, keeps_unused_imports: bool = False) -> None:
        self.facts = facts
        self._resolver = resolver
        self.keeps_unused_imports = keeps_unused_imports
        self._tables: dict[str, _Table] = {}
        self._exported: dict[tuple[str, str], Ref | External | None] = {}

    def resolve(self, module: str, specifier: str) -> Resolved:
        return self._resolver.resolve(module, specifier)

    def binding(self, module: str, local: str) -> Ref | External | None:
        """What a top-level name of a file means: a declaration of the project, or a name from outside."""
        table = self._tables.get(module) or self._table(module)
        if table is None:
            return None
        known = table.bound.get(local, self)
        if known is self:
            imported = table.imports.get(local)
            if local in table.declared:
                known = Ref(module, local)
            else:
                known = self._from(module, *imported) if imported is not None else None
            table.bound[local] = known
        return cast("Ref | External | None", known)

    def exported(self, module: str, name: str) -> Ref | External | None:
        """What a name that a file exports means; None where it exports no such name."""
        key = (module, name)
        if key in self._exported:
            return self._exported[key]
        self._exported[key] = None  # the answer within a circle of re-exports
        found = self._exported[key] = self._find(module, name)
        return found

    def imports(self, module: str) -> tuple[Resolved, ...]:
        """What a file needs at run time, each once, in the order of its text."""
        found: dict[Resolved, None] = {}
        for kind, specifier, *_, written in self.facts[module].raw_imports if module in self.facts else ():
            if kind != "type" or (self.keeps_unused_imports and not written):
                found[self._resolver.resolve(module, specifier)] = None
        return tuple(found)

    def names(self, module: str) -> frozenset[str]:
        """The names that a file exports, without those that it passes on by star."""
        table = self._table(module)
        if table is None:
            return frozenset()
        return frozenset((*table.exports, *table.reexports, *self.facts[module].type_exports))

    def is_open(self, module: str, seen: frozenset[str] = frozenset()) -> bool:
        """Whether a file passes on all of something whose names aren't known."""
        table = self._table(module)
        if table is None:
            return True
        for specifier in table.stars:
            target = self._resolver.resolve(module, specifier)
            if not isinstance(target, ProjectFile):
                return True
            if target.path not in seen and self.is_open(target.path, seen | {module, target.path}):
                return True
        return False

    def has_name(self, module: str, name: str, seen: frozenset[str] = frozenset()) -> bool:
        """Whether a file exports a name, as a value or as a type."""
        table = self._table(module)
        if table is None or name == "*" or name in self.names(module):
            return True
        for kind, specifier, names, *_ in self.facts[module].raw_imports:
            if kind in ("reexport", "type") and any(each[1] in ("*", name) for each in names):
                target = self._resolver.resolve(module, specifier)
                if not isinstance(target, ProjectFile):
                    return True
                if target.path not in seen and self.has_name(target.path, name, seen | {module, target.path}):
                    return True
        return False

    def _table(self, module: str) -> _Table | None:
        table = self._tables.get(module)
        if table is None:
            facts = self.facts.get(module)
            if facts is None:
                return None
            table = self._tables[module] = _Table(facts)
        return table

    def _find(self, module: str, name: str) -> Ref | External | None:
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

    def _from(self, module: str, specifier: str, name: str) -> Ref | External | None:
        target = self._resolver.resolve(module, specifier)
        if isinstance(target, ProjectFile):
            return self.exported(target.path, name)
        return _outside(specifier, target, name)


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
