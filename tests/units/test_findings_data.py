"""Findings come back from plain data as they were, whatever they are: every field of every part is given any value."""

import dataclasses
import marshal
import random
from collections.abc import Mapping
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import pytest

from unitgraph.errors import UnitgraphError
from unitgraph.units.findings import Findings
from unitgraph.units.findings_data import can_be_kept, from_data, to_data
from unitgraph.units.functions import BODILESS
from unitgraph.units.link import Leans

SEEDS = range(100)


def made(kind: Any, rng: random.Random) -> Any:
    """Any value of a type; a class is made from values of its fields, so that a new field is tried, too."""
    origin, arguments = get_origin(kind), get_args(kind)
    if kind in (str, int, bool):
        return {str: f"s{rng.randrange(100)}", int: rng.randrange(100), bool: rng.random() < 0.5}[kind]
    if kind is type(None) or kind is UnitgraphError:
        return None
    if origin is Literal:
        return rng.choice(arguments)
    if origin in (Union, UnionType):
        return made(rng.choice(arguments), rng)
    if origin is tuple and arguments[-1] is not Ellipsis:
        return tuple(made(each, rng) for each in arguments)
    if origin in (tuple, list, frozenset):
        found = [made(arguments[0], rng) for _ in range(rng.randrange(3))]
        return origin(each for each in found if each is not None)
    if origin is not None and issubclass(origin, Mapping):
        return {}       # the options of agents and graphs, which aren't kept
    return kind(**{name: made(hint, rng) for name, hint in fields(kind).items()})


def fields(kind: Any) -> dict[str, Any]:
    names = [field.name for field in dataclasses.fields(kind)] if dataclasses.is_dataclass(kind) else kind._fields
    hints = get_type_hints(kind)
    return {name: hints[name] for name in names}


def findings_of(seed: int) -> Findings:
    found: Findings = made(Findings, random.Random(seed))
    if found.authored is None:
        return found
    # What a function calls is found when all are known, and is in the calls of its file.
    functions = tuple(
        each._replace(function=each.function._replace(invokes=(), steps=(), agent=None))
        for each in found.authored.functions
    )
    return dataclasses.replace(found, authored=dataclasses.replace(found.authored, functions=functions))


def marks(leans: Leans) -> object:
    return tuple(f"names {path}" for path in leans.names), tuple(f"text {path}" for path in leans.texts)


def test_what_is_kept_comes_back() -> None:
    for seed in SEEDS:
        findings = findings_of(seed)
        data = marshal.loads(marshal.dumps(to_data(findings, marks)))
        assert from_data(data, marks) == findings


def test_every_part_was_tried() -> None:
    """Or the test above would say nothing of what is missing here."""
    tried = [findings_of(seed) for seed in SEEDS]
    authored = [each.authored for each in tried if each.authored is not None]
    assert all(any(getattr(each.wired, name) for each in authored) for name in fields(type(authored[0].wired)))
    assert all(any(getattr(each, name) for each in authored) for name in fields(type(authored[0])))
    assert any(each.calls and each.calls.reads and each.calls.steps for each in tried)
    assert any(each.reach and each.reach.found for each in tried)


@pytest.mark.parametrize("part", ["calls", "reach"])
def test_what_leans_on_something_that_moved_is_gone(part: str) -> None:
    for seed in SEEDS:
        findings = findings_of(seed)
        found = getattr(findings, part)
        if found is None or found.leans == findings.leans:
            continue

        def now(leans: Leans, moved: Leans = found.leans) -> object:
            return "moved" if leans == moved else marks(leans)

        kept = from_data(to_data(findings, marks), now)
        assert kept is not None
        assert getattr(kept, part) is None
        assert kept.authored == findings.authored
        assert from_data(to_data(findings, marks), lambda _: "moved") is None


def test_agents_and_graphs_are_not_kept() -> None:
    kept = set()
    for seed in SEEDS:
        findings = findings_of(seed)
        kinds = {each.function.kind for each in findings.authored.functions} if findings.authored else set()
        assert can_be_kept(findings) == kinds.isdisjoint(BODILESS)
        kept.add(can_be_kept(findings))
    assert kept == {True, False}
