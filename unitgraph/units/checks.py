"""What must not be there twice, and what must be there at all, in an application as a whole."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import TypeVar

from unitgraph.errors import Place, UnitgraphError
from unitgraph.errors.wiring import (
    DuplicateChannel,
    DuplicateChannelRoute,
    DuplicateFactory,
    DuplicateMcp,
    DuplicateProgram,
    DuplicateQueue,
    DuplicateRoute,
    DuplicateSchedule,
    DuplicateTrigger,
    RouteOverChannel,
    RouteOverExposed,
    RouteOverMcp,
    TriggerWithoutTarget,
    UnknownIncompatible,
)
from unitgraph.units import names
from unitgraph.units.application import (
    ChannelWiring,
    CliWiring,
    HttpWiring,
    McpWiring,
    QueueWiring,
    ScheduleWiring,
    TriggerWiring,
)
from unitgraph.units.config import ConfigText
from unitgraph.units.draft import Made
from unitgraph.units.mcp import ROUTE

Wired = HttpWiring | QueueWiring | ScheduleWiring | ChannelWiring | McpWiring | TriggerWiring | CliWiring
T = TypeVar("T", HttpWiring, QueueWiring, ScheduleWiring, ChannelWiring, McpWiring, TriggerWiring, CliWiring)


def twice(
    wirings: Sequence[T], key: Callable[[T], Hashable], problem: Callable[[T, T], UnitgraphError]
) -> Iterable[UnitgraphError]:
    """A problem for every wiring whose key another one had before, in the order of their places."""
    first: dict[Hashable, T] = {}
    for wiring in sorted(wirings, key=lambda each: each.place):
        known = first.setdefault(key(wiring), wiring)
        if known is not wiring:
            yield problem(wiring, known)


def routes(http: Sequence[HttpWiring], exposed: Iterable[str]) -> Iterable[UnitgraphError]:
    yield from twice(
        http,
        lambda each: (each.method, names.route_shape(each.route)),
        lambda each, known: DuplicateRoute(
            each.place, f"{each.method} {each.route}", f"{known.method} {known.route}", known.place
        ),
    )
    reserved = {f"/rpc/{name}": name for name in exposed}
    for wiring in http:
        if wiring.method == "POST" and wiring.route in reserved and reserved[wiring.route] != wiring.function:
            yield RouteOverExposed(wiring.place, f"POST {wiring.route}", reserved[wiring.route])


def queues(found: Sequence[QueueWiring]) -> Iterable[UnitgraphError]:
    return twice(
        found, lambda each: each.queue, lambda each, known: DuplicateQueue(each.place, each.queue, known.place)
    )


def schedules(found: Sequence[ScheduleWiring]) -> Iterable[UnitgraphError]:
    return twice(
        found, lambda each: each.name, lambda each, known: DuplicateSchedule(each.place, each.name, known.place)
    )


def channels(found: Sequence[ChannelWiring], routes: Sequence[HttpWiring]) -> Iterable[UnitgraphError]:
    opened = {names.route_shape(each.route): each.name for each in found}
    for wiring in routes:
        if wiring.method == "GET" and (name := opened.get(names.route_shape(wiring.route))) is not None:
            yield RouteOverChannel(wiring.place, f"GET {wiring.route}", name)
    yield from twice(
        found, lambda each: each.name, lambda each, known: DuplicateChannel(each.place, each.name, known.place)
    )
    yield from twice(
        found,
        lambda each: names.route_shape(each.route),
        lambda each, known: DuplicateChannelRoute(each.place, each.route, known.place),
    )


def mcp(found: Sequence[McpWiring], http: Sequence[HttpWiring]) -> Iterable[UnitgraphError]:
    yield from twice(
        found,
        lambda each: (each.kind, each.name),
        lambda each, known: DuplicateMcp(each.place, each.kind, each.name, known.place),
    )
    for wiring in http if found else ():
        if wiring.route == ROUTE:
            yield RouteOverMcp(wiring.place, f"{wiring.method} {wiring.route}", min(each.place for each in found))


def triggers(found: Sequence[TriggerWiring]) -> Iterable[UnitgraphError]:
    yield from twice(
        found,
        lambda each: (each.source, each.name),
        lambda each, known: DuplicateTrigger(
            each.place, "trigger source" if each.source else "trigger", each.name, known.place
        ),
    )
    targets = {each.name for each in found if not each.source}
    for each in found:
        if each.source and each.name not in targets:
            yield TriggerWithoutTarget(each.place, each.name)


def programs(found: Sequence[CliWiring]) -> Iterable[UnitgraphError]:
    return twice(
        found, lambda each: each.program, lambda each, known: DuplicateProgram(each.place, each.program, known.place)
    )


def factories(found: Sequence[tuple[str, Place]]) -> Iterable[UnitgraphError]:
    """Of (call, place)."""
    first: dict[str, Place] = {}
    for call, place in sorted(found):
        known = first.setdefault(call, place)
        if known is not place:
            yield DuplicateFactory(place, call, known)


def incompatible(
    wanted: Sequence[str],
    functions: Iterable[Made],
    services: Iterable[str],
    text: ConfigText,
    near: Callable[[str], str | None],
) -> Iterable[UnitgraphError]:
    """Entries of ``serverlessIncompatible`` that name nothing."""
    known = {name for made in functions for name in (made.function.id, names.kebab(made.function.id))}
    known.update(each for name in services for each in (name, names.kebab(name)))
    for index, name in enumerate(wanted):
        if name not in known:
            yield UnknownIncompatible(text.place("deploy", "serverlessIncompatible", index), name, near(name))
