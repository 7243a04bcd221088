"""Findings as plain data and back, so that they can be kept. Knows their shape, and neither files nor databases.

Data are nested tuples of strings, numbers and None, as ``marshal`` writes them.
"""

from collections.abc import Callable
from dataclasses import astuple
from typing import Any

from unitgraph.errors import Place
from unitgraph.units.application import (
    ChannelCall,
    ChannelWiring,
    CliCommand,
    CliWiring,
    Declared,
    Expression,
    Fragment,
    Function,
    Helper,
    HttpWiring,
    McpShown,
    McpWiring,
    QueueWiring,
    Reads,
    Ref,
    ScheduleWiring,
    ScopedWiring,
    Services,
    Step,
    TriggerWiring,
    TypeSource,
)
from unitgraph.units.calls import Called, CallsFound, Holder
from unitgraph.units.draft import Code, Made
from unitgraph.units.facts import Span
from unitgraph.units.findings import Authored, Findings, Imported
from unitgraph.units.functions import BODILESS, Unmade
from unitgraph.units.link import Leans
from unitgraph.units.model import DEFAULT_QUEUE, QueueSettings
from unitgraph.units.reached import NOTHING, Reached, ReachFound
from unitgraph.units.wirings import Wired

Data = Any
Marks = Callable[[Leans], Data]
"""The digests of what is leaned on, as they are now: data that is equal as long as nothing has moved."""


def can_be_kept(findings: Findings) -> bool:
    """What is wrong is told anew each time; agents and graphs are read further when all functions are known."""
    authored = findings.authored
    return not findings.problems and (
        authored is None or all(made.function.kind not in BODILESS for made in authored.functions)
    )


def to_data(findings: Findings, marks: Marks) -> Data:
    imports, authored, calls, reach = findings.imports, findings.authored, findings.calls, findings.reach
    return (
        (imports.files, imports.assets, imports.packages),
        _leans_data(findings.leans, marks),
        _authored_data(authored) if authored is not None else None,
        findings.has_calls,
        (_leans_data(calls.leans, marks), _calls_data(calls)) if calls is not None and not calls.problems else None,
        (_leans_data(reach.leans, marks), _reach_data(reach)) if reach is not None else None,
    )


def from_data(data: Data, marks: Marks) -> Findings | None:
    """The findings, or those parts of them whose leans have the ``marks`` that they had; None where none have."""
    imports, leans, authored, has_calls, calls, reach = data
    own = _leans(leans, marks)
    if own is None:
        return None
    calls_leans = _leans(calls[0], marks) if calls is not None else None
    reach_leans = _leans(reach[0], marks) if reach is not None else None
    return Findings(
        Imported(*imports),
        own,
        _authored(authored) if authored is not None else None,
        has_calls,
        _calls(calls[1], calls_leans) if calls_leans is not None else None,
        _reach(reach[1], reach_leans) if reach_leans is not None else None,
    )


# parts


def _leans_data(leans: Leans, marks: Marks) -> Data:
    return leans.names, leans.texts, marks(leans)


def _leans(data: Data, marks: Marks) -> Leans | None:
    names, texts, then = data
    leans = Leans(names, texts)
    return leans if marks(leans) == then else None


def _authored_data(authored: Authored) -> Data:
    return (
        tuple(_made_data(made) for made in authored.functions),
        tuple((each.number, each.id, _place_data(each.place), each.call) for each in authored.unmade),
        authored.named,
        _wired_data(authored.wired),
        tuple((each.module, _span_data(each.span), _services_data(each.services)) for each in authored.helpers),
        tuple((kind, _ref_data(ref), _place_data(place)) for kind, ref, place in authored.factories),
        authored.provided,
        authored.notices,
    )


def _authored(data: Data) -> Authored:
    functions, unmade, named, wired, helpers, factories, provided, notices = data
    return Authored(
        tuple([_made(each) for each in functions]),
        tuple([Unmade(number, name, Place(*place), call) for number, name, place, call in unmade]),
        named,
        _wired(wired),
        tuple([Helper(module, Span(*span), _services(services)) for module, span, services in helpers]),
        tuple([(kind, Ref(*ref), Place(*place)) for kind, ref, place in factories]),
        provided,
        notices,
    )


def _place_data(place: Place) -> Data:
    return place.path, place.line, place.column


def _span_data(span: Span) -> Data:
    return span.start, span.end


def _ref_data(ref: Ref) -> Data:
    return ref.module, ref.name


