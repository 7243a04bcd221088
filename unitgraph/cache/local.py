"""The cache on this machine's disk, shared by a user's checkouts and safe for many processes.

Every write is a temporary file that is renamed into place, so a reader sees all of it or none.
A blob that no longer has its digest counts as absent and is removed.
"""

import contextlib
import itertools
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from unitgraph.cache import digest
from unitgraph.cache.claims import Claims
from unitgraph.cache.store import BUILT, TRUSTED, Blob, Made, Traffic

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


class LocalCache:
    """The whole cache below one folder. ``namespace`` is that of an untrusted build, whose results stand apart.

    A lookup finds what was built or verified for trusted builds, and then what the namespace has of its own.
    """

    def __init__(self, root: Path, *, namespace: str | None = None) -> None:
        self.traffic = Traffic()
        self._blobs = root / "cas"
        self._trusted = root / "ac"
        self._own = root / "untrusted" / namespace / "ac" if namespace else None
        self._origin = f"untrusted:{namespace}" if namespace else BUILT
        self._claims = Claims(root / "claims")

    def look_up(self, keys: Sequence[str], *, trusted_only: bool = False, near: bool = False) -> Mapping[str, Made]:
        found: dict[str, Made] = {}
        for key in keys:
            made = self._entry(self._trusted, key, BUILT)
            if made is None and self._own is not None and not trusted_only:
                made = self._entry(self._own, key, self._origin)
            if made is not None:
                found[key] = made
        if not near:
            self.traffic.local += len(found)
            self.traffic.missed += len(keys) - len(found)
        return found

    def fetch(self, blobs: Iterable[Blob], *, near: bool = False) -> Mapping[str, bytes]:  # noqa: ARG002 - all is near
        found = {blob.digest: self._blob(blob.digest) for blob in blobs}
        whole = {name: data for name, data in found.items() if data is not None}
        self.traffic.bytes_read += sum(map(len, whole.values()))
        return whole

    def keep(self, key: str, action: str, made: Made, data: Mapping[str, bytes]) -> None:  # noqa: ARG002 - the Cache's
        for name, content in data.items():
            path = _below(self._blobs, name)
            if not path.exists():
                write_atomic(path, content)
                self.traffic.bytes_written += len(content)
        folder = self._trusted if made.origin in (BUILT, TRUSTED) and self._own is None else self._own or self._trusted
        write_atomic(_below(folder, key), _text(made))

    def claim(self, keys: Sequence[str]) -> frozenset[str]:
        return self._claims.take(keys)

    def release(self, keys: Iterable[str]) -> None:
        self._claims.drop(keys)

    def await_others(self, keys: Sequence[str]) -> None:
        self._claims.await_one(keys)

    def close(self) -> None:
        self._claims.close()

    def _entry(self, folder: Path, key: str, origin: str) -> Made | None:
        try:
            found = json.loads(_below(folder, key).read_bytes())
            outputs = {str(path): Blob(str(name), int(size)) for path, (name, size) in found["outputs"].items()}
            facts = found["facts"]
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None
        return Made(outputs, facts, origin) if isinstance(facts, dict) else None

    def _blob(self, name: str) -> bytes | None:
        path = _below(self._blobs, name)
        try:
            data = path.read_bytes()
        except OSError:
            return None
        if digest.sha256(data) == name:
            return data
        with contextlib.suppress(OSError):
            path.unlink()
        return None


def _below(folder: Path, name: str) -> Path:
    return folder / name[:2] / name


def _text(made: Made) -> bytes:
    outputs = {path: (blob.digest, blob.size) for path, blob in made.outputs.items()}
    return json.dumps({"outputs": outputs, "facts": dict(made.facts)}, sort_keys=True).encode()
