"""Runs esbuild for many bundles: in a sandbox, within the memory there is, each failure to the unit that it belongs to.

A run that fails tells only what is wrong with some of its units. Those are set apart, and the rest is run once more
together: esbuild reads all files before it links any, so two such rounds are what a batch takes, however many of its
units are broken. A run that was killed over its memory is tried again in halves.
Knows esbuild's errors and sandboxes, no keys.
"""

import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unitgraph.errors import Place, UnitgraphError
from unitgraph.errors.build import BundleFailed, BundleOutOfMemory, EsbuildFailed
from unitgraph.rules import apart, batches, esbuild, sourcemap
from unitgraph.rules.batches import Budget, Reads, Sizing
from unitgraph.rules.imports import MANIFEST
from unitgraph.rules.sandbox import sandbox
from unitgraph.rules.tools import RUNTIME, places

if TYPE_CHECKING:
    from unitgraph.rules.bundle import Bundling, Source


@dataclass(frozen=True, slots=True)
class Bundled:
    """What the run made that a unit was in, the files that the unit itself read, and what their paths start from.
    ``beside`` is what it imports of the runtime where that is bundled apart, and done with."""

    outputs: Mapping[str, bytes]
    read: frozenset[str]
    base: Path
    beside: Mapping[str, bytes]


Outcomes = dict[str, Bundled | UnitgraphError]


