"""What one command spent its time on: spans on threads, by a clock that only goes forward. Knows no work.

Those of one thread lie inside each other or apart, as with-blocks do.
"""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

Category = Literal["phase", "cache"]


@dataclass(frozen=True, slots=True)
class Span:
    """From ``began`` to ``ended``, in seconds of time.monotonic(), on the thread ``worker``."""

    name: str
    category: Category
    began: float
    ended: float
    worker: str
    facts: Mapping[str, object] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        return self.ended - self.began


class Timeline:
    """The spans of a command that began when this was made; may be written from any thread."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.worker = threading.current_thread().name
        self.spans: list[Span] = []     # by their end: what lies inside another comes before it

    @contextmanager
    def span(self, name: str, category: Category = "phase", **facts: object) -> Iterator[dict[str, object]]:
        """Notes how long the block takes, however it ends; the block may add to its facts."""
        began = time.monotonic()
        try:
            yield facts
        finally:
            self.spans.append(Span(name, category, began, time.monotonic(), threading.current_thread().name, facts))

    @property
    def seconds(self) -> float:
        """Since the command began."""
        return time.monotonic() - self.began

    def phases(self) -> list[Span]:
        """The phases of the command's own thread, one after another; what is inside one of them is left out."""
        own = [span for span in self.spans if span.category == "phase" and span.worker == self.worker]
        found: list[Span] = []
        for span in sorted(own, key=lambda span: (span.began, -span.ended)):
            if not found or span.began >= found[-1].ended:
                found.append(span)
        return found
