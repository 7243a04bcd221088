"""Which units a change touches: the project as it is against the project as it was, unit by unit.

Both states are analysed, from the same memo of facts, and what each unit is made of is compared as its key has it:
slices and closures by stripped text, packages by lockfile entry, and what the provider would make of the rest. So a
comment touches nothing, and one function of a file touches its own unit; nothing is bundled.
Two steps keep it quick: where nothing that a unit could reach has moved, its parts aren't made.
"""

import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path, PurePosixPath

from unitgraph.cache import digest
from unitgraph.errors import Problems, UnitgraphError
from unitgraph.errors.history import ProjectIgnored
from unitgraph.errors.project import UnknownEnvironment
from unitgraph.providers.base import Action, Build, Bundle, Change, File, Reason, State, Target
from unitgraph.providers.diff import diff
from unitgraph.rules import history, made_sources
from unitgraph.rules.before import before
from unitgraph.rules.bundle import tsconfig_option
from unitgraph.rules.database import Database
from unitgraph.rules.engine import Engine
from unitgraph.rules.history import Changes
from unitgraph.rules.imports import MANIFEST
from unitgraph.rules.memo import Memo
from unitgraph.rules.reasons import WIRING
from unitgraph.rules.sides import Parts, Side, side_at
from unitgraph.rules.strip import Stripper
from unitgraph.units.config import FILE
from unitgraph.units.model import Manifest, Part, Unit

_SAME = "0" * 64
"""Stands for the bundle of a unit that nothing could have changed, on both sides."""


@dataclass(frozen=True, slots=True)
class Touched:
    """A unit that the change adds, alters or removes; ``reasons`` begins with what weighs most."""

    name: str
    action: Action
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Affected:
    """``commit`` is what was compared with; ``resources`` are (kind, name) of all that would be deployed otherwise."""

    revision: str
    commit: str
    units: tuple[Touched, ...]
    resources: frozenset[tuple[str, str]]
    notes: tuple[str, ...] = ()

    def document(self) -> dict[str, object]:
        """The same for JSON."""
        return {
            "ref": self.revision,
            "commit": self.commit,
            "units": [
                {
                    "name": unit.name,
                    "action": unit.action,
                    "reasons": [{"kind": why.kind, "path": why.path, "detail": why.detail} for why in unit.reasons],
                }
                for unit in self.units
            ],
        }


def affected(engine: Engine, changed: Changes) -> Affected:
    """Compares the project with what it was at the changes' commit."""
    root, revision = engine.project.root, changed.revision
    old = history.relative(changed, root)
    own = os.path.relpath(os.path.realpath(root), os.path.realpath(changed.top))
    if history.ignored(changed.top, [os.path.normpath(os.path.join(own, FILE))]):
        raise ProjectIgnored(FILE)
    if not old:
        return Affected(revision, changed.commit, (), frozenset())
    now = Side(engine)
    sources = engine.project.sources
    ignored = history.ignored(changed.top, _below(own, now.workspace.outlines))
    unknown = made_sources.remade(root, {os.path.relpath(path, own) for path in ignored}, old)
    listed = [path for path in sources.looked_at if path not in sources.read_files]
    read = {*sources.read_files, *engine.memo.paths()}
    with before(root, changed.top, old, listed=listed, read=read) as folder, _scratch() as scratch:
        if not (folder / FILE).is_file():
            return _everything(now, revision, changed.commit, "create", "the project is new")
        try:
            then = side_at(engine, folder, scratch)
            return _Comparison(then, now, scratch, changed.commit, unknown.changed).outcome(revision, unknown.notes)
        except (Problems, UnknownEnvironment) as error:
            first = error.problems[0] if isinstance(error, Problems) else error
            said = f"what was there at {changed.commit[:12]} can't be compared with: {first.message}"
            return _everything(now, revision, changed.commit, "update", said)


def _below(own: str, paths: Iterable[str]) -> list[str]:
    """Paths of the project as the repository has them, without those outside it."""
    found = (os.path.normpath(os.path.join(own, path)) for path in paths)
    return [path for path in found if not path.startswith("..")]


