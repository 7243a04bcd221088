"""A share of a project's bundles built again, past every cache, and compared with what the cache holds, byte by byte.

Which ones is decided by their keys and a seed, so two machines with one seed look at the same ones.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from unitgraph.cache import digest
from unitgraph.cache.key import Key
from unitgraph.cache.store import Made
from unitgraph.errors import Problems, UnitgraphError
from unitgraph.errors.build import InputChanged
from unitgraph.rules import openapi_rule, report
from unitgraph.rules.action import Action, Finished

if TYPE_CHECKING:
    from unitgraph.rules.engine import Engine


@dataclass(frozen=True, slots=True)
class Difference:
    """An output that came out otherwise. ``held`` and ``built`` are digests, "" where there is no such output;
    ``offset`` is the first byte that differs, None where the held bytes are gone."""

    unit: str
    path: str
    key: str
    origin: str
    held: str
    built: str
    offset: int | None


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """``units`` were built again; of these ``absent`` are in no cache, so that there was nothing to compare with."""

    units: tuple[str, ...]
    absent: tuple[str, ...]
    differences: tuple[Difference, ...]
    failures: tuple[UnitgraphError, ...]


def keys_of(engine: "Engine") -> dict[str, Key]:
    """The key of each of the project's bundles; generated files are brought up to date for it. Call it ``locked``.

    Raises Problems where one can't be known.
    """
    subjects = engine.subjects()
    generate = [*openapi_rule.interface(engine), *(Action(engine.codegen, subject) for subject in subjects)]
    results = engine.generate(generate, lambda _: None, engine.database.records())
    failed = report.failures(results)
    if failed:
        raise Problems(failed)
    rules = {subject: engine.rule_of(subject) for subject in subjects}
    for rule in {id(rule): rule for rule in rules.values()}.values():
        rule.prepare(subject for subject in subjects if rules[subject] is rule)
    return {subject: rule.key(subject) for subject, rule in rules.items()}


def sample(keys: Mapping[str, Key], share: float, seed: str) -> list[str]:
    """The subjects to look at: ``share`` of all, at least one where there are any."""
    order = sorted(keys, key=lambda subject: digest.sha256(f"{seed}\0{keys[subject].digest}".encode()))
    return order[: math.ceil(share * len(order))]


def rebuild(engine: "Engine", keys: Mapping[str, Key], subjects: Sequence[str]) -> Rebuilt:
    """Builds ``subjects`` again and compares. Call it ``locked``, after ``keys_of``."""
    made = engine.cache.look_up([keys[subject].digest for subject in subjects])
    held = {subject: made[keys[subject].digest] for subject in subjects if keys[subject].digest in made}
    failures: dict[str, UnitgraphError] = {}
    differences: list[Difference] = []
    for subject, outcome in _built(engine, subjects):
        if isinstance(outcome, UnitgraphError):
            failures[str(outcome)] = outcome
        elif moved := engine.memo.moved(outcome.inputs):
            failures[moved[0]] = InputChanged(moved[0])
        elif subject in held:
            differences += _compared(engine, subject, keys[subject], held[subject], outcome)
    absent = tuple(subject for subject in subjects if subject not in held)
    return Rebuilt(tuple(subjects), absent, tuple(differences), tuple(failures.values()))


def _built(engine: "Engine", subjects: Sequence[str]) -> Iterator[tuple[str, Finished | UnitgraphError]]:
    """What each of ``subjects`` comes to now."""
    batches = []
    for rule in {id(rule): rule for rule in map(engine.rule_of, subjects)}.values():
        own = [subject for subject in subjects if engine.rule_of(subject) is rule]
        rule.make_ready(own)
        size = min(rule.batch, -(-len(own) // engine.jobs))
        batches += [(rule, own[start : start + size]) for start in range(0, len(own), size)]
    with ThreadPoolExecutor(engine.jobs) as pool:
        futures = [(pool.submit(rule.run, batch), batch) for rule, batch in batches]
        for future, batch in futures:
            try:
                yield from future.result().items()
            except UnitgraphError as error:     # of the whole batch, as when esbuild was killed
                yield from ((subject, error) for subject in batch)


def _compared(engine: "Engine", subject: str, key: Key, held: Made, built: Finished) -> Iterable[Difference]:
    now = {path: digest.sha256(data) for path, data in built.outputs.items()}
    before = {path: blob.digest for path, blob in held.outputs.items()}
    differing = sorted(path for path in now.keys() | before.keys() if now.get(path) != before.get(path))
    data = engine.cache.fetch(held.outputs[path] for path in differing if path in held.outputs) if differing else {}
    for path in differing:
        old, new = before.get(path, ""), now.get(path, "")
        offset = first_difference(data[old], built.outputs[path]) if old in data and new else None
        yield Difference(subject, path, key.digest, held.origin, old, new, offset)


def first_difference(one: bytes, other: bytes) -> int:
    """The offset of the first byte in which two texts differ; the shorter one's length where it begins the other."""
    for offset, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return offset
    return min(len(one), len(other))
