"""The log of something that runs: its lines as they come, and waiting for some of them."""

import json
import sys
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

Line = dict[str, Any]
TIMEOUT_S = 60


class Log:
    """Lines of JSON; what is none goes to standard error, for whoever reads of a test that failed."""

    def __init__(self) -> None:
        self._lines: list[Line] = []
        self._moved = threading.Condition()

    def read(self, stream: Iterable[str]) -> None:
        """Take every line until the stream ends."""
        for line in stream:
            self.take(line)

    def take(self, line: str) -> None:
        try:
            found = json.loads(line)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            sys.stderr.write(line)
            return
        with self._moved:
            self._lines.append(found)
            self._moved.notify_all()

    def lines(self, wanted: Callable[[Line], bool] = lambda _line: True) -> list[Line]:
        """What was said so far."""
        with self._moved:
            return [line for line in self._lines if wanted(line)]

    def wait(self, wanted: Callable[[Line], bool], count: int = 1, *, timeout_s: float = TIMEOUT_S) -> list[Line]:
        """Wait for so many lines; fails with those that came instead."""
        end = time.monotonic() + timeout_s
        with self._moved:
            while True:
                found = [line for line in self._lines if wanted(line)]
                if len(found) >= count:
                    return found
                left = end - time.monotonic()
                assert left > 0, f"{len(found)} of {count} lines came: {found}; the last of all: {self._lines[-8:]}"
                self._moved.wait(left)
