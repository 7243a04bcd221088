"""Many requests at once: how they end together, and that nobody waits for one that never does."""

import contextlib
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from unitgraph.cache.remote.base import BackendError, Trouble
from unitgraph.cache.remote.bounds import fault
from unitgraph.cache.remote.late import Late
from unitgraph.cache.remote.pool import Partial, Pool

REPOSITORY = Path(__file__).resolve().parent.parent.parent.parent
LONG_S = 60.0


@pytest.fixture
def pool() -> Iterator[Pool]:
    pool = Pool("place", 4)
    yield pool
    pool.close()


def long(_: object) -> float:
    return LONG_S


def test_all_answers_come_together(pool: Pool) -> None:
    assert pool.each(lambda number: {str(number): number}, range(100), allowed_s=long) == {str(n): n for n in range(100)}
    assert pool.each(lambda number: {str(number): number}, [], allowed_s=long) == {}


def test_as_many_at_once_as_it_may_be(pool: Pool) -> None:
    together = threading.Barrier(4)
    running, most = 0, 0
    lock = threading.Lock()

    def work(_: int) -> dict[str, int]:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        together.wait(LONG_S)
        with lock:
            running -= 1
        return {}

    pool.each(work, range(40), allowed_s=long)
    assert most == 4


def test_calls_from_many_threads_share_it(pool: Pool) -> None:
    with ThreadPoolExecutor(16) as callers:
        calls = [callers.submit(pool.each, lambda n: {str(n): n}, range(k, k + 20), allowed_s=long) for k in range(16)]
        assert [call.result() for call in calls] == [{str(n): n for n in range(k, k + 20)} for k in range(16)]


@pytest.mark.parametrize("trouble", ["unreachable", "timeout", "denied", "full"])
def test_a_trouble_of_the_place_ends_it_at_once(trouble: Trouble) -> None:
    pool = Pool("place", 1)
    asked: list[int] = []

    def work(number: int) -> dict[str, int]:
        asked.append(number)
        if number == 2:
            raise fault("place", trouble)
        return {str(number): number}

    with pytest.raises(Partial) as caught:
        pool.each(work, range(100), allowed_s=long)
    assert (caught.value.trouble, caught.value.held, asked) == (trouble, {"0": 0, "1": 1}, [0, 1, 2])
    assert pool.each(lambda number: {str(number): number}, [7], allowed_s=long) == {"7": 7}, "what waited is left out"
    assert asked == [0, 1, 2]
    pool.close()


@pytest.mark.parametrize("trouble", ["failed", "garbled"])
def test_a_trouble_of_one_item_leaves_the_others(pool: Pool, trouble: Trouble) -> None:
    def work(number: int) -> dict[str, int]:
        if number % 25 == 0:
            raise fault("place", trouble, "why")
        return {str(number): number}

    with pytest.raises(Partial, match="why") as caught:
        pool.each(work, range(100), allowed_s=long)
    assert isinstance(caught.value, BackendError)
    assert caught.value.trouble == trouble
    assert caught.value.held == {str(n): n for n in range(100) if n % 25}


def test_many_troubles_of_items_are_one_of_the_place() -> None:
    pool = Pool("place", 1)
    asked: list[int] = []

    def work(number: int) -> dict[str, int]:
        asked.append(number)
        raise fault("place", "failed")

    with pytest.raises(Partial):
        pool.each(work, range(100), allowed_s=long)
    assert len(asked) == 9
    pool.close()


def test_what_is_no_trouble_of_a_place_is_raised_as_it_is(pool: Pool) -> None:
    def work(number: int) -> dict[str, int]:
        return {str(number): 1 // number}

    with pytest.raises(ZeroDivisionError):
        pool.each(work, range(3), allowed_s=long)


def test_one_that_never_answers_is_not_waited_for(pool: Pool) -> None:
    end = threading.Event()

    def work(number: int) -> dict[str, int]:
        if number == 3:
            end.wait()
        return {str(number): number}

    with pytest.raises(Partial) as caught:
        pool.each(work, range(10), allowed_s=lambda _: 0)
    assert caught.value.trouble == "timeout"
    assert caught.value.held == {str(n): n for n in range(10) if n != 3}
    assert pool.each(lambda n: {str(n): n}, range(10), allowed_s=long) == {str(n): n for n in range(10)}, "three are left"
    end.set()


def test_where_none_ever_answers_nobody_waits_in_line() -> None:
    pool = Pool("place", 2)
    end = threading.Event()

    def stuck(_: int) -> dict[str, int]:
        end.wait()
        return {}

    for _ in range(3):
        with pytest.raises(BackendError) as caught:
            pool.each(stuck, range(5), allowed_s=lambda _: 0)
        assert caught.value.trouble == "timeout"
    end.set()
    answers: list[object] = []
    give_up = time.monotonic() + LONG_S
    while not answers and time.monotonic() < give_up:
        with contextlib.suppress(BackendError):
            answers.append(pool.each(lambda n: {str(n): n}, [1], allowed_s=long))
    assert answers == [{"1": 1}], "it goes on once they are free"
    pool.close()


def test_one_that_waits_behind_others_is_not_late(pool: Pool) -> None:
    """All threads are somebody else's, within what they are allowed: the one in line takes its turn."""
    taken = threading.Barrier(5)
    end = threading.Event()

    def hold(_: int) -> dict[str, int]:
        taken.wait(LONG_S)
        end.wait(LONG_S)
        return {}

    with ThreadPoolExecutor(2) as callers:
        first = callers.submit(pool.each, hold, range(4), allowed_s=long)
        taken.wait(LONG_S)
        second = callers.submit(pool.each, lambda n: {str(n): n}, [1], allowed_s=lambda _: 0)
        end.set()
        assert second.result(LONG_S) == {"1": 1}
        assert first.result(LONG_S) == {}


def test_closing_ends_who_waits_and_who_comes(pool: Pool) -> None:
    started, end = threading.Event(), threading.Event()

    def stuck(_: int) -> dict[str, int]:
        started.set()
        end.wait(LONG_S)
        return {}

    with ThreadPoolExecutor(1) as callers:
        waiting = callers.submit(pool.each, stuck, range(3), allowed_s=long)
        assert started.wait(LONG_S)
        pool.close()
        with pytest.raises(BackendError, match="closed"):
            waiting.result(LONG_S)
    with pytest.raises(BackendError, match="closed"):
        pool.each(stuck, [1], allowed_s=long)
    end.set()


def test_a_program_ends_though_a_request_does_not() -> None:
    script = textwrap.dedent("""
        import threading
        from unitgraph.cache.remote.base import BackendError
        from unitgraph.cache.remote.pool import Pool
        try:
            Pool("place", 2).each(lambda _: threading.Event().wait(), [1, 2, 3], allowed_s=lambda _: 0)
        except BackendError as error:
            print(error.trouble)
    """)
    ended = subprocess.run(
        [sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True, check=True, timeout=60
    )
    assert ended.stdout == "timeout\n"


def test_what_is_made_late_is_made_once() -> None:
    made: list[object] = []
    together = threading.Barrier(8)

    def make() -> object:
        made.append(object())
        return made[-1]

    late = Late(make)
    late.end(lambda _: pytest.fail("there is nothing to close yet"))

    def use(_: int) -> object:
        together.wait(LONG_S)
        return late()

    with ThreadPoolExecutor(8) as callers:
        assert set(callers.map(use, range(8))) == set(made)
    assert len(made) == 1
    closed: list[object] = []
    late.end(closed.append)
    assert closed == made
