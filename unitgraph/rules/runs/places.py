"""Where a project's runs are kept, as command line, environment and configuration say it. Reads no store."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from unitgraph.errors.runs import RunsPlaceUnknown
from unitgraph.rules.dev import places as dev
from unitgraph.rules.dev import running
from unitgraph.units.project import Project

STORE: Final = "UNITGRAPH_STORE"
DATA: Final = "UNITGRAPH_DATA"
PLACE: Final = "UNITGRAPH_RUNS"
"""Says where runs are for whoever looks after them, in the same forms as ``--store``."""
_SERVERS: Final = frozenset(("postgres", "postgresql", "redis", "rediss"))


@dataclass(frozen=True, slots=True)
class Place:
    """``environment`` names the store as a process of the project reads it; ``file`` is an export in its place.

    ``url`` is a deployment's that answers for them. ``name`` is for people, and holds no password.
    """

    project: str
    name: str
    environment: Mapping[str, str] = field(repr=False)
    file: Path | None = None
    url: str | None = None


def place_of(
    project: Project, environ: Mapping[str, str], *, store: str = "", environment: str = "", is_dev: bool = False,
    provider: str = "",
) -> Place:  # fmt: skip
    """The store that is meant: ``store`` (a folder, an export, the URL of a server or a deployment), what ``doit dev``
    keeps, or what a process of the project would take. Raises RunsPlaceUnknown, UnknownEnvironment, DevNotRunning."""
    deploy = project.config.deploy.within(environment)
    said = {**deploy.variables(environment), **environ}
    if deploy.standalone.data:
        said.setdefault(DATA, deploy.standalone.data)
    store = store or ("" if is_dev else environ.get(PLACE, ""))
    if is_dev:
        store = _of_dev(project, provider or deploy.provider)
    if urlsplit(store).scheme in ("http", "https"):
        return Place(project.name, store, said, url=store)
    if store and urlsplit(store).scheme in _SERVERS:
        return _server(project.name, store, said)
    if store:
        return _files(project.name, Path(store).resolve(), said)
    if said.get(STORE):
        return _server(project.name, said[STORE], said)
    return Place(project.name, said.get(DATA) or "the data folder of this user", said)


def _of_dev(project: Project, provider: str) -> str:
    """Of a process the folder, which needs no ``dev`` that runs; of Workers the address."""
    folders = dev.folders(project.root, provider)
    return running.address(folders, provider) if dev.local(provider).runs == "workers" else str(folders.data)


def _server(project: str, url: str, said: Mapping[str, str]) -> Place:
    parts = urlsplit(url)
    return Place(project, f"{parts.hostname or ''}{parts.path.rstrip('/')}", {**said, STORE: url})


def _files(project: str, path: Path, said: Mapping[str, str]) -> Place:
    if path.is_file() and path.name != "runs.sqlite":
        return Place(project, str(path), said, path)
    folder = path.parent if path.is_file() else path
    if not folder.is_dir():
        raise RunsPlaceUnknown(str(path))
    return Place(project, str(folder), {**said, STORE: "", DATA: str(folder)})
