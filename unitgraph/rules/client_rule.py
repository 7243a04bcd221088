"""The rule ``client``: for each program that is offered over a channel, a program of its own that runs commands there.

Knows where it is written and what it depends on; what it says is generated elsewhere.
"""

import posixpath
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from unitgraph.cache import digest
from unitgraph.cache.key import Component, Key, make
from unitgraph.errors import UnitgraphError
from unitgraph.errors.build import BundleFailed
from unitgraph.rules import command_lines, esbuild
from unitgraph.rules.action import Action, Finished, Pool
from unitgraph.rules.closure import Closures, Imports
from unitgraph.rules.database import Record
from unitgraph.rules.outputs import Outputs
from unitgraph.rules.sandbox import sandbox
from unitgraph.rules.tools import files_digest
from unitgraph.units.project import Project

if TYPE_CHECKING:
    from unitgraph.rules.engine import Engine

KIND: Final = "client"
_FOLDER: Final = "clients"
_GENERATED: Final = ".deploy/clients/gen"
"""Where generated files are in the sandbox: the same whichever provider is built for."""
_OPTIONS: Final = (
    "--bundle", "--format=esm", "--platform=node", "--target=node22", "--charset=utf8", "--legal-comments=none",
    "--banner:js=#!/usr/bin/env node\n// @ts-nocheck made by unitgraph from the project's source: not to be edited.",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a program's client is: ``name`` below the folder of ``outputs``."""

    outputs: Outputs
    name: str


def paths(project: Project) -> Iterator[tuple[str, str | None]]:
    """Each program that is offered over a channel, and where its client is to be, if the configuration says."""
    for program, entries in project.config.cli.entrypoints.items():
        path = [entry.path for entry in entries if entry.type == "channel"]
        if path:
            yield program, next((each.removeprefix("./") for each in path if each is not None), None)


def kept(project: Project) -> set[str]:
    """The clients that stand among the generated types."""
    inside = f"{posixpath.normpath(project.sources.out_dir)}/"
    return {path.removeprefix(inside) for _, path in paths(project) if path is not None and path.startswith(inside)}


def places(engine: "Engine") -> dict[str, Placed]:
    """Program → where its client is."""
    made: dict[str, Placed] = {}
    for program, path in paths(engine.project):
        folder, name = posixpath.split(path or f"{engine.folder}/{_FOLDER}/{program}.js")
        made[program] = Placed(Outputs(engine.project.root, folder or ".", engine.memo), name)
    return made


def clients(engine: "Engine") -> list[Action]:
    """An action for each."""
    rule = ClientRule(engine)
    return [Action(rule, program) for program, _ in paths(engine.project)]


class ClientRule:
    """One action a program."""

    kind = KIND
    pool = Pool.HERE
    batch = 1
    is_shared = False

    def __init__(self, engine: "Engine") -> None:
        self._engine = engine
        self._places = places(engine)
        self._closures = Closures(self._every_import)

    def key(self, subject: str) -> Key:
        engine = self._engine
        versions, tools = engine.tools.versions, ("esbuild", "runtime", "runtime-packages")
        nodes = self._closures.digest(self._modules, engine.memo.digest, engine.imports.package_digest)
        return make(
            self.kind,
            [
                *(Component("tool", name, versions[name]) for name in tools),
                Component("tool", "templates", engine.tools.templates),
                Component("tool", "generator", engine.tools.generator),
                Component("tool", "client", files_digest(["client_rule.py", "command_lines.py"])),
                Component("option", "name", self._places[subject].name),
                Component("option", "entrypoints", digest.local(repr(engine.project.config.cli).encode())),
                *(Component("closure", module, node) for module, node in nodes.items()),
            ],
        )

    def intact(self, subject: str, record: Record) -> bool:
        return self._places[subject].outputs.intact(record)

    def place(self, subject: str, outputs: Mapping[str, bytes]) -> None:
        self._places[subject].outputs.place(outputs)

    def withdraw(self, subject: str, outputs: Iterable[str]) -> None:
        self._places[subject].outputs.withdraw(outputs)

    def make_ready(self, subjects: Sequence[str]) -> None:
        """Nothing has to be there."""

    def run(self, subjects: Sequence[str]) -> Mapping[str, Finished | UnitgraphError]:
        return {subject: self._made(subject) for subject in subjects}

    def _made(self, subject: str) -> Finished | UnitgraphError:
        engine = self._engine
        application = engine.workspace.analysis.application
        program = next((each for each in application.cli if each.program == subject), None)
        assert program is not None, "analysis refuses a configuration that names another one"
        made = engine.codegen.generator.client(program)
        reached = Closures(engine.imports.direct).files(made.modules)
        texts = {f"{_GENERATED}/{path}": text for path, text in made.files.items()}
        entries = {name: f"{_GENERATED}/{path}" for name, path in made.entries.items()}
        aliases = (f"--alias:{name}={path}" for name, path in engine.tools.aliases(as_written=False).items())
        manifests = {name for imports in reached.values() for name in imports.packages if name.endswith("package.json")}
        with sandbox(engine.project.root, texts, {*reached, *manifests, "package.json"}) as folder:
            built = esbuild.build(
                engine.tools.esbuild(), entries, (*_OPTIONS, *aliases), root=folder, modules=engine.tools.modules()
            )
        if built.errors:
            return BundleFailed(f"the client of {subject}", built.errors[0].text, program.place)
        return Finished({self._places[subject].name: built.outputs[f"{subject}.js"]}, inputs=self._sources)

    @property
    def _modules(self) -> list[str]:
        return sorted(command_lines.modules(self._engine.workspace.analysis.application))

    @property
    def _sources(self) -> list[str]:
        outlines = self._engine.workspace.outlines
        return sorted(path for path in self._closures.files(self._modules) if path in outlines)

    def _every_import(self, path: str) -> Imports:
        """Types, too: they say which options have no value. And packages, which renderers may use."""
        outline = self._engine.workspace.outlines.get(path)
        direct = self._engine.imports.direct(path)
        files = {*direct.files, *(outline.files() if outline is not None else ())}
        return Imports(tuple(sorted(files)), direct.packages)
