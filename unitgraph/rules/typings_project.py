"""What is known of one project as TypeScript types: which name has which type, and where that type is declared.

Knows the linked application and the facts of its files; renders nothing and reads no file but those that may declare
a session. Types are never computed here: they are expressions that refer to the project's own modules.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from unitgraph.rules.typings_modules import Modules
from unitgraph.units.application import Application, Function, Ref
from unitgraph.units.facts import Import, Statement, StatementKind


@dataclass(frozen=True, slots=True)
class Member:
    """One property of a generated interface: its name, and its type as TypeScript source."""

    name: str
    type: str

    @property
    def key(self) -> str:
        """The name as a property's key."""
        return json.dumps(self.name, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class ProjectTypes:
    """The members of `Project` in runtime/types/project.ts; None where nothing closes the set of names."""

    config: str | None
    singleton_services: str | None
    wire_services: str | None
    session: str | None
    topics: str | None
    rpc: tuple[Member, ...]
    exposed: tuple[Member, ...]
    queues: tuple[Member, ...]
    workflows: tuple[Member, ...]
    agents: tuple[Member, ...]
    secrets: tuple[Member, ...] | None
    variables: tuple[Member, ...] | None


_ANYTHING = "CallTypes"  # input and output unknown: the function has no exported name to ask for its type
_WORKFLOWS = frozenset({"workflow", "workflow-graph"})
_NOT_CALLED_BY_NAME = _WORKFLOWS | {"agent", "trigger", "channel-connection", "channel-disconnection"}

# A project's own interface of services or session is known by what it extends, as in
# `interface UserSession extends CoreUserSession { … }`, or else by the second name.
_DECLARED = {
    "config": ("CoreConfig", None),
    "singleton_services": ("CoreSingletonServices", None),
    "wire_services": ("CoreServices", None),
    "session": ("CoreUserSession", "UserSession"),
    "topics": ("CoreEventHubTopics", "EventHubTopics"),
}


def project_types(
    application: Application, modules: Modules, read: Callable[[str], bytes], *, detached: Mapping[str, str]
) -> ProjectTypes:
    """Types of the project; ``detached`` has those of functions whose own type can't be asked for."""
    declared = {member: _declared(modules, read, *names) for member, names in _DECLARED.items()}
    functions = {
        name: detached.get(name) or _call(function, modules) for name, function in sorted(application.functions.items())
    }
    kinds = {name: application.functions[name].kind for name in functions}
    calls = [Member(name, types) for name, types in functions.items()]
    return ProjectTypes(
        config=declared["config"] or _made_by(application.config, modules),
        singleton_services=_provided(declared["singleton_services"] or _made_by(application.services, modules)),
        wire_services=_provided(declared["wire_services"] or _made_by(application.wire_services, modules)),
        session=declared["session"],
        topics=declared["topics"],
        rpc=tuple(call for call in calls if kinds[call.name] not in _NOT_CALLED_BY_NAME),
        exposed=tuple(call for call in calls if application.functions[call.name].expose),
        queues=_queues(application, functions),
        workflows=tuple(call for call in calls if kinds[call.name] in _WORKFLOWS),
        agents=_agents(application, functions),
        secrets=_closed((secret.id for secret in application.secrets), "unknown"),
        variables=_closed((variable.id for variable in application.variables), "string"),
    )


def _call(function: Function, modules: Modules) -> str:
    if not isinstance(function.value, Ref):
        return _ANYTHING
    value = modules.value(function.value, preferred=function.id)
    return f"FunctionTypes<{value}>" if value else _ANYTHING


def _made_by(factory: Ref | None, modules: Modules) -> str | None:
    value = modules.value(factory) if factory else None
    return f"Awaited<ReturnType<{value}>>" if value else None


def _provided(services: str | None) -> str | None:
    # A factory may leave out what a unit doesn't use (`requiredSingletonServices`): where it is used, it is there.
    return f"Provided<{services}>" if services else None


def _queues(application: Application, functions: Mapping[str, str]) -> tuple[Member, ...]:
    payloads = {worker.queue: _input(functions.get(worker.function, _ANYTHING)) for worker in application.queues}
    return tuple(Member(name, payload) for name, payload in sorted(payloads.items()))


def _agents(application: Application, functions: Mapping[str, str]) -> tuple[Member, ...]:
    named = {function.agent.name: functions[id_] for id_, function in application.functions.items() if function.agent}
    return tuple(Member(name, types) for name, types in sorted(named.items()))


def _input(call: str) -> str:
    return f"{call}['input']"


def _closed(names: Iterable[str], type_: str) -> tuple[Member, ...] | None:
    """A project that declares none may read any; one that declares some reads those."""
    return tuple(Member(name, type_) for name in sorted(set(names))) or None


def _declared(modules: Modules, read: Callable[[str], bytes], base: str, name: str | None) -> str | None:
    """The project's exported type that extends ``base``, or else the one called ``name``; the first by path."""
    by_name: str | None = None
    for module, facts in sorted(modules.facts.items()):
        local = _imported_as(facts.imports, base)
        for statement in facts.statements:
            if statement.kind is not StatementKind.TYPE or not statement.declares:
                continue
            exported = modules.exported_name(Ref(module, statement.declares[0]))
            type_name = exported or (statement.declares[0] if statement.exported else None)
            if type_name is None:
                continue
            if local is not None and _mentions(read(module), statement, local):
                return modules.exported(module, type_name)
            if type_name == name and by_name is None:
                by_name = modules.exported(module, type_name)
    return by_name


def _imported_as(imports: Iterable[Import], name: str) -> str | None:
    return next(
        (local for each in imports for imported, local in each.names if imported == name and "pikku" in each.specifier),
        None,
    )


def _mentions(text: bytes, statement: Statement, name: str) -> bool:
    """Whether an interface's or type's own declaration, not its members', refers to ``name``."""
    head = text[statement.span.start : statement.span.end].decode(errors="replace").split("{", 1)[0]
    return re.search(rf"(?:\bextends\b|=)[^{{]*\b{re.escape(name)}\b", head) is not None
