"""An action, the rule that it belongs to, and what became of it. Knows neither what rules do nor how they are run."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from unitgraph.cache.key import Key
from unitgraph.cache.store import BUILT
from unitgraph.errors import UnitgraphError
from unitgraph.rules.database import Record


class Pool(StrEnum):
    """Where a rule's work is done: in the calling thread, on another processor, or waiting for a network."""

    HERE = "here"
    CPU = "cpu"
    UPLOAD = "upload"


@dataclass(frozen=True, slots=True)
class Finished:
    """What an action made. ``outputs``: path relative to the rule's folder → bytes; ``inputs``: the project's files
    that it read, to be checked once more; ``facts``: what is worth keeping about the outputs (sizes)."""

    outputs: Mapping[str, bytes]
    inputs: Sequence[str] = ()
    facts: Mapping[str, object] = field(default_factory=dict)


class Rule(Protocol):
    """One stage of the build."""

    kind: str
    pool: Pool
    is_shared: bool     # whether other checkouts take its outputs from the cache: what is made faster than read isn't

    @property
    def batch(self) -> int:
        """How many subjects one run takes at most, as far as is known by now."""

    def key(self, subject: str) -> Key:
        """The action's key; everything that it needs has finished."""

    def intact(self, subject: str, record: Record) -> bool:
        """Whether the outputs that ``record`` names are where they belong, unchanged."""

    def place(self, subject: str, outputs: Mapping[str, bytes]) -> None:
        """Puts outputs where they belong, each whole or not at all."""

    def withdraw(self, subject: str, outputs: Iterable[str]) -> None:
        """Removes what stands where these outputs belong: the right ones are somewhere else."""

    def make_ready(self, subjects: Sequence[str]) -> None:
        """Called in the runner's thread before ``run`` is, in another one: what the work needs is put there."""

    def run(self, subjects: Sequence[str]) -> Mapping[str, Finished | UnitgraphError]:
        """Does the work of several actions and says what became of each."""


@dataclass(frozen=True, slots=True)
class Action:
    """A node of the graph: ``kind:subject``."""

    rule: Rule
    subject: str
    needs: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return f"{self.rule.kind}:{self.subject}" if self.subject else self.rule.kind


class How(StrEnum):
    """What became of an action."""

    FRESH = "fresh"        # its key is that of its last run
    CACHED = "cached"      # another run made the same; its outputs were taken
    RAN = "ran"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Work:
    """When something was made or restored, in seconds of time.monotonic(), and by which thread."""

    began: float
    ended: float
    worker: str


@dataclass(frozen=True, slots=True)
class Result:
    """How one action ended; ``error`` where it failed.

    ``origin`` is where its outputs come from, as in cache/store.py; ``placed`` says whether they are in their folder,
    or known by digest alone. ``work`` is None where there was none.
    """

    name: str
    how: How
    key: Key | None = None
    outputs: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, object] = field(default_factory=dict)
    error: UnitgraphError | None = None
    work: Work | None = None
    origin: str = BUILT
    placed: bool = True
