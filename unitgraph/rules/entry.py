"""An entry point as data, and its text. Knows the runtime's calls (templates/*.j2), not where the parts come from."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

import jinja2

from unitgraph.rules.command_lines import EntryPrograms
from unitgraph.rules.tools import TEMPLATES
from unitgraph.rules.workflows import EntryWorkflows


@dataclass(frozen=True, slots=True)
class Imported:
    """One import of an entry: ``names`` are (exported name, local name); ("*", local) is the namespace."""

    specifier: str
    names: tuple[tuple[str, str], ...]

    @property
    def clause(self) -> str:
        if len(self.names) == 1 and self.names[0][0] == "*":
            return f"* as {self.names[0][1]}"
        return "{ " + ", ".join(name if name == local else f"{name} as {local}" for name, local in self.names) + " }"


@dataclass(frozen=True, slots=True)
class Builtin:
    """A built-in service: ``value`` is a JavaScript expression of what builds it, which needs ``imports``: (module of
    the runtime, name)."""

    name: str
    value: str
    imports: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class EntryFunction:
    """``value`` is a JavaScript expression; ``input`` the source of a derived schema."""

    id: str
    value: str
    input: str | None = None
    coerce: Mapping[str, str] | None = None
    expose: bool = False
    is_workflow: bool = False


@dataclass(frozen=True, slots=True)
class EntryTool:
    """What an agent may call; ``input`` is a JavaScript expression of a schema, or of JSON Schema."""

    name: str
    function: str
    description: str | None
    input: str | None
    approval: bool
    is_agent: bool
    is_workflow: bool


@dataclass(frozen=True, slots=True)
class EntryAgent:
    """``options`` is a local name; ``providers`` are (name, local name of the protocol, settings)."""

    name: str
    function: str
    options: str
    tools: tuple[EntryTool, ...]
    providers: tuple[tuple[str, str, Mapping[str, str]], ...]


@dataclass(frozen=True, slots=True)
class EntryRoute:
    method: str
    route: str
    function: str
    sse: bool
    options: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EntryHttp:
    routes: tuple[EntryRoute, ...]
    middleware: tuple[tuple[str, str], ...]
    permissions: tuple[tuple[str, str], ...]

    @property
    def has_sse(self) -> bool:
        return any(route.sse for route in self.routes)


@dataclass(frozen=True, slots=True)
class EntryQueue:
    """A queue that a function works on; ``options`` is a local name. ``retries`` is what the unit itself goes by."""

    queue: str
    function: str
    options: str | None
    retries: Mapping[str, str | int]


@dataclass(frozen=True, slots=True)
class EntryTask:
    name: str
    schedule: str
    function: str
    options: str | None


@dataclass(frozen=True, slots=True)
class Platform:
    """What of queues and clocks is called otherwise where a unit stands alone: ``consumed`` is the platform's queue →
    what the unit does with it, ``triggers`` the platform's expression → tasks, ``alone`` those of which no two run."""

    consumed: Mapping[str, Mapping[str, str | int]]
    triggers: Mapping[str, tuple[str, ...]]
    alone: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Remote:
    function: str
    unit: str
    binding: str


@dataclass(frozen=True, slots=True)
class EntryErrands:
    """What a unit holds for functions that gateways call: the wires that these lend, and by wiring the local names of
    its options, outermost first. ``describes``: a gateway asks for the schemas that its functions have."""

    wires: tuple[str, ...]
    wirings: tuple[tuple[str, tuple[str, ...]], ...]
    describes: bool = False

    @property
    def modules(self) -> tuple[tuple[str, str], ...]:
        """(wire, the runtime's module that makes it)."""
        return tuple(
            (wire, f"unitgraph/{'workflow/wires' if wire == 'graph' else f'{wire}/wire'}") for wire in self.wires
        )


@dataclass(frozen=True, slots=True)
class EntryGateway:
    """A part that calls functions of other units: ``make`` of the module ``specifier``, with JavaScript as argument."""

    specifier: str
    make: str
    argument: str


@dataclass(frozen=True, slots=True)
class EntryObject:
    """A class of Durable Objects that a unit exports."""

    class_name: str
    specifier: str


@dataclass(frozen=True, slots=True)
class Setting:
    """A secret or variable that is checked before anything is built; ``schema`` is a local name."""

    id: str
    schema: str | None


