"""A project as it lies on disk: its root, name, configuration, tsconfig, packages and sources.

Knows no TypeScript. ``load_project`` raises every mistake of these files at once.
"""

import os
import posixpath
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from unitgraph.errors import Place, Problems, UnitgraphError
from unitgraph.errors.project import (
    BadJson,
    BadSetting,
    MissingFolder,
    PackageJsonMissing,
    PackageNotInstalled,
    ProjectNotFound,
    ProjectUnnamed,
    UnreadableFile,
    nearest,
)
from unitgraph.units import jsontext
from unitgraph.units.config import FILE, Config, ConfigText, parse_config
from unitgraph.units.lockfile import NO_LOCKFILE, Lockfile, Manager
from unitgraph.units.lockfile_formats import manager_of, read_lockfile
from unitgraph.units.packages import PackageJson, Workspace, find_workspace, parse_package_json
from unitgraph.units.sources import Sources
from unitgraph.units.tsconfig import Tsconfig, read_tsconfig

_TSCONFIG: Final = "tsconfig.json"


@dataclass(frozen=True, slots=True)
class Project:
    """``packages`` of the workspace are reached through ``workspace``; ``lock`` is None where there is no lockfile."""

    root: Path
    name: str
    config: Config
    config_text: ConfigText
    package: PackageJson
    tsconfig: Tsconfig
    lock: Lockfile | None
    manager: Manager
    workspace: Workspace
    sources: Sources

    def installed(self, name: str, folder: str = "") -> str | None:
        """The folder, relative to the root, of a package as an importer in ``folder`` finds it on disk."""
        sources = self.sources
        level = folder
        top = posixpath.join(self.workspace.root, "node_modules")
        while True:
            place = f"{level}/node_modules/{name}" if level else f"node_modules/{name}"
            if sources.is_folder(place):
                return place
            if level in ("", "..") or level.endswith("/.."):
                break
            level = posixpath.dirname(level)
        for inner in ("node_modules", top):
            place = f"{inner}/{name}"
            if sources.is_folder(place):
                return place
        return None

    def missing(self, names: Iterable[str], importer: str = "", place: Place | None = None) -> list[UnitgraphError]:
        """An error for each of these packages that isn't installed, with what to type."""
        return [
            PackageNotInstalled(
                name, declared=True, install=self.manager.install, add=self.manager.add, place=place
            )
            for name in sorted(set(names))
            if self.installed(name, posixpath.dirname(importer)) is None
        ]


def load_project(start: Path) -> Project:
    """The project whose pikku.config.json is in ``start`` or the nearest folder above it; raises Problems."""
    root = find_root(start)
    problems: list[UnitgraphError] = []
    try:
        text = (root / FILE).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Problems([UnreadableFile(FILE, _why(error))]) from None
    config, config_text, mistakes = parse_config(text)
    problems += mistakes
    sources = Sources(root, config.src_directories, out_dir=config.out_dir)
    problems += _missing_folders(sources, config, config_text)
    problems += _misplaced_output(config, config_text)
    package, name, mistakes = _package(sources)
    problems += mistakes
    wanted = posixpath.normpath(config.tsconfig or _TSCONFIG)
    asked = config_text.place("tsconfig") if config.tsconfig else None
    tsconfig, mistakes = read_tsconfig(sources, wanted, asked=asked)
    problems += mistakes
    workspace = find_workspace(sources, package)
    members = {"": package, **{member.folder: member for member in workspace.packages.values()}}
    lock, mistakes = read_lockfile(sources, workspace.root, members)
    problems += mistakes
    if problems:
        raise Problems(problems)
    manager = lock.manager if lock else manager_of(sources, workspace.root) or NO_LOCKFILE
    return Project(root, name, config, config_text, package, tsconfig, lock, manager, workspace, sources)


def find_root(start: Path) -> Path:
    """The folder with the configuration; raises Problems where there is none."""
    folder = Path(os.path.abspath(start))
    for candidate in (folder, *folder.parents):
        if (candidate / FILE).is_file():
            return candidate
    raise Problems([ProjectNotFound(str(start))])


def unit_prefix(name: str) -> str:
    """A package's name as unit names begin with it: without scope, lower case, [^a-z0-9-] → "-"."""
    return re.sub(r"[^a-z0-9-]", "-", name.rpartition("/")[2].lower())


def _package(sources: Sources) -> tuple[PackageJson, str, tuple[UnitgraphError, ...]]:
    path = "package.json"
    empty = PackageJson("")
    if not sources.is_file(path):
        return empty, "", (PackageJsonMissing(path),)
    text = sources.read(path).decode("utf-8", "replace")
    try:
        package = parse_package_json(text, "")
    except jsontext.NotJson as error:
        return empty, "", (BadJson(Place(path, error.line, error.column), error.detail, strict=True),)
    name = unit_prefix(package.name or "")
    if not re.search(r"[a-z0-9]", name):
        offset = jsontext.offsets(text.replace("\ufeff", " ", 1))[0].get(("name",), 0)
        return package, "", (ProjectUnnamed(Place(path, *jsontext.position(text, offset)), package.name),)
    return package, name, ()


def _missing_folders(sources: Sources, config: Config, text: ConfigText) -> list[UnitgraphError]:
    problems: list[UnitgraphError] = []
    for index, folder in enumerate(config.src_directories):
        path = posixpath.normpath(folder)
        if not os.path.isdir(sources.absolute(path)):
            known = (name for name in sources.names("") if sources.is_folder(name) and name[0] != ".")
            place = text.place("srcDirectories", index)
            problems.append(MissingFolder(place, folder, near=nearest(path, known)))
    return problems


def _misplaced_output(config: Config, text: ConfigText) -> list[UnitgraphError]:
    """The folder outDir is written and swept, so nothing of the user's may be in it."""
    path = posixpath.normpath(config.out_dir)
    sources = map(posixpath.normpath, config.src_directories)
    inside = [folder for folder in sources if f"{folder}/".startswith(f"{path}/")]
    if not inside and path != "." and not posixpath.isabs(path) and path.split("/")[0] != "..":
        return []
    expected = "a folder of its own inside the project"
    return [BadSetting(text.place("outDir"), "outDir", expected=expected, found=repr(config.out_dir))]


def _why(error: Exception) -> str:
    if isinstance(error, OSError):
        return os.strerror(error.errno or 0)
    return "it is not UTF-8"
