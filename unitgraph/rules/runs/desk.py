"""The store's own code, asked from here: one process of Bun, a question and its answers a line each.

The rules of a store exist once, in the runtime; nothing of them is known here.
"""

import json
import os
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from unitgraph.errors import UnitgraphError
from unitgraph.errors.runs import (
    RunAmbiguous,
    RunEnded,
    RunIdTaken,
    RunNotPaused,
    RunsExportBroken,
    RunsMissing,
    RunsReadOnly,
    RunsTokenWrong,
    RunsUnanswered,
    RunsUnusable,
    RunUnknown,
    StepUnknown,
)
from unitgraph.rules.runs.places import Place
from unitgraph.rules.toolchain import find_bun

_SCRIPT: Final = Path(__file__).parents[2] / "runtime" / "manage" / "main.ts"

Item = dict[str, Any]


class Desk:
    """Raises, besides what is said of each question, RunsMissing, RunsUnusable and RunsExportBroken; the second also
    where all of it takes longer than ``patience_s``."""

    def __init__(self, place: Place, patience_s: float | None = None) -> None:
        self._place = place
        self._process = subprocess.Popen(
            [str(find_bun().path), "--no-env-file", f"--config={os.devnull}", str(_SCRIPT)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=_SCRIPT.parent, env=dict(place.environment),
            text=True, encoding="utf-8",
        )  # fmt: skip
        self._timer = threading.Timer(patience_s, self._process.kill) if patience_s is not None else None
        if self._timer:
            self._timer.start()
        file = str(place.file) if place.file else None
        self._tell({"project": place.project, "file": file, "url": place.url})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin
        assert self._process.stdout
        if self._timer:
            self._timer.cancel()
        if error is not None:
            self._process.kill()        # it may be in the middle of an answer
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def ask(self, what: str, /, **given: Any) -> Iterator[Item]:
        """The items of an answer as they come."""
        self._tell({"do": what, "given": given})
        assert self._process.stdout
        for line in self._process.stdout:
            said = json.loads(line)
            if said["is"] == "end":
                return
            if said["is"] == "refused":
                raise _REFUSED[said["code"]](said, self._place.name)
            yield said["item"]
        why = "no answer came to its end in time" if self._timer else "its process ended in the middle of an answer"
        raise RunsUnusable(self._place.name, why)

    def one(self, what: str, /, **given: Any) -> Item:
        """The one item of an answer."""
        (item,) = self.ask(what, **given)
        return item

    def _tell(self, told: Mapping[str, Any]) -> None:
        assert self._process.stdin
        try:
            self._process.stdin.write(json.dumps(told) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass    # why it has ended is what it said last


_REFUSED: Final[Mapping[str, Callable[[Item, str], UnitgraphError]]] = {
    "unknown": lambda said, where: RunUnknown(said["id"], where),
    "ambiguous": lambda said, _: RunAmbiguous(said["id"], said["ids"]),
    "ended": lambda said, _: RunEnded(said["id"], said["status"]),
    "not-paused": lambda said, _: RunNotPaused(said["id"], said["status"]),
    "no-step": lambda said, _: StepUnknown(said["id"], said["step"], known=said["steps"]),
    "taken": lambda said, _: RunIdTaken(said["id"]),
    "read-only": lambda _, where: RunsReadOnly(where),
    "token": lambda said, _: RunsTokenWrong(said["url"]),
    "no-deployment": lambda said, _: RunsUnanswered(said["url"], said["status"]),
    "no-store": lambda said, _: RunsMissing(said["where"], said["what"]),
    "export-broken": lambda said, _: RunsExportBroken(said["file"], said["line"], said["why"]),
    "unusable": lambda said, where: RunsUnusable(where, said["why"]),
}
"""What `acts.ts` and `place.ts` refuse, by code."""
