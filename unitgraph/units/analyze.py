"""Findings of all files → the linked application, and every problem of the project at once.

Pure: what it reads was read before. A mistake of the project is a problem in the answer, never an exception.
Each file is looked into by itself, and what was found in it before is taken where it still holds; what concerns all
files together is worked out anew each time.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from unitgraph.errors import Place, UnitgraphError
from unitgraph.errors.source import DuplicateFunction, FunctionUnnamed
from unitgraph.errors.wiring import DuplicateSecret
from unitgraph.units import checks, command_lines
from unitgraph.units.agents import Agents, read_graphs
from unitgraph.units.application import Application, Declared, McpWiring, Ref
from unitgraph.units.calls import Calls
from unitgraph.units.draft import Draft, Key, Made
from unitgraph.units.findings import Authored, Finder, Findings
from unitgraph.units.functions import Functions
from unitgraph.units.link import Linker
from unitgraph.units.mcp import Kind
from unitgraph.units.model_providers import providers
from unitgraph.units.placement import Placed, name_problems, planned
from unitgraph.units.project import Project
from unitgraph.units.reach import Reach
from unitgraph.units.resolve import Resolver
from unitgraph.units.source import Facts
from unitgraph.units.wirings import Wired

_CALLS: Final = {"config": "pikkuConfig", "services": "pikkuServices", "wire-services": "pikkuWireServices"}
_TEST: Final = re.compile(r"\.(?:test|spec)\.[cm]?[jt]sx?$|(?:^|/)__tests__/")
_MCP_KINDS: Final[Mapping[str, Kind]] = {"mcp-tool": "tool", "mcp-resource": "resource", "mcp-prompt": "prompt"}
_NOTHING: Final[Mapping[str, Findings]] = {}


@dataclass(frozen=True, slots=True)
class Analysis:
    """What is known of a project. ``units`` are planned, before some are merged into a server; ``findings`` are of
    every file that isn't a test. With problems, ``reach`` knows no roots.
    """

    application: Application
    linker: Linker
    problems: tuple[UnitgraphError, ...]
    findings: Mapping[str, Findings]
    reach: Reach
    units: tuple[Placed, ...]


def analyze(
    project: Project, facts: Mapping[str, Facts], resolver: Resolver, kept: Mapping[str, Findings] = _NOTHING
) -> Analysis:
    """Links the files of a project; ``facts`` are by path, imported files outside the source folders included.

    ``kept`` are findings of files which are sure to be found again.
    """
    keeps = bool(project.tsconfig.bundling().get("compilerOptions", {}).get("verbatimModuleSyntax"))
    own = [path for path in sorted(facts) if not is_test(path)]
    linker = Linker(facts, frozenset(own), resolver, keeps_unused_imports=keeps)
    return _Assembly(project, linker, Finder(linker, resolver), own, kept).analysis()


def is_test(path: str) -> bool:
    """Whether a file holds tests, which are no part of the application: a.test.ts, a.spec.ts, __tests__/a.ts."""
    return _TEST.search(path) is not None


class _Assembly:
    """An application while its files' findings are put together."""

    def __init__(
        self, project: Project, linker: Linker, finder: Finder, own: list[str], kept: Mapping[str, Findings]
    ) -> None:
        self._project = project
        self._finder = finder
        self._draft = Draft(linker)
        self._kept = kept
        self._findings = {path: kept[path] if path in kept else finder.find(path) for path in own}
        self._authored = {path: each.authored for path, each in self._findings.items() if each.authored is not None}
        self._wired = Wired()
        self._claimed: dict[Key, str] = {}      # functions without a name → the ids that wirings gave them
        self._renamed: dict[tuple[str, str], str] = {}  # (a wiring's file, the id that it gave) → the id that counts

    def analysis(self) -> Analysis:
        draft, project = self._draft, self._project
        for findings in self._findings.values():
            draft.problems.extend(findings.problems)
        self._take_functions()
        self._take_wirings()
        functions = Functions(draft, None, self._demand)
        agents = Agents(draft, functions, providers(project.config.deploy))
        agents.name()
        agents.read()
        read_graphs(draft, functions)
        _own_mcp(draft, self._wired)
        config, text = self._project.config.cli, self._project.config_text
        self._wired.channels.extend(command_lines.channels(draft, self._wired.cli, config, text))
        notices = [*self._left_over(), *(each for made in draft.functions.values() for each in made.notices)]
        notices += [each for authored in self._authored.values() for each in authored.notices]
        calls = Calls(draft, agents.names)
        self._take_calls(calls)
        factories = sorted(
            (each for authored in self._authored.values() for each in authored.factories), key=lambda each: each[2]
        )
        application = self._application(factories, notices)
        self._check(factories)
        units = planned(application, project.name)
        draft.problems.extend(name_problems(units, project.name, has_server=_has_server(application, project)))
        problems = _unique(draft.problems)
        self._forget_unwired()
        reach = Reach(application, draft.linker, self._findings, calls.roster)
        if not problems:
            self._findings |= reach.complete()
        return Analysis(application, draft.linker, problems, self._findings, reach, units)

    # functions

    def _take_functions(self) -> None:
        """Those that files export come first, so that what a wiring holds has to give way to them."""
        for authored in self._authored.values():
            for made in authored.functions:
                if made.exported:
                    self._add(made)
        for path, authored in list(self._authored.items()):
            for key in authored.named:
                self._demand(key)
            for made in authored.functions:
                if made.inline:
                    self._claim(path, made)

    def _demand(self, key: Key) -> str | None:
        """The id of a function that has a name; one that its file doesn't export is made once something wires it."""
        if key in self._draft.named:
            return self._draft.named[key]
        authored = self._authored.get(key[0])
        if authored is None or not any(each.number == key[1] for each in authored.unmade):
            return None
        made = next((each for each in authored.functions if each.key == key), None)
        if made is None:
            made = self._make(key, authored)
        return self._add(made) if made is not None else None

    def _make(self, key: Key, authored: Authored) -> Made | None:
        module = key[0]
        findings = self._findings[module]
        made, leans, problems = self._finder.make(key)
        if made is not None:
            authored = self._authored[module] = replace(authored, functions=(*authored.functions, made))
        self._findings[module] = replace(
            findings, leans=findings.leans | leans, authored=authored, problems=(*findings.problems, *problems)
        )
        self._draft.problems.extend(problems)
        return made

    def _claim(self, module: str, made: Made) -> None:
        """A function without a name is what the first of its wirings calls it."""
        if made.key is None:
            other = self._draft.functions.get(made.function.id)
            if other is None or other.function.place != made.function.place:
                self._add(made)
        elif made.key not in self._claimed:
            self._claimed[made.key] = made.function.id
            self._add(made)
        elif self._claimed[made.key] != made.function.id:
            self._renamed[module, made.function.id] = self._claimed[made.key]

    def _add(self, made: Made) -> str | None:
        """Takes a function in; None, and a problem, where its name is taken."""
        draft = self._draft
        other = draft.functions.setdefault(made.function.id, made)
        if other is not made:
            if other.key is None or other.key != made.key:
                first, second = sorted((made.function.place, other.function.place))
                draft.report(DuplicateFunction(second, made.function.id, first))
                return None
        elif made.key is not None and not made.inline:
            draft.named[made.key] = made.function.id
        return made.function.id

    def _left_over(self) -> Iterable[str]:
        """What no wiring holds: a function without a name is a mistake, one that isn't exported is said."""
        draft = self._draft
        for module, authored in self._authored.items():
            for each in authored.unmade:
                key = (module, each.number)
                if key in draft.named or key in self._claimed:
                    continue
                if each.id is not None:
                    what = f"{each.id} ({each.place})"
                    yield f"{what} is neither exported nor wired, so it is no function of the application."
                else:
                    draft.report(FunctionUnnamed(each.place, each.call))

    def _forget_unwired(self) -> None:
        """Drops what was made of functions that were wired once, and aren't any more."""
        named = self._draft.named
        for module, authored in self._authored.items():
            kept = tuple([made for made in authored.functions if made.exported or made.inline or made.key in named])
            if len(kept) < len(authored.functions):
                self._findings[module] = replace(
                    self._findings[module], authored=replace(authored, functions=kept), reach=None
                )

    # wirings and calls

    def _take_wirings(self) -> None:
        declared: dict[tuple[str, str], tuple[Declared, str]] = {}
        for module, authored in self._authored.items():
            renamed = {old: new for (path, old), new in self._renamed.items() if path == module}
            wired = authored.wired.renamed(renamed) if renamed else authored.wired
            self._wired.add(wired)
            for what, each, schema in wired.declared:
                self._declare(declared, what, each, schema)
        self._declared = {key: each for key, (each, _) in declared.items()}

    def _declare(
        self, known: dict[tuple[str, str], tuple[Declared, str]], what: str, declared: Declared, schema: str
    ) -> None:
        other, other_schema = known.setdefault((what, declared.id), (declared, schema))
        if other.place != declared.place and (other.name, other_schema) != (declared.name, schema):
            first, second = sorted((other.place, declared.place))
            self._draft.report(DuplicateSecret(second, what, declared.id, first))

    def _take_calls(self, calls: Calls) -> None:
        draft = self._draft
        for module, findings in self._findings.items():
            if not findings.has_calls:
                continue
            found = findings.calls
            if found is None or not calls.holds(module, found):
                found = calls.find(module)
                self._findings[module] = replace(findings, calls=found)
            for function, name in found.invokes:
                draft.invokes[function][name] = None
            for function, step in found.steps:
                draft.steps[function].append(step)

    # everything together

    def _application(self, factories: list[tuple[str, Ref, Place]], notices: list[str]) -> Application:
        draft, wired = self._draft, self._wired
        made = {kind: ref for kind, ref, _ in reversed(factories)}
        return Application(
            functions={name: draft.finished(draft.functions[name]) for name in sorted(draft.functions)},
            http=tuple(sorted(wired.http, key=lambda each: (each.route, each.method, each.place))),
            queues=tuple(sorted(wired.queues, key=lambda each: (each.queue, each.place))),
            schedules=_by_name(wired.schedules),
            channels=_by_name(wired.channels),
            mcp=tuple(sorted(wired.mcp, key=lambda each: (each.name, each.kind, each.place))),
            triggers=tuple(sorted(wired.triggers, key=lambda each: (each.name, each.source, each.place))),
            cli=tuple(sorted(wired.cli, key=lambda each: (each.program, each.place))),
            scoped=tuple(wired.scoped),
            secrets=self._declared_as("secret"),
            variables=self._declared_as("variable"),
            helpers=tuple(each for authored in self._authored.values() for each in authored.helpers),
            reads={
                module: findings.calls.reads
                for module, findings in self._findings.items()
                if findings.calls is not None and findings.calls.reads is not None
            },
            config=made.get("config"),
            services=made.get("services"),
            wire_services=made.get("wire-services"),
            notices=tuple(sorted(set(notices))),
        )

    def _declared_as(self, kind: str) -> tuple[Declared, ...]:
        found = (each for (what, _), each in self._declared.items() if what == kind)
        return tuple(sorted(found, key=lambda each: each.id))

    def _check(self, factories: list[tuple[str, Ref, Place]]) -> None:
        """Problems that only show when everything is known."""
        draft, wired = self._draft, self._wired
        exposed = [made.function.id for made in draft.functions.values() if made.function.expose]
        draft.problems.extend(checks.routes(wired.http, exposed))
        draft.problems.extend(checks.queues(wired.queues))
        draft.problems.extend(checks.schedules(wired.schedules))
        draft.problems.extend(checks.channels(wired.channels, wired.http))
        draft.problems.extend(checks.mcp(wired.mcp, wired.http))
        draft.problems.extend(checks.triggers(wired.triggers))
        draft.problems.extend(checks.programs(wired.cli))
        draft.problems.extend(checks.factories([(_CALLS[kind], place) for kind, _, place in factories]))
        wanted = self._project.config.deploy.serverless_incompatible
        if wanted:
            services = self._services()
            known = {*draft.functions, *services}
            draft.problems.extend(
                checks.incompatible(
                    wanted, draft.functions.values(), services, self._project.config_text,
                    lambda name: draft.near(name, known),
                )
            )  # fmt: skip

    def _services(self) -> set[str]:
        """Every service that is provided or taken by name."""
        found = {name for made in self._draft.functions.values() for name in made.function.services.names}
        for authored in self._authored.values():
            found.update(authored.provided)
            found.update(name for helper in authored.helpers for name in helper.services.names)
        return found


