"""Files that appear whole or not at all, and go only while nobody uses them. Knows nothing of what is in them.

Every write is a temporary file that is renamed into place, so a reader sees all of it or none, however the writer ends.
What a killed writer leaves has a name that nobody looks up, and is collected by its age.
"""

import contextlib
import itertools
import os
from pathlib import Path
from typing import Final

PART: Final = ".part-"
"""How the name of a file begins that isn't in its place yet, or no longer."""

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
_NUMBERS = itertools.count()
_OWN = [""]


def _renew() -> None:
    """Sets this process apart from every other one that writes to the same folder, in other containers, too."""
    _OWN[0] = os.urandom(6).hex()


_renew()
os.register_at_fork(after_in_child=_renew)


def own_name() -> str:
    """A name that no other process gives to a file, and this one only once."""
    return f"{_OWN[0]}-{next(_NUMBERS)}"


def write_atomic(
    path: Path, data: bytes, *, mode: int = 0o644, folder_mode: int = 0o777, stamp_ns: int | None = None
) -> None:
    """Puts ``data`` at ``path`` whole or not at all; the folder is made where it is missing. May raise OSError.

    ``stamp_ns`` is the time that the file says it was last used at, instead of the system's.
    """
    part = os.path.join(path.parent, f"{PART}{own_name()}")
    try:
        handle = os.open(part, _NEW, mode)
    except FileNotFoundError:
        make_folder(path.parent, folder_mode)
        handle = os.open(part, _NEW, mode)
    try:
        with open(handle, "wb", buffering=0) as file:
            os.fchmod(handle, mode)
            rest = memoryview(data)
            while rest:
                rest = rest[file.write(rest) :]
            if stamp_ns is not None:
                os.utime(handle, ns=(stamp_ns, stamp_ns))
        os.replace(part, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(part)
        raise


def make_folder(path: Path, mode: int) -> None:
    """Makes a folder and those above it, all with ``mode``; os.makedirs gives that to the last one alone."""
    try:
        os.mkdir(path, mode)
    except FileExistsError:
        return
    except FileNotFoundError:
        make_folder(path.parent, mode)
        with contextlib.suppress(FileExistsError):
            os.mkdir(path, mode)


def stamp(path: str, now_ns: int) -> os.stat_result | None:
    """Sees to it that the file counts as used at ``now_ns`` or later; returns what it is, or None where it isn't there.

    What is there after it was stamped was there when it was, so whoever removes it later sees the stamp; and a stamp is
    never set back, since others may rely on it. May raise OSError.
    """
    try:
        found = os.stat(path)
        if found.st_mtime_ns >= now_ns:
            return found
        os.utime(path, ns=(now_ns, now_ns))
        return os.stat(path)
    except FileNotFoundError:
        return None


def remove_unless_used(path: str, since_ns: int) -> bool:
    """Removes a file unless its stamp is ``since_ns`` or later; whether it is gone. May raise OSError.

    It is renamed and then looked at again: a stamp that came before is seen, and who comes after finds nothing.
    """
    aside = os.path.join(os.path.dirname(path), f"{PART}{own_name()}")
    try:
        if os.stat(path).st_mtime_ns >= since_ns:
            return False
        os.rename(path, aside)
    except FileNotFoundError:
        return True
    if os.stat(aside).st_mtime_ns >= since_ns:
        os.rename(aside, path)
        return False
    os.unlink(aside)
    return True
