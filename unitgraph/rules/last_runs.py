"""How well the cache served a project's last builds, from their execution logs. Knows the logs' ends only."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from unitgraph.rules.execution_log import folder_of

_OURS: Final = "cache "
"""How commands begin that look into the cache rather than build with it."""


@dataclass(frozen=True, slots=True)
class LastRuns:
    """``local`` and ``remote`` count results that were found, ``misses`` those that weren't."""

    builds: int
    local: int
    remote: int
    misses: int

    @property
    def rate(self) -> float | None:
        """The share of lookups that found something; None where there were none."""
        asked = self.local + self.remote + self.misses
        return (self.local + self.remote) / asked if asked else None


def last_runs(root: Path) -> LastRuns:
    """All builds whose logs are still there and say how they ended."""
    found = list(_figures(folder_of(root)))
    return LastRuns(len(found), *(sum(column) for column in zip(*found, strict=True)) if found else (0, 0, 0))


def _figures(folder: Path) -> Iterator[tuple[int, int, int]]:
    for path in sorted(folder.glob("*.jsonl")):
        try:
            lines = path.read_bytes().splitlines()
            head, total = json.loads(lines[0]), json.loads(lines[-1])
            if total["type"] == "totals" and not head["command"].startswith(_OURS):
                yield int(total["hits"]["local"]), int(total["hits"]["remote"]), int(total["misses"])
        except (OSError, ValueError, LookupError, TypeError, AttributeError):
            continue    # of a killed build, or damaged

