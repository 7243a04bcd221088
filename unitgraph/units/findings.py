"""What linking finds in one file: its functions, its wirings, what it imports. Knows one file at a time.

Findings depend on that file and on those that they lean on, and on nothing else; so they hold until one of these moves.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

from unitgraph.errors import Place, UnitgraphError
from unitgraph.errors.source import (
    AuthoringAlias,
    ComputedImport,
    ForeignAuthoring,
    MisplacedCall,
    NotUtf8,
    ReexportCycle,
    SourceSyntax,
    UnresolvedName,
)
from unitgraph.units import authoring
from unitgraph.units.application import External, Helper, Ref, Services
from unitgraph.units.calls import CallsFound
from unitgraph.units.draft import Draft, Key, Made
from unitgraph.units.facts import Span
from unitgraph.units.functions import Functions, Unmade, id_of
from unitgraph.units.link import Leans, Linker
from unitgraph.units.reached import ReachFound
from unitgraph.units.resolve import Asset, Package, ProjectFile, Resolver, Unresolved
from unitgraph.units.wirings import Wired, Wirings

_PROBLEMS: Final = {
    "syntax": SourceSyntax, "encoding": NotUtf8, "computed": ComputedImport, "alias": AuthoringAlias,
}  # fmt: skip


class Imported(NamedTuple):
    """What a file needs at run time: files of the project, files that aren't code, and packages by name."""

    files: tuple[str, ...] = ()
    assets: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Authored:
    """What an application module holds.

    ``unmade`` are the functions that it doesn't export, ``named`` those with a name that its wirings hold.
    ``factories`` are (kind, binding, place), ``provided`` the services that they give.
    """

    functions: tuple[Made, ...]
    unmade: tuple[Unmade, ...]
    named: tuple[Key, ...]
    wired: Wired
    helpers: tuple[Helper, ...]
    factories: tuple[tuple[str, Ref, Place], ...]
    provided: tuple[str, ...]
    notices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Findings:
    """What is found in one file. ``calls`` and ``reach`` depend on more, as they say; None before that is known."""

    imports: Imported
    leans: Leans
    authored: Authored | None = None
    has_calls: bool = False
    calls: CallsFound | None = None
    reach: ReachFound | None = None
    problems: tuple[UnitgraphError, ...] = ()


class Finder:
    """Finds what is in files, one after the other."""

    def __init__(self, linker: Linker, resolver: Resolver) -> None:
        self._linker = linker
        self._resolver = resolver

    def find(self, module: str) -> Findings:
        linker = self._linker
        linker.begin()
        draft = Draft(linker)
        facts = draft.facts[module]
        _file_problems(draft, module)
        imports = self._imports(draft, module)
        authored = None
        if facts.is_application and not _is_foreign(draft, module):
            authored = self._authored(draft, module)
        return Findings(
            imports, linker.leans(module), authored, bool(facts.calls), problems=tuple(draft.problems)
        )  # fmt: skip

    def make(self, key: Key) -> tuple[Made | None, Leans, list[UnitgraphError]]:
        """A function that its file doesn't export, what it leans on, and what is wrong with it."""
        module = key[0]
        self._linker.begin()
        draft = Draft(self._linker)
        made = self._functions(draft, module).make(key)
        return draft.functions[made] if made is not None else None, self._linker.leans(module), draft.problems

    def _authored(self, draft: Draft, module: str) -> Authored:
        facts = draft.facts[module]
        functions = self._functions(draft, module)
        wirings = Wirings(draft, functions)
        functions.collect(module)
        wirings.read(module)
        return Authored(
            tuple(draft.functions.values()),
            functions.unmade(module),
            tuple(functions.wired),
            wirings.found,
            tuple(
                Helper(module, Span(start, end), Services(frozenset(services), escapes))
                for start, end, services, escapes in facts.helpers
            ),
            tuple(
                (factory.kind, Ref(module, factory.name), draft.place(module, factory.call.start))
                for factory in facts.factories
            ),
            tuple(each.name for factory in facts.factories for each in factory.properties if each.name is not None),
            tuple(draft.notices),
        )

    def _functions(self, draft: Draft, module: str) -> Functions:
        return Functions(draft, module, lambda key: id_of(self._linker, key))

    def _imports(self, draft: Draft, module: str) -> Imported:
        """A specifier that leads nowhere is a problem in any file, a name that isn't exported in those of the
        application.
        """
        linker = draft.linker
        facts = draft.facts[module]
        files: dict[str, None] = {}
        assets: dict[str, None] = {}
        packages: dict[str, None] = {}
        for kind, specifier, names, types, _, _, line, column, written in facts.raw_imports:
            if kind == "type" and (written or not linker.keeps_unused_imports):
                continue
            target = linker.resolve(module, specifier)
            if isinstance(target, Unresolved):
                draft.report(self._resolver.error(Place(module, line, column), specifier, target))
            elif isinstance(target, Asset):
                assets[target.path] = None
            elif isinstance(target, Package):
                packages[target.name] = None
            elif isinstance(target, ProjectFile):
                files[target.path] = None
                if facts.is_application and target.path in draft.facts and kind == "value":
                    for imported, local in names:
                        if imported != "*" and local not in types:
                            _imported(draft, Place(module, line, column), specifier, target.path, imported)
        return Imported(tuple(files), tuple(assets), tuple(packages))


def _file_problems(draft: Draft, module: str) -> None:
    for kind, offset, detail in draft.facts[module].problems:
        draft.report(_PROBLEMS.get(kind, MisplacedCall)(draft.place(module, offset), detail))


def _is_foreign(draft: Draft, module: str) -> bool:
    """Whether names of the authoring surface mean something else in a file."""
    facts = draft.facts[module]
    foreign = False
    for local, (name, specifier) in facts.doubtful.items():
        bound = draft.linker.binding(module, local)
        if isinstance(bound, External) and authoring.is_runtime(bound.specifier):
            continue
        where = next((Place(module, each[6], each[7]) for each in facts.raw_imports if each[1] == specifier), None)
        draft.report(ForeignAuthoring(where or Place(module, 1, 1), name, specifier))
        foreign = True
    return foreign


def _imported(draft: Draft, place: Place, specifier: str, target: str, name: str) -> None:
    linker = draft.linker
    if linker.exported(target, name) is not None:
        return
    if not linker.has_name(target, name):
        near = draft.near(name, linker.names(target))
        draft.report(UnresolvedName(place, name, specifier, near))
    elif _is_circle(linker, target, name):
        draft.report(ReexportCycle(place, name))


def _is_circle(linker: Linker, module: str, name: str) -> bool:
    """Whether a name is only ever passed on."""
    seen: set[str] = set()
    while module not in seen:
        seen.add(module)
        facts = linker.facts.get(module)
        if facts is None or name in facts.type_exports or any(each == name for each, _ in facts.exports):
            return False
        passed = [
            (specifier, imported)
            for kind, specifier, names, *_ in facts.raw_imports
            for imported, exported in names
            if kind == "reexport" and exported == name
        ]
        if not passed:
            return False
        target = linker.resolve(module, passed[0][0])
        if not isinstance(target, ProjectFile):
            return False
        module, name = target.path, passed[0][1]
    return True

