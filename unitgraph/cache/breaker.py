"""When a shared cache is left alone: after failures in a row, or once waiting for it costs more than building.

Knows counts and seconds, no place. What is left alone stays so for the rest of the command: a build is over before it
is worth asking again. Safe for several threads.
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

from unitgraph.cache.remote.base import Trouble

Clock = Callable[[], float]


class State(StrEnum):
    STEADY = "steady"
    FAILING = "failing"     # the last answer was a failure
    LEFT = "left"           # for good


class Event(StrEnum):
    ANSWERED = "answered"
    FAILED = "failed"
    EXHAUSTED = "exhausted"     # one failure too many, or no time left to wait


NEXT: Final[Mapping[tuple[State, Event], State]] = {
    (State.STEADY, Event.ANSWERED): State.STEADY,
    (State.STEADY, Event.FAILED): State.FAILING,
    (State.STEADY, Event.EXHAUSTED): State.LEFT,
    (State.FAILING, Event.ANSWERED): State.STEADY,
    (State.FAILING, Event.FAILED): State.FAILING,
    (State.FAILING, Event.EXHAUSTED): State.LEFT,
    (State.LEFT, Event.ANSWERED): State.LEFT,       # an answer that was under way
    (State.LEFT, Event.FAILED): State.LEFT,
    (State.LEFT, Event.EXHAUSTED): State.LEFT,
}

ENOUGH: Final[Mapping[Trouble, int]] = {
    "denied": 1,        # the next request has the same credentials
    "full": 1,
    "unreachable": 2,
    "timeout": 2,       # each costs seconds
    "failed": 4,
    "garbled": 4,
}
"""Failures in a row that are enough. One of another kind counts as what it is: the last one's row decides."""


class Breaker:
    """One direction of a shared cache, reading or writing."""

    def __init__(self) -> None:
        self._state = State.STEADY
        self._row = 0
        self._lock = threading.Lock()

    @property
    def state(self) -> State:
        return self._state

    @property
    def allows(self) -> bool:
        return self._state is not State.LEFT

    def answered(self) -> None:
        self._move(Event.ANSWERED)

    def failed(self, trouble: Trouble) -> bool:
        """Takes note of a failure; True for the one that ends it, once."""
        with self._lock:
            self._row += 1
            return self._to(Event.EXHAUSTED if self._row >= ENOUGH[trouble] else Event.FAILED)

    def exhausted(self) -> bool:
        """Leaves it alone from now on; True if it wasn't yet."""
        return self._move(Event.EXHAUSTED)

    def _move(self, event: Event) -> bool:
        with self._lock:
            return self._to(event)

    def _to(self, event: Event) -> bool:
        before, self._state = self._state, NEXT[self._state, event]
        if event is Event.ANSWERED:
            self._row = 0
        return self._state is State.LEFT and before is not State.LEFT


@dataclass(frozen=True, slots=True)
class Worth:
    """What waiting for a shared cache may cost in all: ``start_s`` for the first connection, and then what building
    takes. On two cores a bundle of 35 KB takes 15 ms, so a lookup that finds nothing may cost less than that and one
    that finds something a little more; bytes have to come as fast as bundles would be made, and are waited for no
    longer than ``bytes_s`` in all, however many an entry claims."""

    start_s: float = 5.0
    asked_s: float = 0.008
    found_s: float = 0.015
    bytes_a_second: float = 4_000_000.0
    bytes_s: float = 60.0


class Budget:
    """Seconds that the caller may still wait, over all lookups and transfers of a command; use it from one thread."""

    def __init__(self, worth: Worth, clock: Clock = time.monotonic) -> None:
        self._worth = worth
        self._clock = clock
        self._earned_s = worth.start_s
        self._bytes_s = 0.0
        self._spent_s = 0.0
        self._since: float | None = None

    def asked(self, count: int) -> None:
        self._earned_s += count * self._worth.asked_s

    def found(self, count: int) -> None:
        self._earned_s += count * self._worth.found_s

    def wanted(self, size_bytes: int) -> None:
        self._bytes_s = min(self._worth.bytes_s, self._bytes_s + size_bytes / self._worth.bytes_a_second)

    @property
    def left_s(self) -> float:
        running = self._clock() - self._since if self._since is not None else 0.0
        return max(0.0, self._earned_s + self._bytes_s - self._spent_s - running)

    def __enter__(self) -> Self:
        """Waiting begins."""
        self._since = self._clock()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._since is not None, "it was entered"
        self._spent_s += self._clock() - self._since
        self._since = None