def _everything(now: Side, revision: str, commit: str, action: Action, why: str) -> Affected:
    """All units, where there is nothing to compare with."""
    reasons = (Reason("new" if action == "create" else "source-changed", "", why),)
    units = tuple(Touched(name, action, reasons) for name in sorted(now.units))
    state = _state(now, dict.fromkeys(now.units, _SAME), now.engine.target)
    return Affected(revision, commit, units, frozenset(state.resources))


class _Comparison:
    """Two states, unit by unit. ``remade`` are files that git doesn't have and that are made from what changed."""

    def __init__(self, then: Side, now: Side, scratch: Path, commit: str, remade: Mapping[str, str]) -> None:
        self._then = then
        self._now = now
        self._scratch = scratch
        self._commit = commit
        self._remade = remade
        self._reasons: dict[str, list[Reason]] = {}
        self._marks: dict[str, tuple[str, str]] = {}

    def outcome(self, revision: str, notes: tuple[str, ...]) -> Affected:
        both = sorted(self._then.units.keys() & self._now.units.keys())
        self._look_into([name for name in both if self._may_differ(name)])
        changes = self._changes()
        moved = {(change.kind, change.name): change for change in changes if change.action != "unchanged"}
        units = []
        for name in sorted(self._then.units.keys() | self._now.units.keys()):
            touched = self._touched(name, moved.get(("unit", name)))
            if touched is not None:
                units.append(touched)
        return Affected(revision, self._commit, tuple(units), frozenset(moved), notes)

    # Where to look.

    @cached_property
    def _changed(self) -> set[str]:
        """Files that aren't what they were, or lead elsewhere; of a file that is new or gone, the other marks tell."""
        then, now = self._then.marks, self._now.marks
        return {*self._remade, *(path for path in then.keys() | now.keys() if then.get(path) != now.get(path))}

    @cached_property
    def _reached(self) -> set[str]:
        return self._then.reaching(self._changed) | self._now.reaching(self._changed)

    @cached_property
    def _options(self) -> tuple[Reason, ...]:
        """What all bundles of a state share, where it differs."""
        old, new = (side.engine.project.tsconfig.bundling()["compilerOptions"] for side in (self._then, self._now))
        files = self._now.engine.project.tsconfig.files or self._then.engine.project.tsconfig.files
        moved = [key for key in sorted(old.keys() | new.keys()) if old.get(key) != new.get(key)]
        found = [Reason("option-changed", files[0], f"{key}: {_brief(old, key)} → {_brief(new, key)}") for key in moved]
        providers = [side.engine.provider.name for side in (self._then, self._now)]
        if providers[0] != providers[1]:
            found.append(Reason("option-changed", FILE, f"provider: {providers[0]} → {providers[1]}"))
        return tuple(found)

    def _may_differ(self, name: str) -> bool:
        then, now = self._then, self._now
        modules = now.modules(name)
        return bool(
            self._options
            or _without_place(then.units[name]) != _without_place(now.units[name])
            or modules != then.modules(name)
            or not modules.isdisjoint(self._reached)
            or then.imports.package_digest(MANIFEST) != now.imports.package_digest(MANIFEST)
        )

    # What differs.

    def _look_into(self, names: Iterable[str]) -> None:
        """Compares the parts of units, of which only those texts are stripped that aren't equal as they stand."""
        pairs: dict[str, tuple[Parts, Parts]] = {}
        for name in names:
            try:
                now = self._now.parts(name)
                alike = self._generated_alike(name)
                pairs[name] = (self._then.parts_like(now) if alike else self._then.parts(name), now)
            except UnitgraphError as error:
                self._reasons[name] = [Reason("source-changed", "", error.message)]
                self._marks[name] = ("then", "now")
        texts = [text for then, now in pairs.values() for text in self._texts(then, now)]
        stripped = _stripped(self._now.engine, self._scratch, texts)
        for name, (then, now) in pairs.items():
            old, new = self._leaves(then, self._then, stripped), self._leaves(now, self._now, stripped)
            self._marks[name] = digest.of(sorted(old.items())), digest.of(sorted(new.items()))
            self._reasons[name] = [*self._told(name, old, new, {**then.generated, **now.generated}), *self._options]
            if self._options:
                self._marks[name] = ("then", "now")

    def _generated_alike(self, name: str) -> bool:
        """Whether it is sure, without generating anything, that the same is generated on both sides."""
        then, now = self._then, self._now
        built = name in then.engine.units and name in now.engine.units
        return built and then.generator_key(name) == now.generator_key(name)

    def _texts(self, then: Parts, now: Parts) -> Iterator[tuple[str, bytes]]:
        """(path, text) of everything that may be equal once it is stripped."""
        for path in then.generated.keys() & now.generated.keys():
            if then.generated[path][0] != now.generated[path][0]:
                yield path, then.generated[path][0]
                yield path, now.generated[path][0]
        for path in then.files & now.files & self._changed:
            yield path, self._then.text(path)
            yield path, self._now.text(path)

    def _leaves(self, parts: Parts, side: Side, stripped: Mapping[tuple[str, bytes], str]) -> dict[str, str]:
        """What a unit's key would be made of: kind and name → digest."""
        leaves = {f"package {place}": side.imports.package_digest(place) for place in parts.needs}
        for path, (text, _) in parts.generated.items():
            leaves[f"generated {path}"] = stripped.get((path, text)) or digest.sha256(text)
        for path in parts.files:
            mark = ""           # as on the other side
            if path in self._changed:
                text = side.text(path)
                mark = stripped.get((path, text)) or digest.sha256(text)
            if path in self._remade and side is self._now:
                mark = "remade"
            leaves[f"file {path}"] = mark
        return leaves

    def _told(
        self, name: str, old: Mapping[str, str], new: Mapping[str, str], generated: Mapping[str, tuple[bytes, str]]
    ) -> Iterator[Reason]:
        """What moved: the unit's own code, the files behind it, packages, how it is wired."""
        moved = sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))
        moved.sort(key=lambda key: not key.startswith("generated "))
        told: set[str] = set()
        for key in moved:
            kind, _, path = key.partition(" ")
            origin = generated[path][1] if kind == "generated" else path
            if kind != "package" and origin and origin not in told:
                told.add(origin)
                yield Reason("source-changed", origin, self._remade.get(path) or _detail(key, old, new))
        for key in moved:
            if key.startswith("package "):
                yield self._package(key.removeprefix("package "))
        if any(key.startswith("generated ") and not generated[key.partition(" ")[2]][1] for key in moved):
            wired = self._then.wired_in(name) | self._now.wired_in(name)
            files = sorted(wired & self._changed - told)
            yield Reason("source-changed", files[0] if files else "", WIRING)

    def _package(self, place: str) -> Reason:
        then, now = self._then, self._now
        if place.endswith(MANIFEST):
            return Reason("option-changed", place, "sideEffects or type changed")
        name = now.imports.name(place)
        old, new = then.imports.pinned(place), now.imports.pinned(place)
        lock = now.engine.project.lock or then.engine.project.lock
        for key in sorted(old.keys() | new.keys(), key=lambda key: (not key.endswith(name), key)):
            before_, after = old.get(key), new.get(key)
            if before_ != after:
                locked = after or before_
                versions = [each.version if each else "nothing" for each in (before_, after)]
                how = "another content" if versions[0] == versions[1] else f"{versions[0]} → {versions[1]}"
                behind = "" if locked is None or locked.name == name else f", which {name} needs"
                what = name if locked is None else locked.name
                return Reason("source-changed", lock.path if lock else MANIFEST, f"{what} {how}{behind}")
        asked = [" ".join(side.imports.ranges(place)) or "nothing" for side in (then, now)]
        return Reason("source-changed", MANIFEST, f"{name} {asked[0]} → {asked[1]}")

    # What would be deployed.

    def _changes(self) -> tuple[Change, ...]:
        then, now = self._then.engine, self._now.engine
        old = _state(self._then, {name: mark for name, (mark, _) in self._marks.items()}, _target(then, now.target))
        new = _state(self._now, {name: mark for name, (_, mark) in self._marks.items()}, now.target)
        return diff(new, old)

    def _touched(self, name: str, change: Change | None) -> Touched | None:
        then, now = self._then.units.get(name), self._now.units.get(name)
        if then is None and now is not None:
            why = Reason("new", _path(now), f"no unit of this name was there at {self._commit[:12]}")
            return Touched(name, "create", (why,))
        if now is None and then is not None:
            why = Reason("removed", _path(then), "no unit of this name is in the project any more")
            return Touched(name, "delete", (why,))
        old, new = self._marks.get(name, (_SAME, _SAME))
        options = [why for why in change.reasons if why.kind not in ("source-changed", "drift")] if change else []
        if now is not None and then is not None and name not in self._now.engine.units:
            options += _fields(_listed(self._then.manifest, then), _listed(self._now.manifest, now))
        if old == new and not options:
            return None
        reasons = [*(self._reasons.get(name, ()) if old != new else ()), *options]
        return Touched(name, "update", tuple(dict.fromkeys(reasons)))


