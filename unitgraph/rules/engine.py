"""The build of one project for one provider: opens the stores, makes the rules, runs them, and says what they made.

Knows how the parts hang together; each part knows its own work.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import cast

from unitgraph.cache import digest
from unitgraph.cache.store import Traffic
from unitgraph.errors import UnitgraphError
from unitgraph.errors.build import UnknownTask
from unitgraph.providers import registry
from unitgraph.providers.base import Build, EsbuildOptions, Provider, Say, Target, Tool
from unitgraph.rules import apart, extras, ingredients, openapi_rule, report, runner, seed, toolchain, whole
from unitgraph.rules.action import Action, How, Result
from unitgraph.rules.build_of import build_of
from unitgraph.rules.bundle import PROCESS, BundleRule, Bundling, tsconfig_option
from unitgraph.rules.cache_layers import open_cache
from unitgraph.rules.closure import Closures
from unitgraph.rules.codegen import CodegenRule
from unitgraph.rules.database import Database, Record
from unitgraph.rules.gateways import RUNNABLE_ROLES, packages
from unitgraph.rules.imports import ProjectImports
from unitgraph.rules.journal import Journal, Summary, journal_of
from unitgraph.rules.memo import Memo
from unitgraph.rules.openapi_document import OpenApiDocument
from unitgraph.rules.outputs import Outputs
from unitgraph.rules.provenance import open_database
from unitgraph.rules.recall import Kept, Recall
from unitgraph.rules.runner import PLACED, Demand, Listener, Stores
from unitgraph.rules.settings import Settings
from unitgraph.rules.strip import Stripper
from unitgraph.rules.takeover import take_over
from unitgraph.rules.timed_cache import TimedCache
from unitgraph.rules.timeline import Timeline
from unitgraph.rules.toolchain.install import locked
from unitgraph.rules.tools import Tools
from unitgraph.rules.typings_rule import TypingsRule
from unitgraph.rules.workspace import Workspace, analyse, database_path
from unitgraph.units.config import DeployConfig
from unitgraph.units.model import Manifest, Unit
from unitgraph.units.project import Project, load_project
from unitgraph.units.queues import WORKFLOW_QUEUES


@dataclass(frozen=True)
class Built:
    """What a build made of the units asked for."""

    results: Mapping[str, Result]
    build: Build
    notices: tuple[str, ...] = ()

    @property
    def failures(self) -> list[UnitgraphError]:
        return report.failures(self.results)


def open_engine(start: Path, chosen: Settings) -> "Engine":
    """The engine of the project around ``start``, as doit's own commands use it."""
    return Engine(load_project(start), chosen, say=_silent, command="run")


