"""What the cache's folder holds, in figures, as a document and as text. Reads; changes nothing."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from unitgraph.cache import builds, inventory
from unitgraph.cache.inventory import HeldEntry, Inventory
from unitgraph.cache.layout import Layout
from unitgraph.rules.amounts import age_text, counted, size_text
from unitgraph.rules.last_runs import LastRuns, last_runs
from unitgraph.rules.toolchain.unused import Installed, installed


@dataclass(frozen=True, slots=True)
class Stats:
    """``builds`` are those that use the folder now; ``runs`` is None outside a project."""

    folder: Path
    bound_bytes: int
    found: Inventory
    builds: int
    toolchain: tuple[Installed, ...]
    runs: LastRuns | None
    now_ns: int

    @property
    def uses_ns(self) -> tuple[int, int] | None:
        """When what is longest unused, and what is used last, was used."""
        uses = [entry.file.used_ns for entry in self.found.entries]
        return (min(uses), max(uses)) if uses else None

    def document(self) -> dict[str, Any]:
        found, uses = self.found, self.uses_ns
        return {
            "folder": str(self.folder),
            "sizeBytes": found.size_bytes,
            "boundBytes": self.bound_bytes,
            "entries": {
                "count": len(found.entries),
                "sizeBytes": sum(entry.file.size_bytes for entry in found.entries),
                "tiers": [
                    {"tier": tier, "generation": generation, "count": count, "sizeBytes": size}
                    for (tier, generation), (count, size) in by_tier(found.entries).items()
                ],
                "oldestUse": _time_text(uses[0]) if uses else None,
                "newestUse": _time_text(uses[1]) if uses else None,
            },
            "blobs": {
                "count": len(found.blobs),
                "sizeBytes": sum(blob.size_bytes for blob in found.blobs),
                "unnamed": unnamed(found),
            },
            "leftovers": len(found.parts) + len(found.strays),
            "builds": self.builds,
            "toolchain": [
                {"name": part.path.name, "sizeBytes": part.size_bytes, "current": part.is_current}
                for part in self.toolchain
            ],
            "lastRuns": None if self.runs is None else {
                "builds": self.runs.builds,
                "hits": {"local": self.runs.local, "remote": self.runs.remote},
                "misses": self.runs.misses,
                "hitRate": None if self.runs.rate is None else round(self.runs.rate, 4),
            },
        }  # fmt: skip

    def text(self) -> str:
        found, uses = self.found, self.uses_ns
        held = f"{counted(len(found.entries), 'result')}, {counted(len(found.blobs), 'blob')}"
        size = f"{size_text(found.size_bytes)} of {size_text(self.bound_bytes)}"
        lines = [f"Cache in {self.folder}", "", f"  {size}: {held}"]
        for (tier, generation), (count, _) in by_tier(found.entries).items():
            lines.append(f"    {tier}{f', generation {generation}' if generation else ''}: {counted(count, 'result')}")
        if uses:
            oldest, newest = (age_text(max(0, self.now_ns - each) / 1e9) for each in uses)
            lines.append(f"  last used {newest} ago; unused for longest: {oldest}")
        if left := len(found.parts) + len(found.strays):
            lines.append(f"  {counted(left, 'file')} that nobody needs: 'doit cache doctor' removes what is dead")
        if self.builds:
            lines.append(f"  {counted(self.builds, 'build')} using it now")
        if self.toolchain:
            lines += ["", "Toolchain"]
            lines += [
                f"  {part.path.name}  {size_text(part.size_bytes)}{'' if part.is_current else '  of another version'}"
                for part in self.toolchain
            ]
        if self.runs is not None and self.runs.rate is not None:
            hits = self.runs.local + self.runs.remote
            figures = f"{hits:,} of {hits + self.runs.misses:,}, {self.runs.remote:,} of them in the shared cache"
            last = f"The project's last {counted(self.runs.builds, 'build')}"
            lines += ["", f"{last}: {self.runs.rate:.0%} found ({figures})"]
        return "\n".join(lines) + "\n"


def take(cache: Path, bound_bytes: int, project: Path | None, now_ns: int) -> Stats:
    """Looks. May raise OSError where the folder can't be listed."""
    layout = Layout(cache)
    return Stats(
        cache, bound_bytes, inventory.take(layout), len(builds.living(layout.builds, now_ns)),
        tuple(installed(cache)), last_runs(project) if project else None, now_ns,
    )  # fmt: skip


def by_tier(entries: Iterable[HeldEntry]) -> dict[tuple[str, int], tuple[int, int]]:
    """(Tier, generation) → how many, and what they take."""
    found: dict[tuple[str, int], list[int]] = defaultdict(lambda: [0, 0])
    for entry in entries:
        row = found[entry.tier, entry.generation]
        row[0] += 1
        row[1] += entry.file.size_bytes
    return {place: (count, size) for place, (count, size) in sorted(found.items())}


def unnamed(found: Inventory) -> int:
    """How many blobs no entry names."""
    named = {name for entry in found.entries for name in entry.names}
    return sum(blob.name not in named for blob in found.blobs)


def _time_text(time_ns: int) -> str:
    try:
        return datetime.fromtimestamp(time_ns // 10**9, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (OverflowError, ValueError, OSError):
        return "unknown"
