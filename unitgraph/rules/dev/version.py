"""A good build as what runs it needs it: files that nobody writes any more, an environment, names that can be fired."""

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from unitgraph.cache import digest
from unitgraph.providers.base import File
from unitgraph.providers.cloudflare.bindings import binding_name, cron, produces, pulls, queue_name
from unitgraph.rules import apart, extras
from unitgraph.rules.dev import values
from unitgraph.rules.dev.places import Folders, Local, secrets_file
from unitgraph.rules.engine import Built, Engine
from unitgraph.rules.tools import places
from unitgraph.units.model import Manifest, Unit

_KEPT: Final = 3        # versions: the last, the one before that still answers, and one more
_BOUNDARY: Final = {
    "package.json": '{"type":"module"}\n',
    "tsconfig.json": f"{json.dumps({'compilerOptions': {'paths': apart.paths(places())}})}\n",
}
"""Bun looks for these upwards, and the project's own say nothing of bundles, which import the runtime by its names."""


@dataclass(frozen=True, slots=True)
class Version:
    """``mark`` is the same for versions that are the same; ``told`` is what the front is told."""

    mark: str
    told: Mapping[str, Any]


def of(
    engine: Engine, built: Built, local: Local, folders: Folders, environ: Mapping[str, str], more: Mapping[str, str]
) -> Version:
    """The version that a build is; ``more`` holds what is said besides where nobody says otherwise."""
    root = engine.project.root
    written = values.read_file(root)
    layers = (engine.target.variables, more, values.made_up(secrets_file(root)), written, environ)
    if local.runs == "process":
        environment = values.of_process(*layers)
    else:
        environment = values.of_workers(_named(engine.manifest), written, *layers)
    files = {name: file.sha256 for name, file in built.build.files().items()}
    beside = engine.database.record(extras.NAME)        # what a provider writes besides bundles
    mark = digest.of([files, environment, beside.key if beside else ""])
    known = engine.recall.staged if engine.recall is not None else {}
    folder = engine.target.out if local.runs == "workers" else _staged(built, folders, mark, known)
    tasks = [
        {"name": task.name, "schedule": task.schedule, "unit": task.unit_name, "cron": cron(task.schedule)}
        for task in engine.manifest.scheduled_tasks
        if task.unit_name in engine.units
    ]
    queues = {one.name: queue_name(one.name) for one in engine.manifest.queues if one.consumer_unit in engine.units}
    told = {"folder": str(folder), "env": environment, "tasks": tasks, "queues": queues}
    server = next((unit for unit in engine.units.values() if unit.target == "server"), None)
    if server is not None and local.runs == "workers":
        whole = values.of_process(*layers)
        code = {name: sha256 for name, sha256 in files.items() if name.startswith(f"units/{server.name}/")}
        own = digest.of([code, whole])
        told["server"] = {
            "name": server.name, "folder": str(folder / "units" / server.name), "env": whole, "mark": own,
            "variable": binding_name(server.name), "queues": _queues(engine.manifest, server),
        }  # fmt: skip
        mark = digest.of([mark, own])
    return Version(mark, told)


def _named(manifest: Manifest) -> set[str]:
    """Secrets and variables that some unit reads."""
    return {name for unit in manifest.units for name in (*unit.secrets, *unit.variables)}


def _queues(manifest: Manifest, server: Unit) -> dict[str, bool]:
    """All queues by the platform's names, and whether the server takes from them; none where it has to do with none."""
    if not pulls(server, manifest):
        return {}
    found = {queue_name(name): False for unit in manifest.units for name in produces(unit, manifest)}
    return found | {queue_name(one.name): one.consumer_unit == server.name for one in manifest.queues}


def _staged(built: Built, folders: Folders, mark: str, known: dict[str, dict[str, str]]) -> Path:
    """The files of a build in a folder of their own, as they are now: a process loads its units when they are asked.

    Of ``known`` folders that nobody needs any more the last becomes the new one, since most of it is as it should be.
    """
    place = folders.versions / mark[:16]
    if not place.exists():
        part = folders.versions / f".part-{os.getpid()}"
        shutil.rmtree(part, ignore_errors=True)
        there = next((known.pop(old.name) for old in _old(folders, _KEPT - 1) if _taken(old, part, known)), {})
        known[place.name] = stage(built, part, there)
        part.rename(place)
    os.utime(place)
    for old in _old(folders, _KEPT):
        known.pop(old.name, None)
        shutil.rmtree(old, ignore_errors=True)
    return place


def _old(folders: Folders, kept: int) -> list[Path]:
    """The folders of versions but for the newest, the last of them first."""
    return sorted(folders.versions.iterdir(), key=lambda path: path.stat().st_mtime_ns, reverse=True)[kept:]


def _taken(old: Path, part: Path, known: Mapping[str, object]) -> bool:
    """Whether a folder has become the one that is being made: what still runs in it finds nothing there any more."""
    if old.name not in known:
        return False
    old.rename(part)
    return True


def stage(built: Built, place: Path, there: Mapping[str, str] = MappingProxyType({})) -> dict[str, str]:
    """Puts the files of a build into a folder, as they are now, so that a later build moves none of them.

    ``there`` are the files, with their digests, that the folder has already. Returns those that it has then.
    """
    files = _all_files(built)
    wanted = {name: file.sha256 for name, file in files.items()}
    for name in there.keys() - {name for name, sha256 in wanted.items() if there.get(name) == sha256}:
        (place / name).unlink()
    made: set[Path] = set()
    for name in (name for name, sha256 in wanted.items() if there.get(name) != sha256):
        path = place / name
        if path.parent not in made:
            path.parent.mkdir(parents=True, exist_ok=True)
            made.add(path.parent)
        os.link(files[name].path, path)
    if not there:
        for name, text in _BOUNDARY.items():
            (place / name).write_text(text, "utf-8")
    return wanted


def _all_files(built: Built) -> dict[str, File]:
    """By their names; source maps, which nobody ships, among them."""
    found = dict(built.build.shared)
    for bundle in built.build.bundles.values():
        found |= {f"units/{bundle.unit}/{name}": file for name, file in bundle.files.items()}
    return found
