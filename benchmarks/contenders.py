"""What is measured against each other: our build over each kind of place, Turborepo over its own server.

Each can build cold, fill its cache, and be a fresh checkout that is asked for something.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Final, Literal, Protocol

from benchmarks import turborepo
from benchmarks.fleet import NOT_SHARED, Fleet, Machine, Shared, Tap
from benchmarks.measure import Cost
from benchmarks.relay import Address
from tests.cache.remote.conformance import PLACES
from tests.cache.remote.servers import Server

Scenario = Literal["plan", "bytes", "edit"]
SCENARIOS: Final[tuple[Scenario, ...]] = ("plan", "bytes", "edit")
"""plan: digests are enough; bytes: all of them in place; edit: the first after a commit that changes one function."""

LOCAL: Final = "local"
OURS: Final = (LOCAL, "folder", "http", "reapi", "s3", "redis")
TURBO: Final = "turbo"


class Contender(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def scenarios(self) -> tuple[Scenario, ...]: ...

    @property
    def address(self) -> Address | None:
        """Of the server; None where nothing can stand between."""

    @property
    def tap(self) -> Tap:
        """In place of esbuild, where that is counted."""

    def cold(self) -> Cost:
        """Builds with no cache at all."""

    def fill(self) -> Cost | None:
        """Builds cold, and writes to the cache; None where it is filled already."""

    def fresh(self, scenario: Scenario, *, at: Address | None = None, tapped: bool = False) -> Cost:
        """A fresh checkout, which may only read; the server is reached at ``at``. Raises SystemExit for wrong bytes."""


@dataclass
class Ours:
    """Our build over one place; ``first`` is a machine that has built everything."""

    name: str
    fleet: Fleet
    first: Machine
    server: Server | None
    address: Address | None
    tap: Tap
    scenarios: tuple[Scenario, ...] = SCENARIOS
    _bundles: Mapping[str, str] = field(default_factory=dict)
    _editions: Iterator[int] = field(default_factory=lambda: count(1))    # what was built before is at hand in LOCAL

    def __post_init__(self) -> None:
        self._bundles = self.first.bundles()

    def cold(self) -> Cost:
        machine = self.fleet.machine()
        return machine.unitgraph("plan")

    def fill(self) -> Cost | None:
        if self.server is None:
            return None
        machine = self.fleet.machine()
        return machine.unitgraph("plan", shared=self._shared(None))

    def fresh(self, scenario: Scenario, *, at: Address | None = None, tapped: bool = False) -> Cost:
        machine = self.fleet.machine(cache=None if self.server else self.first.cache)
        if scenario == "edit":
            machine.edit(next(self._editions))
        shared = replace(self._shared(at), key="")
        command = "apply" if scenario == "bytes" else "plan"
        cost = machine.unitgraph(command, shared=shared, tap=self.tap if tapped else None)
        if scenario == "bytes" and machine.bundles() != self._bundles:
            raise SystemExit(f"{self.name} gave other bytes than a build does.")
        return cost

    def _shared(self, at: Address | None) -> Shared:
        if self.server is None:
            return NOT_SHARED
        return Shared(self.server.url(at or self.server.address), self.server.token, self.fleet.pair.private)


@dataclass
class Turbo:
    """Turborepo, whose fresh checkouts always bring the bytes."""

    workspace: turborepo.Workspace
    address: Address
    tap: Tap
    name: str = TURBO
    scenarios: tuple[Scenario, ...] = ("bytes", "edit")

    def cold(self) -> Cost:
        return self.workspace.build(self.workspace.checkout(), None)

    def fill(self) -> Cost:
        return self.workspace.build(self.workspace.checkout(), self.address)

    def fresh(self, scenario: Scenario, *, at: Address | None = None, tapped: bool = False) -> Cost:
        root = self.workspace.checkout()
        if scenario == "edit":
            turborepo.edit(root)
        cost = self.workspace.build(root, at or self.address, tap=self.tap if tapped else None, writes=False)
        wanted = self.workspace.tasks - (scenario == "edit")
        found = turborepo.remote_hits(root) if tapped else wanted
        if found != wanted:
            raise SystemExit(f"turbo took {found} of {wanted} tasks from its remote cache.")
        return cost


@contextmanager
def ours(name: str, fleet: Fleet, first: Machine, folder: Path) -> Iterator[Ours]:
    """Our build over the place of that name, whose server runs in ``folder`` meanwhile."""
    tap = Tap(folder / "tap", fleet.esbuild)
    if name == LOCAL:
        yield Ours(name, fleet, first, None, None, tap)
        return
    (folder / "server").mkdir(parents=True)
    with PLACES[name].running(folder / "server") as server:
        yield Ours(name, fleet, first, server, server.address if PLACES[name].proxied else None, tap)


@contextmanager
def turbo(workspace: turborepo.Workspace, folder: Path) -> Iterator[Turbo]:
    """Turborepo with its server."""
    with workspace.server() as address:
        yield Turbo(workspace, address, Tap(folder / "tap", workspace.esbuild))
