"""The rule ``bundle``: entry points to what runs. Knows esbuild's options and what a bundle depends on.

Under unit isolation each unit is an action of its own, many to one run of esbuild; under process isolation all units
are one action, whose outputs share chunks. A bundle that read what its key doesn't cover is refused.
"""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from unitgraph.cache import digest
from unitgraph.cache.key import Component, Key, make
from unitgraph.errors import Place, UnitgraphError
from unitgraph.errors.build import BundleFailed, UndeclaredInput
from unitgraph.rules import chunks, esbuild, options, sourcemap
from unitgraph.rules.action import Finished, Pool
from unitgraph.rules.closure import Closures
from unitgraph.rules.database import Record
from unitgraph.rules.imports import MANIFEST
from unitgraph.rules.memo import Memo
from unitgraph.rules.outputs import Outputs
from unitgraph.rules.sandbox import sandbox
from unitgraph.rules.strip import Stripper
from unitgraph.rules.tools import RUNTIME, Tools

PROCESS = "process"
"""The subject of the one action under process isolation."""


@dataclass(frozen=True, slots=True)
class Source:
    """What a bundle is made of: its entries (output name → generated file), all generated files (each with the source
    that it is cut from, or "" for an entry), and what they import: project modules and packages.
    Paths are relative to the project's root."""

    entries: Mapping[str, str]
    generated: Mapping[str, str]
    modules: tuple[str, ...]
    packages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Bundling:
    """What all bundles of one build share. ``options`` are the provider's and the tsconfig's; ``generate`` writes
    the generated files that aren't there yet; ``locate`` says where a line of one comes from."""

    root: Path
    options: tuple[str, ...]
    sourcemap: bool
    splitting: bool
    tools: Tools
    memo: Memo
    stripper: Stripper
    closures: Closures
    package_digest: Callable[[str], str]
    source: Callable[[str], Source]
    generate: Callable[[Sequence[str]], None]
    locate: Callable[[Place], Place]


