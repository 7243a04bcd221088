"""Many requests at once, as many as a place is meant to bear, none of them waited for in vain. Knows no protocol.

Libraries have time-outs, and places get round them: a header that comes byte by byte, a network file system that has
gone. So the threads that make requests are watched by the one that wants the answers. They are daemons, since one
that is stuck in the kernel must not keep the program from ending.
"""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any, Final, TypeVar

from unitgraph.cache.remote.base import BackendError
from unitgraph.cache.remote.bounds import fault

Item = TypeVar("Item")
Value = TypeVar("Value")

_ENDING: Final = frozenset({"unreachable", "timeout", "denied", "full"})
"""Troubles of the place, which every other request would meet, too; the rest may be those of one item."""

_TOLERATED: Final = 8
_GRACE_S: Final = 1.0
"""A library's own time-out says better what happened, so it goes first."""


class Partial(BackendError):
    """Some requests failed and the rest did not: ``held`` is what those brought."""

    def __init__(self, cause: BackendError, held: Mapping[str, Any]) -> None:
        super().__init__(cause.trouble, cause.detail)
        self.held = held


@dataclass(eq=False, slots=True)
class _Call:
    """One use of the pool, guarded by the pool's lock. Once ``ended``, what comes in is left where it is."""

    left: int
    held: dict[str, Any] = field(default_factory=dict)
    faults: list[BackendError] = field(default_factory=list)
    crash: BaseException | None = None
    ended: bool = False


class Pool:
    """Up to ``parallel`` threads, started as they are needed. ``place`` is for messages."""

    def __init__(self, place: str, parallel: int) -> None:
        self._place = place
        self._parallel = max(1, parallel)
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._changed = threading.Condition()       # guards all that follows
        self._open = 0                              # jobs that wait or run
        self._threads = 0
        self._running: dict[int, tuple[_Call, float]] = {}      # thread → whose job it does, and until when it may
        self._closed = False

    def each(
        self, do: Callable[[Item], Mapping[str, Value]], items: Iterable[Item], *, allowed_s: Callable[[Item], float]
    ) -> dict[str, Value]:
        """What ``do`` gives for each item, together. An item may take ``allowed_s(item)``.

        A BackendError ends it as Partial: at once where the place is at fault, else when the others are done.
        """
        work = list(items)
        call = _Call(len(work))
        with self._changed:
            self._check_open()
            for item in work:
                self._jobs.put(lambda item=item: self._run(call, lambda: do(item), allowed_s(item)))  # type: ignore[misc]
            self._open += len(work)
            self._grow()
            try:
                self._await(call)
            finally:
                call.ended = True
        if call.crash is not None:
            raise call.crash
        if call.faults:
            raise Partial(call.faults[0], call.held) from call.faults[0]
        return call.held

    def close(self) -> None:
        """Ends the threads as they finish, and what waits for them; a request under way isn't waited for."""
        with self._changed:
            self._closed = True
            for _ in range(self._threads):
                self._jobs.put(None)
            self._threads = 0
            self._changed.notify_all()

    def _check_open(self) -> None:
        if self._closed:
            raise fault(self._place, "failed", "the connection was closed")

    def _grow(self) -> None:
        while self._threads < min(self._parallel, self._open):
            self._threads += 1
            threading.Thread(target=self._work, name="shared cache", daemon=True).start()

    def _await(self, call: _Call) -> None:
        """Returns when all is done or it makes no sense to go on. A job that waits is late when all threads are."""
        while call.left and not call.ended:
            self._check_open()
            own = [until for whose, until in self._running.values() if whose is call]
            until = min(own) if own else max((until for _, until in self._running.values()), default=None)
            now = time.monotonic()
            if until is not None and until < now and (own or len(self._running) == self._parallel):
                raise Partial(fault(self._place, "timeout"), call.held)
            self._changed.wait(_GRACE_S if until is None else max(until - now, 0) + 0.01)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()

    def _run(self, call: _Call, do: Callable[[], Mapping[str, Any]], allowed_s: float) -> None:
        thread = threading.get_ident()
        with self._changed:
            if call.ended:
                self._open -= 1
                return
            self._running[thread] = call, time.monotonic() + allowed_s + _GRACE_S
        found: Mapping[str, Any] = {}
        error: BaseException | None = None
        try:
            found = do()
        except BaseException as caught:     # noqa: BLE001 - it is raised where the answer is awaited
            error = caught
        with self._changed:
            self._open -= 1
            del self._running[thread]
            if not call.ended:
                self._take(call, found, error)

    def _take(self, call: _Call, found: Mapping[str, Any], error: BaseException | None) -> None:
        call.left -= 1
        call.held.update(found)
        if isinstance(error, BackendError):
            call.faults.append(error)
            call.ended = error.trouble in _ENDING or len(call.faults) > _TOLERATED
            if call.ended:
                call.faults = [error]       # the one that says why it ended
        elif error is not None:
            call.crash, call.ended = error, True
        if call.ended or not call.left:
            self._changed.notify_all()
