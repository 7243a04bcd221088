"""The cache on this machine's disk, shared by a user's checkouts and safe for many processes.

Every write is a temporary file that is renamed into place, so a reader sees all of it or none.
A blob that no longer has its digest counts as absent and is removed.
"""

import contextlib
import itertools
import json
import os
from pathlib import Path

from unitgraph.cache import digest
from unitgraph.cache.store import Made

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
_OWN = os.urandom(6).hex()
"""Sets this process apart from every other one that writes to the same folder, in other containers, too."""
_NUMBERS = itertools.count()


def write_atomic(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Puts ``data`` at ``path`` whole or not at all; the folder is made where it is missing. May raise OSError."""
    part = os.path.join(path.parent, f".part-{_OWN}-{next(_NUMBERS)}")
    try:
        handle = os.open(part, _NEW, mode)
    except FileNotFoundError:
        os.makedirs(path.parent, exist_ok=True)
        handle = os.open(part, _NEW, mode)
    try:
        with open(handle, "wb", buffering=0) as file:
            os.fchmod(handle, mode)
            rest = memoryview(data)
            while rest:
                rest = rest[file.write(rest) :]
        os.replace(part, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(part)
        raise


class LocalBlobs:
    """Blobs as files ``<root>/<first two digits>/<digest>``."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def _path(self, name: str) -> Path:
        return self._root / name[:2] / name

    def get(self, name: str) -> bytes | None:
        path = self._path(name)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return None
        if digest.sha256(data) == name:
            return data
        with contextlib.suppress(OSError):
            path.unlink()
        return None

    def put(self, data: bytes) -> str:
        name = digest.sha256(data)
        path = self._path(name)
        if not path.exists():
            write_atomic(path, data)
        return name


class LocalActions:
    """Action results as files ``<root>/<first two digits>/<key>``, one line of JSON each."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def _path(self, key: str) -> Path:
        return self._root / key[:2] / key

    def get(self, key: str) -> Made | None:
        try:
            found = json.loads(self._path(key).read_bytes())
            outputs, facts = found["outputs"], found["facts"]
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None
        names = outputs.items() if isinstance(outputs, dict) else [(None, None)]
        if not isinstance(facts, dict) or not all(isinstance(part, str) for pair in names for part in pair):
            return None
        return Made(outputs, facts)

    def put(self, key: str, made: Made) -> None:
        text = json.dumps({"outputs": dict(made.outputs), "facts": dict(made.facts)}, sort_keys=True)
        write_atomic(self._path(key), text.encode())
