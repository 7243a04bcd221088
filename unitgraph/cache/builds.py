"""The builds that use a cache folder now: each holds a lock on a file of its own, whose time is when it began.

The kernel lets the lock go however a process ends, so what a killed build leaves here is known to be dead. A collection
keeps all that was used since the oldest living build began.
"""

import contextlib
import errno
import fcntl
import os
from pathlib import Path
from typing import Final

from unitgraph.cache.files import make_folder, own_name
from unitgraph.cache.layout import FOLDER_MODE

_BUSY: Final = frozenset({errno.EACCES, errno.EAGAIN})
_MANY: Final = 100
_FORGOTTEN_NS: Final = 86_400 * 1_000_000_000
"""How long a file counts as that of a living build where the file system can't tell."""


class Membership:
    """A process among the builds, from when it is made until its ``end``; ``began_ns`` is what its file says."""

    def __init__(self, folder: Path, now_ns: int) -> None:
        """Raises OSError where the folder can't be written."""
        while True:
            self._path = os.path.join(folder, own_name())
            self._handle = _open_new(folder, self._path)
            os.utime(self._handle, ns=(now_ns, now_ns))
            with contextlib.suppress(OSError):      # without locks its age must do
                fcntl.flock(self._handle, fcntl.LOCK_EX)
            if os.path.exists(self._path):
                break
            os.close(self._handle)      # a collection took it for a dead one's in between
        self.began_ns = min(now_ns, os.fstat(self._handle).st_mtime_ns)
        if len(os.listdir(folder)) > _MANY:
            living(folder, now_ns)      # killed builds leave their files, and there may never be a collection

    def end(self) -> None:
        with contextlib.suppress(OSError):
            os.unlink(self._path)
        os.close(self._handle)


def oldest(folder: Path, now_ns: int) -> int:
    """When the oldest of the living builds began, or ``now_ns``."""
    return min([now_ns, *living(folder, now_ns)])


def living(folder: Path, now_ns: int) -> list[int]:
    """When each of the living builds began; the files of dead ones go."""
    try:
        names = os.listdir(folder)
    except OSError:
        return []
    found = (_began(os.path.join(folder, name), now_ns) for name in names)
    return [began_ns for began_ns in found if began_ns is not None]


def _began(path: str, now_ns: int) -> int | None:
    """None for a dead build. What can't be opened is another user's, and alive for all that is known."""
    try:
        began_ns = os.stat(path).st_mtime_ns
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError:
        return began_ns if now_ns - began_ns < _FORGOTTEN_NS else None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return began_ns if error.errno in _BUSY or now_ns - began_ns < _FORGOTTEN_NS else None
    else:
        with contextlib.suppress(OSError):
            os.unlink(path)
        return None
    finally:
        os.close(handle)


def _open_new(folder: Path, path: str) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        return os.open(path, flags, 0o600)
    except FileNotFoundError:
        make_folder(folder, FOLDER_MODE)
        return os.open(path, flags, 0o600)
