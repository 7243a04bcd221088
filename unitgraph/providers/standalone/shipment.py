"""Putting a release in place: an intent, a folder beside the others, one rename, one switch of a link.

Killed at any point, the release that was there is still current and still runs, and the next apply settles what the
killed one left. Only the switch of ``current`` changes what runs.
"""

import errno
import hashlib
import json
import os
import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from unitgraph.errors import UnitgraphError
from unitgraph.errors.provider import BuildMismatch, OutputUnwritable, ReleaseUnknown
from unitgraph.providers.base import Build, Outcome, Say, State, Target, Tool
from unitgraph.providers.plan import Plan, only, refuse_stale
from unitgraph.providers.standalone import compile as compiling
from unitgraph.providers.standalone import place as placing
from unitgraph.providers.standalone.lock import held
from unitgraph.providers.standalone.place import RECORD, Place
from unitgraph.providers.standalone.release import Release, defaults, desired, id_of, render

if TYPE_CHECKING:
    from unitgraph.units.model import Manifest

KEPT: Final = 5
"""Releases that stay for going back to, the current one among them."""

TEMPORARY: Final = ".tmp-"
INTENT: Final = "intent.json"


def apply(plan: Plan, manifest: "Manifest", build: Build, target: Target, *, say: Say) -> Outcome:
    """Perform the plan. Raises PlanStale, BuildMismatch, ApplyLocked, CompileFailed, CheckFailed, OutputUnwritable."""
    place = placing.of(target)
    try:
        place.releases.mkdir(parents=True, exist_ok=True)
        with held(place.releases / ".lock", wait_s=target.wait_lock_s, say=say):
            refuse_stale(plan, placing.deployed(place))
            _settle(place, say)
            wanted = desired(manifest, build, target)
            refuse_other_build(plan, wanted)
            release_id = id_of(wanted)
            if plan.has_changes:
                _write(place.releases / INTENT, {"release": release_id, "before": placing.current_id(place)})
                release = _present(place, release_id) or _make(plan, wanted, build, target, place=place, say=say)
                _switch(place, release)
                _forget(plan, place)
    except OSError as error:
        raise _of_disk(error, place) from error
    done = only(plan, ("create", "update", "delete"))
    return Outcome(release_id, done, (f"Start it with {_shown(place.start, target.root)}",))


def rollback(target: Target, release_id: str, *, say: Say) -> Outcome:
    """Make a release that is still there the current one again. Raises ReleaseUnknown."""
    place = placing.of(target)
    known = [release.id for release in placing.releases(place)]
    if release_id not in known:
        raise ReleaseUnknown(release_id, known=known)
    with held(place.releases / ".lock", wait_s=target.wait_lock_s, say=say):
        release = _present(place, release_id)
        if release is None:
            raise ReleaseUnknown(release_id, known=[known_id for known_id in known if known_id != release_id])
        _write(place.releases / INTENT, {"release": release_id, "before": placing.current_id(place)})
        _switch(place, release)
    return Outcome(release_id, (), (f"Start it with {_shown(place.start, target.root)}",))


def refuse_other_build(plan: Plan, wanted: State) -> None:
    """Raise BuildMismatch unless the plan's new keys are those of what would be shipped."""
    planned: dict[tuple[str, str], str] = {(one.kind, one.name): one.new_key for one in plan.changes if one.new_key}
    found = {identity: resource.key for identity, resource in wanted.resources.items()}
    for identity in sorted({*planned, *found}):
        if planned.get(identity) != found.get(identity):
            raise BuildMismatch(identity[1], planned=planned.get(identity), found=found.get(identity))


