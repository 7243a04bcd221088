"""A shared cache in a folder that several machines mount: plain files, each renamed into place. Knows no locks.

Files are ac/<2>/<key> and cas/<2>/<digest>, as open as the folder itself. The time of a file says when it was last
of use, to a day, so `find DIR -type f -mtime +30 -delete` removes what nobody has needed for a month.
"""

import contextlib
import errno
import os
import stat
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeVar

from unitgraph.cache.files import write_atomic
from unitgraph.cache.remote import bounds
from unitgraph.cache.remote.address import parse
from unitgraph.cache.remote.base import Backend, Connection, Trouble
from unitgraph.cache.remote.pool import Pool
from unitgraph.cache.store import Blob
from unitgraph.errors.cache import CacheAddressInvalid

_TROUBLES: Final[Mapping[int, Trouble]] = {
    errno.EACCES: "denied",
    errno.EPERM: "denied",
    errno.EROFS: "denied",
    errno.ENOSPC: "full",
    errno.EDQUOT: "full",
    errno.EFBIG: "full",
    errno.ENOENT: "unreachable",
    errno.ENOTCONN: "unreachable",
    errno.EHOSTDOWN: "unreachable",
    errno.EHOSTUNREACH: "unreachable",
    errno.ETIMEDOUT: "timeout",
}
_READ: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK       # a pipe in the place of a file is not waited for
_PIECE_BYTES: Final = 1 << 20
_DAY_S: Final = 86_400

Value = TypeVar("Value")


def connect(connection: Connection) -> Backend:
    """The folder at an absolute path, or at a file URL. It is made at the first write if the one above it is there."""
    path = connection.url
    if not path.startswith("/"):
        address = parse("file://localhost" + path[7:] if path.lower().startswith("file:///") else path)
        if address.host != "localhost":
            raise CacheAddressInvalid(address.place, "a file URL names no host: file:///mnt/cache")
        path = address.path
    if "\0" in path or ".." in path.split("/") or not path.strip("/"):
        raise CacheAddressInvalid(path.replace("\0", ""), "it is no folder of its own")
    return Folder(Path(path), connection)


class Folder:
    """One folder. A file system that hangs is given up like every other place: its calls are made in other threads."""

    def __init__(self, root: Path, connection: Connection) -> None:
        self.place = str(root)
        self._root = root
        self._connection = connection
        self._made: set[Path] = set()
        self._mode = 0
        self._pool = Pool(self.place, connection.parallel)

    def entries(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        wanted = dict.fromkeys(bounds.names(keys), bounds.ENTRY_BYTES)
        found = self._each(lambda key: self._read("ac", key, wanted[key]), wanted)
        return {key: entry for key, entry in found.items() if len(entry) <= bounds.ENTRY_BYTES}

    def put_entry(self, key: str, entry: bytes, blobs: Sequence[Blob]) -> None:
        self._each(lambda digest: self._touch("cas", digest), bounds.sizes(blobs))
        (name,) = bounds.names([key])
        self._each(lambda name: self._write("ac", name, entry), {name: len(entry)})

    def missing(self, blobs: Sequence[Blob]) -> frozenset[str]:
        wanted = bounds.sizes(blobs)
        return frozenset(self._each(lambda digest: self._look(digest, wanted[digest]), dict.fromkeys(wanted, 0)))

    def blobs(self, blobs: Sequence[Blob]) -> Mapping[str, bytes]:
        wanted = bounds.sizes(blobs)
        return self._each(lambda digest: self._read("cas", digest, wanted[digest]), wanted)

    def put_blobs(self, blobs: Mapping[str, bytes]) -> None:
        wanted = {digest: len(blobs[digest]) for digest in bounds.names(blobs)}
        self._each(lambda digest: self._write("cas", digest, blobs[digest]), wanted)

    def close(self) -> None:
        self._pool.close()

    def _each(self, do: Callable[[str], Mapping[str, Value]], wanted: Mapping[str, int]) -> dict[str, Value]:
        """``do`` for each name, which stands with the number of bytes that it moves."""

        def attempt(name: str) -> Mapping[str, Value]:
            try:
                return do(name)
            except OSError as error:
                trouble = _TROUBLES.get(error.errno or 0, "failed")
                raise bounds.fault(self.place, trouble, os.strerror(error.errno or 0)) from error

        return self._pool.each(
            attempt, wanted, allowed_s=lambda name: bounds.allowed_s(self._connection, wanted[name])
        )

    def _path(self, kind: str, name: str) -> Path:
        return self._root / kind / name[:2] / name

    def _read(self, kind: str, name: str, longest: int) -> dict[str, bytes]:
        """What is there, and of what is longer than it should be one byte more than that: no digest will fit."""
        path = self._path(kind, name)
        try:
            handle = os.open(path, _READ)
        except FileNotFoundError:
            self._check_root()
            return {}
        try:
            found = os.fstat(handle)
            if not stat.S_ISREG(found.st_mode):
                return {}
            if time.time() - found.st_mtime > _DAY_S:
                with contextlib.suppress(OSError):      # those who may only read leave it as it is
                    os.utime(path)
            parts = []
            left = longest + 1
            while left and (part := os.read(handle, min(left, _PIECE_BYTES))):
                parts.append(part)
                left -= len(part)
        finally:
            os.close(handle)
        return {name: b"".join(parts)}

    def _look(self, digest: str, size: int) -> dict[str, bool]:
        try:
            found = os.stat(self._path("cas", digest))
        except FileNotFoundError:
            self._check_root()
            return {digest: True}
        return {} if found.st_size == size else {digest: True}      # one that was cut off is to be put again

    def _touch(self, kind: str, name: str) -> dict[str, bytes]:
        with contextlib.suppress(FileNotFoundError, PermissionError):
            os.utime(self._path(kind, name))
        return {}

    def _write(self, kind: str, name: str, data: bytes) -> dict[str, bytes]:
        path = self._path(kind, name)
        mode = self._mode if path.parent in self._made else self._make_folders(path)
        write_atomic(path, data, mode=mode & 0o666)
        return {}

    def _make_folders(self, path: Path) -> int:
        """Makes those above ``path``, as open as the root: who may write there may write here. Returns its mode."""
        with contextlib.suppress(FileExistsError):
            os.mkdir(self._root)
        self._mode = stat.S_IMODE(os.stat(self._root).st_mode)
        for folder in (path.parent.parent, path.parent):
            _make(folder, self._mode & 0o2777)
        self._made.add(path.parent)
        return self._mode

    def _check_root(self) -> None:
        """Raises FileNotFoundError where the folder above is gone, too: a share that isn't mounted."""
        if not self._root.exists():
            os.stat(self._root.parent)


def _make(folder: Path, mode: int) -> None:
    try:
        os.mkdir(folder)
    except FileExistsError:
        return
    os.chmod(folder, mode)
