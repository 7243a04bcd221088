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
    """``needs`` are names of other steps; one that isn't among them is no hindrance."""

    name: str
    seconds: float
    needs: tuple[str, ...] = ()


def longest(steps: Iterable[Step]) -> tuple[Step, ...]:
    """The chain with the largest sum of seconds, in order, without what took none of them."""
    table = {step.name: step for step in steps}
    needs = {step.name: sorted(need for need in step.needs if need in table) for step in table.values()}
    total: dict[str, float] = {}
    before: dict[str, str | None] = {}
    for name in TopologicalSorter(needs).static_order():
        before[name] = max(needs[name], key=total.__getitem__, default=None)
        waited = before[name]
        total[name] = table[name].seconds + (total[waited] if waited is not None else 0)
    found: list[Step] = []
    name_ = max(sorted(total), key=total.__getitem__, default=None)
    while name_ is not None:
        found.append(table[name_])
        name_ = before[name_]
    return tuple(step for step in reversed(found) if step.seconds > 0)


def steps_of(
    timeline: Timeline, results: Iterable[Result], needs: Mapping[str, Sequence[str]] | None = None
) -> list[Step]:
    """A command's phases as steps, each after the one before; in a phase that ran actions, those stand for it.

    What such a phase waited for a cache comes before its actions. ``needs`` are those of actions, by name.
    """
    ran = [(result.name, result.work) for result in results if result.work and result.how in (How.RAN, How.FAILED)]
    steps: list[Step] = []
    last: tuple[str, ...] = ()
    for phase in timeline.phases():
        inside = [(name, work) for name, work in ran if phase.began <= work.began <= phase.ended]
        if inside:
            ready = f"cache before {phase.name}"
            steps.append(Step(ready, _waited(timeline.spans, phase), last))
            steps += [
                Step(name, work.ended - work.began, (ready, *(needs or {}).get(name, ()))) for name, work in inside
            ]
            last = tuple(name for name, _ in inside)
        steps.append(Step(phase.name, 0 if inside else phase.seconds, last))
        last = (phase.name,)
    return steps


def _waited(spans: Iterable[Span], phase: Span) -> float:
    """How long the phase's own thread was at a cache, before or while it had something to run."""
    return sum(
        span.seconds for span in spans
        if span.name in _WAITING and span.worker == phase.worker and phase.began <= span.began <= phase.ended
    )  # fmt: skip
