"""Faults of the disk as errors that people can mend. Knows error numbers; where it was met is in the fault itself."""

import errno
import sqlite3
from typing import Final

from unitgraph.errors.build import DiskFull

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_DATABASE_FULL: Final = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE})
"""The second is that of the file beside the database which couldn't grow."""


def told(error: BaseException) -> DiskFull | None:
    """The error that this fault is, where it is one that a full disk gives, at whatever place it was met."""
    if isinstance(error, OSError) and error.errno in _FULL:
        return DiskFull(str(error.filename or "a file"))
    if isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", None) in _DATABASE_FULL:
        return DiskFull("the build database in .deploy/cache")
    return None
