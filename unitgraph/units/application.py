"""The linked application: every function and wiring of a project, with constants evaluated and names resolved.

Knows sources, not deployment: units and their names are the manifest's. What there are thousands of is a named tuple,
which is made and compared several times as fast as a dataclass.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from unitgraph.errors import Place
from unitgraph.units.facts import Span
from unitgraph.units.model import DEFAULT_QUEUE, QueueSettings

FunctionKind = Literal[
    "func", "sessionless", "void", "list", "channel", "channel-connection", "channel-disconnection",
    "mcp-tool", "mcp-resource", "mcp-prompt", "trigger", "workflow", "workflow-graph", "agent",
]  # fmt: skip


class Ref(NamedTuple):
    """A top-level binding of a project file: its relative POSIX path and its local name there.

    "default" is an anonymous default export, "*" the module's namespace.
    """

    module: str
    name: str


@dataclass(frozen=True, slots=True)
class External:
    """A binding that comes from a package (``zod``), the runtime (``#pikku``) or a builtin (``node:fs``)."""

    specifier: str
    name: str


class Fragment(NamedTuple):
    """The source text of one expression."""

    module: str
    span: Span


class Expression(NamedTuple):
    """A fragment and the loop variables that must be bound before it, outermost first.

    ``bindings`` holds (pattern text, value): ``for (const { path, func } of routes)`` gives
    ("{ path, func }", fragment of the element). ``omit`` are spans of whole properties of the object literal
    that nobody needs at run time and which would drag in other units' code (``routes`` of a group, ``func`` of a
    route or of a channel's message): a slice leaves them out. ``is_constant``: what is left names nothing.
    """

    fragment: Fragment
    bindings: tuple[tuple[str, Fragment], ...] = ()
    omit: tuple[Span, ...] = ()
    is_constant: bool = False


class Services(NamedTuple):
    """Names that code takes from an object that it is given, its services or its wire; ``escapes`` when it may take
    any."""

    names: frozenset[str] = frozenset()
    escapes: bool = False


ANY = Services(escapes=True)


class TypeSource(NamedTuple):
    """A type argument, such as ``In`` of ``pikkuFunc<In, Out>``, or a parameter's annotation."""

    fragment: Fragment


class Step(NamedTuple):
    """A step of a workflow, as written: ``function`` names the callee of an ``rpc`` step."""

    name: str
    kind: Literal["rpc", "inline", "sleep", "approval", "event"]
    function: str | None = None


class Agent(NamedTuple):
    """What is static in ``pikkuAIAgent``: its own name, model, tools and sub-agents by function or agent name.

    ``options`` are all its options without what would drag in the code of tools and sub-agents.
    """

    name: str
    model: str | None
    tools: tuple[str, ...]
    sub_agents: tuple[str, ...]
    options: Expression


class Function(NamedTuple):
    """One authored function. ``value`` is its top-level binding, or where it stands inline in a wiring: the expression
    of the function itself, and the path to it from there, which is ().
    """

    id: str
    kind: FunctionKind
    value: Ref | tuple[Expression, tuple[str, ...]]
    place: Place
    span: Span                         # of the authoring call (or of the inline function)
    services: Services
    auth: bool | None = None           # None: the kind's default
    deploy: Literal["serverless", "server"] | None = None
    expose: bool = False
    internal: bool = False
    remote: bool = False
    mcp: bool = False
    requires_approval: bool = False
    tags: tuple[str, ...] = ()
    title: str | None = None
    description: str | None = None
    has_input_schema: bool = False
    has_output_schema: bool = False
    input: TypeSource | None = None    # where no schema is given
    output: TypeSource | None = None
    invokes: tuple[str, ...] = ()      # rpc.invoke, workflow.do by name, rpc.startWorkflow …, tools
    steps: tuple[Step, ...] = ()
    agent: Agent | None = None
    input_schema: Expression | None = None  # where one is given
    wire: Services = ANY               # what its own code takes of the wire
    around: bool = True                # middleware or permissions of its own, for all that is known


class HttpWiring(NamedTuple):
    """``options`` are object literals, outermost group first, the route's own last. ``auth`` is what the innermost of
    them that says it says; ``title`` and ``description`` are the route's own."""

    method: str                        # upper case
    route: str                         # with every prefix, "/books/:id"
    function: str
    options: tuple[Expression, ...]
    sse: bool
    tags: tuple[str, ...]
    place: Place
    auth: bool | None = None
    title: str | None = None
    description: str | None = None


class QueueWiring(NamedTuple):
    queue: str
    function: str
    options: Expression | None         # None where nothing of them is needed at run time
    place: Place
    tags: tuple[str, ...] = ()
    settings: QueueSettings = DEFAULT_QUEUE


class ScheduleWiring(NamedTuple):
    name: str
    schedule: str
    function: str
    options: Expression | None         # as above
    place: Place
    tags: tuple[str, ...] = ()
    missed: Literal["run", "skip"] = "skip"
    overlap: Literal["allow", "skip"] = "allow"


class ChannelCall(NamedTuple):
    """When a channel calls a function: as a client comes or goes, or for a message. ``property`` and ``value`` are what
    a message that is meant says, None for all others; ``options`` are the message's own, None where it has none, and
    ``outer`` those of what it lies in, outermost first."""

    kind: Literal["connect", "disconnect", "message"]
    function: str
    options: Expression | None = None
    property: str | None = None
    value: str | None = None
    outer: tuple[Expression, ...] = ()


class ChannelWiring(NamedTuple):
    """``options`` are what the gateway needs at run time, ``shared`` what holds for each message, None for nothing;
    ``program`` is the command line that it is the remote end of."""

    name: str
    route: str
    functions: tuple[str, ...]
    options: Expression
    place: Place
    calls: tuple[ChannelCall, ...] = ()
    shared: Expression | None = None
    tags: tuple[str, ...] = ()
    program: str | None = None


class McpShown(NamedTuple):
    """What clients are told of a tool, resource or prompt besides its schema, where its wiring says it."""

    title: str | None = None
    description: str | None = None
    name: str | None = None            # of a resource, which is found by its URI
    mime_type: str | None = None
    size: int | None = None
    annotations: tuple[tuple[str, str | bool], ...] = ()


class McpWiring(NamedTuple):
    """``name`` is a resource's URI, or a template of one."""

    kind: Literal["tool", "resource", "prompt"]
    name: str
    function: str
    options: Expression | None         # None where nothing of them is needed at run time
    place: Place
    tags: tuple[str, ...] = ()
    auth: bool | None = None
    shown: McpShown = McpShown()


class TriggerWiring(NamedTuple):
    """``source`` is True for wireTriggerSource, whose function is a unit's (server target)."""

    name: str
    function: str
    source: bool
    options: Expression | None         # of a source that is given an input
    place: Place
    tags: tuple[str, ...] = ()


class CliCommand(NamedTuple):
    """``path``: the words that name it, after those of what it lies in, which stands before it. ``options``: what it
    says of itself, None where it is a function and nothing else; ``shown`` what of them a terminal needs, ``around``
    what stands around the call, None where nothing does."""

    path: tuple[str, ...]
    function: str | None               # None: only its subcommands are commands
    options: Expression | None
    shown: Expression | None = None
    around: Expression | None = None


class CliWiring(NamedTuple):
    """``shown`` and ``around`` are parts of the options, as of a command."""

    program: str
    functions: tuple[str, ...]
    options: Expression
    place: Place
    shown: Expression
    around: Expression
    tags: tuple[str, ...] = ()
    commands: tuple[CliCommand, ...] = ()


class ScopedWiring(NamedTuple):
    """addHTTPMiddleware, addHTTPPermission (scope: a route pattern), addMiddleware, addPermission (scope: a tag,
    or "*" for all). ``value`` is the array of middleware, or the permissions value."""

    kind: Literal["http-middleware", "http-permission", "tag-middleware", "tag-permission"]
    scope: str
    value: Expression
    place: Place


class Declared(NamedTuple):
    """wireSecret, defineSecret, wireVariable, defineVariable. ``schema`` is the value that is said to be one; ``named``
    the top-level binding that has its type, of the schema itself or of what defineSecret gives back; ``plain`` is the
    type that a schema without a name surely gives."""

    id: str
    name: str
    display_name: str
    description: str
    place: Place
    schema: Expression | None = None
    named: Ref | None = None
    plain: Literal["string", "number", "boolean"] | None = None


class Helper(NamedTuple):
    """pikkuMiddleware, pikkuPermission, pikkuAuth or another authored function which is no unit but takes services."""

    module: str
    span: Span
    services: Services


@dataclass(frozen=True, slots=True)
class Reads:
    """What one file reads by constant id; ``unresolved`` are reads whose id is not constant."""

    secrets: frozenset[str] = frozenset()
    variables: frozenset[str] = frozenset()
    unresolved: tuple[Place, ...] = ()


@dataclass(frozen=True, slots=True)
class Application:
    """Everything analysis knows. Lists are sorted by name, then by place."""

    functions: Mapping[str, Function]
    http: tuple[HttpWiring, ...] = ()
    queues: tuple[QueueWiring, ...] = ()
    schedules: tuple[ScheduleWiring, ...] = ()
    channels: tuple[ChannelWiring, ...] = ()
    mcp: tuple[McpWiring, ...] = ()
    triggers: tuple[TriggerWiring, ...] = ()
    cli: tuple[CliWiring, ...] = ()
    scoped: tuple[ScopedWiring, ...] = ()
    secrets: tuple[Declared, ...] = ()
    variables: tuple[Declared, ...] = ()
    helpers: tuple[Helper, ...] = ()
    reads: Mapping[str, Reads] = field(default_factory=dict)   # module → what it reads
    config: Ref | None = None          # pikkuConfig
    services: Ref | None = None        # pikkuServices
    wire_services: Ref | None = None   # pikkuWireServices
    notices: tuple[str, ...] = ()      # said once in info and plan: what could not be narrowed and why
