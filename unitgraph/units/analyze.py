"""Facts of all files → the linked application, and every problem of the project at once.

Pure: what it reads was read before. A mistake of the project is a problem in the answer, never an exception.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

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
from unitgraph.units import authoring, checks
from unitgraph.units.agents import Agents, read_graphs
from unitgraph.units.application import Application, Declared, External, Helper, McpWiring, Ref, Services
from unitgraph.units.calls import Called, Calls
from unitgraph.units.draft import Draft
from unitgraph.units.facts import Span
from unitgraph.units.functions import Functions
from unitgraph.units.link import Linker
from unitgraph.units.placement import Placed, name_problems, planned
from unitgraph.units.project import Project
from unitgraph.units.resolve import ProjectFile, Resolver, Unresolved
from unitgraph.units.source import Facts
from unitgraph.units.wirings import Wirings

_CALLS: Final = {"config": "pikkuConfig", "services": "pikkuServices", "wire-services": "pikkuWireServices"}
_TEST: Final = re.compile(r"\.(?:test|spec)\.[cm]?[jt]sx?$|(?:^|/)__tests__/")
_MCP_KINDS: Final = {"mcp-tool": "tool", "mcp-resource": "resource", "mcp-prompt": "prompt"}


@dataclass(frozen=True, slots=True)
class Analysis:
    """What is known of a project. By file, ``calls`` are what its code calls and reads by name, ``imports`` the files
    that it imports at run time. ``units`` are planned, before some are merged into a server.
    """

    application: Application
    linker: Linker
    problems: tuple[UnitgraphError, ...]
    facts: Mapping[str, Facts]
    calls: Mapping[str, tuple[Called, ...]]
    imports: Mapping[str, tuple[str, ...]]
    units: tuple[Placed, ...]


def analyze(project: Project, facts: Mapping[str, Facts], resolver: Resolver) -> Analysis:
    """Links the files of a project; ``facts`` are by path, imported files outside the source folders included."""
    keeps = bool(project.tsconfig.bundling().get("compilerOptions", {}).get("verbatimModuleSyntax"))
    own = {path: facts[path] for path in sorted(facts) if not is_test(path)}
    linker = Linker(own, resolver, keeps_unused_imports=keeps)
    draft = Draft(linker)
    _file_problems(draft)
    imports = _imports(draft, resolver)
    foreign = _foreign(draft)
    modules = [module for module, each in linker.facts.items() if each.is_application and module not in foreign]
    functions = Functions(draft)
    functions.collect(modules)
    wirings = Wirings(draft, functions)
    for module in modules:
        wirings.read(module)
    agents = Agents(draft, functions)
    agents.name()
    agents.read()
    read_graphs(draft, functions)
    _own_mcp(draft, wirings)
    functions.left_over()
    calls = Calls(draft, agents.names)
    calls.resolve()
    factories = _factories(draft)
    application = _application(draft, wirings, calls, factories, modules)
    _whole(draft, project, wirings, factories)
    units = planned(application, project.name)
    draft.problems.extend(name_problems(units, project.name, has_server=_has_server(application, project)))
    return Analysis(application, linker, _unique(draft.problems), linker.facts, calls.resolved, imports, units)


def is_test(path: str) -> bool:
    """Whether a file holds tests, which are no part of the application: a.test.ts, a.spec.ts, __tests__/a.ts."""
    return _TEST.search(path) is not None


def _application(
    draft: Draft, wirings: Wirings, calls: Calls, factories: list[tuple[str, Ref, Place]], modules: list[str]
) -> Application:
    made = {kind: ref for kind, ref, _ in reversed(factories)}
    declared = {what: [each for (kind, _), (each, _) in wirings.declared.items() if kind == what] for what in _DECLARED}
    return Application(
        functions={name: draft.functions[name].finished() for name in sorted(draft.functions)},
        http=tuple(sorted(wirings.routes.found, key=lambda each: (each.route, each.method, each.place))),
        queues=tuple(sorted(wirings.queues, key=lambda each: (each.queue, each.place))),
        schedules=_by_name(wirings.schedules),
        channels=_by_name(wirings.channels),
        mcp=tuple(sorted(wirings.mcp, key=lambda each: (each.name, each.kind, each.place))),
        triggers=tuple(sorted(wirings.triggers, key=lambda each: (each.name, each.source, each.place))),
        cli=tuple(sorted(wirings.cli, key=lambda each: (each.program, each.place))),
        scoped=tuple(wirings.scoped),
        secrets=_by_id(declared["secret"]),
        variables=_by_id(declared["variable"]),
        helpers=tuple(
            Helper(module, Span(start, end), Services(frozenset(services), escapes))
            for module in modules
            for start, end, services, escapes in draft.facts[module].helpers
        ),
        reads=calls.reads(),
        config=made.get("config"),
        services=made.get("services"),
        wire_services=made.get("wire-services"),
        notices=tuple(sorted(set(draft.notices))),
    )


def _whole(draft: Draft, project: Project, wirings: Wirings, factories: list[tuple[str, Ref, Place]]) -> None:
    """Problems that only show when everything is known."""
    exposed = [making.id for making in draft.functions.values() if making.flags.get("expose")]
    draft.problems.extend(checks.routes(wirings.routes.found, exposed))
    draft.problems.extend(checks.queues(wirings.queues))
    draft.problems.extend(checks.schedules(wirings.schedules))
    draft.problems.extend(checks.channels(wirings.channels))
    draft.problems.extend(checks.mcp(wirings.mcp))
    draft.problems.extend(checks.triggers(wirings.triggers))
    draft.problems.extend(checks.programs(wirings.cli))
    draft.problems.extend(checks.factories([(_CALLS[kind], place) for kind, _, place in factories]))
    wanted = project.config.deploy.serverless_incompatible
    if wanted:
        services = _services(draft)
        known = {*draft.functions, *services}
        draft.problems.extend(
            checks.incompatible(
                wanted, draft.functions.values(), services, project.config_text, lambda name: draft.near(name, known)
            )
        )


def _has_server(application: Application, project: Project) -> bool:
    deploy = project.config.deploy
    if deploy.serverless_incompatible or deploy.default_target == "server":
        return True
    return any(each.source for each in application.triggers) or any(
        function.deploy == "server" for function in application.functions.values()
    )


def _services(draft: Draft) -> set[str]:
    """Every service that is provided or taken by name."""
    found = {name for making in draft.functions.values() for name in making.services.names}
    for facts in draft.facts.values():
        for factory in facts.factories:
            found.update(each.name for each in factory.properties if each.name is not None)
        found.update(name for helper in facts.helpers for name in helper[2])
    return found


def _file_problems(draft: Draft) -> None:
    for module, facts in draft.facts.items():
        for kind, offset, detail in facts.problems:
            place = draft.place(module, offset)
            if kind == "syntax":
                draft.report(SourceSyntax(place, detail))
            elif kind == "encoding":
                draft.report(NotUtf8(place, detail))
            elif kind == "computed":
                draft.report(ComputedImport(place, detail))
            elif kind == "alias":
                draft.report(AuthoringAlias(place, detail))
            else:
                draft.report(MisplacedCall(place, detail))


def _imports(draft: Draft, resolver: Resolver) -> dict[str, tuple[str, ...]]:
    """The files that each file imports. A specifier that leads nowhere is a problem in any file, a name that isn't
    exported in those of the application.
    """
    linker = draft.linker
    imports: dict[str, tuple[str, ...]] = {}
    for module, facts in draft.facts.items():
        paths: list[str] = []
        for kind, specifier, names, types, _, _, line, column, written in facts.raw_imports:
            if kind == "type" and (written or not linker.keeps_unused_imports):
                continue
            target = linker.resolve(module, specifier)
            if isinstance(target, Unresolved):
                draft.report(resolver.error(Place(module, line, column), specifier, target))
            elif isinstance(target, ProjectFile):
                paths.append(target.path)
                if facts.is_application and target.path in draft.facts and kind == "value":
                    for imported, local in names:
                        if imported != "*" and local not in types:
                            _imported(draft, Place(module, line, column), specifier, target.path, imported)
        if paths:
            imports[module] = tuple(dict.fromkeys(paths))
    return imports


def _foreign(draft: Draft) -> frozenset[str]:
    """The files in which names of the authoring surface mean something else."""
    found: set[str] = set()
    for module, facts in draft.facts.items():
        for local, (name, specifier) in facts.doubtful.items():
            bound = draft.linker.binding(module, local)
            if isinstance(bound, External) and authoring.is_runtime(bound.specifier):
                continue
            where = next((Place(module, each[6], each[7]) for each in facts.raw_imports if each[1] == specifier), None)
            draft.report(ForeignAuthoring(where or Place(module, 1, 1), name, specifier))
            found.add(module)
    return frozenset(found)


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


def _own_mcp(draft: Draft, wirings: Wirings) -> None:
    """Functions with ``mcp: true``, which need no wiring."""
    wired = {(wiring.kind, wiring.function) for wiring in wirings.mcp}
    for making in draft.functions.values():
        if making.flags.get("mcp"):
            kind = _MCP_KINDS.get(making.kind, "tool")
            if kind == "resource" and ("resource", making.id) not in wired:
                wirings.mcp.append(McpWiring("resource", making.id, making.id, None, making.place))
            elif kind == "prompt" and ("prompt", making.id) not in wired:
                wirings.mcp.append(McpWiring("prompt", making.id, making.id, None, making.place))
            elif kind == "tool" and ("tool", making.id) not in wired:
                wirings.mcp.append(McpWiring("tool", making.id, making.id, None, making.place))


def _factories(draft: Draft) -> list[tuple[str, Ref, Place]]:
    found = [
        (factory.kind, Ref(module, factory.name), draft.place(module, factory.call.start))
        for module, facts in draft.facts.items()
        if facts.is_application
        for factory in facts.factories
    ]
    return sorted(found, key=lambda each: each[2])


def _unique(problems: list[UnitgraphError]) -> tuple[UnitgraphError, ...]:
    unique = {(str(problem.place), problem.code, problem.message): problem for problem in problems}
    return tuple(sorted(unique.values(), key=lambda each: (each.place or Place("", 0, 0), each.code, each.message)))


_DECLARED: Final = ("secret", "variable")
N = TypeVar("N")


def _by_name(wirings: list[N]) -> tuple[N, ...]:
    return tuple(sorted(wirings, key=lambda each: (each.name, each.place)))  # type: ignore[attr-defined]


def _by_id(found: list[Declared]) -> tuple[Declared, ...]:
    return tuple(sorted(found, key=lambda each: each.id))
