"""The critical path: the longest chain of steps that had to wait for each other. Knows times and needs, not work.

It says how long the same work takes with a processor for every step; what is beside it costs no time that way.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter

from unitgraph.rules.action import How, Result
from unitgraph.rules.timeline import Span, Timeline

_WAITING = frozenset(("look up", "fetch", "wait for others"))


@dataclass(frozen=True, slots=True)
class Step:
    """``id`` is its own, ``name`` for people; ``needs`` are ids, and one that isn't there is no hindrance."""

    id: str
    name: str
    seconds: float
    needs: tuple[str, ...] = ()


def longest(steps: Iterable[Step]) -> tuple[Step, ...]:
    """The chain with the largest sum of seconds, in order, without what took none of them."""
    table = {step.id: step for step in steps}
    needs = {step.id: sorted(need for need in step.needs if need in table) for step in table.values()}
    total: dict[str, float] = {}
    before: dict[str, str | None] = {}
    for each in TopologicalSorter(needs).static_order():
        waited = before[each] = max(needs[each], key=total.__getitem__, default=None)
        total[each] = table[each].seconds + (total[waited] if waited is not None else 0)
    found: list[Step] = []
    last = max(sorted(total), key=total.__getitem__, default=None)
    while last is not None:
        found.append(table[last])
        last = before[last]
    return tuple(step for step in reversed(found) if step.seconds > 0)


def steps_of(
    timeline: Timeline, results: Iterable[Result], needs: Mapping[str, Sequence[str]] | None = None
) -> list[Step]:
    """A command's phases as steps, each after the one before; in a phase that ran actions, those stand for it.

    What such a phase waited for a cache comes before its actions. ``needs`` are those of actions, by name.
    """
    ran = [(result.name, result.work) for result in results if result.work and result.how in (How.RAN, How.FAILED)]
    steps: list[Step] = []
    ids: dict[str, str] = {}
    last: tuple[str, ...] = ()
    for number, phase in enumerate(timeline.phases()):
        inside = [(name, work) for name, work in ran if phase.began <= work.began < phase.ended]
        if inside:
            ready = f"{number} ready"
            steps.append(Step(ready, "cache", _waited(timeline.spans, phase), last))
            ids.update((name, f"{number} {name}") for name, _ in inside)
            for name, work in inside:
                own = (ids[need] for need in (needs or {}).get(name, ()) if need in ids)
                steps.append(Step(ids[name], name, work.ended - work.began, (ready, *own)))
            last = tuple(ids[name] for name, _ in inside)
        steps.append(Step(f"{number} done", phase.name, 0 if inside else phase.seconds, last))
        last = (f"{number} done",)
    return steps


def _waited(spans: Iterable[Span], phase: Span) -> float:
    """How long the phase's own thread was at a cache, before or while it had something to run."""
    return sum(
        span.seconds for span in spans
        if span.name in _WAITING and span.worker == phase.worker and phase.began <= span.began < phase.ended
    )  # fmt: skip
