"""The cache on this machine's disk, shared by a user's checkouts and safe for many processes.

A blob that no longer has its digest counts as absent and is removed. A folder that can't be written is only read, one
that can't be read is empty; either is said once and breaks no build.

Blobs are copied into checkouts, not linked: they pass through memory to be verified anyway, and a second name for the
same file would let an edit of a build's output reach every other checkout. Copy-on-write links would save the copy's
blocks, on the few file systems that have them; what a bundle weighs isn't worth a second way.
"""

import contextlib
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from unitgraph.cache import collect, digest, growth
from unitgraph.cache.builds import Membership
from unitgraph.cache.claims import PATIENCE_S, Claims
from unitgraph.cache.files import make_folder, stamp, write_atomic
from unitgraph.cache.inventory import on_disk
from unitgraph.cache.layout import FILE_MODE, FOLDER_MODE, Layout, below, others_can_write
from unitgraph.cache.local_entry import LocalEntry, decode, encode
from unitgraph.cache.store import BUILT, Blob, Made, Traffic
from unitgraph.cache.tier import is_untrusted

BOUND_BYTES: Final = 10_000_000_000
OTHERS: Final = "untrusted:others"
"""The origin of everything in a folder that somebody else may write to."""

_READ: Final = os.O_RDONLY | os.O_CLOEXEC


