"""The execution log: what one build did, a line of JSON each, in ``.deploy/cache/log/``. Knows lines, not rules.

Always on. A line is written whole as soon as what it says has happened, so the log of a killed build ends early and
reads well. Nothing that goes wrong here is anybody else's trouble: a log that can't be written is none.
"""

import contextlib
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, cast

from unitgraph.cache.key import Component
from unitgraph.rules.action import How, Result

VERSION: Final = 1
KEPT: Final = 20
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
_LINE: Final = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)

Moved = Callable[[Result], Sequence[Component]]
"""What of an action's key is another than that of its last run, where there was one."""


def folder_of(root: Path) -> Path:
    """Where a project's logs are; their names are in the order of time."""
    return root / ".deploy" / "cache" / "log"


class ExecutionLog:
    """One file, made with its first line. ``began`` is what times are counted from, as time.monotonic() has it.

    Actions with nothing to do are many: a line holds all that came one after another.
    """

    def __init__(self, folder: Path, began: float, head: Callable[[], Mapping[str, object]], moved: Moved) -> None:
        self._folder = folder
        self._began = began
        self._head = head
        self._moved = moved
        self._handle: int | None = None
        self._is_broken = False
        self._fresh: dict[str, str] = {}
        self.path: Path | None = None

    def add(self, result: Result) -> None:
        """One action that has ended."""
        if result.how is How.FRESH:
            self._fresh[result.name] = result.key.digest if result.key else ""
            return
        self._flush()
        self._write(_action(result, self._began, self._moved(result) if result.how is How.RAN else ()))

    def total(self, found: Mapping[str, object]) -> None:
        """What everything so far comes to; the last such line is the one that counts."""
        self._flush()
        self._write({"type": "totals", **found})

    def close(self) -> None:
        handle, self._handle = self._handle, None
        if handle is not None:
            with contextlib.suppress(OSError):
                os.close(handle)

    def _flush(self) -> None:
        if self._fresh:
            self._write({"type": "fresh", "actions": self._fresh})
            self._fresh = {}

    def _write(self, document: Mapping[str, object]) -> None:
        if self._is_broken:
            return
        try:
            if self._handle is None:
                self._handle = self._open()
                self._append({"type": "build", "logVersion": VERSION, **self._head()})
            self._append(document)
        except (OSError, ValueError):
            self._is_broken = True
            self.close()

    def _append(self, document: Mapping[str, object]) -> None:
        """A line is one write, which nothing can come in between."""
        line = _LINE.encode(document).encode("utf-8", "replace") + b"\n"
        if self._handle is not None and os.write(self._handle, line) < len(line):
            raise OSError("the line wasn't written whole")

    def _open(self) -> int:
        at = datetime.now(UTC)
        name = f"{at:%Y%m%dT%H%M%S}.{at.microsecond // 1000:03}Z-{os.getpid()}"
        self._folder.mkdir(parents=True, exist_ok=True)
        for number in range(100):
            self.path = self._folder / f"{name}{f'-{number}' if number else ''}.jsonl"
            with contextlib.suppress(FileExistsError):
                handle = os.open(self.path, _NEW, 0o644)
                _prune(self._folder, self.path.name)
                return handle
        raise OSError("every name is taken")


def now_text() -> str:
    """The wall clock's time, for a log's first line and nowhere else."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def _prune(folder: Path, own: str) -> None:
    """Whatever the clock says, ``own`` is the newest."""
    others = sorted(name for name in os.listdir(folder) if name.endswith(".jsonl") and name != own)
    for name in others[: 1 - KEPT]:
        with contextlib.suppress(OSError):
            os.unlink(folder / name)


def _action(result: Result, began: float, moved: Sequence[Component]) -> Mapping[str, object]:
    sizes = cast("Mapping[str, int]", result.facts.get("sizes", {}))
    found: dict[str, object] = {
        "type": "action",
        "action": result.name,
        "key": result.key.digest if result.key else None,
        "how": result.how,
        "origin": result.origin,
        "placed": result.placed,
        "outputs": [
            {"path": path, "digest": mark, "sizeBytes": sizes.get(path)} for path, mark in result.outputs.items()
        ],
    }
    if result.work:
        found["began"] = round(result.work.began - began, 6)
        found["ended"] = round(result.work.ended - began, 6)
        found["worker"] = result.work.worker
    if result.error:
        found["error"] = result.error.code
    if moved:
        found["moved"] = [{"kind": part.kind, "name": part.name} for part in moved]
    return found
