"""What commands say of themselves: mistakes in it before anybody types it, and the channels that offer programs.

Pure but for problems reported.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from unitgraph.errors.wiring import BadCommandOption, BadParameters, BadRoute, UnknownProgram
from unitgraph.units import names
from unitgraph.units.application import ChannelCall, ChannelWiring, CliWiring, Expression
from unitgraph.units.config import CliConfig, ConfigText
from unitgraph.units.draft import Draft, Entries
from unitgraph.units.evaluate import Scope
from unitgraph.units.facts import Span

AROUND: Final = frozenset(("middleware", "tags", "auth", "permissions"))
"""What of a command's options stands around its call; the rest is for a terminal."""
ROUTE: Final = "/cli"
"""Where a program is offered, unless the configuration says where."""
PROPERTY: Final = "$command"
"""The property of a message that names a command: no option can be called so."""
_HELD: Final = frozenset(("func", "commands", "subcommands"))

_PARAMETER: Final = re.compile(r"<([A-Za-z][\w-]*)(\.\.\.)?>|\[([A-Za-z][\w-]*)(\.\.\.)?\]")
_OPTION: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
_SHORT: Final = re.compile(r"[A-Za-z0-9]")


def check(draft: Draft, entries: Entries, what: str) -> None:
    """``parameters`` and ``options`` of a command or of a program. What isn't constant is left to the run."""
    taken: set[str] = set()
    if "parameters" in entries:
        scope = entries["parameters"].value
        text = draft.string(scope, f"'parameters' of {what}")
        if text is not None:
            fault = next(_faults(text, taken), None)
            if fault is not None:
                draft.report(BadParameters(draft.at(scope), text, fault))
    if "options" in entries:
        _options(draft, entries["options"].value, what, taken)


def _faults(text: str, taken: set[str]) -> Iterator[str]:
    is_optional = is_over = False
    for word in text.split():
        found = _PARAMETER.fullmatch(word)
        if found is None:
            yield f"{word} is none"
            return
        name = found[1] or found[3]
        if is_over:
            yield f"{word} stands behind one that takes all"
        if found[1] and is_optional:
            yield f"{word} stands behind one that may be left out"
        if name in taken:
            yield f"{name} is there twice"
        taken.add(name)
        is_optional |= found[3] is not None
        is_over = bool(found[2] or found[4])


def _options(draft: Draft, scope: Scope, what: str, taken: set[str]) -> None:
    shorts: dict[str, str] = {}
    for name, entry in (draft.entries(scope, f"'options' of {what}") or {}).items():
        place = draft.at(entry.value)
        if not _OPTION.fullmatch(name):
            draft.report(BadCommandOption(place, name, "nobody could type it"))
        elif name in taken:
            draft.report(BadCommandOption(place, name, "a parameter is called so"))
        settled = draft.settled(entry.value, f"The option {name!r} of {what}")
        own = draft.entries(settled, f"The option {name!r} of {what}") if settled is not None else None
        short = draft.quiet(own["short"].value) if own and "short" in own else None
        if not isinstance(short, str):
            continue
        if not _SHORT.fullmatch(short):
            draft.report(BadCommandOption(place, name, f"{short!r} is no short name"))
        elif short in shorts:
            draft.report(BadCommandOption(place, name, f"-{short} is short for {shorts[short]} already"))
        shorts.setdefault(short, name)


def parts(draft: Draft, settled: Scope, entries: Entries) -> tuple[Expression, Expression, Expression]:
    """The options of a command or program without the code of functions: all, those shown, those around a call."""

    def without(left_out: frozenset[str]) -> Expression:
        spans = [Span(each.start, each.end) for key, each in entries.items() if each.own and key in left_out]
        return draft.expression(settled, spans)

    return without(_HELD), without(_HELD | AROUND), without(frozenset(entries) - AROUND)


def channels(draft: Draft, programs: Sequence[CliWiring], config: CliConfig, text: ConfigText) -> list[ChannelWiring]:
    """A channel for each program that the configuration offers over one."""
    found = {program.program: program for program in programs}
    made: list[ChannelWiring] = []
    for name, entrypoints in config.entrypoints.items():
        program = found.get(name)
        if program is None:
            draft.report(UnknownProgram(text.place("cli", "entrypoints", name), name, draft.near(name, found)))
            continue
        for index, entry in enumerate(entrypoints):
            route = entry.route or ROUTE
            fault = names.route_fault(route)
            if fault is not None:
                draft.report(BadRoute(text.place("cli", "entrypoints", name, index, "route"), route, fault))
            elif entry.type == "channel":
                made.append(_channel(program, entry.name or name, route))
    return made


def _channel(program: CliWiring, name: str, route: str) -> ChannelWiring:
    calls: list[ChannelCall] = []
    around: dict[tuple[str, ...], tuple[Expression, ...]] = {(): ()}
    for command in program.commands:
        outer = around[command.path[:-1]]
        around[command.path] = (*outer, command.around) if command.around is not None else outer
        if command.function is not None:
            said = " ".join(command.path)
            calls.append(ChannelCall("message", command.function, command.around, PROPERTY, said, outer))
    return ChannelWiring(
        name, route, program.functions, program.around, program.place, tuple(calls), program.around, program.tags,
        program.program,
    )  # fmt: skip
