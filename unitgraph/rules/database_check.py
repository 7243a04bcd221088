"""Whether a checkout's build database is whole. It is a memo: a damaged one is set aside, and costs time only."""

import contextlib
import os
import sqlite3
from pathlib import Path
from typing import Final
from urllib.parse import quote

_WAIT_S: Final = 10
_OTHERS: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_CANTOPEN})
"""What says nothing of the file: another process is at it, or it isn't there."""


def damage(path: Path) -> str | None:
    """What is wrong with the database, None where nothing is or where it isn't there. Builds may use it meanwhile."""
    if not path.exists():
        return None
    try:
        opened = sqlite3.connect(f"file:{quote(str(path))}?mode=rw", timeout=_WAIT_S, uri=True)
        with contextlib.closing(opened):
            (said,) = opened.execute("PRAGMA integrity_check(1)").fetchone()
    except sqlite3.Error as error:
        return None if getattr(error, "sqlite_errorcode", 0) & 0xFF in _OTHERS else str(error)
    return None if said == "ok" else " ".join(str(said).split())


def set_aside(path: Path) -> None:
    """Renames the database, so that the next build begins a new one. May raise OSError."""
    for suffix in ("", "-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            os.replace(f"{path}{suffix}", f"{path}{suffix}.damaged")
