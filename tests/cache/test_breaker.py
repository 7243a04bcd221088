"""When a shared cache is left alone: every state and event, every kind of trouble, and seconds that a test counts."""

import threading
from itertools import product
from typing import get_args

import pytest

from unitgraph.cache.breaker import ENOUGH, NEXT, Breaker, Budget, Event, State, Worth
from unitgraph.cache.remote.base import Trouble


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def test_every_state_knows_every_event() -> None:
    assert set(NEXT) == set(product(State, Event))


def test_what_is_left_alone_stays_so() -> None:
    assert {NEXT[State.LEFT, event] for event in Event} == {State.LEFT}


def test_every_kind_of_trouble_has_its_measure() -> None:
    assert set(ENOUGH) == set(get_args(Trouble))


@pytest.mark.parametrize(("trouble", "enough"), ENOUGH.items())
def test_so_many_failures_in_a_row_are_enough_and_it_is_said_once(trouble: Trouble, enough: int) -> None:
    breaker = Breaker()
    said = [breaker.failed(trouble) for _ in range(enough + 3)]
    assert said == [False] * (enough - 1) + [True] + [False] * 3
    assert not breaker.allows


def test_an_answer_in_between_begins_the_row_anew() -> None:
    breaker = Breaker()
    for _ in range(20):
        assert not breaker.failed("timeout")
        assert str(breaker.state) == "failing"
        breaker.answered()
        assert str(breaker.state) == "steady"
    assert breaker.allows


def test_an_answer_that_was_under_way_opens_nothing_again() -> None:
    breaker = Breaker()
    breaker.failed("denied")
    breaker.answered()
    assert not breaker.allows


def test_a_row_of_different_failures_ends_by_the_measure_of_the_last() -> None:
    breaker = Breaker()
    assert not breaker.failed("failed")
    assert breaker.failed("timeout")


def test_time_that_is_used_up_ends_it_once() -> None:
    breaker = Breaker()
    assert breaker.exhausted()
    assert not breaker.exhausted()
    assert not breaker.allows


def test_one_of_many_threads_says_it() -> None:
    breaker = Breaker()
    start = threading.Barrier(16)
    said: list[bool] = []

    def fail() -> None:
        start.wait()
        said.extend(breaker.failed("failed") for _ in range(50))

    threads = [threading.Thread(target=fail) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert said.count(True) == 1
    assert len(said) == 800


WORTH = Worth(start_s=5, asked_s=0.01, found_s=0.02, bytes_a_second=1000, bytes_s=20)


@pytest.mark.parametrize(
    ("asked", "found", "wanted_bytes", "left_s"),
    [(0, 0, 0, 5), (100, 0, 0, 6), (100, 100, 0, 8), (0, 0, 3000, 8), (0, 0, 1 << 60, 25)],
    ids=["at first", "a hundred asked", "and found", "bytes", "more bytes than there are"],
)
def test_what_a_cache_brings_is_what_it_may_cost(asked: int, found: int, wanted_bytes: int, left_s: float) -> None:
    budget = Budget(WORTH, Clock())
    budget.asked(asked)
    budget.found(found)
    budget.wanted(wanted_bytes)
    assert budget.left_s == pytest.approx(left_s)


def test_waiting_is_what_it_is_spent_on_and_nothing_else() -> None:
    clock = Clock()
    budget = Budget(WORTH, clock)
    clock.now_s += 60       # a build goes on meanwhile
    assert budget.left_s == 5
    with budget:
        clock.now_s += 2
        assert budget.left_s == 3
    clock.now_s += 60
    assert budget.left_s == 3
    with budget:
        clock.now_s += 4
        assert budget.left_s == 0
    assert budget.left_s == 0