def _make(plan: Plan, wanted: State, build: Build, target: Target, *, place: Place, say: Say) -> Release:
    """Compile, check, and put the release beside the others."""
    release_id = id_of(wanted)
    platform = target.config.standalone.target
    bun: Tool = target.tools["bun"]
    folder = Path(tempfile.mkdtemp(prefix=f"{TEMPORARY}{release_id}-", dir=place.releases))
    try:
        say(f"Compiling release {release_id} …")
        executable = compiling.compile_executable(
            build, folder, bun=bun.path, platform=platform, defaults=compiling.Defaults(release_id, defaults(target))
        )
        if platform is None:
            compiling.check(executable, release=release_id, units=len(build.bundles))
        else:
            say(f"The executable is for {platform}, so it wasn't started to check it.")
        release = Release(
            id=release_id,
            project=target.project,
            commit=plan.commit,
            dirty=plan.dirty,
            created_at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            sha256=_sha256(executable),
            size_bytes=executable.stat().st_size,
            resources=tuple(wanted.resources.values()),
        )
        executable.rename(folder / place.executable)
        _write_bytes(folder / RECORD, render(release))
        folder.chmod(0o755)
        _put(folder, place.release(release_id))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return release


def _present(place: Place, release_id: str) -> Release | None:
    """A release that is there already and sound, as after going back to older sources."""
    release = placing.read_release(place, release_id)
    return release if release is not None and not placing.fault(place, release) else None


def _put(folder: Path, release: Path) -> None:
    """Move a finished folder to its name; into a damaged release of that name its files go one by one."""
    try:
        folder.rename(release)
    except OSError as error:
        if error.errno not in {errno.ENOTEMPTY, errno.EEXIST}:
            raise
        for file in sorted(folder.iterdir(), key=lambda path: path.name == RECORD):
            file.replace(release / file.name)
    _flush(release)
    _flush(release.parent)


def _switch(place: Place, release: Release) -> None:
    """Make the release current, then record it and remove the intent and releases too old to keep."""
    _link(place.current, f"releases/{release.id}")
    _link(place.start, f"current/{place.executable}")
    _flush(place.output)
    _record(place, release)
    (place.releases / INTENT).unlink(missing_ok=True)
    others = [one for one in placing.releases(place) if one.id != release.id]
    for old in others[KEPT - 1 :]:
        shutil.rmtree(place.release(old.id), ignore_errors=True)


def _forget(plan: Plan, place: Place) -> None:
    """Remove the paths to start of executables that the project no longer has, as after it was renamed."""
    for change in only(plan, ("delete",)):
        path = place.output / change.name
        if change.kind == "executable" and path.is_symlink():
            path.unlink()


def _record(place: Place, release: Release) -> None:
    before = placing.read_state(place)
    _write(
        place.state,
        {
            "serial": int(before.get("serial", 0)) + 1,
            "release": release.id,
            "checked": {release.id: placing.checked_mark(place, release)},
        },
    )


def _settle(place: Place, say: Say) -> None:
    """Finish or forget what a killed apply began; the lock is held, so nobody is at it."""
    for left in place.releases.glob(f"{TEMPORARY}*"):
        shutil.rmtree(left, ignore_errors=True)
    intent = place.releases / INTENT
    try:
        meant: Any = json.loads(intent.read_bytes())
    except FileNotFoundError:
        return
    except ValueError:
        meant = {}
    current = placing.current_id(place)
    happened = isinstance(meant, dict) and meant.get("release") == current and meant.get("before") != current
    release = placing.read_release(place, current) if current else None
    if happened and release is not None:
        _link(place.start, f"current/{place.executable}")
        _record(place, release)
    say(f"An earlier apply was interrupted; release {current or 'none'} is current.")
    intent.unlink()


def _link(path: Path, to: str) -> None:
    """Point a link elsewhere in one step."""
    temporary = path.with_name(f"{TEMPORARY}{path.name}")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(to)
    temporary.replace(path)


def _write(path: Path, document: dict[str, Any]) -> None:
    temporary = path.with_name(f"{path.name}.new")
    _write_bytes(temporary, json.dumps(document).encode())
    temporary.replace(path)


def _write_bytes(path: Path, data: bytes) -> None:
    with open(path, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _flush(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _shown(path: Path, root: Path) -> str:
    return f"./{path.relative_to(root)}" if path.is_relative_to(root) else str(path)


def _of_disk(error: OSError, place: Place) -> UnitgraphError | OSError:
    if error.errno in {
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EACCES,
        errno.EPERM,
        errno.EROFS,
        errno.EISDIR,
        errno.ENOTDIR,
        errno.EEXIST,
    }:
        return OutputUnwritable(place.output, detail=error.strerror or str(error))
    return error
