"""Runs for people: a table of many, a timeline of one. Pure but for the width of the terminal.

``Item`` is a run as `unitgraph/runtime/dashboard/view.ts` describes it; times are ISO 8601 in UTC.
"""

import io
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from unitgraph.rules.amounts import counted

Item = dict[str, Any]

_COLOURS: Final = {
    "completed": "green", "failed": "red", "cancelled": "yellow", "paused": "magenta", "running": "cyan",
    "waiting": "blue", "retrying": "yellow", "ready": "blue",
}  # fmt: skip
_BAR: Final = 24
_LONGEST: Final = 160
_PIPED_WIDTH: Final = 10_000


def listed(runs: Sequence[Item], now: datetime, *, is_cut: bool) -> str:
    """A row a run; ``is_cut`` says that there are more."""
    if not runs:
        return "No runs.\n"
    table = _table("RUN", "WORKFLOW", "STATUS", "BEGAN", "TOOK", "ENTRIES", "")
    for run in runs:
        table.add_row(
            _cell(run["id"]), _cell(run["workflow"]), _status(run["status"]), _when(run["createdAt"]), _took(run, now),
            str(run["entries"]), _cell(_note(run, now), "dim"),
        )  # fmt: skip
    more = f"The newest {counted(len(runs), 'run')}; --limit shows more.\n" if is_cut else ""
    return _rendered(table) + more


def shown(run: Item, now: datetime) -> str:
    """All of one run."""
    began = _time(run["createdAt"])
    took = f", ended {_when(run['finishedAt'])} after {_took(run, now)}" if "finishedAt" in run else ""
    lines = [plain(f"{run['workflow']} {run['id']}"), f"  {run['status']}, began {_when(run['createdAt'])}{took}"]
    told = [
        ("why", run.get("reason")),
        ("next", _next(run, now)),
        ("cancel", f"asked for {_when(run['cancelAskedAt'])}" if "cancelAskedAt" in run else None),
        ("parent", run.get("parent")),
        ("recovered", f"{run['recoveries']} times since it last got on" if run["recoveries"] else None),
        ("by", _value(run.get("session"))),
        ("input", _value(run["input"])),
        ("output", _value(run.get("output"))),
        ("error", _error(run.get("error"))),
    ]
    lines += [f"  {name:9} {plain(said)}" for name, said in told if said]
    head = "\n".join(lines) + "\n"
    steps = _timeline(run, began, now) if run["steps"] else "\n  No step has been recorded.\n"
    return head + steps + "".join(_messages(run))


def changed(run: Item, did: str) -> str:
    return f"{did} {plain(run['workflow'])} {plain(run['id'])}: {run['status']}\n"


def _timeline(run: Item, began: datetime, now: datetime) -> str:
    ends = [_time(step["endedAt"]) for step in run["steps"] if "endedAt" in step]
    end = _time(run["finishedAt"]) if "finishedAt" in run else max([*ends, now])
    whole = max((end - began).total_seconds(), 0.001)
    table = _table("AT", "", "STEP", "KIND", "STATUS", "TOOK", "")
    for step in run["steps"]:
        start = _time(step["startedAt"])
        over = _time(step["endedAt"]) if "endedAt" in step else end
        bar = _bar((start - began).total_seconds() / whole, (over - began).total_seconds() / whole)
        table.add_row(
            f"+{_length(start - began)}", Text(bar, style=_COLOURS.get(step["status"], "")), _cell(step["key"]),
            _cell(f"{step['kind']} {step.get('target', '')}"), _status(step["status"]), _length(over - start),
            _cell(_said(step), "dim"),
        )  # fmt: skip
        for attempt in step["attempts"]:
            failed = attempt.get("error")
            if failed and len(step["attempts"]) > 1:
                began_at = _time(attempt["startedAt"])
                took = _length(_time(attempt["endedAt"]) - began_at)
                table.add_row(
                    f"+{_length(began_at - began)}", "", f"  attempt {attempt['attempt']}", "", _status("failed"), took,
                    _cell(_error(failed) or "", "dim"),
                )  # fmt: skip
    return "\n" + _rendered(table)


def _messages(run: Item) -> Iterator[str]:
    for message in run["messages"]:
        by = f" by {message['by']}" if "by" in message else ""
        said = f"{message['type']}{by}: {_value(message['payload'])}"
        yield f"  message   {_when(message['at'])} {plain(said)}\n"


def _said(step: Item) -> str:
    if step.get("error"):
        return _error(step["error"]) or ""
    if "until" in step:
        return f"until {_when(step['until'])}"
    if "child" in step:
        return f"run {step['child']}"
    said = _value(step.get("value"))
    return "" if said in (None, "undefined") else said


def _bar(start: float, end: float) -> str:
    first = min(int(start * _BAR), _BAR - 1)
    last = max(first + 1, min(round(end * _BAR), _BAR))
    return "·" * first + "█" * (last - first) + "·" * (_BAR - last)


def _note(run: Item, now: datetime) -> str:
    return run.get("reason") or _next(run, now) or ""


def _next(run: Item, now: datetime) -> str | None:
    if run["status"] not in ("waiting", "ready"):
        return None
    if "dueAt" not in run:
        return "waits for a message"
    left = _time(run["dueAt"]) - now
    return f"goes on in {_length(left)}" if left > timedelta() else "is due"


def _took(run: Item, now: datetime) -> str:
    return _length((_time(run["finishedAt"]) if "finishedAt" in run else now) - _time(run["createdAt"]))


def _value(found: Item | None) -> str | None:
    """A value in one line; what is long is cut, since ``--json`` has all of it."""
    if found is None:
        return None
    text: str = found["text"]
    if "of" not in found:
        with suppress(ValueError):
            text = json.dumps(json.loads(text), ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _error(error: Item | None) -> str | None:
    return f"{error['name']}: {error['message']}" if error else None


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _when(text: str) -> str:
    return _time(text).astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def _length(length: timedelta) -> str:
    """A time for people: "12 ms", "3.2 s", "4 m 5 s", "3 d 2 h"."""
    seconds = max(length.total_seconds(), 0)
    if seconds < 1:
        return f"{round(seconds * 1000)} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    for (unit, name), (part, below) in pairwise(_UNITS):
        if seconds >= unit:
            rest = int(seconds % unit // part)
            return f"{int(seconds // unit)} {name}" + (f" {rest} {below}" if rest else "")
    return f"{seconds:.0f} s"


_UNITS: Final = ((86_400, "d"), (3600, "h"), (60, "m"), (1, "s"))


def _status(status: str) -> Text:
    return Text(status, style=_COLOURS.get(status, ""))


def _cell(text: str, style: str = "") -> Text:
    """As it is: what looks like markup is none."""
    return Text(plain(text), style=style)


def plain(text: str) -> str:
    """On one line, and nothing of it can steer a terminal."""
    return "".join(sign if sign.isprintable() else "?" for sign in " ".join(text.split()))


def _table(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings[:-1]:
        table.add_column(heading, no_wrap=True, overflow="fold")
    table.add_column(headings[-1], overflow="fold")
    return table


def _rendered(table: Table) -> str:
    """With colours on a terminal alone; piped, a row is a line however long it is."""
    is_seen = sys.stdout.isatty()
    width = None if is_seen else _PIPED_WIDTH
    console = Console(file=io.StringIO(), width=width, force_terminal=is_seen, highlight=False, legacy_windows=False)
    if is_seen:
        console.width = Console().width
    console.print(table)
    text: str = console.file.getvalue()     # type: ignore[attr-defined]
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines())