def _state(side: Side, marks: Mapping[str, str], target: Target) -> State:
    """What should be deployed, were each bundle its mark."""
    engine = side.engine
    bundles = {
        name: Bundle(name, {"index.js": File(marks.get(name, _SAME), 0, target.out / "units" / name / "index.js")})
        for name in engine.units
    }
    return engine.provider.desired(engine.runnable, Build(bundles), target)


def _target(then: Engine, now: Target) -> Target:
    """The same target as the configuration of then has it."""
    variables = then.deploy.variables(then.settings.environment)
    return replace(now, project=then.project.name, config=then.deploy, variables=variables)


def _stripped(
    engine: Engine, scratch: Path, texts: Iterable[tuple[str, bytes]]
) -> dict[tuple[str, bytes], str]:
    """(path, text) → the digest of what is left without comments, types and formatting."""
    wanted = dict.fromkeys(texts)
    if not wanted:
        return {}
    names = {}
    for path, text in wanted:
        name = f"{digest.local(text)}{PurePosixPath(path).suffix}"
        (scratch / name).write_bytes(text)
        names[path, text] = name
    option = tsconfig_option(engine.project.tsconfig.bundling())
    memo = Memo(scratch, Database(scratch / "texts.db"), digest.local)
    stripper = Stripper(
        scratch, engine.database, engine.tools.esbuild, memo, option, engine.tools.versions["esbuild"]
    )
    stripper.load(sorted(set(names.values())))
    return {one: stripper.digest(name) for one, name in names.items()}


