"""What every provider is, and the words of plan and apply: target, build, resource, state, change, outcome.

Knows no provider and does no I/O.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from unitgraph.cache.digest import of
from unitgraph.units.config import DeployConfig

if TYPE_CHECKING:
    from unitgraph.providers.plan import Plan
    from unitgraph.units.model import Manifest

Isolation = Literal["unit", "process"]
"""unit: each bundle stands alone. process: all units share one process, its chunks and its services."""

Action = Literal["create", "update", "delete", "unchanged"]
Kind = Literal[
    "unit", "executable", "queue", "schedule", "database", "bucket", "kv", "secret", "variable", "route", "migration",
]  # fmt: skip
ReasonKind = Literal["source-changed", "option-changed", "tool-changed", "drift", "new", "removed"]
Refresh = Literal["units", "full", "none"]
"""How much of what is deployed is looked at again: units, everything down to its bytes, or only what is on record."""
Say = Callable[[str], None]


def quiet(_line: str) -> None:
    """Say nothing."""


@dataclass(frozen=True, slots=True)
class Tool:
    """An executable that a provider runs, and the version that belongs to its keys."""

    path: Path
    version: str


@dataclass(frozen=True, slots=True)
class Target:
    """A provider and an environment, and what of this machine and of the configuration goes with them.

    ``out`` is the build output, ``.deploy/<provider>``; ``config`` is the configuration's ``deploy`` with what the
    environment has otherwise put in; ``variables`` are the environment's values; ``tools`` holds at least "bun";
    ``wait_lock_s`` is how long an apply waits for another one to end. ``documents`` are JSON texts by route, with which
    whatever stands in front of separate units answers itself; ``objects`` is the text of the project's
    durable-objects.json, "" where there is none.
    """

    provider: str
    environment: str
    project: str
    root: Path
    out: Path
    tools: Mapping[str, Tool]
    config: DeployConfig = field(default_factory=DeployConfig)
    variables: Mapping[str, str] = field(default_factory=dict)
    migrations: Mapping[str, str] = field(default_factory=dict)
    wait_lock_s: float = 0
    refresh: Refresh = "units"
    documents: Mapping[str, str] = field(default_factory=dict)
    objects: str = ""


@dataclass(frozen=True, slots=True)
class File:
    """One file of a build: its content's sha256 (64 hex digits), its size, and a place where those bytes are."""

    sha256: str
    size: int
    path: Path


def is_shipped(name: str) -> bool:
    """Source maps are for people: they hold comments and types, so they are in no digest and no size."""
    return not name.endswith(".map")


def digest_of_files(files: Mapping[str, File]) -> str:
    """The digest of a set of files by their names and contents, "sha256:…"."""
    return "sha256:" + of(sorted((name, file.sha256) for name, file in files.items() if is_shipped(name)))


@dataclass(frozen=True)
class Bundle:
    """What one unit's code became: names relative to ``units/<unit>/`` → files."""

    unit: str
    files: Mapping[str, File]

    @cached_property
    def digest(self) -> str:
        return digest_of_files(self.files)

    @cached_property
    def size_bytes(self) -> int:
        return sum(file.size for name, file in self.files.items() if is_shipped(name))


@dataclass(frozen=True)
class Build:
    """All bundles of one build, and under process isolation what belongs to no single unit (main.js, chunks/…),
    named relative to the build output."""

    bundles: Mapping[str, Bundle]
    shared: Mapping[str, File] = field(default_factory=dict)

    def files(self) -> dict[str, File]:
        """Every shipped file by its name in the build output."""
        found = {name: file for name, file in self.shared.items() if is_shipped(name)}
        for bundle in self.bundles.values():
            found |= {f"units/{bundle.unit}/{name}": file for name, file in bundle.files.items() if is_shipped(name)}
        return dict(sorted(found.items()))


