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
from unitgraph.errors.build import UndeclaredInput
from unitgraph.rules import apart, chunks, memory, options
from unitgraph.rules.action import Finished, Pool
from unitgraph.rules.bundler import Bundled, Bundler
from unitgraph.rules.closure import Closures
from unitgraph.rules.database import Record
from unitgraph.rules.imports import MANIFEST
from unitgraph.rules.memo import Memo
from unitgraph.rules.outputs import Outputs
from unitgraph.rules.recall import Kept
from unitgraph.rules.strip import Stripper
from unitgraph.rules.tools import RUNTIME, Tools, places

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
    the generated files that aren't there yet; ``locate`` says where a line of one comes from; ``parts`` of the
    toolchain hold packages that bundles import besides the usual ones. ``apart``: the runtime is bundled beside the
    project; what it came to then is kept there."""

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
    parts: tuple[str, ...] = ()
    apart: Kept | None = None


class BundleRule:
    kind = "bundle"
    pool = Pool.CPU
    is_shared = True

    def __init__(self, bundling: Bundling, outputs: Outputs, threads: int | None) -> None:
        self._shared = bundling
        self._outputs = outputs
        self._options = (
            "--bundle", "--format=esm", "--keep-names", "--tree-shaking=true", "--charset=utf8",
            "--legal-comments=none", *_minify(splitting=bundling.splitting),
            *(("--splitting", f"--chunk-names={chunks.NAMES}") if bundling.splitting else ()),
            *(("--sourcemap=external", "--sources-content=false") if bundling.sourcemap else ()),
            *bundling.options,
            *(apart.externals(places()) if bundling.apart is not None else ()),
        )  # fmt: skip
        jobs = max(1, (os.cpu_count() or 1) // (threads or 1))
        self._bundler = Bundler(bundling, self._options, threads=threads, jobs=jobs)

    @property
    def batch(self) -> int:
        """How many subjects one run takes at most, by the memory there is."""
        return self._bundler.batch

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
        """Learns the digests of everything that the bundles of ``subjects`` are made of, in one go, and the memory."""
        shared = self._shared
        self._bundler.settle(memory.available(memory.read()))
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
        bundled = self._bundler.run(sources)
        return {
            subject: found if isinstance(found, UnitgraphError) else self._finish(subject, sources[subject], found)
            for subject, found in bundled.items()
        }

    def _finish(self, subject: str, source: Source, bundled: Bundled) -> Finished | UnitgraphError:
        declared = {**self._shared.closures.files(source.modules)}
        allowed = {*declared, *source.generated}
        runtime = RUNTIME if self._shared.sourcemap else self._shared.tools.prepared
        undeclared = sorted(path for path in bundled.read if not _is_declared(path, allowed, bundled.base, runtime))
        if undeclared:
            return UndeclaredInput(subject, undeclared)
        splitting = self._shared.splitting
        own = chunks.rename(bundled.outputs) if splitting else _below(bundled.outputs, f"{subject}/")
        if self._shared.sourcemap:
            own = self._bundler.mapped(own, bundled.base, source.generated)
        own |= bundled.beside
        return Finished(own, inputs=[*declared, *source.generated])


def prefix(subject: str) -> str:
    """Where below the build output the files of a bundle are."""
    return "" if subject == PROCESS else f"units/{subject}/"


def _is_declared(path: str, allowed: set[str], base: Path, runtime: Path) -> bool:
    """Generated files, the closure, packages (their versions are in the key) and the runtime."""
    if path in allowed or "node_modules/" in path:
        return True
    full = os.path.normpath(os.path.join(base, path))
    return full.startswith(f"{runtime}{os.sep}") or path.startswith("(disabled):")


def tsconfig_option(bundling: Mapping[str, Any]) -> tuple[str, ...]:
    """What of the project's tsconfig changes a bundle, as esbuild's option."""
    return (f"--tsconfig-raw={json.dumps(bundling, sort_keys=True)}",)


def _minify(*, splitting: bool) -> tuple[str, ...]:
    """Short names come from how often letters occur in the whole build, so one edit would move every chunk's text:
    where units share a build, identifiers stay as they are."""
    return ("--minify-whitespace", "--minify-syntax") if splitting else ("--minify",)


def _below(outputs: Mapping[str, bytes], prefix: str) -> dict[str, bytes]:
    return {path.removeprefix(prefix): data for path, data in outputs.items() if path.startswith(prefix)}
