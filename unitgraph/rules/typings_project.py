"""What is known of one project as TypeScript types: which name has which type, and where that type is declared.

Knows the linked application and the facts of its files; renders nothing and reads no file but those that may declare
a session. Types are never computed here: they are expressions that refer to the project's own modules.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from unitgraph.rules.typings_modules import ModuleFacts, Modules
from unitgraph.units.application import Application, ChannelWiring, Declared, Function, Ref
from unitgraph.units.facts import StatementKind
from unitgraph.units.workflow_routes import is_workflow
from unitgraph.units.workflow_routes import routes as workflow_routes


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
    database: str | None
    rpc: tuple[Member, ...]
    exposed: tuple[Member, ...]
    routes: Mapping[str, tuple[Member, ...]]     # by method
    streams: Mapping[str, tuple[Member, ...]]
    channels: tuple[Member, ...]                 # by route
    queues: tuple[Member, ...]
    workflows: tuple[Member, ...]
    agents: tuple[Member, ...]
    secrets: tuple[Member, ...] | None
    variables: tuple[Member, ...] | None


_ANYTHING = "CallTypes"  # input and output unknown: the function has no exported name to ask for its type
_WORKFLOWS = frozenset({"workflow", "workflow-graph"})
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_NOT_CALLED_BY_NAME = _WORKFLOWS | {"agent", "trigger", "channel-connection", "channel-disconnection"}

# A project's own interface of services or session is known by what it extends, as in
# `interface UserSession extends CoreUserSession { … }`, or else by its name.
_BY_BASE = {
    "CoreConfig": "config",
    "CoreSingletonServices": "singleton_services",
    "CoreServices": "wire_services",
    "CoreUserSession": "session",
}
_BY_NAME = {"UserSession": "session", "EventHubTopics": "topics", "Database": "database"}


def project_types(
    application: Application, modules: Modules, read: Callable[[str], bytes], *, detached: Mapping[str, str],
    has_kysely: bool = False,
) -> ProjectTypes:
    """Types of the project; ``detached`` has those of functions whose own type can't be asked for."""
    declared = _declared(modules, read)
    functions = {
        name: detached.get(name) or _call(function, modules) for name, function in sorted(application.functions.items())
    }
    kinds = {name: application.functions[name].kind for name in functions}
    calls = [Member(name, types) for name, types in functions.items()]
    return ProjectTypes(
        config=declared.get("config") or _made_by(application.config, modules),
        singleton_services=_provided(declared.get("singleton_services") or _made_by(application.services, modules)),
        wire_services=_provided(declared.get("wire_services") or _made_by(application.wire_services, modules)),
        session=declared.get("session"),
        topics=declared.get("topics"),
        database=_database(declared.get("database")) if has_kysely else None,
        rpc=tuple(call for call in calls if kinds[call.name] not in _NOT_CALLED_BY_NAME),
        exposed=tuple(call for call in calls if application.functions[call.name].expose),
        routes=_routes(application, functions),
        streams=_routes(application, functions, streams=True),
        channels=_channels(application, functions),
        queues=_queues(application, functions),
        workflows=tuple(call for call in calls if kinds[call.name] in _WORKFLOWS),
        agents=_agents(application, functions),
        secrets=_settings(application.secrets, "unknown", modules),
        variables=_settings(application.variables, "string", modules),
    )


def _database(tables: str | None) -> str:
    """Kysely is the project's own, and so is the type of its tables: the exported interface called `Database`."""
    return f"import('kysely').Kysely<{tables or 'any'}>"


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


def _routes(
    application: Application, functions: Mapping[str, str], *, streams: bool = False
) -> Mapping[str, tuple[Member, ...]]:
    """Method → its routes, or those of them that send events; what is asked of workflows is among them."""
    found: dict[str, dict[str, str]] = {method: {} for method in METHODS}
    workflows = [name for name, function in application.functions.items() if is_workflow(function)]
    for method, route, _ in workflow_routes(sorted(workflows)):
        _, name, what, *_ = route.removeprefix("/").split("/")
        if what == "stream" or not streams:
            found[method][route] = _asked(functions[name], what)
    for wiring in application.http:
        types = functions.get(wiring.function, _ANYTHING)
        if wiring.function in workflows:
            types = _asked(types, "start")
        if wiring.method in found and (wiring.sse or not streams):
            found[wiring.method][wiring.route] = types
    return {
        method: tuple(Member(route, types) for route, types in sorted(routes.items()))
        for method, routes in found.items()
    }


