"""What is wrong in the cache's folder, and mending it. Reads every byte; removes nothing that is right.

Builds may run meanwhile: whatever is mended is looked at once more before, and a result that goes is made again.
"""

import contextlib
import hashlib
import os
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

from unitgraph.cache import builds, collect, inventory
from unitgraph.cache.inventory import Held, Inventory
from unitgraph.cache.layout import Layout, below
from unitgraph.cache.local_entry import decode

Kind = Literal["wrong-bytes", "unreadable", "damaged-entry", "absent-blob", "half-file", "stray", "mode", "owner"]

WRONG: Final[frozenset[Kind]] = frozenset({"wrong-bytes", "unreadable", "damaged-entry", "absent-blob"})
"""What a lookup could stumble over; the rest is untidy."""

_THREADS: Final = 4     # reading and hashing let go of the interpreter


@dataclass(frozen=True, slots=True)
class Fault:
    """``what`` is a sentence without its end."""

    kind: Kind
    path: str
    what: str


@dataclass(frozen=True, slots=True)
class Findings:
    """How much was looked at, and what is wrong with it, in the order in which it can be mended."""

    entries: int
    blobs: int
    bytes: int
    faults: tuple[Fault, ...]


def examine(layout: Layout, now_ns: int, *, is_alone: bool = False) -> Findings:
    """Looks at everything. May raise OSError where the folder can't be listed.

    Within ``alone`` a half-written file is known to be one where no build lived all the while; else only its age tells.
    """
    nobody = is_alone and not builds.living(layout.builds, now_ns)
    found = inventory.take(layout)
    nobody = nobody and not builds.living(layout.builds, now_ns)
    blob_faults = _check_blobs(found.blobs)
    wrong = frozenset(os.path.basename(fault.path) for fault in blob_faults)
    faults = [
        *blob_faults,
        *_check_entries(layout, found, wrong),
        *_half_files(found, now_ns, nobody=nobody),
        *(Fault("stray", path, "isn't a file of the cache") for path in found.strays),
        *check_modes(layout),
    ]
    return Findings(
        len(found.entries), len(found.blobs), sum(blob.size_bytes for blob in found.blobs),
        tuple(sorted(faults, key=lambda fault: (_ORDER[fault.kind], fault.path))),
    )  # fmt: skip


def treat(layout: Layout, now_ns: int) -> tuple[Findings, dict[Fault, str]]:
    """Finds and mends, and says why what stays can't be mended. Call it within ``alone``. May raise OSError."""
    first = check_modes(layout)
    unhealed = _mend_all(layout, first)
    found = examine(layout, now_ns, is_alone=True)
    rest = [fault for fault in found.faults if fault not in unhealed]
    unhealed |= _mend_all(layout, rest)
    return replace(found, faults=(*first, *rest)), unhealed


def _mend_all(layout: Layout, faults: Iterable[Fault]) -> dict[Fault, str]:
    return {fault: why for fault in faults if (why := mend(layout, fault)) is not None}


def mend(layout: Layout, fault: Fault) -> str | None:
    """Does away with a fault, if it is still there; returns why that isn't possible. Call it within ``alone``."""
    try:
        _MENDING[fault.kind](layout, fault.path)
    except FileNotFoundError:
        return None
    except OSError as error:
        return error.strerror or str(error)
    return None


def _check_blobs(blobs: Iterable[Held]) -> list[Fault]:
    with ThreadPoolExecutor(_THREADS) as pool:
        return [fault for fault in pool.map(_check_blob, (blob.path for blob in blobs)) if fault]


