"""Shows long work: one live line on a terminal, a plain line now and then where output is piped.

Knows counts and names of actions, not what they do. Writes to standard error only.
"""

import sys
import time
from collections import Counter
from collections.abc import Callable
from types import TracebackType
from typing import Self, TextIO

from unitgraph.rules.action import How, Result

_LIVE_S = 0.1
_PLAIN_S = 2.0


class Progress:
    """A listener for the runner. Nothing is shown of a build that is over at once, nor is ``total`` asked for."""

    def __init__(self, total: Callable[[], int], stream: TextIO | None = None) -> None:
        self._total = total
        self._stream = sys.stderr if stream is None else stream
        self._live = self._stream.isatty()
        self._counts: Counter[How] = Counter()
        self._began = self._shown = time.monotonic()
        self._drawn = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._drawn and self._live:
            self._stream.write("\r\x1b[2K")
            self._stream.flush()

    def __call__(self, result: Result) -> None:
        self._counts[result.how] += 1
        now = time.monotonic()
        if now - self._shown >= (_LIVE_S if self._live else _PLAIN_S):
            self._shown = now
            self._draw(result.name, now)

    @property
    def counts(self) -> Counter[How]:
        return self._counts

    def _draw(self, name: str, now: float) -> None:
        done = self._counts.total()
        text = f"[{done}/{self._total()}] {name}  {now - self._began:.0f} s"
        if failed := self._counts[How.FAILED]:
            text += f"  {failed} failed"
        self._drawn = True
        self._stream.write(f"\r\x1b[2K{text[:110]}" if self._live else f"{text}\n")
        self._stream.flush()
