"""How much memory a build may count on: what the machine has left, or what its control groups leave of it.

Reading is apart from judging: ``read`` takes the kernel's texts as they are, ``available`` knows what they mean.
https://docs.kernel.org/admin-guide/cgroup-v2.html#memory, https://docs.kernel.org/admin-guide/cgroup-v1/memory.html
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_NO_LIMIT: Final = 1 << 60
"""Version 1 writes "no limit" as the greatest multiple of a page."""

_RECLAIMABLE: Final = ("inactive_file", "total_inactive_file")
"""Cached files that the kernel gives up before it kills anything; version 2's name, and version 1's for a tree."""


@dataclass(frozen=True, slots=True)
class Group:
    """What one control group says of its memory: its limit, what is in use, and memory.stat."""

    limit: str
    used: str
    stat: str = ""


@dataclass(frozen=True, slots=True)
class Readings:
    """/proc/meminfo, and the control groups that this process is in, whichever version they are."""

    meminfo: str = ""
    groups: tuple[Group, ...] = ()


def available(readings: Readings) -> int | None:
    """Bytes; the least that any of the readings leaves, None where none of them can be read."""
    found = [_of_machine(readings.meminfo), *(_of_group(group) for group in readings.groups)]
    known = [count for count in found if count is not None]
    return min(known) if known else None


def read(proc: Path = Path("/proc"), groups: Path = Path("/sys/fs/cgroup")) -> Readings:
    """What the kernel says now; what can't be read is left out, as everything is on other systems than Linux."""
    return Readings(_text(proc / "meminfo"), tuple(_groups(_text(proc / "self" / "cgroup"), groups)))


def _of_machine(meminfo: str) -> int | None:
    for line in meminfo.splitlines():
        name, _, value = line.partition(":")
        if name == "MemAvailable":
            count = _number(value.replace("kB", ""))
            return None if count is None else count * 1024
    return None


def _of_group(group: Group) -> int | None:
    limit, used = _number(group.limit), _number(group.used)
    if limit is None or used is None or limit >= _NO_LIMIT:
        return None
    pairs = (line.split() for line in group.stat.splitlines())
    stat = {pair[0]: _number(pair[1]) or 0 for pair in pairs if len(pair) == 2}
    return max(0, limit - used + max(stat.get(name, 0) for name in _RECLAIMABLE))


def _groups(own: str, top: Path) -> Iterator[Group]:
    """Every group from this process's own up to the root: a limit holds for all below it.

    Where a container sees its own part of the tree only, the path leads nowhere and the root of what it sees counts.
    """
    for line in own.splitlines():
        number, controllers, path = (*line.split(":", 2), "", "")[:3]
        names = [part for part in path.split("/") if part not in ("", "..")]
        if "memory" in controllers.split(","):
            base, files = top / "memory", ("memory.limit_in_bytes", "memory.usage_in_bytes")
        elif number == "0":
            base, files = top, ("memory.max", "memory.current")
        else:
            continue
        for depth in range(len(names), -1, -1):
            folder = base.joinpath(*names[:depth])
            limit, used = (_text(folder / file) for file in files)
            if limit:
                yield Group(limit, used, _text(folder / "memory.stat"))


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""


def _number(text: str) -> int | None:
    text = text.strip()
    return int(text) if text.isdecimal() else None
