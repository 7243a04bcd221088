"""A command's timeline in the trace event format, for Perfetto and Chrome. Knows spans and results, writes no file.

https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU: a row a thread, whose complete events
lie inside each other or apart; times are whole microseconds since the command began.
"""

import os
from bisect import bisect_right, insort
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, groupby
from typing import Any, Final, cast

from unitgraph.rules.action import How, Result, Work
from unitgraph.rules.timeline import Timeline

Event = dict[str, Any]
_MAIN_ROW: Final = 1
_SHARE: Final = "by the size of its output: one process makes the whole batch at once"


@dataclass(frozen=True, slots=True)
class _Slice:
    """One complete event; times in seconds of time.monotonic()."""

    name: str
    category: str
    began: float
    ended: float
    worker: str
    facts: Mapping[str, object] = field(default_factory=dict)


def trace(timeline: Timeline, results: Sequence[Result], about: Mapping[str, object]) -> dict[str, Any]:
    """The document; ``about`` goes with it as it is. Results without work took no time and are no events."""
    slices = [_Slice(each.name, each.category, each.began, each.ended, each.worker, each.facts)
              for each in timeline.spans]  # fmt: skip
    slices += _actions(results, slices)
    rows = _rows(timeline.worker, (each.worker for each in slices))
    events: list[Event] = [_named("process_name", 0, "unitgraph")]
    for worker, row in rows.items():
        events += [_named("thread_name", row, worker), _sorted(row)]
    events += [_complete(each, timeline.began, rows[each.worker]) for each in slices]
    events += _depth(timeline, results)
    return {"traceEvents": events, "displayTimeUnit": "ms", "otherData": dict(about)}


def _rows(main: str, workers: Iterable[str]) -> dict[str, int]:
    """Worker → its row: the command's own thread first."""
    others = sorted(set(workers) - {main})
    return {main: _MAIN_ROW, **{worker: _MAIN_ROW + number for number, worker in enumerate(others, 1)}}


def _actions(results: Iterable[Result], spans: Sequence[_Slice]) -> Iterator[_Slice]:
    """Batches with their actions inside, actions that ran alone, and what was restored, one after another."""
    together: dict[Work, list[Result]] = {}
    for result in results:
        if result.work:
            together.setdefault(result.work, []).append(result)
    ended: dict[str, list[float]] = {}
    for span in spans:
        insort(ended.setdefault(span.worker, []), span.ended)
    for work, batch in together.items():
        if len(batch) > 1:
            yield from _batch(work, batch)
            continue
        began = work.began
        if batch[0].how is How.CACHED:      # all of a look-up began together, and were then put in place in turn
            known = ended.setdefault(work.worker, [])
            place = bisect_right(known, work.ended)
            began = max(began, known[place - 1]) if place else began
            known.insert(place, work.ended)
        yield _Slice(batch[0].name, "action", began, work.ended, work.worker, _facts(batch[0]))


def _batch(work: Work, batch: Sequence[Result]) -> Iterator[_Slice]:
    """How long each of its actions took isn't known, so each has a share of the batch; together they fill it."""
    kind = batch[0].name.partition(":")[0]
    facts = {"actions": len(batch), "bytes": sum(map(_bytes, batch))}
    yield _Slice(f"{kind} ×{len(batch)}", "batch", work.began, work.ended, work.worker, facts)
    sums = list(accumulate((_bytes(result) + 1 for result in batch), initial=0))
    marks = [work.began + (work.ended - work.began) * done / sums[-1] for done in sums]
    for result, began, ended in zip(batch, marks, marks[1:], strict=False):
        yield _Slice(result.name, "action", began, ended, work.worker, {**_facts(result), "share": _SHARE})


def _facts(result: Result) -> dict[str, object]:
    found: dict[str, object] = {"how": str(result.how), "bytes": _bytes(result), "origin": result.origin}
    if result.key:
        found["key"] = result.key.digest
    if result.error:
        found["error"] = result.error.code
    return found


def _bytes(result: Result) -> int:
    return sum(cast("Mapping[str, int]", result.facts.get("sizes", {})).values())


def _depth(timeline: Timeline, results: Iterable[Result]) -> Iterator[Event]:
    """How many actions ran and waited, whenever that changed, in each phase that had them on other threads."""
    ran = [result.work for result in results if result.work and result.how in (How.RAN, How.FAILED)]
    for phase in timeline.phases():
        works = [work for work in ran if phase.began <= work.began < phase.ended and work.worker != timeline.worker]
        changes = [(phase.began, 0, len(works))] if works else []
        changes += [change for work in works for change in ((work.began, 1, -1), (work.ended, -1, 0))]
        running = waiting = 0
        for micros, together in groupby(sorted(changes), key=lambda change: _micros(change[0], timeline.began)):
            for _, begun, queued in together:
                running, waiting = running + begun, waiting + queued
            yield {
                "name": "actions", "ph": "C", "ts": micros, "pid": os.getpid(),
                "tid": _MAIN_ROW, "args": {"running": running, "waiting": waiting},
            }  # fmt: skip


def _complete(found: _Slice, zero: float, row: int) -> Event:
    began, ended = _micros(found.began, zero), _micros(found.ended, zero)
    return {
        "name": found.name, "cat": found.category, "ph": "X", "ts": began, "dur": ended - began,
        "pid": os.getpid(), "tid": row, "args": dict(found.facts),
    }  # fmt: skip


def _micros(time: float, zero: float) -> int:
    """Rounded the same way everywhere, so what lies inside something still does."""
    return max(0, int((time - zero) * 1e6))


def _named(what: str, row: int, name: str) -> Event:
    return {"name": what, "ph": "M", "pid": os.getpid(), "tid": row, "args": {"name": name}}


def _sorted(row: int) -> Event:
    return {"name": "thread_sort_index", "ph": "M", "pid": os.getpid(), "tid": row, "args": {"sort_index": row}}
