"""The trace: what the event format asks for, and what Perfetto needs to draw a row a thread."""

import json
import threading
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from unitgraph.cache.key import Key
from unitgraph.errors.build import BundleFailed
from unitgraph.rules.action import How, Result, Work
from unitgraph.rules.timeline import Timeline
from unitgraph.rules.trace import trace

PHASES = {"X": {"ts", "dur", "cat", "args"}, "C": {"ts", "args"}, "M": {"args"}}
METADATA = {"process_name", "thread_name", "thread_sort_index"}


def check(document: Mapping[str, Any]) -> None:
    """The format's rules for the events that are used, and that those of a row lie inside each other or apart."""
    assert json.loads(json.dumps(document)) == document
    assert set(document) == {"traceEvents", "displayTimeUnit", "otherData"}
    assert document["displayTimeUnit"] in ("ms", "ns")
    rows = defaultdict(list)
    for event in document["traceEvents"]:
        assert PHASES[event["ph"]] <= set(event)
        assert isinstance(event["name"], str)
        assert all(type(event[field]) is int for field in ("pid", "tid", "ts", "dur") if field in event)
        assert event.get("ts", 0) >= 0
        assert event.get("dur", 0) >= 0
        assert event["ph"] != "M" or event["name"] in METADATA
        if event["ph"] == "C":
            assert all(type(value) is int and value >= 0 for value in event["args"].values())
        if event["ph"] == "X":
            rows[event["tid"]].append(event)
    named = {event["tid"] for event in document["traceEvents"] if event["name"] == "thread_name"}
    assert set(rows) <= named
    for events in rows.values():
        well_nested(events)


def well_nested(events: Sequence[Mapping[str, Any]]) -> None:
    opened: list[int] = []
    for event in sorted(events, key=lambda event: (event["ts"], -event["dur"])):
        began, ended = event["ts"], event["ts"] + event["dur"]
        while opened and opened[-1] <= began:
            opened.pop()
        assert not opened or ended <= opened[-1], f"{event['name']} crosses the end of what it began in"
        opened.append(ended)


def complete(document: Mapping[str, Any], category: str = "") -> list[dict[str, Any]]:
    return [event for event in document["traceEvents"] if event["ph"] == "X" and category in ("", event["cat"])]


def result(name: str, how: How, work: Work | None, size: int = 100) -> Result:
    outputs = {"index.js": "0" * 64} if how is not How.FAILED else {}
    error = BundleFailed("a", "no", None) if how is How.FAILED else None
    facts = {"sizes": dict.fromkeys(outputs, size)}
    return Result(name, how, Key("bundle", "f" * 64, ()), outputs, facts, error=error, work=work)


def test_phases_calls_of_the_cache_and_actions_are_rows_of_events() -> None:
    made = Timeline()
    with made.span("codegen"):
        with made.span("look up", "cache", keys=1) as facts:
            facts["found"] = 0
        began = time.monotonic()
        work = Work(began, time.monotonic(), made.worker)
    document = trace(made, [result("codegen:a", How.RAN, work)], {"command": "plan"})
    check(document)
    assert [(event["name"], event["cat"]) for event in complete(document)] == [
        ("look up", "cache"), ("codegen", "phase"), ("codegen:a", "action"),
    ]  # fmt: skip
    (looked, _, action) = complete(document)
    assert looked["args"] == {"keys": 1, "found": 0}
    assert action["args"] == {"how": "ran", "bytes": 100, "origin": "built", "key": "f" * 64}
    assert document["otherData"] == {"command": "plan"}


