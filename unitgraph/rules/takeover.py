"""A fresh checkout takes a finished build over: its manifest, its files, its bundles as far as they are asked for.

Knows the engine; what may be taken over, and for which project, is said in whole.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from unitgraph.cache.store import BUILT, Blob
from unitgraph.rules import extras, seed, whole
from unitgraph.rules.action import Result
from unitgraph.rules.bundle import PROCESS, prefix
from unitgraph.rules.database import Record
from unitgraph.rules.gateways import RUNNABLE_ROLES
from unitgraph.rules.runner import Demand, Listener

if TYPE_CHECKING:
    from unitgraph.rules.engine import Engine


@dataclass(frozen=True, slots=True)
class Taken:
    """What was taken over."""

    results: Mapping[str, Result]
    notices: tuple[str, ...]


def take_over(engine: "Engine", *, listener: Listener, demand: Demand, files: Record | None) -> Taken | None:
    """What another machine, or another checkout, has built of exactly this project; None where there is nothing.

    Then at least the build database learns what another build knew of the files that haven't changed since.
    Where bytes are asked for and the cache no longer has all of them, nothing is taken.
    """
    texts = whole.texts_of(engine.project)
    recalled = whole.recall(engine, texts, trusted_only=demand.trusted_only)
    if recalled is None or not _is_complete(engine, recalled) or not _is_here(engine, recalled):
        seed.sow(engine, texts)
        return None
    results = _placed(engine, recalled.results, near=not demand.bytes)
    if demand.bytes and not all(result.placed for result in results.values()):
        return None
    engine.manifest = recalled.whole.manifest
    engine.read = recalled.read
    engine.database.save_actions(
        (name, result.key, result.outputs, result.facts) for name, result in results.items() if result.key
    )
    for result in results.values():
        listener(result)
    extras.place_for(engine, files)
    engine.memo.save()
    return Taken(results, recalled.whole.notices)


def _is_complete(engine: "Engine", recalled: whole.Recalled) -> bool:
    """Whether there is a result for each unit that would be built, and for nothing else."""
    units = [unit.name for unit in recalled.whole.manifest.units if unit.role in RUNNABLE_ROLES]
    return recalled.results.keys() == {f"bundle:{subject}" for subject in ([PROCESS] if engine.is_process else units)}


def _is_here(engine: "Engine", recalled: whole.Recalled) -> bool:
    """Whether this machine still knows the bundles of a build that it has made itself; what came from elsewhere is
    there. Asking tells a collection that they are in use."""
    keys = {result.key.digest for result in recalled.results.values() if result.key}
    held = engine.cache.look_up(sorted(keys), near=True)
    return recalled.origin != BUILT or len(held) == len(keys)


def _placed(engine: "Engine", results: Mapping[str, Result], *, near: bool) -> dict[str, Result]:
    """The same results; those whose bytes the cache has, or with ``near`` this machine, are put in their place."""
    sizes = {name: cast("Mapping[str, int]", result.facts["sizes"]) for name, result in results.items()}
    named = ((name, path, mark) for name, result in results.items() for path, mark in result.outputs.items())
    data = engine.cache.fetch({Blob(mark, sizes[name][path]) for name, path, mark in named}, near=near)
    made: dict[str, Result] = {}
    for name, result in results.items():
        where = prefix(name.partition(":")[2])
        placed = all(mark in data for mark in result.outputs.values())
        if placed:
            engine.outputs.place({path: data[mark] for path, mark in result.outputs.items()}, prefix=where)
        else:
            engine.outputs.withdraw(result.outputs, prefix=where)
        made[name] = replace(result, facts={**result.facts, "placed": placed}, placed=placed)
    return made
