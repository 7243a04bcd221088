"""What code leads to, as data: services, secrets, variables, queues, functions. Knows not how it is found."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from unitgraph.units.application import Expression, Ref
from unitgraph.units.calls import Called
from unitgraph.units.link import Leans

Names = frozenset[str]
Root = Ref | Expression


@dataclass(frozen=True, slots=True)
class Reached:
    """``escapes``: all services may be taken. Queues are "*" where a name isn't constant."""

    services: Names = frozenset()
    escapes: bool = False
    secrets: Names = frozenset()
    variables: Names = frozenset()
    queues: Names = frozenset()
    functions: Names = frozenset()

    def __or__(self, other: "Reached") -> "Reached":
        if other is NOTHING:
            return self
        if self is NOTHING:
            return other
        return Reached(
            self.services | other.services, self.escapes or other.escapes, self.secrets | other.secrets,
            self.variables | other.variables, self.queues | other.queues, self.functions | other.functions,
        )  # fmt: skip


NOTHING: Final = Reached()


def together(found: Iterable[Reached]) -> Reached:
    made = NOTHING
    for each in found:
        made |= each
    return made


@dataclass(slots=True)
class Walk:
    """What is found on the way, and what it leans on."""

    services: set[str] = field(default_factory=set)
    escapes: bool = False
    secrets: set[str] = field(default_factory=set)
    variables: set[str] = field(default_factory=set)
    queues: set[str] = field(default_factory=set)
    functions: set[str] = field(default_factory=set)

    def take(self, calls: Iterable[Called]) -> None:
        for called in calls:
            if called.kind == "function":
                if called.name is not None:
                    self.functions.add(called.name)
            elif called.kind == "queue":
                self.queues.add(called.name or "*")
            elif called.name is not None:
                (self.secrets if called.kind == "secret" else self.variables).add(called.name)

    def reached(self) -> Reached:
        if not (self.services or self.secrets or self.variables or self.queues or self.functions or self.escapes):
            return NOTHING
        return Reached(
            frozenset(self.services), self.escapes, frozenset(self.secrets), frozenset(self.variables),
            frozenset(self.queues), frozenset(self.functions),
        )  # fmt: skip


@dataclass(slots=True)
class Trail:
    """What a piece of the way leans on. ``by_name``: functions are called by name there."""

    names: set[str] = field(default_factory=set)
    texts: set[str] = field(default_factory=set)
    quiet: set[str] = field(default_factory=set)
    by_name: bool = False

    def add(self, other: "Trail") -> None:
        self.names |= other.names
        self.texts |= other.texts
        self.quiet |= other.quiet
        self.by_name = self.by_name or other.by_name


@dataclass(frozen=True, slots=True)
class ReachFound:
    """What the roots of one file lead to, in their order.

    It holds while all that was met on the way is as it was, none of the ``quiet`` files, which lead nowhere, leads
    somewhere, and the functions are those of ``roster``; "" where nothing on the way calls one by name.
    """

    roster: str
    quiet: tuple[str, ...]
    leans: Leans
    found: tuple[Reached, ...]
