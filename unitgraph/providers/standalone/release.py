"""A release: what one executable holds, as resources and as release.json. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from unitgraph.providers.base import Build, Bundle, Resource, State, Target, resource, state_of

if TYPE_CHECKING:
    from unitgraph.units.model import Manifest

RECORD_VERSION: Final = 1
DATA: Final = "UNITGRAPH_DATA"
"""The variable that names the folder of jobs and times."""


@dataclass(frozen=True, slots=True)
class Release:
    """``id`` is 12 hex digits of the executable resource's key: equal ids, equal content. ``sha256`` is the
    executable's."""

    id: str
    project: str
    commit: str | None
    dirty: bool
    created_at: str
    sha256: str
    size_bytes: int
    resources: tuple[Resource, ...]

    @property
    def state(self) -> State:
        return state_of(self.resources)


def desired(manifest: "Manifest", build: Build, target: Target) -> State:
    """What should be there. A unit's key covers its code and how it is called; the executable's covers all of it."""
    units = [
        resource(
            "unit",
            unit.name,
            {
                "role": unit.role,
                "functions": list(unit.function_ids),
                "handlers": [handler.document() for handler in unit.handlers],
            },
            build.bundles.get(unit.name),
        )
        for unit in manifest.units
    ]
    return state_of([*units, _executable(build, target)])


def _executable(build: Build, target: Target) -> Resource:
    data = {
        "tools": {"bun": target.tools["bun"].version},
        "target": target.config.standalone.target or "this platform",
        "defaults": dict(defaults(target)),
    }
    return resource("executable", target.project, data, Bundle(target.project, build.files()))


def defaults(target: Target) -> tuple[tuple[str, str], ...]:
    """Environment variables with the values they have where the environment says nothing else."""
    options = target.config.standalone
    settings = {
        "HOST": options.host,
        "PORT": str(options.port),
        "UNITGRAPH_SHUTDOWN_TIMEOUT": str(options.shutdown_timeout_s),
    } | ({DATA: options.data} if options.data else {})
    return tuple(sorted({**target.variables, **settings}.items()))


def keeps_data(manifest: "Manifest") -> bool:
    """Whether the process has something to keep between its runs: jobs, or which times were run."""
    return bool(manifest.queues or manifest.scheduled_tasks)


def id_of(state: State) -> str:
    """The id of the release that would bring about a desired state."""
    executable = next(found for found in state.resources.values() if found.kind == "executable")
    return executable.key.removeprefix("sha256:")[:12]


def infra(manifest: "Manifest", target: Target) -> bytes:
    """infra.json. Names only: the values are read when the process starts."""
    document = {
        "infraVersion": 1,
        "provider": "standalone",
        "project": manifest.project_id,
        "defaults": dict(defaults(target)),
        "units": [unit.name for unit in manifest.units],
        "data": {"variable": DATA, "default": target.config.standalone.data} if keeps_data(manifest) else None,
        "queues": [queue.name for queue in manifest.queues],
        "crons": [{"name": task.name, "schedule": task.schedule} for task in manifest.scheduled_tasks],
        "secrets": sorted({name for unit in manifest.units for name in unit.secrets}),
        "variables": sorted({name for unit in manifest.units for name in unit.variables}),
    }
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()


def render(release: Release) -> bytes:
    """release.json."""
    document = {
        "releaseVersion": RECORD_VERSION,
        "id": release.id,
        "project": release.project,
        "commit": release.commit,
        "dirty": release.dirty,
        "createdAt": release.created_at,
        "executable": {"sha256": release.sha256, "sizeBytes": release.size_bytes},
        "resources": [
            {
                "kind": found.kind,
                "name": found.name,
                "key": found.key,
                "data": dict(found.data),
                "bundle": found.bundle,
                "sizeBytes": found.size_bytes,
            }
            for found in release.resources
        ],
    }
    return (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode()


def parse(text: bytes) -> Release | None:
    """Read release.json; None where it isn't one, as after a crash of the machine or by somebody's hand."""
    try:
        document: Mapping[str, Any] = json.loads(text)
        if document["releaseVersion"] != RECORD_VERSION:
            return None
        return Release(
            id=document["id"],
            project=document["project"],
            commit=document["commit"],
            dirty=document["dirty"],
            created_at=document["createdAt"],
            sha256=document["executable"]["sha256"],
            size_bytes=document["executable"]["sizeBytes"],
            resources=tuple(
                Resource(one["kind"], one["name"], one["key"], one["data"], one["bundle"], one["sizeBytes"])
                for one in document["resources"]
            ),
        )
    except (ValueError, KeyError, TypeError):
        return None