def _fragment_data(fragment: Fragment) -> Data:
    return fragment.module, fragment.span.start, fragment.span.end


def _fragment(data: Data) -> Fragment:
    module, start, end = data
    return Fragment(module, Span(start, end))


def _services_data(services: Services) -> Data:
    return tuple(sorted(services.names)), services.escapes


def _services(data: Data) -> Services:
    names, escapes = data
    return Services(frozenset(names), escapes)


def _expression_data(expression: Expression) -> Data:
    return (
        _fragment_data(expression.fragment),
        tuple((text, _fragment_data(value)) for text, value in expression.bindings),
        tuple(_span_data(span) for span in expression.omit),
        expression.is_constant,
    )


def _expression(data: Data) -> Expression:
    fragment, bindings, omit, is_constant = data
    return Expression(
        _fragment(fragment),
        tuple([(text, _fragment(value)) for text, value in bindings]) if bindings else (),
        tuple([Span(start, end) for start, end in omit]),
        is_constant,
    )


def _option_data(options: Expression | None) -> Data:
    return _expression_data(options) if options is not None else None


def _option(data: Data) -> Expression | None:
    return _expression(data) if data is not None else None


def _made_data(made: Made) -> Data:
    function = made.function
    value = function.value
    return (
        function.id, function.kind,
        _ref_data(value) if isinstance(value, Ref) else (_expression_data(value[0]), value[1]), isinstance(value, Ref),
        _place_data(function.place), _span_data(function.span), _services_data(function.services),
        (function.auth, function.deploy, function.expose, function.internal, function.remote, function.mcp,
         function.requires_approval, function.tags, function.title, function.description, function.has_input_schema,
         function.has_output_schema, _option_data(function.input_schema), _services_data(function.wire),
         function.around),
        _fragment_data(function.input.fragment) if function.input is not None else None,
        _fragment_data(function.output.fragment) if function.output is not None else None,
        (made.key, made.exported, made.inline, tuple(made.code) if made.code is not None else None, made.notices),
    )  # fmt: skip


def _made(data: Data) -> Made:
    name, kind, value, is_ref, place, span, services, options, given, returned, rest = data
    (
        auth, deploy, expose, internal, remote, mcp, approval, tags, title, description, has_input, has_output, schema,
        wire, around,
    ) = options
    function = Function(
        name, kind, Ref(*value) if is_ref else (_expression(value[0]), value[1]), Place(*place), Span(*span),
        _services(services), auth, deploy, expose, internal, remote, mcp, approval, tags, title, description, has_input,
        has_output,
        TypeSource(_fragment(given)) if given is not None else None,
        TypeSource(_fragment(returned)) if returned is not None else None,
        input_schema=_option(schema), wire=_services(wire), around=around,
    )  # fmt: skip
    key, exported, inline, code, notices = rest
    return Made(function, key, exported, inline, Code(*code) if code is not None else None, notices)


def _wired_data(wired: Wired) -> Data:
    return (
        [
            (each.method, each.route, each.function, tuple(map(_expression_data, each.options)), each.sse, each.tags,
             _place_data(each.place), (each.auth, each.title, each.description))
            for each in wired.http
        ],
        [
            (each.queue, each.function, _option_data(each.options), _place_data(each.place), each.tags,
             astuple(each.settings) if each.settings != DEFAULT_QUEUE else None)
            for each in wired.queues
        ],
        [
            (each.name, each.schedule, each.function, _option_data(each.options), _place_data(each.place), each.tags,
             each.missed, each.overlap)
            for each in wired.schedules
        ],
        [
            (each.name, each.route, each.functions, _expression_data(each.options), _place_data(each.place),
             [
                 (call.kind, call.function, _option_data(call.options), call.property, call.value,
                  [_expression_data(outer) for outer in call.outer])
                 for call in each.calls
             ],
             _option_data(each.shared), each.tags, each.program)
            for each in wired.channels
        ],
        [
            (each.kind, each.name, each.function, _option_data(each.options), _place_data(each.place), each.tags,
             each.auth, tuple(each.shown))
            for each in wired.mcp
        ],
        [
            (each.name, each.function, each.source, _option_data(each.options), _place_data(each.place), each.tags)
            for each in wired.triggers
        ],
        [
            (each.program, each.functions, _expression_data(each.options), _place_data(each.place),
             _expression_data(each.shown), _expression_data(each.around), each.tags,
             [
                 (command.path, command.function,
                  [_option_data(said) for said in (command.options, command.shown, command.around)])
                 for command in each.commands
             ])
            for each in wired.cli
        ],
        [(each.kind, each.scope, _expression_data(each.value), _place_data(each.place)) for each in wired.scoped],
        [
            (
                what,
                (each.id, each.name, each.display_name, each.description, _place_data(each.place)),
                (_option_data(each.schema), _ref_data(each.named) if each.named else None, each.plain),
                schema,
            )
            for what, each, schema in wired.declared
        ],
    )  # fmt: skip