@dataclass
class Engine:
    """One project, one provider. Everything is made when it is first needed."""

    project: Project
    settings: Settings
    say: Say = field(repr=False)
    opened_ns: int = 0      # time.time_ns() before the project was loaded; 0: not known, so nobody else is told of it
    timeline: Timeline = field(default_factory=Timeline, repr=False)
    command: str = ""       # what it is opened for, as the log has it
    recall: Recall | None = field(default=None, repr=False)     # of the engines before, and for the next

    @cached_property
    def deploy(self) -> DeployConfig:
        """The configuration's ``deploy``, as the chosen environment has it."""
        return self.project.config.deploy.within(self.settings.environment)

    @cached_property
    def provider_name(self) -> str:
        return self.settings.provider or self.deploy.provider

    @cached_property
    def provider(self) -> Provider:
        return registry.load(self.provider_name, configured=self.deploy.providers)

    @cached_property
    def target(self) -> Target:
        bun = toolchain.find_bun()
        return Target(
            provider=self.provider.name,
            environment=self.settings.environment,
            project=self.project.name,
            root=self.project.root,
            out=self.project.root / self.folder,
            config=self.deploy,
            wait_lock_s=self.settings.wait_lock_s,
            refresh=self.settings.refresh,
            variables=self.deploy.variables(self.settings.environment),
            tools={"bun": Tool(bun.path, bun.version)},
            objects=extras.objects_of(self.project),
        )

    @cached_property
    def read(self) -> tuple[str, ...]:
        """Every file that the build has read, relative to the root or absolute."""
        return tuple(self.memo.paths())

    @property
    def folder(self) -> str:
        """The build output, relative to the project's root."""
        return f".deploy/{self.scope}"

    @property
    def scope(self) -> str:     # what runs here alone is built beside what is shipped
        return f"dev-{self.provider.name}" if self.settings.local else self.provider.name

    @cached_property
    def database(self) -> Database:
        return open_database(database_path(self.project.root), self.scope, self.cache, self.deploy.cache.generation)

    @cached_property
    def memo(self) -> Memo:
        return Memo(self.project.root, self.database, digest.local)

    @cached_property
    def stores(self) -> Stores:
        return Stores(self.database, self.memo, self.cache)

    @cached_property
    def cache(self) -> TimedCache:
        return TimedCache(open_cache(self.project, self.settings), self.timeline)

    @cached_property
    def journal(self) -> Journal:
        """What is done here, told to the execution log."""
        return journal_of(self)

    @cached_property
    def tools(self) -> Tools:
        return Tools(self.settings.cache, self.say, self.settings.esbuild)

    @cached_property
    def workspace(self) -> Workspace:
        """The project, read and linked; raises Problems with everything that is wrong in it."""
        if self.project.package.dependencies.keys() - self.project.workspace.packages.keys():
            toolchain.install_project(self.project.root, say=self.say)
        with self.timeline.span("analyse"):
            held = self.recall.facts if self.recall is not None else None
            return analyse(self.project, self.database, self.memo, held=held)

    @cached_property
    def read_only_workspace(self) -> Workspace:
        """The same without installing anything: what ``info`` needs."""
        return analyse(self.project, self.database, self.memo)

    @cached_property
    def manifest(self) -> Manifest:
        return self.workspace.manifest

    @cached_property
    def units(self) -> dict[str, Unit]:
        """The units that are built, by name."""
        return {unit.name: unit for unit in self.manifest.units if unit.role in RUNNABLE_ROLES}

    @cached_property
    def left_out(self) -> list[Unit]:
        """Units that are listed, and that this version can't run."""
        return [unit for unit in self.manifest.units if unit.name not in self.units]

    @cached_property
    def runnable(self) -> Manifest:
        """The manifest with what is built alone: workflows need no queues of a provider's."""
        queues = tuple(queue for queue in self.manifest.queues if queue.name not in WORKFLOW_QUEUES)
        return replace(self.manifest, units=tuple(self.units.values()), queues=queues)

    @property
    def is_process(self) -> bool:
        return self.provider.isolation == "process"

    @cached_property
    def codegen(self) -> CodegenRule:
        rule = CodegenRule(
            self.workspace, self.provider, list(self.units.values()), self.memo, self.tools,
            Outputs(self.project.root, f"{self.folder}/gen", self.memo), self.imports,
            keep_lines=self.settings.sourcemap,
        )  # fmt: skip
        rule.document = self.document if self.is_process else None
        rule.recall = self.recall
        return rule

    @cached_property
    def document(self) -> OpenApiDocument | None:
        """The OpenAPI document, where the configuration asks for one."""
        return openapi_rule.document_of(self)

    @cached_property
    def typings(self) -> TypingsRule:
        return TypingsRule(self.workspace, self.typings_outputs, self.tools, self.memo)

    @cached_property
    def outputs(self) -> Outputs:
        """The build output."""
        return Outputs(self.project.root, self.folder, self.memo)

    @cached_property
    def typings_outputs(self) -> Outputs:
        return Outputs(self.project.root, self.project.sources.out_dir, self.memo)

    @cached_property
    def imports(self) -> ProjectImports:
        return ProjectImports(self.workspace, self.memo)

    @cached_property
    def bundles(self) -> BundleRule:
        return self._bundle_rule(self.provider.esbuild_options, splitting=self.is_process)

    @cached_property
    def server_bundles(self) -> BundleRule:
        """The rule for the merged server unit of a provider whose other units stand alone."""
        return self._bundle_rule(registry.load("standalone").esbuild_options, splitting=False)

    def _bundle_rule(self, options: EsbuildOptions, *, splitting: bool) -> BundleRule:
        arguments = (*options.arguments(), *tsconfig_option(self.project.tsconfig.bundling()))
        stripper = Stripper(
            self.project.root, self.database, self.tools.esbuild, self.memo,
            tsconfig_option(self.project.tsconfig.bundling()), self.tools.versions["esbuild"],
        )  # fmt: skip
        bundling = Bundling(
            root=self.project.root, options=arguments, sourcemap=self.settings.sourcemap, splitting=splitting,
            tools=self.tools, memo=self.memo, stripper=stripper, closures=Closures(self.imports.direct),
            package_digest=self.imports.package_digest, source=self.codegen.source,
            generate=self.codegen.make_ready, locate=self.codegen.locate,
            parts=packages(self.units.values(), self.manifest),
            apart=self._apart if splitting and self.settings.local else None,
        )  # fmt: skip
        threads = os.cpu_count() if splitting else self._threads       # one run alone may have all processors
        return BundleRule(bundling, self.outputs, threads)

    @property
    def _apart(self) -> Kept:
        return self.recall.runtime if self.recall is not None else {}

    @property
    def jobs(self) -> int:
        return self.settings.jobs or os.cpu_count() or 1

    @property
    def _threads(self) -> int:
        return max(1, (os.cpu_count() or 1) // self.jobs)

    def subjects(self) -> list[str]:
        """The subjects of codegen and bundle actions: a unit each, or the one process."""
        return [PROCESS] if self.is_process else list(self.units)

    def rule_of(self, subject: str) -> BundleRule:
        unit = self.units.get(subject)
        return self.server_bundles if unit is not None and unit.target == "server" else self.bundles

    def build(
        self, wanted: Iterable[str] | None = None, *, listener: Listener = lambda _: None, demand: Demand = PLACED
    ) -> Built:
        """Brings the units' bundles up to date; all of them where none are named. What failed is in the result."""
        with self.locked():
            records = self.journal.known = self.database.records()
            if wanted is None and not self.settings.sourcemap and not any(map(_is_codegen, records)):
                with self.timeline.span("take over"):
                    heard = self.journal.listener(listener)
                    taken = take_over(self, listener=heard, demand=demand, files=records.get(extras.NAME))
                if taken is not None:
                    return Built(taken.results, self.described(taken.results), taken.notices)
                records = self.database.records()
            return self._make(wanted, listener, demand, records)

    def _make(
        self, wanted: Iterable[str] | None, listener: Listener, demand: Demand, records: Mapping[str, Record]
    ) -> Built:
        subjects = self.subjects() if wanted is None else self._subjects_of(wanted)
        codegen = [Action(self.codegen, subject) for subject in subjects]
        results = self.generate([*openapi_rule.interface(self), *codegen], listener, records)
        good = [subject for subject in subjects if results[f"codegen:{subject}"].how is not How.FAILED]
        actions = [Action(self.rule_of(subject), subject, (f"codegen:{subject}",)) for subject in good]
        with self.timeline.span("strip"):
            for rule in {action.rule for action in actions}:
                cast("BundleRule", rule).prepare(action.subject for action in actions if action.rule is rule)
        with self.timeline.span("bundle"):
            heard = self.journal.listener(listener, actions)
            results |= runner.run(actions, self.stores, jobs=self.jobs, listener=heard, records=records, demand=demand)
        with self.timeline.span("finish"):
            ingredients.save(self, results)
            if wanted is None:
                self._finish(results, records.get(extras.NAME))
            self.memo.save()
        return Built(results, self.described(results), self._notices(results))

    def generate(
        self, actions: Sequence[Action], listener: Listener, records: Mapping[str, Record]
    ) -> dict[str, Result]:
        """Brings generated files up to date, so that bundles can be made of them and have keys."""
        with self.timeline.span("codegen"):
            heard = self.journal.listener(listener, actions)
            needed = Demand(bytes=self.settings.sourcemap)      # else it is enough to know what would be written
            results = runner.run(actions, self.stores, jobs=self.jobs, listener=heard, records=records, demand=needed)
        made = {name.partition(":")[2]: result for name, result in results.items() if _is_codegen(name)}
        self.codegen.accept({subject: result for subject, result in made.items() if result.how is not How.FAILED})
        return results

    def keep(self, built: Built) -> None:
        """Tells other checkouts what this build came to, so that they look into what is new to it alone."""
        if not self.opened_ns or self.settings.sourcemap or "workspace" not in self.__dict__:
            return
        inputs = whole.inputs_of(self)
        if inputs is not None:
            whole.keep(self, built.results, built.notices, inputs)
            seed.keep(self, built.results, inputs)

    def nodes(self) -> Iterable[tuple[str, str]]:
        """What keys were made of, by digest, as far as the rules know it."""
        rules = [self.__dict__[name] for name in ("codegen", "bundles", "server_bundles") if name in self.__dict__]
        return (row for rule in rules for row in rule.closure_nodes.items())

    def stripped(self) -> Iterable[tuple[str, str, str]]:
        """Salt, path and stripped digest of every file that the build looked at."""
        rules = [self.__dict__[name] for name in ("bundles", "server_bundles") if name in self.__dict__]
        return (row for rule in rules for row in rule.stripped())

    def close(self, error: BaseException | None = None) -> Summary:
        """Ends what goes on in the background, and sums up; ``error`` is what ended the command."""
        opened = self.__dict__.get("cache")
        if opened is not None:
            opened.close(at_once=isinstance(error, KeyboardInterrupt))
        return self.journal.end(opened.traffic if opened is not None else Traffic(), error)

    def _notices(self, results: Mapping[str, Result]) -> tuple[str, ...]:
        """What people should know of what was built."""
        notices = [*self.workspace.analysis.application.notices]
        notices += openapi_rule.notices_of(results)
        notices += self.codegen.notices(result for result in results.values() if _is_codegen(result.name))
        if self.imports.unpinned:
            names = ", ".join(sorted(self.imports.unpinned))
            notices.append(f"Not pinned by a lockfile, so compared file by file: {names}.")
        return tuple(notices)

    def _finish(self, results: Mapping[str, Result], last: Record | None) -> None:
        """Writes what isn't a bundle, removes what no unit needs any more; a build with failures removes nothing."""
        files = extras.place_for(self, last)
        if any(result.how is How.FAILED for result in results.values()):
            return
        made = {
            f"units/{result.name.partition(':')[2]}/{name}" if not self.is_process else name
            for result in results.values()
            if result.name.startswith("bundle:")
            for name in result.outputs
        }
        for folder in ("units/", "chunks/", f"{apart.FOLDER}/"):
            Outputs(self.project.root, f"{self.folder}/{folder[:-1]}", self.memo).sweep(
                name.removeprefix(folder) for name in {*made, *files} if name.startswith(folder)
            )
        self.codegen.sweep(results)

    def described(self, results: Mapping[str, Result]) -> Build:
        """The bundles that these results are."""
        return build_of(results, self.target.out, is_process=self.is_process)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """One build of a checkout's provider at a time; a killed one holds nothing."""
        path = self.project.root / ".deploy" / "cache" / f"{self.scope}.lock"
        path.parent.mkdir(parents=True, exist_ok=True)
        with locked(path, say=self.say, waiting="Another build of this project is running; waiting for it."):
            yield

    def _subjects_of(self, wanted: Iterable[str]) -> list[str]:
        names = list(wanted)
        for name in names:
            if name not in self.units:
                raise UnknownTask(name, get_close_matches(name, self.units, n=3))
        return [PROCESS] if self.is_process else names


def _is_codegen(action: str) -> bool:
    return action.startswith("codegen:")


def _silent(_line: str) -> None:
    """Say nothing: doit's own reporter does."""