@dataclass(frozen=True, slots=True)
class Resource:
    """Something that should be there or is there. ``data`` is what of it isn't code, as JSON; never a secret's value.

    ``key`` covers both: equal keys, nothing to do.
    """

    kind: Kind
    name: str
    key: str
    data: Mapping[str, Any] = field(default_factory=dict)
    bundle: str | None = None
    size_bytes: int | None = None


def resource(kind: Kind, name: str, data: Mapping[str, Any], bundle: Bundle | None = None) -> Resource:
    """Make a resource whose key is the digest of all that is said about it."""
    digest = bundle.digest if bundle else None
    key = "sha256:" + of({"kind": kind, "name": name, "data": data, "bundle": digest})
    return Resource(kind, name, key, data, digest, bundle.size_bytes if bundle else None)


@dataclass(frozen=True)
class State:
    """Resources by kind and name, desired or deployed. ``serial`` grows with every apply; ``note`` says what a reader
    of the plan must know about how the state came to be known. ``drifted`` are resources that aren't what they claim.
    """

    resources: Mapping[tuple[str, str], Resource] = field(default_factory=dict)
    serial: int = 0
    note: str = ""
    drifted: Mapping[tuple[str, str], str] = field(default_factory=dict)

    @cached_property
    def digest(self) -> str:
        """The digest of every key, for telling whether a plan is still about this state."""
        keys = sorted([*identity, resource.key] for identity, resource in self.resources.items())
        return "sha256:" + of([keys, sorted(map(list, self.drifted))])


def state_of(resources: Iterable[Resource], *, serial: int = 0, note: str = "") -> State:
    return State({(found.kind, found.name): found for found in resources}, serial, note)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why there is a change: ``path`` is a file of the project or the name of an option, "" where there is neither."""

    kind: ReasonKind
    path: str
    detail: str


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between desired and deployed."""

    action: Action
    kind: Kind
    name: str
    old_key: str | None
    new_key: str | None
    bundle: str | None = None
    size_bytes: int | None = None
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one apply did. ``notes`` are for the person who ran it: where it is, how to start it."""

    release: str
    done: tuple[Change, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EsbuildOptions:
    """What a provider asks of the bundler; ``define`` values are JavaScript expressions."""

    platform: Literal["node", "neutral", "browser"]
    conditions: tuple[str, ...]
    main_fields: tuple[str, ...]
    externals: tuple[str, ...]
    target: str = "es2022"
    aliases: Mapping[str, str] = field(default_factory=dict)
    define: Mapping[str, str] = field(default_factory=dict)

    def arguments(self) -> tuple[str, ...]:
        """The same as esbuild's command line has it."""
        return (
            f"--platform={self.platform}",
            f"--conditions={','.join(self.conditions)}",
            f"--main-fields={','.join(self.main_fields)}",
            f"--target={self.target}",
            *(f"--external:{name}" for name in self.externals),
            *(f"--alias:{name}={other}" for name, other in sorted(self.aliases.items())),
            *(f"--define:{name}={value}" for name, value in sorted(self.define.items())),
        )


class Provider(Protocol):
    """A module (or an object) that says what should be where, sees what is, and makes the one into the other."""

    @property
    def name(self) -> str: ...

    @property
    def isolation(self) -> Isolation: ...

    @property
    def needs(self) -> tuple[str, ...]:
        """Parts of the toolchain that `apply` uses beyond those of a build."""

    @property
    def esbuild_options(self) -> EsbuildOptions: ...

    def files(self, manifest: "Manifest", target: Target) -> Mapping[str, bytes]:
        """Files of the build output besides bundles, by name relative to it. Pure."""

    def desired(self, manifest: "Manifest", build: Build, target: Target) -> State:
        """What should be there. Pure."""

    def deployed(self, target: Target) -> State:
        """What is there. Reads only."""

    def watched(self, target: Target) -> tuple[Path, ...]:
        """Folders besides the build output whose files `deployed` reads; a plan is kept while none of them moves."""

    def apply(self, plan: "Plan", manifest: "Manifest", build: Build, target: Target, *, say: Say) -> Outcome:
        """Make what the plan says; refuses a plan made against another state."""
