"""The critical path: the longest chain of what waited for each other, whatever ran beside it."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unitgraph.rules.action import How, Result, Work
from unitgraph.rules.critical_path import Step, longest, steps_of
from unitgraph.rules.timeline import Span, Timeline

CASES: dict[str, tuple[dict[str, tuple[float, str]], str]] = {
    "nothing": ({}, ""),
    "one step": ({"a": (1, "")}, "a"),
    "a chain": ({"a": (1, ""), "b": (1, "a"), "c": (1, "b")}, "abc"),
    "the longer of two branches": ({"a": (1, ""), "b": (2, "a"), "c": (3, "a"), "d": (1, "bc")}, "acd"),
    "many short ones against one long": ({"a": (1, ""), "b": (1, "a"), "c": (1, "b"), "z": (4, "")}, "z"),
    "a need that isn't there": ({"a": (1, "x")}, "a"),
    "what took no time is left out": ({"a": (1, ""), "b": (0, "a"), "c": (1, "b")}, "ac"),
}


@pytest.mark.parametrize(("steps", "expected"), CASES.values(), ids=CASES)
def test_the_chain_with_the_largest_sum(steps: dict[str, tuple[float, str]], expected: str) -> None:
    found = longest(Step(name, name, seconds, tuple(needs)) for name, (seconds, needs) in steps.items())
    assert "".join(step.name for step in found) == expected


@st.composite
def graphs(draw: st.DrawFn) -> list[Step]:
    """Steps that need some of those before them."""
    count = draw(st.integers(0, 9))
    return [
        Step(str(at), str(at), draw(st.integers(0, 5)), tuple(map(str, draw(st.sets(st.integers(0, at - 1)) if at else st.just(set())))))
        for at in range(count)
    ]


def every_chain(steps: list[Step]) -> list[list[Step]]:
    chains: list[list[Step]] = []
    for step in steps:
        chains += [[*chain, step] for chain in chains if chain[-1].id in step.needs]
        chains.append([step])
    return chains


@given(graphs())
def test_no_chain_is_longer_and_the_found_one_is_there(steps: list[Step]) -> None:
    found = longest(steps)
    chains = every_chain(steps)
    assert sum(step.seconds for step in found) == max((sum(step.seconds for step in chain) for chain in chains), default=0)
    assert list(found) in [[step for step in chain if step.seconds] for chain in chains] or not found


def timeline(*spans: Span) -> Timeline:
    made = Timeline()
    made.spans += spans
    return made


def test_phases_come_one_after_another_with_the_longest_action_of_each() -> None:
    main = Timeline().worker
    phases = [("load", 0, 1), ("codegen", 1, 4), ("strip", 4, 5), ("bundle", 5, 11), ("plan", 11, 12)]
    made = timeline(
        *(Span(name, "phase", began, ended, main) for name, began, ended in phases),
        Span("look up", "cache", 5.0, 5.5, main, {"keys": 2}),
        Span("keep", "cache", 10.0, 10.5, main),
    )
    results = [
        Result("codegen:a", How.RAN, work=Work(1, 2, main)),
        Result("codegen:b", How.RAN, work=Work(2, 4, main)),
        Result("bundle:a", How.RAN, work=Work(5.5, 9.5, "action_0")),
        Result("bundle:b", How.FAILED, work=Work(5.5, 6, "action_1")),
        Result("bundle:c", How.CACHED, work=Work(5, 11, main)),
    ]
    needs = {"bundle:a": ("codegen:a",), "bundle:b": ("codegen:b",)}
    found = longest(steps_of(made, results, needs))
    assert [(step.name, step.seconds) for step in found] == [
        ("load", 1), ("codegen:b", 2), ("strip", 1), ("cache", 0.5), ("bundle:a", 4), ("plan", 1),
    ]  # fmt: skip


def test_several_builds_of_one_command_are_one_path() -> None:
    main = Timeline().worker
    made = timeline(*(Span("bundle", "phase", at, at + 1, main) for at in range(3)))
    results = [Result("bundle:a", How.RAN, work=Work(at + 0.1, at + 0.6, "action_0")) for at in range(3)]
    found = longest(steps_of(made, results))
    assert [step.name for step in found] == ["bundle:a"] * 3
    assert all(one.id != other.id for one, other in pairwise(found))


def test_a_phase_inside_another_is_no_step_of_its_own() -> None:
    made = Timeline()
    with made.span("outer"), made.span("inner"):
        pass
    with made.span("next"):
        pass
    assert [span.name for span in made.phases()] == ["outer", "next"]