def _has_server(application: Application, project: Project) -> bool:
    deploy = project.config.deploy
    if deploy.serverless_incompatible or deploy.default_target == "server":
        return True
    return any(each.source for each in application.triggers) or any(
        function.deploy == "server" for function in application.functions.values()
    )


def _own_mcp(draft: Draft, wired: Wired) -> None:
    """Functions with ``mcp: true``, which need no wiring."""
    known = {(wiring.kind, wiring.function) for wiring in wired.mcp}
    for made in draft.functions.values():
        if made.function.mcp:
            kind = _MCP_KINDS.get(made.function.kind, "tool")
            own = f"resource://{made.function.id}" if kind == "resource" else made.function.id
            if (kind, made.function.id) not in known:
                wired.mcp.append(McpWiring(kind, own, made.function.id, None, made.function.place))


def _unique(problems: list[UnitgraphError]) -> tuple[UnitgraphError, ...]:
    unique = {(str(problem.place), problem.code, problem.message): problem for problem in problems}
    return tuple(sorted(unique.values(), key=lambda each: (each.place or Place("", 0, 0), each.code, each.message)))


N = TypeVar("N")


def _by_name(wirings: list[N]) -> tuple[N, ...]:
    return tuple(sorted(wirings, key=lambda each: (each.name, each.place)))  # type: ignore[attr-defined]
