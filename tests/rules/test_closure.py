"""Closure digests: each change of a module moves exactly those that reach it, also around cycles."""

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from unitgraph.rules.closure import Closures, Imports

NAMES = "abcdefg"
graphs = st.fixed_dictionaries({name: st.sets(st.sampled_from(NAMES), max_size=3) for name in NAMES})


def digests(graph: Mapping[str, set[str]], texts: Mapping[str, str]) -> dict[str, str]:
    closures = Closures(lambda name: Imports(tuple(sorted(graph[name])), ()))
    return closures.digest(NAMES, texts.__getitem__, str)


def reaches(graph: Mapping[str, set[str]], start: str) -> set[str]:
    seen, pending = {start}, [start]
    while pending:
        new = graph[pending.pop()] - seen
        seen |= new
        pending.extend(new)
    return seen


@given(graphs, st.sampled_from(NAMES))
def test_a_change_moves_exactly_the_modules_that_reach_it(graph: dict[str, set[str]], changed: str) -> None:
    texts = dict.fromkeys(NAMES, "same")
    before = digests(graph, texts)
    after = digests(graph, {**texts, changed: "other"})
    moved = {name for name in NAMES if before[name] != after[name]}
    assert moved == {name for name in NAMES if changed in reaches(graph, name)}


def test_files_of_a_closure_and_packages_in_its_node() -> None:
    table = {
        "a": Imports(("b",), ("zod",)),
        "b": Imports((), ("hono",)),
        "c": Imports((), ()),
    }
    closures = Closures(table.__getitem__)
    assert set(closures.files(["a"])) == {"a", "b"}
    one = closures.digest(["a"], str, lambda name: f"{name}@1")["a"]
    two = Closures(table.__getitem__).digest(["a"], str, lambda name: f"{name}@{2 if name == 'hono' else 1}")["a"]
    assert one != two


@given(graphs, st.permutations(NAMES))
def test_digests_are_the_same_whatever_is_asked_first(graph: dict[str, set[str]], order: list[str]) -> None:
    texts = {name: name for name in NAMES}
    closures = Closures(lambda name: Imports(tuple(sorted(graph[name])), ()))
    one_by_one = {name: closures.digest([name], texts.__getitem__, str)[name] for name in order}
    assert one_by_one == digests(graph, texts)
