"""Every other wiring: queues, schedules, channels, MCP, triggers, command lines, scopes, secrets and variables."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from unitgraph.errors.source import MissingArgument, MissingOption
from unitgraph.errors.wiring import (
    BadCron,
    BadIdentifier,
    BadName,
    BadRoute,
    ReservedQueue,
)
from unitgraph.units import authoring, command_lines, mcp, names
from unitgraph.units.application import (
    ChannelWiring,
    CliCommand,
    CliWiring,
    Declared,
    HttpWiring,
    McpWiring,
    QueueWiring,
    Ref,
    ScheduleWiring,
    ScopedWiring,
    TriggerWiring,
)
from unitgraph.units.channels import Channel, around_messages, at_the_gateway
from unitgraph.units.draft import Draft, Entries
from unitgraph.units.evaluate import Scope, Unreadable
from unitgraph.units.facts import Span
from unitgraph.units.functions import Functions
from unitgraph.units.queues import WORKFLOW_QUEUES, missed_and_overlap, needed, queue_settings
from unitgraph.units.routes import Routes

_DEEPEST: Final = 20
_LISTS: Final = ("http", "queues", "schedules", "channels", "mcp", "triggers", "cli", "scoped", "declared")

ScopeKind = Literal["http-middleware", "http-permission", "tag-middleware", "tag-permission"]


@dataclass(slots=True)
class Wired:
    """The wirings of one file, or of all. ``declared`` are ("secret" or "variable", it, its schema's text)."""

    http: list[HttpWiring] = field(default_factory=list)
    queues: list[QueueWiring] = field(default_factory=list)
    schedules: list[ScheduleWiring] = field(default_factory=list)
    channels: list[ChannelWiring] = field(default_factory=list)
    mcp: list[McpWiring] = field(default_factory=list)
    triggers: list[TriggerWiring] = field(default_factory=list)
    cli: list[CliWiring] = field(default_factory=list)
    scoped: list[ScopedWiring] = field(default_factory=list)
    declared: list[tuple[str, Declared, str]] = field(default_factory=list)

    def add(self, other: "Wired") -> None:
        for name in _LISTS:
            getattr(self, name).extend(getattr(other, name))

    def renamed(self, ids: Mapping[str, str]) -> "Wired":
        """The same with other ids of functions."""
        made = Wired(scoped=self.scoped, declared=self.declared)
        for name in ("http", "queues", "schedules", "mcp", "triggers"):
            for each in getattr(self, name):
                getattr(made, name).append(each._replace(function=ids.get(each.function, each.function)))
        for channel in self.channels:
            calls = tuple(call._replace(function=ids.get(call.function, call.function)) for call in channel.calls)
            functions = tuple(dict.fromkeys(call.function for call in calls))
            made.channels.append(channel._replace(functions=functions, calls=calls))
        for program in self.cli:
            functions = tuple(dict.fromkeys(ids.get(function, function) for function in program.functions))
            commands = tuple(
                each._replace(function=ids.get(each.function, each.function)) if each.function else each
                for each in program.commands
            )
            made.cli.append(program._replace(functions=functions, commands=commands))
        return made


class Wirings:
    """Reads the wirings of a file."""

    def __init__(self, draft: Draft, functions: Functions) -> None:
        self._draft = draft
        self._functions = functions
        self.found = Wired()
        self._constant: Ref | None = None
        self._routes = Routes(draft, functions, self.found.http)
        self._tables: dict[str, Callable[[Scope, Entries, str], None]] = {
            "wireQueueWorker": self._queue,
            "wireScheduler": self._schedule,
            "wireChannel": self._channel,
            "wireMCPTool": self._mcp,
            "wireMCPResource": self._mcp,
            "wireMCPPrompt": self._mcp,
            "wireTrigger": self._trigger,
            "wireTriggerSource": self._trigger,
            "wireCLI": self._cli,
            "wireSecret": self._declare,
            "wireVariable": self._declare,
            "defineSecret": self._declare,
            "defineVariable": self._declare,
        }

    def read(self, module: str) -> None:
        """The wirings of a file, loops expanded."""
        draft = self._draft
        facts = draft.facts[module]
        for name, start, _, given, loops in facts.wirings:
            if not given:
                draft.report(MissingArgument(draft.place(module, start), name))
                continue
            try:
                for env in draft.evaluator.expanded(module, loops):
                    self._wire(name, start, [Scope(module, each, env) for each in given])
            except Unreadable as error:
                draft.unreadable(error, "What the loop is over", Scope(module, given[0]))
        for local, expr in facts.constants.items():
            if expr[0] == "w" and expr[3] in ("defineSecret", "defineVariable"):
                if expr[4]:
                    self._constant = Ref(module, local)
                    self._wire(expr[3], expr[1], [Scope(module, expr[4][0])])
                    self._constant = None
                else:
                    draft.report(MissingArgument(draft.place(module, expr[1]), expr[3]))

    def _wire(self, name: str, start: int, given: list[Scope]) -> None:
        if name == "wireHTTP":
            self._routes.single(given[0], name)
        elif name == "wireHTTPRoutes":
            self._routes.group(given[0], name)
        elif name.startswith("add"):
            self._scope(name, start, given)
        elif name in authoring.STANDING:
            self._standing(given[0], name)
        else:
            settled = self._draft.settled(given[0], f"The options of {name}")
            entries = self._draft.entries(settled, f"The options of {name}") if settled is not None else None
            if settled is not None and entries is not None:
                self._tables[name](settled, entries, name)

    def _standing(self, scope: Scope, call: str) -> None:
        """An agent that nobody names: it is called what its options call it. What they lack is told with all agents."""
        options = self._draft.facts[scope.module].functions[scope.expr[3]][4]
        settled = self._draft.settled(scope._replace(expr=options), f"The options of {call}") if options else None
        entries = self._draft.entries(settled, f"The options of {call}") if settled is not None else None
        name = self._draft.name(entries["name"].value, "an agent") if entries and "name" in entries else None
        self._functions.held(scope, f"What {call} is given", name or "agent")

    def _function(self, entries: Entries, settled: Scope, call: str, inline: str | None) -> str | None:
        func = entries.get("func")
        if func is None:
            self._draft.report(MissingOption(self._draft.at(settled), call, "func"))
            return None
        return self._functions.held(func.value, f"'func' of {call}", inline)

    def _name(
        self, entries: Entries, settled: Scope, call: str, what: str, keys: tuple[str, ...] = ("name",)
    ) -> str | None:
        for key in keys:
            if key in entries:
                return self._draft.name(entries[key].value, what)
        self._draft.report(MissingOption(self._draft.at(settled), call, keys[0]))
        return None

    def _queue(self, settled: Scope, entries: Entries, call: str) -> None:
        draft = self._draft
        queue = self._name(entries, settled, call, "a queue", ("queue", "name", "queueName"))
        if queue in WORKFLOW_QUEUES:
            draft.report(ReservedQueue(draft.at(settled), queue))
            return
        function = self._function(entries, settled, call, queue)
        settings = queue_settings(draft, entries, queue)
        tags = draft.strings(entries, "tags", call)
        is_needed, omitted = needed(entries)
        if queue is not None and function is not None:
            options = draft.expression(settled, omitted) if is_needed else None
            self.found.queues.append(QueueWiring(queue, function, options, draft.at(settled), tags, settings))

    def _schedule(self, settled: Scope, entries: Entries, call: str) -> None:
        draft = self._draft
        name = draft.name(entries["name"].value, "a scheduled task") if "name" in entries else None
        inline = name or f"scheduled-{draft.at(settled).line}"
        function = self._function(entries, settled, call, inline)
        entry = entries.get("schedule")
        if entry is None:
            draft.report(MissingOption(draft.at(settled), call, "schedule"))
            return
        schedule = draft.string(entry.value, f"'schedule' of {call}")
        fault = names.cron_fault(schedule) if schedule is not None else None
        if schedule is not None and fault is not None:
            draft.report(BadCron(draft.at(entry.value), schedule, fault))
        if schedule is None or function is None or fault is not None or (name is None and "name" in entries):
            return
        if name is None:
            name = names.kebab(function)
        schedule = " ".join(schedule.split())
        tags = draft.strings(entries, "tags", call)
        is_needed, omitted = needed(entries)
        options = draft.expression(settled, omitted) if is_needed else None
        self.found.schedules.append(
            ScheduleWiring(
                name, schedule, function, options, draft.at(settled), tags, *missed_and_overlap(draft, entries)
            )
        )

    def _channel(self, settled: Scope, entries: Entries, call: str) -> None:
        draft = self._draft
        name = self._name(entries, settled, call, "a channel")
        route: str | None = None
        if "route" not in entries:
            draft.report(MissingOption(draft.at(settled), call, "route"))
        else:
            route = draft.string(entries["route"].value, f"'route' of {call}")
            fault = names.route_fault(route) if route is not None else None
            if route is not None and fault is not None:
                draft.report(BadRoute(draft.at(entries["route"].value), route, fault))
                route = None
        calls = Channel(draft, self._functions, entries, name).calls()
        tags = draft.strings(entries, "tags", call)
        if name is not None and route is not None:
            options = draft.expression(settled, at_the_gateway(entries))
            functions = tuple(dict.fromkeys(each.function for each in calls))
            shared = around_messages(draft, settled, entries)
            place = draft.at(settled)
            self.found.channels.append(ChannelWiring(name, route, functions, options, place, calls, shared, tags))

    def _mcp(self, settled: Scope, entries: Entries, call: str) -> None:
        draft = self._draft
        name = mcp.name(draft, settled, entries, call)
        inline = names.kebab(name) if name is not None else None
        function = self._function(entries, settled, call, inline)
        missing = call == "wireMCPResource" or "name" in entries
        if function is None or (name is None and missing):
            return
        is_needed, omitted = mcp.needed(entries)
        self.found.mcp.append(
            McpWiring(
                mcp.KINDS[call], name or function, function,
                draft.expression(settled, omitted) if is_needed else None, draft.at(settled),
                draft.strings(entries, "tags", call), draft.flag(entries, "auth", call),
                mcp.shown(draft, entries, call),
            )
        )  # fmt: skip

    def _trigger(self, settled: Scope, entries: Entries, call: str) -> None:
        draft = self._draft
        source = call == "wireTriggerSource"
        name = self._name(entries, settled, call, "a trigger")
        inline = f"{name}-source" if source and name is not None else name
        function = self._function(entries, settled, call, inline)
        if name is not None and function is not None:
            expression = draft.expression(settled, _func(entries)) if source and "input" in entries else None
            tags = draft.strings(entries, "tags", call)
            self.found.triggers.append(TriggerWiring(name, function, source, expression, draft.at(settled), tags))

    def _cli(self, settled: Scope, entries: Entries, call: str) -> None:
        draft = self._draft
        program = self._name(entries, settled, call, "a command line", ("program", "name"))
        commands: list[CliCommand] = []
        if "commands" not in entries:
            draft.report(MissingOption(draft.at(settled), call, "commands"))
        else:
            self._commands(entries["commands"].value, program or "cli", commands, ())
        tags = draft.strings(entries, "tags", call)
        if program is not None:
            command_lines.check(draft, entries, call)
            functions = tuple(dict.fromkeys(each.function for each in commands if each.function is not None))
            options, shown, around = command_lines.parts(draft, settled, entries)
            place = draft.at(settled)
            self.found.cli.append(
                CliWiring(program, functions, options, place, shown, around, tags, tuple(commands))
            )

    def _commands(self, scope: Scope, program: str, commands: list[CliCommand], outer: tuple[str, ...]) -> None:
        draft = self._draft
        if len(outer) > _DEEPEST:
            return
        for name, entry in (draft.entries(scope, "The commands of wireCLI") or {}).items():
            if not names.is_name(name):
                draft.report(BadName(draft.at(entry.value), "Command", name))
                continue
            path = (*outer, name)
            inline = names.kebab(" ".join((program, *path)))
            settled = draft.settled(entry.value, f"The command {name!r}")
            if settled is None:
                continue
            if settled.expr[0] == "o":
                inner = draft.entries(settled, f"The command {name!r}") or {}
                function = None
                command_lines.check(draft, inner, f"the command {name!r}")
                if "func" in inner:
                    what = f"'func' of the command {name!r}"
                    function = self._functions.held(inner["func"].value, what, inline)
                options, shown, around = command_lines.parts(draft, settled, inner)
                is_around = not command_lines.AROUND.isdisjoint(inner)
                commands.append(CliCommand(path, function, options, shown, around if is_around else None))
                if "subcommands" in inner:
                    self._commands(inner["subcommands"].value, program, commands, path)
            else:
                function = self._functions.held(entry.value, f"The command {name!r}", inline)
                commands.append(CliCommand(path, function, None))

    def _scope(self, name: str, start: int, given: list[Scope]) -> None:
        """addHTTPMiddleware, addHTTPPermission, addMiddleware, addPermission; without a scope, for all."""
        draft = self._draft
        kind = _SCOPES[name]
        scope: str | None = "*"
        value = given[0]
        if len(given) > 1:
            scope = draft.string(given[0], f"The first argument of {name}")
            value = given[1]
        elif given[0].expr[0] in ("c", "t"):
            draft.report(MissingArgument(draft.place(given[0].module, start), name))
            return
        if scope is None:
            return
        if kind.startswith("http"):
            fault = None if scope in ("*", "") else names.route_fault(scope if scope.startswith("/") else f"/{scope}")
            if fault is not None:
                draft.report(BadRoute(draft.at(given[0]), scope, fault))
                return
        place = draft.place(value.module, start)
        self.found.scoped.append(ScopedWiring(kind, scope or "*", draft.expression(value), place))

    def _declare(self, settled: Scope, entries: Entries, call: str) -> None:
        draft = self._draft
        what, key = ("variable", "variableId") if call.endswith("Variable") else ("secret", "secretId")
        place = draft.at(settled)
        if key not in entries:
            draft.report(MissingOption(place, call, key))
            return
        identifier = draft.string(entries[key].value, f"'{key}' of {call}")
        if identifier is None:
            return
        if not names.is_variable_name(identifier):
            draft.report(BadIdentifier(draft.at(entries[key].value), what, identifier))
            return
        texts = {
            name: draft.quiet(entries[name].value) for name in ("name", "displayName", "description") if name in entries
        }
        name = str(texts.get("name") or identifier)
        value = entries["schema"].value if "schema" in entries else None
        schema = str(value.expr[3]) if value is not None and len(value.expr) > 3 else ""
        declared = Declared(
            identifier, name, str(texts.get("displayName") or name), str(texts.get("description") or ""), place,
            draft.expression(value) if value is not None else None,
            self._constant or (self._binding(value.module, schema) if value is not None else None), _plain(schema),
        )  # fmt: skip
        self.found.declared.append((what, declared, schema))

    def _binding(self, module: str, text: str) -> Ref | None:
        """The top-level binding that a value is, where its text is a name."""
        bound = self._draft.linker.binding(module, text) if text.isidentifier() else None
        return bound if isinstance(bound, Ref) else None


_CHANGES: Final = re.compile(
    r"\.(?:transform|pipe|preprocess|codec|default|prefault|catch|brand|nullable|nullish|or|and)\("
)
_PLAIN: Final[Mapping[Literal["string", "number", "boolean"], re.Pattern[str]]] = {
    "string": re.compile(r"\w+\.(?:coerce\.)?string\("),
    "number": re.compile(r"\w+\.(?:coerce\.)?number\("),
    "boolean": re.compile(r"\w+\.(?:coerce\.)?boolean\("),
}
_SCOPES: Final[dict[str, ScopeKind]] = {
    "addHTTPMiddleware": "http-middleware",
    "addHTTPPermission": "http-permission",
    "addMiddleware": "tag-middleware",
    "addPermission": "tag-permission",
}


def _func(entries: Entries) -> list[Span]:
    """The span of ``func``, which nobody needs in the options at run time."""
    entry = entries.get("func")
    return [Span(entry.start, entry.end)] if entry is not None and entry.own else []


def _plain(schema: str) -> Literal["string", "number", "boolean"] | None:
    """What ``z.string().min(1)`` and its like surely give; None for what may give something else."""
    if _CHANGES.search(schema):
        return None
    return next((kind for kind, begins in _PLAIN.items() if begins.match(schema)), None)
