"""Parts of the toolchain that nobody uses any more: those of other versions, which were stamped as used long ago.

A part that goes is installed again by the version that asks for it, so this is about space alone.
"""

import contextlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from unitgraph.rules.toolchain.install import TEMPORARY
from unitgraph.rules.toolchain.locate import PARTS, RECORD, describe, find_bun

_ABANDONED_S: Final = 86_400
"""An install that is older than this isn't going on."""


@dataclass(frozen=True, slots=True)
class Installed:
    """A folder below ``toolchain``. ``is_current`` is whether this version uses it."""

    path: Path
    size_bytes: int
    used_s: float
    is_current: bool


def installed(cache: Path) -> list[Installed]:
    """Everything in the toolchain's folder, installs that ended halfway among it; nothing where that is a link."""
    folder = cache / "toolchain"
    if folder.is_symlink() or not folder.is_dir():
        return []
    bun = find_bun()
    current = {describe(part, cache, bun=bun).path for part in PARTS}
    return [
        Installed(path, _size(path), _used_s(path), path in current)
        for path in sorted(folder.iterdir())
        if path.is_dir() and not path.is_symlink()
    ]


def unused(found: list[Installed], max_age_s: float, now_s: float) -> list[Installed]:
    """Those to remove; what is current stays, and so does what was used in the last ``max_age_s``."""
    limits = {True: _ABANDONED_S, False: max(max_age_s, _ABANDONED_S)}
    return [
        part
        for part in found
        if not part.is_current and now_s - part.used_s > limits[part.path.name.startswith(TEMPORARY)]
    ]


def remove(part: Installed) -> None:
    """Removes a part at once, as far as anybody else can see. May raise OSError."""
    aside = part.path.with_name(f"{TEMPORARY}removed-{part.path.name.lstrip('.')}")
    if part.path != aside:
        os.rename(part.path, aside)
    shutil.rmtree(aside)


def _used_s(path: Path) -> float:
    for place in (path / RECORD, path):
        with contextlib.suppress(OSError):
            return place.stat().st_mtime
    return 0


def _size(path: Path) -> int:
    total = 0
    for parent, _, names in os.walk(path):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(parent, name)).st_size
    return total
