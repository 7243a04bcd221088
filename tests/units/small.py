"""Tiny projects for the tests of analysis: files in a folder, read as every command reads them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from textwrap import dedent
from typing import Any

from unitgraph.errors import UnitgraphError
from unitgraph.units.analyze import Analysis, analyze
from unitgraph.units.application import Application
from unitgraph.units.describe import describe
from unitgraph.units.model import Manifest, Unit
from unitgraph.units.project import Project, load_project
from unitgraph.units.resolve import ProjectFile, Resolver
from unitgraph.units.source import Facts, read_facts
from unitgraph.units.split import split


@dataclass(frozen=True)
class Small:
    """A project as analysis sees it."""

    project: Project
    resolver: Resolver
    facts: Mapping[str, Facts]
    analysis: Analysis

    @property
    def application(self) -> Application:
        assert not self.analysis.problems, "\n".join(map(str, self.analysis.problems))
        return self.analysis.application

    @property
    def problems(self) -> tuple[UnitgraphError, ...]:
        return self.analysis.problems

    @property
    def codes(self) -> list[str]:
        return [problem.code for problem in self.problems]

    @property
    def manifest(self) -> Manifest:
        assert self.application is not None
        return split(self.analysis, self.project)

    @property
    def units(self) -> dict[str, Unit]:
        """Units by name, the project's name left out."""
        return {unit.name.removeprefix("app-"): unit for unit in self.manifest.units}

    @property
    def info(self) -> str:
        return describe(self.manifest, self.application)


def write(root: Path, files: Mapping[str, str | bytes], deploy: Mapping[str, Any] | None = None) -> Path:
    """A project called app; ``deploy`` is that of its configuration."""
    given = {
        "package.json": json.dumps({"name": "app", "dependencies": {"zod": "4.6.7"}}),
        "pikku.config.json": json.dumps({"deploy": dict(deploy or {})}),
        **files,
    }
    (root / "src").mkdir(parents=True, exist_ok=True)
    for path, text in given.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text if isinstance(text, bytes) else dedent(text).encode())
    return root


def read_all(project: Project, resolver: Resolver) -> dict[str, Facts]:
    facts: dict[str, Facts] = {}
    wanted = list(project.sources.files())
    while wanted:
        for path in wanted:
            facts[path] = read_facts(project.sources.read(path), PurePosixPath(path).suffix)
        found = {
            target.path
            for path in wanted
            for specifier in facts[path].specifiers
            if isinstance(target := resolver.resolve(path, specifier), ProjectFile)
        }
        wanted = sorted(found - facts.keys())
    return facts


def small(root: Path, files: Mapping[str, str | bytes] | str, deploy: Mapping[str, Any] | None = None) -> Small:
    """Reads and links a project; a string is its one file, src/app.ts."""
    project = load_project(write(root, {"src/app.ts": files} if isinstance(files, str) else files, deploy))
    resolver = Resolver(project)
    facts = read_all(project, resolver)
    return Small(project, resolver, facts, analyze(project, facts, resolver))
