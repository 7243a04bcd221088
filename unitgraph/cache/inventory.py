"""What lies in the cache's folder: entries, blobs, what killed writers left, and what doesn't belong there.

Reads names, sizes and times, and of entries what they say. Whatever goes while it is listed is left out.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from unitgraph.cache import digest
from unitgraph.cache.files import PART
from unitgraph.cache.layout import Layout
from unitgraph.cache.local_entry import decode

_BLOCK_BYTES: Final = 4096
_DIGITS: Final = frozenset("0123456789abcdef")


@dataclass(frozen=True, slots=True)
class Held:
    """A file in its place. ``size_bytes`` is what it takes on a disk, ``used_ns`` when it was last used."""

    path: str
    name: str
    size_bytes: int
    used_ns: int


@dataclass(frozen=True, slots=True)
class HeldEntry:
    """``tier`` and ``generation`` as in layout.py; ``names`` are the digests of its blobs, which may be elsewhere when
    it is ``away``. One that ``is_damaged`` says nothing."""

    file: Held
    tier: str
    generation: int
    action: str = ""
    names: tuple[str, ...] = ()
    away: bool = False
    is_damaged: bool = False


@dataclass(frozen=True, slots=True)
class Inventory:
    """``parts`` are files that never came into their place; ``strays`` are paths that the cache didn't make."""

    entries: tuple[HeldEntry, ...]
    blobs: tuple[Held, ...]
    parts: tuple[Held, ...]
    strays: tuple[str, ...]

    @property
    def size_bytes(self) -> int:
        return sum(entry.file.size_bytes for entry in self.entries) + sum(
            held.size_bytes for held in (*self.blobs, *self.parts)
        )


def take(layout: Layout) -> Inventory:
    """Lists everything. May raise OSError where a folder can't be read."""
    parts = [held for file in _scan(str(layout.root)) if file.name.startswith(PART) and (held := _held(file))]
    strays: list[str] = []
    entries = tuple(
        _read(held, tier, generation)
        for tier, generation, folder in layout.tiers()
        for held in _listed(folder, parts, strays)
    )
    return Inventory(entries, tuple(_listed(layout.blobs, parts, strays)), tuple(parts), tuple(strays))


def on_disk(size_bytes: int) -> int:
    """What a file of so many bytes takes: whole blocks, as most file systems have them."""
    return -(-size_bytes // _BLOCK_BYTES) * _BLOCK_BYTES


def _listed(folder: Path, parts: list[Held], strays: list[str]) -> Iterator[Held]:
    for shard in _scan(str(folder)):
        if len(shard.name) != 2 or not _DIGITS.issuperset(shard.name) or not shard.is_dir(follow_symlinks=False):
            strays.append(shard.path)
            continue
        for file in _scan(shard.path):
            held = _held(file)
            if held is None:
                continue
            if not file.is_file(follow_symlinks=False):
                strays.append(file.path)
            elif digest.is_sha256(file.name) and file.name.startswith(shard.name):
                yield held
            elif file.name.startswith(PART):
                parts.append(held)
            else:
                strays.append(file.path)


def _held(file: os.DirEntry[str]) -> Held | None:
    try:
        found = file.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None
    return Held(file.path, file.name, on_disk(found.st_size), found.st_mtime_ns)


def _scan(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return sorted(found, key=lambda each: each.name)
    except FileNotFoundError:
        return []


def _read(held: Held, tier: str, generation: int) -> HeldEntry:
    try:
        entry = decode(Path(held.path).read_bytes())
    except (OSError, ValueError):
        return HeldEntry(held, tier, generation, is_damaged=True)
    names = tuple({blob.digest for blob in entry.made.outputs.values()})
    return HeldEntry(held, tier, generation, entry.action, names, entry.away)
