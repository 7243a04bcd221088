"""Threads that nobody has to wait for: a call to a place that hangs must not keep the program from ending.

The standard library's pool joins its threads at exit, however long they take; these are daemons.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, TypeVar

_T = TypeVar("_T")
_Call = tuple[Future[Any], Callable[[], Any]]


class Lanes:
    """Up to ``count`` calls at once, in the order that they were given; threads start when they are needed."""

    def __init__(self, name: str, count: int) -> None:
        self._name = name
        self._count = count
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []

    def submit(self, call: Callable[[], _T]) -> Future[_T]:
        future: Future[_T] = Future()
        self._calls.put((future, call))
        if len(self._threads) < self._count:
            thread = threading.Thread(target=self._work, name=f"{self._name}-{len(self._threads)}", daemon=True)
            self._threads.append(thread)
            thread.start()
        return future

    def close(self) -> None:
        """Lets the threads end once they are done with what was given; waits for none."""
        for _ in self._threads:
            self._calls.put(None)

    @property
    def is_idle(self) -> bool:
        """After ``close``, whether every thread has ended."""
        return not any(thread.is_alive() for thread in self._threads)

    def _work(self) -> None:
        while (given := self._calls.get()) is not None:
            future, call = given
            if not future.set_running_or_notify_cancel():
                continue
            try:
                result = call()
            except BaseException as error:  # noqa: BLE001 - it is raised where the result is asked for
                future.set_exception(error)
            else:
                future.set_result(result)
            del given, future, call     # nothing is held while waiting for the next one
