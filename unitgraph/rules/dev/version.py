"""A good build as what runs it needs it: files that nobody writes any more, an environment, names that can be fired."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from unitgraph.cache import digest
from unitgraph.providers.cloudflare.bindings import binding_name, cron, queue_name
from unitgraph.rules import extras
from unitgraph.rules.dev import values
from unitgraph.rules.dev.places import Folders, Local, secrets_file
from unitgraph.rules.engine import Built, Engine
from unitgraph.units.model import Manifest

_KEPT: Final = 3        # versions: the last, the one before that still answers, and one more
_BOUNDARY: Final = {"package.json": '{"type":"module"}\n', "tsconfig.json": "{}\n"}
"""As in an executable: Bun looks for these upwards, and the project's own say nothing of bundles."""


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
    folder = engine.target.out if local.runs == "workers" else _staged(built, folders, mark)
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
            "variable": binding_name(server.name),
        }  # fmt: skip
        mark = digest.of([mark, own])
    return Version(mark, told)


def _named(manifest: Manifest) -> set[str]:
    """Secrets and variables that some unit reads."""
    return {name for unit in manifest.units for name in (*unit.secrets, *unit.variables)}


def _staged(built: Built, folders: Folders, mark: str) -> Path:
    """The files of a build in a folder of their own, as they are now: a process loads its units when they are asked."""
    place = folders.versions / mark[:16]
    if not place.exists():
        part = folders.versions / f".part-{os.getpid()}"
        shutil.rmtree(part, ignore_errors=True)
        stage(built, part)
        part.rename(place)
    os.utime(place)
    for old in sorted(folders.versions.iterdir(), key=lambda path: path.stat().st_mtime_ns)[:-_KEPT]:
        shutil.rmtree(old, ignore_errors=True)
    return place


def stage(built: Built, place: Path) -> None:
    """Puts the files of a build into a folder, as they are now, so that a later build moves none of them."""
    for name, file in _all_files(built).items():
        there = place / name
        there.parent.mkdir(parents=True, exist_ok=True)
        os.link(file, there)
    for name, text in _BOUNDARY.items():
        (place / name).write_text(text, "utf-8")


def _all_files(built: Built) -> dict[str, Path]:
    """Name → where it stands; source maps, which nobody ships, among them."""
    found = {name: file.path for name, file in built.build.shared.items()}
    for bundle in built.build.bundles.values():
        found |= {f"units/{bundle.unit}/{name}": file.path for name, file in bundle.files.items()}
    return found