@dataclass(frozen=True, slots=True)
class Settings:
    secrets: tuple[Setting, ...] = ()
    variables: tuple[Setting, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """One unit's entry. ``config``, ``services`` and ``wire_services`` are local names, or None; ``sockets`` is the
    binding to where connections are held, None where there are none or the process holds them. ``asks``: the agents
    that its functions ask, by name, and their functions. ``is_called``: by other units; ``calls``: its code calls
    functions. ``pieces``: of the runtime, those that it has a use for."""

    project: str
    unit: str
    imports: tuple[Imported, ...]
    functions: tuple[EntryFunction, ...]
    http: EntryHttp | None
    middleware: tuple[tuple[str, tuple[str, ...]], ...]
    permissions: tuple[tuple[str, tuple[str, ...]], ...]
    remote: tuple[Remote, ...]
    required: tuple[str, ...]
    config: str | None = None
    services: str | None = None
    wire_services: str | None = None
    queues: tuple[EntryQueue, ...] = ()
    tasks: tuple[EntryTask, ...] = ()
    platform: Platform | None = None
    builtins: tuple[Builtin, ...] = ()
    errands: EntryErrands | None = None
    gateways: tuple[EntryGateway, ...] = ()
    objects: tuple[EntryObject, ...] = ()
    settings: Settings | None = None
    workflows: EntryWorkflows | None = None
    tells_spans: bool = False
    starts: bool = False
    sockets: str | None = None
    agents: tuple[EntryAgent, ...] = ()
    asks: tuple[tuple[str, str], ...] = ()
    is_called: bool = False
    calls: bool = False
    pieces: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MainUnit:
    name: str
    functions: tuple[str, ...]
    specifier: str


@dataclass(frozen=True, slots=True)
class MainRoute:
    method: str
    route: str
    unit: str


@dataclass(frozen=True, slots=True)
class Main:
    """The entry of a process that holds several units. ``queues`` are all that a job may be added to; where they are
    the platform's, ``pulled`` has the name of each there. ``triggers`` are sources, each with the local name of options
    that hold its input."""

    project: str
    imports: tuple[Imported, ...]
    routes: tuple[MainRoute, ...]
    units: tuple[MainUnit, ...]
    required: tuple[str, ...]
    config: str | None = None
    services: str | None = None
    wire_services: str | None = None
    queues: tuple[str, ...] = ()
    pulled: Mapping[str, str] = field(default_factory=dict)
    workers: tuple[Mapping[str, str | int], ...] = ()
    tasks: tuple[Mapping[str, str], ...] = ()
    workflows: tuple[Mapping[str, str], ...] = ()
    triggers: tuple[tuple[Mapping[str, object], str | None], ...] = ()
    builtins: tuple[Builtin, ...] = ()
    settings: Settings | None = None
    has_channels: bool = False
    has_hub: bool = False
    has_messages: bool = False
    has_programs: bool = False


def render_worker(entry: Entry, adapter: str) -> bytes:
    """The entry of a unit that is deployed by itself, for the runtime's ``entry/<adapter>``."""
    return _template("worker.ts.j2").render(entry=entry, adapter=adapter).encode()


def render_unit(entry: Entry) -> bytes:
    """A unit as a part of a process."""
    return _template("unit.ts.j2").render(entry=entry).encode()


def render_main(main: Main, documents: Mapping[str, str] | None = None) -> bytes:
    """``documents``: the route of each text that the process answers with itself, and the module that holds it."""
    return _template("main.ts.j2").render(main=main, documents=documents or {}).encode()


def render_programs(entry: EntryPrograms) -> bytes:
    """The module with the command lines of a process."""
    return _template("programs.ts.j2").render(entry=entry).encode()


def render_client(entry: EntryPrograms) -> bytes:
    """The program that runs the commands of one elsewhere."""
    return _template("client.ts.j2").render(entry=entry).encode()


def render_document(content: bytes) -> bytes:
    """A module that is a text."""
    return f"export default {literal(content.decode())}\n".encode()


def imports_of(wanted: Iterable[tuple[str, str, str]]) -> tuple[Imported, ...]:
    """(specifier, exported name, local name) gathered to one import a module, sorted."""
    named: dict[str, set[tuple[str, str]]] = {}
    spaces: list[Imported] = []
    for specifier, name, local in wanted:
        if name == "*":
            spaces.append(Imported(specifier, ((name, local),)))
        else:
            named.setdefault(specifier, set()).add((name, local))
    gathered = [Imported(specifier, tuple(sorted(names))) for specifier, names in named.items()]
    return tuple(sorted({*gathered, *spaces}, key=lambda item: (item.specifier, item.names)))


def literal(value: object) -> str:
    """A JSON value as a JavaScript literal."""
    return json.dumps(value, ensure_ascii=False).replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


@cache
def _template(name: str) -> jinja2.Template:
    return _environment().get_template(name)


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - TypeScript, not HTML; every value goes through the filter js
    )
    environment.filters["js"] = _js
    return environment


def _js(value: object) -> str:
    if isinstance(value, Mapping):
        return literal(dict(value))
    if isinstance(value, Sequence) and not isinstance(value, str):
        return literal(list(value))
    return literal(value)