def _check_blob(path: str) -> Fault | None:
    try:
        with open(path, "rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return None
    except OSError as error:
        return Fault("unreadable", path, f"can't be read ({error.strerror})")
    name = os.path.basename(path)
    return Fault("wrong-bytes", path, f"holds other bytes: their SHA-256 is {found}") if found != name else None


def _check_entries(layout: Layout, found: Inventory, wrong: frozenset[str]) -> Iterator[Fault]:
    """``wrong`` are the names of blobs with other bytes. What looks wrong is looked at again: it may just have gone."""
    good = {blob.name for blob in found.blobs} - wrong
    for entry in found.entries:
        if entry.is_damaged or (not entry.away and not good.issuperset(entry.names)):
            fault = _check_entry(layout, entry.file.path, wrong)
            if fault:
                yield fault


def _check_entry(layout: Layout, path: str, wrong: frozenset[str] = frozenset()) -> Fault | None:
    """A collection takes an entry before its blobs, and looks at a blob under another name. So what is missing counts
    only if the entry is there after that, and the blob still isn't."""
    while True:
        try:
            data = Path(path).read_bytes()
            entry = decode(data)
        except FileNotFoundError:
            return None
        except OSError as error:
            return Fault("damaged-entry", path, f"can't be read ({error.strerror})")
        except ValueError:
            return Fault("damaged-entry", path, "can't be read as an entry")
        names = {blob.digest for blob in entry.made.outputs.values()}
        absent = _absent(layout, names, wrong)
        if entry.away or not absent:
            return None
        with contextlib.suppress(OSError):
            if Path(path).read_bytes() == data and _absent(layout, names, wrong) == absent:
                return Fault("absent-blob", path, f"is of {entry.action}, whose blob {min(absent)} isn't there")


def _absent(layout: Layout, names: Iterable[str], wrong: frozenset[str]) -> set[str]:
    return {name for name in names if name in wrong or not os.path.exists(below(layout.blobs, name))}


def _half_files(found: Inventory, now_ns: int, *, nobody: bool) -> Iterator[Fault]:
    for part in found.parts:
        if (nobody or collect.is_dead(part, now_ns)) and os.path.exists(part.path):
            yield Fault("half-file", part.path, "was left by a write that never ended")


def check_modes(layout: Layout) -> list[Fault]:
    """What this user can't use, or others can change; mend it before anything else."""
    try:
        owner = os.stat(layout.root).st_uid
    except FileNotFoundError:
        return []
    faults = []
    for path in _everything(layout):
        try:
            found = os.lstat(path)
        except FileNotFoundError:
            continue
        if stat.S_ISLNK(found.st_mode):
            continue
        if found.st_uid != owner:
            faults.append(Fault("owner", path, f"belongs to user {found.st_uid}, and the folder to {owner}"))
        if stat.S_IMODE(found.st_mode) != _wanted_mode(found):
            faults.append(Fault("mode", path, f"has the permissions {stat.filemode(found.st_mode)}"))
    return faults


def _everything(layout: Layout) -> Iterator[str]:
    """The cache's own files and folders, and nothing else that is beside them."""
    yield str(layout.root)
    tiers = {folder.relative_to(layout.root).parts[0] for _, _, folder in layout.tiers()}
    for name in sorted({layout.blobs.name, layout.builds.name, *tiers}):
        top = os.path.join(layout.root, name)
        yield top
        for parent, folders, names in os.walk(top):
            yield from (os.path.join(parent, name) for name in (*folders, *names))
    yield from map(str, (layout.claims, layout.size, layout.lock))


def _wanted_mode(found: os.stat_result) -> int:
    """What is there, as far as the owner can use it and nobody else can change it."""
    needed = stat.S_IRWXU if stat.S_ISDIR(found.st_mode) else stat.S_IRUSR
    return (stat.S_IMODE(found.st_mode) | needed) & ~(stat.S_IWGRP | stat.S_IWOTH)


def _mend_blob(_layout: Layout, path: str) -> None:
    if _check_blob(path):
        os.unlink(path)


def _mend_entry(layout: Layout, path: str) -> None:
    if _check_entry(layout, path):
        os.unlink(path)


def _remove(_layout: Layout, path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    else:
        os.unlink(path)


def _mend_mode(_layout: Layout, path: str) -> None:
    os.chmod(path, _wanted_mode(os.lstat(path)))


def _mend_owner(layout: Layout, path: str) -> None:
    os.chown(path, os.stat(layout.root).st_uid, -1, follow_symlinks=False)


_MENDING: Final[Mapping[Kind, Callable[[Layout, str], None]]] = {
    "owner": _mend_owner,
    "mode": _mend_mode,
    "wrong-bytes": _mend_blob,
    "unreadable": _mend_blob,
    "damaged-entry": _mend_entry,
    "absent-blob": _mend_entry,
    "half-file": _remove,
    "stray": _remove,
}
"""In this order: who may do what, then bytes, then the entries that name them."""

_ORDER: Final = {kind: number for number, kind in enumerate(_MENDING)}