class BundleRule:
    kind = "bundle"
    pool = Pool.CPU
    batch = 50
    is_shared = True

    def __init__(self, bundling: Bundling, outputs: Outputs, threads: int | None) -> None:
        self._shared = bundling
        self._outputs = outputs
        self._threads = threads
        self._options = (
            "--bundle", "--format=esm", "--keep-names", "--tree-shaking=true", "--charset=utf8",
            "--legal-comments=none", *_minify(splitting=bundling.splitting),
            *(("--splitting", f"--chunk-names={chunks.NAMES}") if bundling.splitting else ()),
            *(("--sourcemap=external", "--sources-content=false") if bundling.sourcemap else ()),
            *bundling.options,
        )  # fmt: skip

    @property
    def closure_nodes(self) -> Mapping[str, str]:
        """What keys were made of besides files, by digest, for the database: closures, and the options."""
        told = json.dumps({"options": options.table(self._options)})
        return {**self._shared.closures.written, self._options_digest: told}

    def stripped(self) -> Iterator[tuple[str, str, str]]:
        """Salt, path and stripped digest of every file that keys were made of."""
        return self._shared.stripper.known()

    def make_ready(self, subjects: Sequence[str]) -> None:
        self._shared.generate(subjects)

    def prepare(self, subjects: Iterable[str]) -> None:
        """Learns the digests of everything that the bundles of ``subjects`` are made of, in one go."""
        shared = self._shared
        sources = {subject: shared.source(subject) for subject in subjects}
        reached = shared.closures.files({module for source in sources.values() for module in source.modules})
        if shared.sourcemap:
            return
        wanted = sorted({path for source in sources.values() for path in source.generated} | reached.keys())
        lacking = set(shared.stripper.lacking(wanted))
        shared.generate([name for name, source in sources.items() if lacking.intersection(source.generated)])
        shared.stripper.load(wanted)

    def key(self, subject: str) -> Key:
        shared = self._shared
        source = shared.source(subject)
        content = shared.memo.digest if shared.sourcemap else shared.stripper.digest
        nodes = shared.closures.digest(source.modules, content, shared.package_digest)
        components = [
            *self._common,
            *(Component("generated", origin or path, content(path)) for path, origin in source.generated.items()),
            *(Component("closure", module, node) for module, node in nodes.items()),
            *(Component("package", name, shared.package_digest(name)) for name in {MANIFEST, *source.packages}),
        ]
        return make(self.kind, components)

    @cached_property
    def _common(self) -> list[Component]:
        """What every key holds."""
        tools = [Component("tool", name, version) for name, version in self._shared.tools.versions.items()]
        return [*tools, Component("option", "esbuild", self._options_digest)]

    @cached_property
    def _options_digest(self) -> str:
        return digest.of(self._options)

    def intact(self, subject: str, record: Record) -> bool:
        return self._outputs.intact(record, prefix=prefix(subject))

    def place(self, subject: str, outputs: Mapping[str, bytes]) -> None:
        self._outputs.place(outputs, prefix=prefix(subject))

    def withdraw(self, subject: str, outputs: Iterable[str]) -> None:
        self._outputs.withdraw(outputs, prefix=prefix(subject))

    def run(self, subjects: Sequence[str]) -> Mapping[str, Finished | UnitgraphError]:
        sources = {subject: self._shared.source(subject) for subject in subjects}
        built, base = self._build(sources)
        if built.errors:
            failed = self._blame(sources, built.errors)
            rest = [subject for subject in subjects if subject not in failed]
            return {**failed, **(self.run(rest) if rest else {})}
        outputs = chunks.rename(built.outputs) if self._shared.splitting else dict(built.outputs)
        return {
            subject: self._finish(subject, source, outputs, built.metafile, base) for subject, source in sources.items()
        }

    def _build(self, sources: Mapping[str, Source]) -> tuple[esbuild.Built, Path]:
        """What esbuild makes of all entries, and the folder that its paths are relative to.

        Only where a source map must lead to the sources, or something is wrong, are they read where they stand.
        """
        shared = self._shared
        if not shared.sourcemap:
            reached = shared.closures.files(module for source in sources.values() for module in source.modules)
            texts, copied = shared.stripper.texts({*reached, *(path for s in sources.values() for path in s.generated)})
            manifests = {name for imports in reached.values() for name in imports.packages if name.endswith(MANIFEST)}
            with sandbox(shared.root, texts, {*copied, *manifests, MANIFEST}) as folder:
                built = self._esbuild(sources, folder)
            if not built.errors:
                return built, folder
        return self._esbuild(sources, shared.root), shared.root

    def _esbuild(self, sources: Mapping[str, Source], folder: Path) -> esbuild.Built:
        entries = {name: path for source in sources.values() for name, path in source.entries.items()}
        return esbuild.build(
            self._shared.tools.esbuild(), entries, (*self._options, *self._aliases()),
            root=folder, modules=self._shared.tools.modules(), threads=self._threads, lean=self._shared.splitting,
        )  # fmt: skip

    def _aliases(self) -> list[str]:
        return [f"--alias:{name}={path}" for name, path in self._shared.tools.aliases.items()]

    def _finish(
        self, subject: str, source: Source, outputs: Mapping[str, bytes], metafile: Mapping[str, Any], base: Path
    ) -> Finished | UnitgraphError:
        declared = {**self._shared.closures.files(source.modules)}
        allowed = {*declared, *source.generated}
        read = {path for entry in source.entries.values() for path in esbuild.reachable(metafile, _plain(entry))}
        undeclared = sorted(path for path in read if not _is_declared(path, allowed, base))
        if undeclared:
            return UndeclaredInput(subject, undeclared)
        own = outputs if self._shared.splitting else _below(outputs, f"{subject}/")
        if self._shared.sourcemap:
            named = {name: self._named(data, source, base) for name, data in own.items() if name.endswith(".map")}
            own = {**own, **named}
        return Finished(own, inputs=[*declared, *source.generated])

    def _named(self, text: bytes, source: Source, base: Path) -> bytes:
        folders = {RUNTIME: "unitgraph:///runtime/", self._shared.tools.modules(): "unitgraph:///node_modules/"}
        return sourcemap.rename(text, base, source.generated, folders)

    def _blame(
        self, sources: Mapping[str, Source], errors: Sequence[esbuild.Message]
    ) -> dict[str, Finished | UnitgraphError]:
        """Each unit whose files hold an error fails with it; all of them where none can be told."""
        failed: dict[str, Finished | UnitgraphError] = {}
        for subject, source in sources.items():
            files = {*source.generated, *self._shared.closures.files(source.modules)}
            for error in errors:
                if error.place is not None and error.place.path in files and subject not in failed:
                    failed[subject] = BundleFailed(subject, error.text, self._shared.locate(error.place))
        if failed:
            return failed
        first = errors[0]
        return {subject: BundleFailed(subject, first.text, first.place) for subject in sources}


def prefix(subject: str) -> str:
    """Where below the build output the files of a bundle are."""
    return "" if subject == PROCESS else f"units/{subject}/"


def _is_declared(path: str, allowed: set[str], base: Path) -> bool:
    """Generated files, the closure, packages (their versions are in the key) and the runtime."""
    if path in allowed or "node_modules/" in path:
        return True
    full = os.path.normpath(os.path.join(base, path))
    return full.startswith(f"{RUNTIME}{os.sep}") or path.startswith("(disabled):")


def tsconfig_option(bundling: Mapping[str, Any]) -> tuple[str, ...]:
    """What of the project's tsconfig changes a bundle, as esbuild's option."""
    return (f"--tsconfig-raw={json.dumps(bundling, sort_keys=True)}",)


def _minify(*, splitting: bool) -> tuple[str, ...]:
    """Short names come from how often letters occur in the whole build, so one edit would move every chunk's text:
    where units share a build, identifiers stay as they are."""
    return ("--minify-whitespace", "--minify-syntax") if splitting else ("--minify",)


def _plain(path: str) -> str:
    return path.removeprefix("./")


def _below(outputs: Mapping[str, bytes], prefix: str) -> dict[str, bytes]:
    return {path.removeprefix(prefix): data for path, data in outputs.items() if path.startswith(prefix)}