def _asked(types: str, what: str) -> str:
    return f"WorkflowRoutes<{types}>['{what}']"


def _channels(application: Application, functions: Mapping[str, str]) -> tuple[Member, ...]:
    """Route → what comes and goes there, by what calls each function."""
    return tuple(
        Member(channel.route, _channel(channel, functions))
        for channel in sorted(application.channels, key=lambda each: each.route)
    )


def _channel(channel: ChannelWiring, functions: Mapping[str, str]) -> str:
    sides = dict.fromkeys(("connect", "message"), "never")
    messages: dict[str, dict[str, str]] = {}
    for call in channel.calls:
        types = functions.get(call.function, _ANYTHING)
        if call.property is not None and call.value is not None:
            messages.setdefault(call.property, {})[call.value] = types
        elif call.kind in sides:
            sides[call.kind] = types
    routed = {property_: _object(by_value) for property_, by_value in sorted(messages.items())}
    return _object({"connect": sides["connect"], "message": sides["message"], "messages": _object(routed)})


def _object(members: Mapping[str, str]) -> str:
    inner = "; ".join(f"{Member(name, types).key}: {types}" for name, types in members.items())
    return f"{{ {inner} }}" if inner else "{}"


def _queues(application: Application, functions: Mapping[str, str]) -> tuple[Member, ...]:
    payloads = {worker.queue: _input(functions.get(worker.function, _ANYTHING)) for worker in application.queues}
    return tuple(Member(name, payload) for name, payload in sorted(payloads.items()))


def _agents(application: Application, functions: Mapping[str, str]) -> tuple[Member, ...]:
    named = {function.agent.name: functions[id_] for id_, function in application.functions.items() if function.agent}
    return tuple(Member(name, types) for name, types in sorted(named.items()))


def _input(call: str) -> str:
    return f"{call}['input']"


def _settings(declared: Iterable[Declared], plain: str, modules: Modules) -> tuple[Member, ...] | None:
    """A project that declares none may read any; one that declares some reads those. ``plain``: without a schema."""
    types = {each.id: _setting(each, modules) if each.schema is not None else plain for each in declared}
    return tuple(Member(name, types[name]) for name in sorted(types)) or None


def _setting(declared: Declared, modules: Modules) -> str:
    """What a schema gives, by its name or that of its declaration; where it has none, what its text tells."""
    value = modules.value(declared.named) if declared.named is not None else None
    if value is not None:
        return f"SettingValue<{value}>"
    return declared.plain or "unknown"


def _declared(modules: Modules, read: Callable[[str], bytes]) -> dict[str, str]:
    """Members of `Project` whose type the project declares itself; of several declarations the first by path."""
    extending: dict[str, str] = {}
    named: dict[str, str] = {}
    for module, facts in sorted(modules.facts.items()):
        bases = _imported_bases(facts)
        for kind, start, end, declares, exported in facts.raw_statements:
            if kind != StatementKind.TYPE or not exported or not declares:
                continue
            name = declares[0]
            if name in _BY_NAME and _BY_NAME[name] not in named:
                named[_BY_NAME[name]] = modules.exported(module, name)
            for local, member in bases.items():
                if member not in extending and _mentions(read(module)[start:end], local):
                    extending[member] = modules.exported(module, name)
    return named | extending


def _imported_bases(facts: ModuleFacts) -> dict[str, str]:
    """Local name of an imported base → the member that what extends it declares."""
    return {
        local: _BY_BASE[imported]
        for _, specifier, names, *_ in facts.raw_imports
        if "pikku" in specifier
        for imported, local in names
        if imported in _BY_BASE
    }


def _mentions(declaration: bytes, name: str) -> bool:
    """Whether an interface's or type's own head, not its members, refers to ``name``."""
    head = declaration.decode(errors="replace").split("{", 1)[0]
    return re.search(rf"(?:\bextends\b|=).*\b{re.escape(name)}\b", head, re.DOTALL) is not None
