"""Relative paths that another machine names: which of them can't lead out of their folder. Touches no file system."""

from collections.abc import Collection
from typing import Final

LONGEST: Final = 1024       # bytes of a path
_LONGEST_NAME: Final = 255  # bytes of one name in it, as file systems have it
_BARRED: Final = frozenset('\\:"<>|?*')
"""Separators, drives, streams and patterns of some system or shell; nothing that a build makes is called so."""


def is_inside(path: str) -> bool:
    """Whether ``path`` is a plain relative POSIX path, the same on every system: no root, no drive, no way up."""
    try:
        names = path.encode().split(b"/")
    except UnicodeEncodeError:      # half of a surrogate pair
        return False
    return (
        len(path.encode()) <= LONGEST
        and path.isprintable()
        and not _BARRED.intersection(path)
        and all(name not in (b"", b".", b"..") and len(name) <= _LONGEST_NAME for name in names)
    )


def fit_together(paths: Collection[str]) -> bool:
    """Whether all of them can be files at once: none is a folder of another."""
    folders = {path[:end] for path in paths for end, letter in enumerate(path) if letter == "/"}
    return folders.isdisjoint(paths)
