"""A project in a folder of its own, its `.pikku/` from the real analysis, and what the type checker says of it."""

import json
import re
import shutil
import subprocess
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from textwrap import dedent

from unitgraph.rules.toolchain import Toolchain
from unitgraph.rules.typings import typings, write_typings
from unitgraph.units.analyze import Analysis, analyze
from unitgraph.units.project import Project, load_project
from unitgraph.units.resolve import Resolver
from unitgraph.units.source import Facts, read_facts

BOOKSHOP = Path(__file__).parents[2] / "examples" / "bookshop"
PACKAGE = {
    "name": "small",
    "type": "module",
    "imports": {"#pikku": "./.pikku/index.ts", "#pikku/*.js": "./.pikku/*.ts", "#pikku/*": "./.pikku/*.ts"},
    "dependencies": {"zod": "4.6.7"},
}
CONFIG = {"srcDirectories": ["src"], "tsconfig": "./tsconfig.json", "outDir": ".pikku"}
OPTIONS = {
    "target": "ES2023",
    "lib": ["ES2023", "DOM"],
    "types": [],
    "strict": True,
    "noEmit": True,
    "allowImportingTsExtensions": True,
    "exactOptionalPropertyTypes": True,
    "noUncheckedIndexedAccess": True,
    "isolatedModules": True,
    "skipLibCheck": False,
}
RESOLUTIONS = {
    "bundler": {"module": "Preserve", "moduleResolution": "Bundler"},
    "nodenext": {"module": "NodeNext", "moduleResolution": "NodeNext"},
}


@dataclass(frozen=True, slots=True, order=True)
class Complaint:
    """One error of the type checker."""

    path: str
    line: int
    code: str


@dataclass(frozen=True, slots=True)
class Analysed:
    project: Project
    facts: Mapping[str, Facts]
    analysis: Analysis

    def typings(self) -> dict[str, str]:
        return typings(self.analysis.application, self.facts, self.project.sources.read)


class Workshop:
    """One project's folder."""

    def __init__(self, root: Path, dev: Toolchain) -> None:
        self.root = root
        self._dev = dev
        root.mkdir(parents=True, exist_ok=True)
        (root / "node_modules").symlink_to(dev.modules)

    def bookshop(self) -> "Workshop":
        skipped = shutil.ignore_patterns("node_modules", ".pikku", ".deploy")
        shutil.copytree(BOOKSHOP, self.root, dirs_exist_ok=True, ignore=skipped)
        return self

    def small(self, files: Mapping[str, str]) -> "Workshop":
        self.write({"package.json": json.dumps(PACKAGE), "pikku.config.json": json.dumps(CONFIG)})
        self.write(
            {"tsconfig.json": json.dumps({"compilerOptions": OPTIONS | RESOLUTIONS["bundler"], "include": ["src"]})}
        )
        self.write({path: dedent(text) for path, text in files.items()})
        return self

    def write(self, files: Mapping[str, str]) -> None:
        for path, text in files.items():
            target = self.root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")

    def analysed(self, *, problems: Collection[str] = ()) -> Analysed:
        """What the analysis finds; ``problems`` are the codes of those that are expected, and don't stop it."""
        project = load_project(self.root)
        sources = project.sources
        facts = {path: read_facts(sources.read(path), PurePosixPath(path).suffix) for path in sources.files()}
        analysis = analyze(project, facts, Resolver(project))
        found = {problem.code for problem in analysis.problems}
        assert found == set(problems), "\n".join(map(str, analysis.problems))
        return Analysed(project, facts, analysis)

    def generate(self, *, problems: Collection[str] = ()) -> "Workshop":
        write_typings(self.root / ".pikku", self.analysed(problems=problems).typings())
        return self

    def check(self, *, resolution: str | None = None) -> list[Complaint]:
        """The type checker's errors, with the project's own settings or others for how modules are found."""
        config = self.root / "tsconfig.json"
        if resolution is not None:
            config = self.root / f"tsconfig.{resolution}.json"
            options = {"extends": "./tsconfig.json", "compilerOptions": RESOLUTIONS[resolution]}
            config.write_text(json.dumps(options), encoding="utf-8")
        tsc = self._dev.modules / "typescript" / "bin" / "tsc"
        done = subprocess.run(
            [self._dev.bun, tsc, "--noEmit", "--pretty", "false", "-p", config],
            cwd=self.root, capture_output=True, text=True, check=False,
        )  # fmt: skip
        found = re.findall(r"^(\S+)\((\d+),\d+\): error (TS\d+)", done.stdout, re.MULTILINE)
        assert bool(found) == bool(done.returncode), done.stdout + done.stderr
        return sorted(Complaint(path, int(line), code) for path, line, code in found)
