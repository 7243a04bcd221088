"""Why a run had to build what others may have built: its keys against those of the nearest build, counted.

Knows results and documents of builds, and asks the cache for nothing but those.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from unitgraph.cache.key import Component, difference
from unitgraph.providers.base import Reason
from unitgraph.rules.action import How, Result
from unitgraph.rules.amounts import counted
from unitgraph.rules.known_build import KnownBuild
from unitgraph.rules.nearest import Nearest, since
from unitgraph.rules.reasons import explain_part, ordered, short_part

if TYPE_CHECKING:
    from unitgraph.rules.engine import Engine

_SHOWN: Final = 3
_LOOKED_INTO: Final = 5000      # components that moved: each is a walk through two closures


@dataclass(frozen=True, slots=True)
class Missed:
    """What kept actions from being found: how many of them there were, and reasons with how many each concerns."""

    build: KnownBuild
    actions: int
    reasons: Mapping[Reason, int]
    lost: int       # actions of which nothing moved: the cache has them no longer
    new: int        # actions that the build doesn't know

    def lines(self) -> list[str]:
        """For people, the most important reasons first."""
        where = since(self.build)
        first = sorted(self.reasons.items(), key=lambda item: -item[1])[:_SHOWN]
        said = [f"missed: {_told(why)} since {where}{_concerned(count, self.actions)}" for why, count in first]
        if len(self.reasons) > _SHOWN:
            said.append(f"missed: {len(self.reasons) - _SHOWN} reasons more; 'doit why UNIT' has those of one")
        if self.new:
            said.append(f"missed: {counted(self.new, 'unit')} new since {where}")
        if self.lost:
            said.append(f"missed: {counted(self.lost, 'unit')} built by {where} and no longer in the cache")
        return said


def missed_lines(engine: "Engine", nearest: Nearest, results: Mapping[str, Result]) -> list[str]:
    """For a run that asked a shared cache: why it had to make what this checkout never made before."""
    if not engine.cache.place:
        return []
    ran = (result for name, result in results.items() if name.startswith("bundle:") and result.how is How.RAN)
    found = missed(nearest, [result for result in ran if engine.database.previous(result.name) is None])
    return found.lines() if found else []


def missed(nearest: Nearest, results: Iterable[Result]) -> Missed | None:
    """Why these results had to be made, against the nearest build; None where no build is known."""
    made = [result for result in results if result.key is not None]
    known = nearest.build() if made else None
    if known is None:
        return None
    moved: defaultdict[tuple[Component, Component | None], set[str]] = defaultdict(set)
    lost = new = 0
    for result in made:
        assert result.key is not None, "others were left out"
        before = known.actions.get(result.name)
        if before is None:
            new += 1
            continue
        pairs = difference(map(short_part, before[1]), map(short_part, result.key.components))
        lost += not pairs
        for pair in pairs:
            moved[pair].add(result.name)
    reasons: defaultdict[Reason, set[str]] = defaultdict(set)
    for (now, old), names in sorted(moved.items(), key=lambda item: -len(item[1]))[:_LOOKED_INTO]:
        for reason in explain_part(nearest.node, now, old):
            reasons[reason] |= names
    return Missed(known, len(made), {reason: len(reasons[reason]) for reason in ordered(reasons)}, lost, new)


def _told(why: Reason) -> str:
    if not why.path:
        return f"{why.detail},"
    return f"{why.path} {why.detail}" if why.detail == "changed" else f"{why.path}: {why.detail},"


def _concerned(count: int, of: int) -> str:
    return f" ({counted(count, 'unit')})" if of > 1 else ""