class LocalCache:
    """The whole cache below ``root``; none of its methods raises OSError.

    Results stand apart by tier, as in tier.py; bytes are shared, since they are verified on every read. ``reads`` are
    the tiers of this build, in order, ``writes`` is where its own results go. A signer that is revoked is no longer
    among ``reads``, and another ``generation`` finds nothing of the one before.
    The folder is kept below ``bound_bytes``, where that is given, by what goes when the cache is closed. Others that
    hold on to claims are waited for as long as ``patience_s`` without progress.
    """

    def __init__(
        self, root: Path, *, reads: Sequence[str] = (BUILT,), writes: str = BUILT, generation: int = 0,
        bound_bytes: int | None = BOUND_BYTES, clock_ns: Callable[[], int] = time.time_ns,
        patience_s: float = PATIENCE_S,
    ) -> None:  # fmt: skip
        self.traffic = Traffic()
        self._layout = Layout(root)
        self._generation = generation
        self._reads = [(str(self._layout.entries(tier, generation)), tier) for tier in reads]
        self._writes = writes
        self._blobs = str(self._layout.blobs)
        self._bound_bytes = bound_bytes
        self._clock_ns = clock_ns
        self._claims = Claims(self._layout.claims, patience_s=patience_s)
        self._membership: Membership | None = None
        self._began_ns = 0
        self._is_open = False
        self._is_writable = True
        self._is_ours = True
        self._grown_bytes = 0

    @property
    def own(self) -> str:
        return self._writes

    def believes(self, origin: str, *, trusted_only: bool = False) -> bool:
        known = origin == OTHERS or origin in (self._writes, *(tier for _, tier in self._reads))
        return known and not (trusted_only and is_untrusted(origin))

    def look_up(self, keys: Sequence[str], *, trusted_only: bool = False, near: bool = False) -> Mapping[str, Made]:
        self._open()
        now_ns = self._now_ns()
        origins = [(folder, tier if self._is_ours else OTHERS) for folder, tier in self._reads]
        places = [each for each in origins if not (trusted_only and is_untrusted(each[1]))]
        found: dict[str, Made] = {}
        for key in keys:
            for folder, origin in places:
                entry = self._entry(below(folder, key), now_ns)
                if entry is not None and (entry.away or self._has_blobs(entry)):
                    found[key] = Made(entry.made.outputs, entry.made.facts, origin)
                    break
        if not near:
            self.traffic.local += len(found)
            self.traffic.missed += len(keys) - len(found)
        return found

    def fetch(self, blobs: Iterable[Blob], *, near: bool = False) -> Mapping[str, bytes]:  # noqa: ARG002 - all is near
        found = {blob.digest: self._blob(blob.digest) for blob in blobs}
        whole = {name: data for name, data in found.items() if data is not None}
        self.traffic.bytes_read += sum(map(len, whole.values()))
        return whole

    def keep(self, key: str, action: str, made: Made, data: Mapping[str, bytes]) -> None:
        """As the Cache's. What is of another origin stays with it, whatever this build writes."""
        self.hold(data)
        self._record(key, LocalEntry(made, action), self._writes if made.origin == BUILT else made.origin)

    def remember(self, key: str, action: str, made: Made, tier: str) -> None:
        """Records a result in ``tier`` whose bytes are elsewhere; they may come later, or never."""
        self._record(key, LocalEntry(made, action, away=True), tier)
        with self._writing() as allowed:
            for blob in made.outputs.values() if allowed else ():
                stamp(below(self._blobs, blob.digest), self._now_ns())

    def hold(self, data: Mapping[str, bytes]) -> None:
        """Keeps bytes under their digests, which the caller has verified."""
        with self._writing() as allowed:
            for name, content in data.items() if allowed else ():
                path = below(self._blobs, name)
                held = stamp(path, self._now_ns())
                if held is None or held.st_size != len(content):
                    self._write(path, content)
                    self.traffic.bytes_written += len(content)

    def claim(self, keys: Sequence[str]) -> frozenset[str]:
        return self._claims.take(keys)

    def release(self, keys: Iterable[str]) -> None:
        self._claims.drop(keys)

    def await_others(self, keys: Sequence[str]) -> None:
        if not self._claims.await_one(keys):
            self._warn("Another build of this machine holds on to units and doesn't get on: they are built here, too.")

    def close(self, *, at_once: bool = False) -> None:
        """Lets claims go; where the folder has outgrown its bound, what wasn't used for longest goes, too."""
        self._claims.close()
        if self._membership is None:
            return
        with contextlib.suppress(OSError):
            growth.note(self._layout, self._grown_bytes)
            bound, now_ns = self._bound_bytes, self._now_ns()
            if bound is not None and not at_once and growth.has_outgrown(self._layout, bound, now_ns):
                collect.collect_unless_another_does(self._layout, bound, now_ns)
        self._membership.end()
        self._membership, self._is_open, self._grown_bytes = None, False, 0

    def _open(self) -> None:
        """Joins the builds that use the folder, and sees who else may write to it."""
        if self._is_open:
            return
        self._is_open = True
        root = self._layout.root
        try:
            make_folder(root, FOLDER_MODE)
            self._membership = Membership(self._layout.builds, self._clock_ns())
            self._began_ns = self._membership.began_ns
        except OSError as error:
            self._only_read(error)
        self._is_ours = not any(map(others_can_write, (root, *(Path(folder) for folder, _ in self._reads))))
        if not self._is_ours:
            self._warn(
                f"Others than you can write to the cache in {root}: nothing of it is deployed. "
                "Make the folder yours alone (chown, chmod go-w), or name another one with UNITGRAPH_CACHE."
            )

    @contextlib.contextmanager
    def _writing(self) -> Iterator[bool]:
        """Around writes: whether they can be tried; one that fails is the last."""
        self._open()
        try:
            yield self._is_writable
        except OSError as error:
            self._only_read(error)

    def _only_read(self, error: OSError) -> None:
        self._is_writable = False
        why = error.strerror or str(error)
        self._warn(f"The cache in {self._layout.root} can't be written ({why}); what is built now isn't kept there.")

    def _warn(self, line: str) -> None:
        if line not in self.traffic.warnings:
            self.traffic.warnings.append(line)

    def _record(self, key: str, entry: LocalEntry, tier: str) -> None:
        path = below(str(self._layout.entries(tier, self._generation)), key)
        with self._writing() as allowed:
            if allowed and not self._is_renewed(path, entry):
                self._write(path, encode(entry))

    def _is_renewed(self, path: str, entry: LocalEntry) -> bool:
        """Whether the same entry is there, and stamped. Another build may have looked up the other one that is about
        to be replaced: its blobs are in use, too."""
        try:
            used_ns = os.stat(path).st_mtime_ns
            old = decode(Path(path).read_bytes())
        except (OSError, ValueError):
            return False
        if old == entry:
            return stamp(path, self._now_ns()) is not None
        for blob in {*old.made.outputs.values()} - {*entry.made.outputs.values()}:
            stamp(below(self._blobs, blob.digest), max(used_ns, self._now_ns()))
        return False

    def _write(self, path: str, data: bytes) -> None:
        write_atomic(Path(path), data, mode=FILE_MODE, folder_mode=FOLDER_MODE, stamp_ns=self._now_ns())
        self._grown_bytes += on_disk(len(data))

    def _entry(self, path: str, now_ns: int) -> LocalEntry | None:
        """What is recorded, stamped as used by this build; None where it isn't there or is damaged."""
        try:
            handle = os.open(path, _READ)
        except OSError:
            return None
        try:
            found = os.fstat(handle)
            data = os.read(handle, found.st_size)
            if self._is_writable and found.st_mtime_ns < self._began_ns:
                os.utime(handle, ns=(now_ns, now_ns))
                if os.stat(path).st_ino != found.st_ino:
                    return None     # removed or replaced before it was stamped
            return decode(data)
        except (OSError, ValueError):
            return None
        finally:
            os.close(handle)

    def _has_blobs(self, entry: LocalEntry) -> bool:
        """A result whose bytes are nowhere is none."""
        return all(os.path.exists(below(self._blobs, blob.digest)) for blob in entry.made.outputs.values())

    def _blob(self, name: str) -> bytes | None:
        if not digest.is_sha256(name):
            return None
        path = below(self._blobs, name)
        try:
            with open(path, "rb", buffering=0) as file:
                data = file.read()
        except OSError:
            return None
        if digest.sha256(data) == name:
            return data
        self._warn(
            f"The cache in {self._layout.root} held bytes that aren't what their name says; they count as absent. "
            "'doit cache doctor' looks for more of them."
        )
        with contextlib.suppress(OSError):
            os.unlink(path)
        return None

    def _now_ns(self) -> int:
        """The time that uses are stamped with: never before this build began, whatever happens to the clock."""
        return max(self._clock_ns(), self._began_ns)