class Bundler:
    """``options`` are all of esbuild's but entries and places; ``jobs`` is how many threads call ``run``."""

    def __init__(self, shared: "Bundling", options: Sequence[str], *, threads: int | None, jobs: int) -> None:
        self._shared = shared
        self._own = tuple(options)
        self._threads = threads
        self._jobs = jobs
        self._sizes: dict[str, int] = {}
        self._besides = 0       # nothing is known yet
        self._most = batches.MOST_ENTRIES
        self._stopped = threading.Event()
        self._is_apart = shared.apart is not None
        self.settle(None)

    @property
    def _options(self) -> tuple[str, ...]:
        return self._own if self._is_apart else self._with_runtime

    @cached_property
    def _with_runtime(self) -> tuple[str, ...]:
        """Stacks lead to it as it is written where there is a source map."""
        elsewhere = frozenset(apart.externals(places()))
        own = (option for option in self._own if option not in elsewhere)
        return (*own, *(f"--alias:{name}={path}" for name, path in self._aliases.items()))

    @cached_property
    def _aliases(self) -> Mapping[str, str]:
        return self._shared.tools.aliases(as_written=self._shared.sourcemap)

    def mapped(self, outputs: Mapping[str, bytes], base: Path, origins: Mapping[str, str]) -> dict[str, bytes]:
        """The same, with source maps that name the project's own files and nothing of the machine."""
        shared = self._shared
        modules = shared.tools.modules(shared.parts)
        named = {RUNTIME: "unitgraph:///runtime/"} | dict.fromkeys(modules, "unitgraph:///node_modules/")
        folders = {Path(os.path.realpath(folder)): name for folder, name in named.items()}     # as bundlers know them
        return {
            name: sourcemap.rename(data, base, origins, folders) if name.endswith(".map") else data
            for name, data in outputs.items()
        }

    def settle(self, available_bytes: int | None) -> None:
        """Takes note of how much memory there is, before a build."""
        self._available = available_bytes
        self._sizing: Sizing = batches.sizing(available_bytes, self._jobs)
        self._budget = Budget(self._sizing.budget_bytes)

    @property
    def batch(self) -> int:
        """How many usual units one run takes, as far as is known by now."""
        usual = self._besides or batches.BESIDES_BYTES
        return min(self._most, batches.entries(self._sizing.share_bytes, usual))

    def run(self, sources: Mapping[str, "Source"]) -> Outcomes:
        """Bundles every unit, in as many runs as their memory asks for."""
        outcomes: Outcomes = {}
        reads = {subject: self._reads(source) for subject, source in sources.items()}
        for load in batches.pack(reads, self._sizing.share_bytes, most=self._most):
            outcomes |= self._load({name: sources[name] for name in load.names}, load.cost_bytes)
        return outcomes

    def _load(self, sources: Mapping[str, "Source"], cost_bytes: int) -> Outcomes:
        """One run; where esbuild didn't live to its end, as many as it takes to tell which unit ended it."""
        try:
            return self._attempt(sources, cost_bytes)
        except EsbuildFailed as error:
            if esbuild.lacked_memory(error):
                return self._smaller(sources, cost_bytes)
            if error.status < 0:        # the build is being ended
                self._stopped.set()
            if error.status > 0 and len(sources) > 1:
                return self._crashed(sources, cost_bytes, error)
            return dict.fromkeys(sources, error)
        except UnitgraphError as error:
            return dict.fromkeys(sources, error)

    def _smaller(self, sources: Mapping[str, "Source"], cost_bytes: int) -> Outcomes:
        """The same units by halves; one alone, while nothing else runs, and with as little garbage as can be."""
        if len(sources) > 1:
            self._most = max(1, min(self._most, (len(sources) + 1) // 2))
            return self._halved(sources, cost_bytes)
        ((subject, source),) = sources.items()
        try:
            with self._budget.alone():
                return self._round(sources, batches.START_BYTES)
        except EsbuildFailed as error:
            if not esbuild.lacked_memory(error):
                return {subject: error}
            read = sum(self._reads(source).files.values())
            return {subject: BundleOutOfMemory(subject, read_bytes=read, available_bytes=self._available)}

    def _crashed(self, sources: Mapping[str, "Source"], cost_bytes: int, error: EsbuildFailed) -> Outcomes:
        """A fault that one unit may have brought about; where its first and its last unit fail alike, all do."""
        names = list(sources)
        tried: Outcomes = {}
        for name in (names[0], names[-1]):
            tried |= self._load({name: sources[name]}, cost_bytes)
        if all(isinstance(outcome, EsbuildFailed) for outcome in tried.values()):
            return dict.fromkeys(sources, error)
        rest = {name: sources[name] for name in names[1:-1]}
        return tried | (self._halved(rest, cost_bytes) if rest else {})

    def _halved(self, sources: Mapping[str, "Source"], cost_bytes: int) -> Outcomes:
        outcomes: Outcomes = {}
        for half in batches.halves(list(sources)):
            if half:
                outcomes |= self._load({name: sources[name] for name in half}, cost_bytes // 2)
        return outcomes

    def _attempt(self, sources: Mapping[str, "Source"], cost_bytes: int) -> Outcomes:
        with self._budget.taken(cost_bytes):
            if self._stopped.is_set():
                raise EsbuildFailed(0, "Another run of it was ended.")
            if self._shared.splitting:      # holds the project: once it is large, garbage is looked for all along
                return self._round(sources, esbuild.HEAP_BYTES if cost_bytes < esbuild.HEAP_BYTES // 2 else None)
            return self._round(sources, max(cost_bytes, self._sizing.share_bytes))

    def _round(self, sources: Mapping[str, "Source"], heap_bytes: int | None) -> Outcomes:
        """Bundles the units; those that fail are set apart, and the rest is bundled without them."""
        failed: dict[str, UnitgraphError] = {}
        rest = dict(sources)
        while rest:
            with self._folder(rest) as folder:
                built = self._esbuild(rest, folder, heap_bytes)
                blamed = self._blame(rest, built.errors, folder, heap_bytes) if built.errors else {}
            if not built.errors:
                beside = self._runtime(built, heap_bytes)
                if beside is None:
                    self._is_apart = False      # bundled with it, what is wrong has a place
                    continue
                read = {name: self._read(source, built.metafile) for name, source in rest.items()}
                return {**failed, **{name: Bundled(built.outputs, read[name], folder, beside) for name in rest}}
            if not blamed:
                return {**failed, **self._apart(rest, built.errors[0], heap_bytes)}
            failed |= self._told({name: rest[name] for name in blamed}, blamed, folder, heap_bytes)
            rest = {name: source for name, source in rest.items() if name not in blamed}
        return dict(failed)

    def _apart(self, sources: Mapping[str, "Source"], error: esbuild.Message, heap_bytes: int | None) -> Outcomes:
        """Units of which nobody can tell which one an error belongs to: by halves, until one is alone with it."""
        if len(sources) == 1:
            return {subject: BundleFailed(subject, error.text, error.place) for subject in sources}
        outcomes: Outcomes = {}
        for half in batches.halves(list(sources)):
            outcomes |= self._round({name: sources[name] for name in half}, heap_bytes)
        return outcomes

    @contextmanager
    def _folder(self, sources: Mapping[str, "Source"]) -> Iterator[Path]:
        """Where esbuild runs: a sandbox, or the sources where they stand if a source map must lead to them."""
        shared = self._shared
        if shared.sourcemap:
            yield shared.root
            return
        reached = shared.closures.files(module for source in sources.values() for module in source.modules)
        texts, copied = shared.stripper.texts({*reached, *(path for s in sources.values() for path in s.generated)})
        manifests = {name for imports in reached.values() for name in imports.packages if name.endswith(MANIFEST)}
        with sandbox(shared.root, texts, {*copied, *manifests, MANIFEST}) as folder:
            yield folder

    def _esbuild(
        self, sources: Mapping[str, "Source"], folder: Path, heap_bytes: int | None, more: Sequence[str] = ()
    ) -> esbuild.Built:
        entries = {name: path for source in sources.values() for name, path in source.entries.items()}
        return esbuild.build(
            self._shared.tools.esbuild(), entries, (*self._options, *more), root=folder,
            modules=self._shared.tools.modules(self._shared.parts), threads=self._threads, heap_bytes=heap_bytes,
        )  # fmt: skip

    def _runtime(self, built: esbuild.Built, heap_bytes: int | None) -> Mapping[str, bytes] | None:
        """What a build imports of the runtime that it hasn't got in itself; None where there is no such thing."""
        shared = self._shared
        if not self._is_apart or shared.apart is None:
            return {}
        key = (apart.imported(built.metafile, places()), self._with_runtime)
        if key not in shared.apart:
            own = [option for option in self._with_runtime if not option.startswith("--chunk-names=")]
            made = esbuild.build(
                shared.tools.esbuild(), apart.entries(key[0], places(), str(RUNTIME)),
                (*own, f"--chunk-names={apart.CHUNKS}"), root=shared.root,
                modules=shared.tools.modules(shared.parts), threads=self._threads, heap_bytes=heap_bytes,
            )  # fmt: skip
            if made.errors:
                return None
            shared.apart.clear()
            shared.apart[key] = self.mapped(made.outputs, shared.root, {})
        return shared.apart[key]

    # Whose error it is.

    def _blame(
        self, sources: Mapping[str, "Source"], errors: Sequence[esbuild.Message], folder: Path, heap_bytes: int | None
    ) -> dict[str, esbuild.Message]:
        """The units that an error belongs to, each with its first."""
        files = {subject: self._files(source) for subject, source in sources.items()}
        own = _first(files, errors)
        rest = {subject: source for subject, source in sources.items() if subject not in own}
        known = set().union(*files.values())
        foreign: dict[str, esbuild.Message] = {}
        for error in errors:
            if error.place is not None and error.place.path not in known:
                foreign.setdefault(_absolute(error.place.path, folder), error)
        if not rest or not foreign:
            return own
        # Which units lead to a file of a package, only esbuild knows: it tells once it need not read that file.
        built = self._esbuild(rest, folder, heap_bytes, [f"--external:{_anywhere(path)}" for path in foreign])
        if built.errors:
            return own
        for subject, source in rest.items():
            met = {os.path.realpath(path) for path in built.left_out(self._read(source, built.metafile))}
            first = next((error for path, error in foreign.items() if path in met), None)
            if first is not None:
                own[subject] = first
        return own

    def _told(
        self, sources: Mapping[str, "Source"], blamed: Mapping[str, esbuild.Message], folder: Path,
        heap_bytes: int | None,
    ) -> dict[str, UnitgraphError]:  # fmt: skip
        """The same errors at the places where the sources stand, which stripped text doesn't have."""
        shared = self._shared
        real = self._esbuild(sources, shared.root, heap_bytes).errors if folder != shared.root else ()
        own = _first({subject: self._files(source) for subject, source in sources.items()}, real)
        told: dict[str, UnitgraphError] = {}
        for subject, error in blamed.items():
            found = own.get(subject) or next((one for one in real if one.text == error.text), error)
            place = found.place
            if found is error and place is not None and folder != shared.root:
                place = Place(os.path.relpath(_absolute(place.path, folder), folder.resolve()), 1, 1)
            told[subject] = BundleFailed(subject, found.text, place and shared.locate(place))
        return told

    def _files(self, source: "Source") -> set[str]:
        return {*source.generated, *self._shared.closures.files(source.modules)}

    # What it costs.

    def _reads(self, source: "Source") -> Reads:
        reached = self._shared.closures.files(source.modules)
        packages = {name for imports in reached.values() for name in imports.packages} | {*source.packages}
        count = sum(not name.endswith(MANIFEST) for name in packages)
        besides = self._besides or batches.BESIDES_BYTES + batches.PACKAGE_BYTES * count
        return Reads({path: self._size(path) for path in (*source.generated, *reached)}, besides)

    def _size(self, path: str) -> int:
        known = self._sizes.get(path)
        if known is None:
            try:
                known = os.path.getsize(os.path.join(self._shared.root, path))
            except OSError:         # gone meanwhile: the run will say so
                known = 0
            self._sizes[path] = known
        return known

    def _read(self, source: "Source", metafile: Mapping[str, Any]) -> frozenset[str]:
        """The files that a unit reads; remembers the most that is read besides a unit's own: the next are alike."""
        inputs, own = metafile["inputs"], self._files(source)
        found: set[str] = set()
        for entry in [*source.entries.values()][::-1]:      # a process's main, which leads to the others, is the last
            if entry.removeprefix("./") in found:
                continue
            read = esbuild.reachable(metafile, entry.removeprefix("./"))
            self._besides = max(self._besides, sum(inputs[path]["bytes"] for path in read if path not in own))
            found.update(read)
        return frozenset(found)


def _first(
    files: Mapping[str, set[str]], errors: Sequence[esbuild.Message]
) -> dict[str, esbuild.Message]:
    """Subject → the first error in one of its files."""
    found: dict[str, esbuild.Message] = {}
    for subject, own in files.items():
        for error in errors:
            if error.place is not None and error.place.path in own:
                found[subject] = error
                break
    return found


def _anywhere(path: str) -> str:
    """A file of a package under every name that links give it: esbuild compares before it follows them."""
    _, modules, inner = path.rpartition(f"{os.sep}node_modules{os.sep}")
    return f"/*{modules}{inner}" if modules else path


def _absolute(path: str, folder: Path) -> str:
    return os.path.normpath(os.path.join(folder.resolve(), path))
