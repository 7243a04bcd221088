"""Collecting and mending, as the commands do it: the cache's folder, the toolchain's old parts, the build database.

Decides nothing about what may go: cache/collect.py, cache/doctor.py and toolchain/unused.py do.
"""

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from unitgraph.cache import collect, doctor
from unitgraph.cache.collect import Collected, Limits
from unitgraph.cache.doctor import Fault, Findings
from unitgraph.cache.layout import Layout
from unitgraph.errors.store import CacheFolderUnusable
from unitgraph.rules import database_check
from unitgraph.rules.amounts import counted, size_text
from unitgraph.rules.toolchain import unused
from unitgraph.rules.toolchain.unused import Installed
from unitgraph.rules.workspace import database_path

FORGOTTEN_S: Final = 30 * 86_400
"""For so long a part of the toolchain of another version stays unless it is said otherwise."""

Say = Callable[[str], None]
_NOTHING: Final = Collected(0, 0, 0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Swept:
    """What a collection removed, or would remove."""

    folder: Path
    collected: Collected
    toolchain: tuple[Installed, ...]
    dry_run: bool

    def document(self) -> dict[str, Any]:
        found = self.collected
        return {
            "folder": str(self.folder),
            "dryRun": self.dry_run,
            "removed": {"entries": found.entries, "blobs": found.blobs, "leftovers": found.parts},
            "toolchain": [part.path.name for part in self.toolchain],
            "freedBytes": found.freed_bytes + sum(part.size_bytes for part in self.toolchain),
            "left": {"entries": found.left_entries, "sizeBytes": found.left_bytes},
        }

    def text(self) -> str:
        found = self.collected
        would = "would be removed" if self.dry_run else "removed"
        counts = ((found.entries, "result"), (found.blobs, "blob"), (found.parts, "half-written file"))
        said = [counted(count, noun) for count, noun in counts if count]
        said += [f"toolchain {part.path.name}" for part in self.toolchain]
        freed = size_text(found.freed_bytes + sum(part.size_bytes for part in self.toolchain))
        first = f"{', '.join(said)} {would} ({freed})" if said else f"nothing {would}"
        left = f"{counted(found.left_entries, 'result')} in {size_text(found.left_bytes)}"
        return f"{first}; {left} left in {self.folder}\n"


@dataclass(frozen=True, slots=True)
class Healed:
    """What the doctor found; ``unhealed`` says why a fault stays. ``database`` is what is wrong with the project's."""

    folder: Path
    findings: Findings
    unhealed: Mapping[Fault, str]
    database: str | None
    dry_run: bool

    @property
    def status(self) -> int:
        found = bool(self.findings.faults or self.database)
        return 1 if self.unhealed or (found and self.dry_run) else 0

    def document(self) -> dict[str, Any]:
        found = self.findings
        return {
            "folder": str(self.folder),
            "dryRun": self.dry_run,
            "entries": found.entries,
            "blobs": found.blobs,
            "sizeBytes": found.bytes,
            "faults": [
                {
                    "kind": fault.kind,
                    "path": fault.path,
                    "detail": fault.what,
                    "mended": not self.dry_run and fault not in self.unhealed,
                    "hindrance": self.unhealed.get(fault),
                }
                for fault in found.faults
            ],
            "database": None if self.database is None else {"detail": self.database, "mended": not self.dry_run},
        }

    def text(self) -> str:
        found = self.findings
        mended = "to be mended" if self.dry_run else "mended"
        lines = []
        for fault in found.faults:
            why = self.unhealed.get(fault)
            lines.append(f"{fault.path} {fault.what}: {f'not mended: {why}' if why else mended}")
        if self.database is not None:
            lines.append(f"The project's build database is damaged ({self.database}): {mended}")
        held = f"{counted(found.entries, 'result')}, {counted(found.blobs, 'blob')} ({size_text(found.bytes)})"
        count = len(found.faults) + (self.database is not None)
        lines.append(f"{held} looked at: {counted(count, 'fault') if count else 'all is well'}")
        if self.unhealed:
            lines.append("What belongs to another user is for them, or for root, to mend.")
        return "\n".join(lines) + "\n"


def sweep(cache: Path, limits: Limits, now_ns: int, *, dry_run: bool, say: Say) -> Swept:
    """Collects; waits for another collection to end. Raises CacheFolderUnusable."""
    layout = Layout(cache)
    max_age_s = FORGOTTEN_S if limits.max_age_ns is None else limits.max_age_ns / 1e9
    old = unused.unused(unused.installed(cache), max_age_s, now_ns / 1e9)
    try:
        if dry_run or not cache.exists():
            found = collect.collect(layout, limits, now_ns, dry_run=True) if cache.exists() else _NOTHING
            return Swept(cache, found, tuple(old), dry_run)
        with collect.alone(layout, lambda: say("Waiting for another collection to end …")):
            found = collect.collect(layout, limits, now_ns)
        for part in old:
            unused.remove(part)
    except OSError as error:
        raise CacheFolderUnusable(cache, error.strerror or str(error)) from error
    return Swept(cache, found, tuple(old), dry_run)


def heal(cache: Path, project: Path | None, now_ns: int, *, dry_run: bool, say: Say) -> Healed:
    """Finds what is damaged, and mends it. Raises CacheFolderUnusable."""
    layout = Layout(cache)
    unhealed: dict[Fault, str] = {}
    try:
        if dry_run or not cache.exists():
            findings = _examined(layout, now_ns)
        else:
            with collect.alone(layout, lambda: say("Waiting for a collection to end …")):
                findings, unhealed = doctor.treat(layout, now_ns)
    except OSError as error:
        raise CacheFolderUnusable(cache, error.strerror or str(error)) from error
    damage = None if project is None else database_check.damage(database_path(project))
    if project is not None and damage is not None and not dry_run:
        database_check.set_aside(database_path(project))
    return Healed(cache, findings, unhealed, damage, dry_run)


def _examined(layout: Layout, now_ns: int) -> Findings:
    """What mending would find; in a folder that can't be locked, what can be known without."""
    if layout.root.exists():
        with contextlib.suppress(OSError), collect.alone(layout) as is_alone:
            return doctor.examine(layout, now_ns, is_alone=is_alone)
    return doctor.examine(layout, now_ns)
