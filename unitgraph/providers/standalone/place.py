"""Where releases are, and which one is current. Knows files; builds nothing and starts nothing.

<output>/<project>                 → current/<project>, the path to start
<output>/current                   → releases/<id>, the one thing that an apply switches
<output>/releases/<id>/<project>   the executable
<output>/releases/<id>/release.json
<output>/releases/state.json       serial, and the executable's stat after it was last read whole
"""

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from unitgraph.providers.base import Refresh, State, Target
from unitgraph.providers.standalone.release import Release, parse

RECORD: Final = "release.json"
NONE: Final = "No release is there yet."
RESERVED: Final = frozenset({"releases", "current", "units", "chunks", "gen", "main.js"})
"""Names of the build output, which a project may have as well."""


@dataclass(frozen=True, slots=True)
class Place:
    """The output folder and the executable's name in it."""

    output: Path
    executable: str

    @property
    def releases(self) -> Path:
        return self.output / "releases"

    @property
    def current(self) -> Path:
        return self.output / "current"

    @property
    def start(self) -> Path:
        """The path that always starts the current release."""
        return self.output / self.executable

    @property
    def state(self) -> Path:
        return self.releases / "state.json"

    def release(self, release_id: str) -> Path:
        return self.releases / release_id


def of(target: Target) -> Place:
    directory = target.config.standalone.directory
    name = f"{target.project}-server" if target.project in RESERVED else target.project
    return Place(target.root / directory if directory else target.out, name)


def current_id(place: Place) -> str | None:
    """The id of the release that `current` points to, whether or not anything is there."""
    try:
        return Path(os.readlink(place.current)).name
    except OSError:
        return None


def read_release(place: Place, release_id: str) -> Release | None:
    try:
        release = parse((place.release(release_id) / RECORD).read_bytes())
    except OSError:
        return None
    return release if release is not None and release.id == release_id else None


def releases(place: Place) -> Iterator[Release]:
    """Every release that is there, the newest first."""
    found = [read_release(place, path.parent.name) for path in place.releases.glob(f"*/{RECORD}")]
    yield from sorted((one for one in found if one), key=lambda one: (one.created_at, one.id), reverse=True)


def deployed(place: Place, refresh: Refresh = "units") -> State:
    """The current release as a state; what is wrong with its executable is a drift of that.

    "full" reads the executable whole even where its stat hasn't changed, "none" trusts the release's record.
    """
    release_id = current_id(place)
    release = read_release(place, release_id) if release_id else None
    serial = int(read_state(place).get("serial", 0))
    if release is None:
        return State(serial=serial, note=NONE if release_id is None else f"Release {release_id} can't be read.")
    wrong = "" if refresh == "none" else fault(place, release, whole=refresh == "full") or _astray(place)
    drifted: dict[tuple[str, str], str] = {}
    if wrong:
        drifted = {(one.kind, one.name): wrong for one in release.resources if one.kind == "executable"}
    note = f"Release {release.id} is there, of {release.created_at[:19]}Z."
    return State(release.state.resources, serial, note, drifted)


def fault(place: Place, release: Release, *, whole: bool = False) -> str:
    """What is wrong with a release's executable, or "". It is read whole when its stat has changed, or when asked."""
    path = place.release(release.id) / place.executable
    try:
        found = os.stat(path)
    except OSError:
        return "the executable is gone"
    if found.st_size != release.size_bytes:
        return f"the executable has {found.st_size} bytes instead of {release.size_bytes}"
    if not os.access(path, os.X_OK):
        return "the executable may not be executed"
    mark = _mark(found)
    remembered = read_state(place).get("checked", {})
    if not whole and isinstance(remembered, dict) and remembered.get(release.id) == mark:
        return ""
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return "" if digest == release.sha256 else "the executable isn't the one that was put there"


def _astray(place: Place) -> str:
    """What is wrong with the path to start."""
    try:
        leads_to = os.readlink(place.start)
    except OSError:
        leads_to = ""
    return "" if leads_to == f"current/{place.executable}" else f"{place.start.name} doesn't lead to it"


def checked_mark(place: Place, release: Release) -> list[int]:
    """The stat of an executable that was just read whole, for `fault` to compare with."""
    return _mark(os.stat(place.release(release.id) / place.executable))


def _mark(found: os.stat_result) -> list[int]:
    return [found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns]


def read_state(place: Place) -> dict[str, Any]:
    try:
        found = json.loads(place.state.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