def _wired(data: Data) -> Wired:
    http, queues, schedules, channels, mcp, triggers, cli, scoped, declared = data
    return Wired(
        [
            HttpWiring(
                method, route, function, tuple([_expression(each) for each in options]), sse, tags, Place(*place), *said
            )
            for method, route, function, options, sse, tags, place, said in http
        ],
        [
            QueueWiring(
                queue, function, _option(options), Place(*place), tags,
                QueueSettings(*settings) if settings is not None else DEFAULT_QUEUE,
            )
            for queue, function, options, place, tags, settings in queues
        ],
        [
            ScheduleWiring(name, schedule, function, _option(options), Place(*place), tags, missed, overlap)
            for name, schedule, function, options, place, tags, missed, overlap in schedules
        ],
        [
            ChannelWiring(
                name, route, functions, _expression(options), Place(*place),
                tuple([
                    ChannelCall(kind, function, _option(own), routing, value, tuple(map(_expression, outer)))
                    for kind, function, own, routing, value, outer in calls
                ]),
                _option(shared), tags, program,
            )
            for name, route, functions, options, place, calls, shared, tags, program in channels
        ],
        [
            McpWiring(kind, name, function, _option(options), Place(*place), tags, auth, McpShown(*shown))
            for kind, name, function, options, place, tags, auth, shown in mcp
        ],
        [
            TriggerWiring(name, function, source, _option(options), Place(*place), tags)
            for name, function, source, options, place, tags in triggers
        ],
        [
            CliWiring(
                program, functions, _expression(options), Place(*place), _expression(shown), _expression(around), tags,
                tuple([CliCommand(path, function, *map(_option, said)) for path, function, said in commands]),
            )
            for program, functions, options, place, shown, around, tags, commands in cli
        ],
        [
            ScopedWiring(kind, scope, _expression(value), Place(*place))
            for kind, scope, value, place in scoped
        ],
        [
            (
                what,
                Declared(
                    name, known, shown, description, Place(*place), _option(value),
                    Ref(*named) if named is not None else None, plain,
                ),
                schema,
            )
            for what, (name, known, shown, description, place), (value, named, plain), schema in declared
        ],
    )


def _calls_data(calls: CallsFound) -> Data:
    reads = calls.reads
    return (
        calls.roster,
        tuple(map(tuple, calls.holders)),
        tuple(map(tuple, calls.calls)),
        calls.invokes,
        tuple((name, (step.name, step.kind, step.function)) for name, step in calls.steps),
        (sorted(reads.secrets), sorted(reads.variables), [_place_data(place) for place in reads.unresolved])
        if reads is not None
        else None,
    )


def _calls(data: Data, leans: Leans) -> CallsFound:
    roster, holders, calls, invokes, steps, reads = data
    return CallsFound(
        roster,
        tuple([Holder(*each) for each in holders]),
        leans,
        tuple([Called(*each) for each in calls]),
        invokes,
        tuple([(name, Step(*step)) for name, step in steps]),
        Reads(frozenset(reads[0]), frozenset(reads[1]), tuple([Place(*place) for place in reads[2]]))
        if reads is not None
        else None,
    )


def _reach_data(reach: ReachFound) -> Data:
    return (
        reach.roster,
        reach.quiet,
        tuple(_reached_data(each) if each is not NOTHING else None for each in reach.found),
    )


def _reach(data: Data, leans: Leans) -> ReachFound:
    roster, quiet, found = data
    return ReachFound(roster, quiet, leans, tuple([_reached(each) if each else NOTHING for each in found]))


def _reached_data(reached: Reached) -> Data:
    return (
        tuple(sorted(reached.services)), reached.escapes, tuple(sorted(reached.secrets)),
        tuple(sorted(reached.variables)), tuple(sorted(reached.queues)), tuple(sorted(reached.functions)),
    )  # fmt: skip


def _reached(data: Data) -> Reached:
    services, escapes, secrets, variables, queues, functions = data
    return Reached(
        frozenset(services), escapes, frozenset(secrets), frozenset(variables), frozenset(queues), frozenset(functions)
    )