@contextmanager
def _scratch() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="unitgraph-affected-") as folder:
        yield Path(os.path.realpath(folder))


def _without_place(unit: Unit) -> Unit:
    return replace(unit, source="")


def _path(unit: Unit) -> str:
    return unit.source.rpartition(":")[0]


def _listed(manifest: Manifest, unit: Unit) -> dict[str, object]:
    """What the manifest says of a unit, in its own entry and in those that name it."""
    channels = [each for each in manifest.channels if each.unit_name == unit.name]
    agents = [each for each in manifest.agents if each.unit_name == unit.name]
    endpoints = [each for each in manifest.mcp_endpoints if each.unit_name == unit.name]
    workflows = [each for each in manifest.workflows if each.orchestrator_unit == unit.name]
    entries: dict[str, Sequence[Part]] = {
        "channels": channels, "agents": agents, "mcpEndpoints": endpoints, "workflows": workflows,
    }  # fmt: skip
    said = {name: [each.document() for each in found] for name, found in entries.items()}
    return {**_without_place(unit).document(), **said}


def _fields(old: Mapping[str, object], new: Mapping[str, object]) -> list[Reason]:
    """What differs, by field."""
    return [
        Reason("option-changed", field, f"{_brief(old, field)} → {_brief(new, field)}")
        for field in new
        if old[field] != new[field]
    ]


def _detail(key: str, old: Mapping[str, str], new: Mapping[str, str]) -> str:
    if key not in old:
        return "new in the closure"
    return "changed" if key in new else "no longer in the closure"


def _brief(values: Mapping[str, object], key: str) -> str:
    text = str(values.get(key, "nothing"))
    return text if len(text) <= 60 else f"{text[:57]}…"