def test_a_batch_is_an_event_that_its_units_fill() -> None:
    made = Timeline()
    made.began = 0.0
    work = Work(1.0, 2.0, "action_0")
    batch = [result("bundle:a", How.RAN, work, 299), result("bundle:b", How.RAN, work, 99), result("bundle:c", How.FAILED, work)]
    document = trace(made, batch, {})
    check(document)
    (whole,) = complete(document, "batch")
    assert (whole["name"], whole["ts"], whole["dur"]) == ("bundle ×3", 1_000_000, 1_000_000)
    assert whole["args"] == {"actions": 3, "bytes": 398}
    units = complete(document, "action")
    assert [unit["name"] for unit in units] == ["bundle:a", "bundle:b", "bundle:c"]
    assert units[0]["ts"] == whole["ts"]
    assert units[-1]["ts"] + units[-1]["dur"] == whole["ts"] + whole["dur"]
    assert all(one["ts"] + one["dur"] == other["ts"] for one, other in pairwise(units))
    assert units[0]["dur"] > 2 * units[1]["dur"]
    assert units[2]["args"]["error"] == "bundle-failed"
    assert all("one process" in unit["args"]["share"] for unit in units)


def test_what_a_look_up_brought_is_put_in_place_one_after_another() -> None:
    made = Timeline()
    began = time.monotonic()
    with made.span("look up", "cache"):
        pass
    with made.span("fetch", "cache"):
        pass
    results = [result(f"bundle:{name}", How.CACHED, Work(began, time.monotonic(), made.worker)) for name in "abc"]
    document = trace(made, results, {})
    check(document)
    fetch = next(event for event in complete(document) if event["name"] == "fetch")
    first, second, third = complete(document, "action")
    assert fetch["ts"] + fetch["dur"] <= first["ts"]
    assert first["ts"] + first["dur"] == second["ts"]
    assert second["ts"] + second["dur"] == third["ts"]


def test_the_queue_is_counted_from_full_to_empty() -> None:
    made = Timeline()
    made.began = 0.0
    with made.span("bundle"):
        pass
    made.spans[:] = [type(made.spans[0])("bundle", "phase", 1.0, 5.0, made.worker)]
    works = [Work(2.0, 3.0, "action_0"), Work(2.5, 4.0, "action_1"), Work(3.0, 4.0, "action_0")]
    document = trace(made, [result(f"bundle:{at}", How.RAN, work) for at, work in enumerate(works)], {})
    check(document)
    counts = [(event["ts"], event["args"]) for event in document["traceEvents"] if event["ph"] == "C"]
    assert counts == [
        (1_000_000, {"running": 0, "waiting": 3}),
        (2_000_000, {"running": 1, "waiting": 2}),
        (2_500_000, {"running": 2, "waiting": 1}),
        (3_000_000, {"running": 2, "waiting": 0}),
        (4_000_000, {"running": 0, "waiting": 0}),
    ]


def test_the_command_s_own_thread_is_the_first_row() -> None:
    made = Timeline()
    other = threading.Thread(target=lambda: made.spans.extend(_one(made)), name="a thread whose name sorts first")
    other.start()
    other.join()
    with made.span("load"):
        pass
    document = trace(made, [], {})
    check(document)
    names = {event["tid"]: event["args"]["name"] for event in document["traceEvents"] if event["name"] == "thread_name"}
    assert names == {1: made.worker, 2: "a thread whose name sorts first"}


def _one(made: Timeline) -> list[Any]:
    inner = Timeline()
    with inner.span("upload", "cache"):
        pass
    return inner.spans


@given(st.lists(st.tuples(st.integers(1, 60), st.integers(0, 5000), st.booleans()), max_size=12), st.floats(0.0001, 3))
def test_whatever_ran_is_well_nested(batches: list[tuple[int, int, bool]], seconds: float) -> None:
    made = Timeline()
    made.began = clock = 1000.0
    results = []
    for number, (count, size, is_alone) in enumerate(batches):
        ended = clock + seconds / (number + 1)
        work = Work(clock, ended, f"action_{number % 2}")
        results += [result(f"bundle:{number}-{unit}", How.RAN, work, size) for unit in range(1 if is_alone else count)]
        clock = ended
    document = trace(made, results, {})
    check(document)
    assert len(complete(document, "action")) == len(results)
