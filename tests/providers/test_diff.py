"""The difference of two states: which actions, in which order, and why."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unitgraph.providers.base import Bundle, File, Kind, Reason, Resource, State, resource, state_of
from unitgraph.providers.diff import ORDER, diff, explain


def bundle(content: str) -> Bundle:
    return Bundle("a", {"index.js": File(content * 64, 10, Path("index.js"))})


def actions(desired: State, deployed: State) -> list[tuple[str, str, str]]:
    return [(change.action, change.kind, change.name) for change in diff(desired, deployed)]


A = resource("unit", "a", {"route": "/a"}, bundle("1"))


@pytest.mark.parametrize(
    ("there", "action", "reasons"),
    [
        pytest.param([], "create", [("new", "")], id="new"),
        pytest.param([A], "unchanged", [], id="unchanged"),
        pytest.param(
            [resource("unit", "a", {"route": "/a"}, bundle("2"))], "update", [("source-changed", "")], id="source"
        ),
        pytest.param(
            [resource("unit", "a", {"route": "/b"}, bundle("1"))], "update", [("option-changed", "route")], id="option"
        ),
        pytest.param(
            [resource("unit", "a", {"tools": 1, "route": "/a"}, bundle("1"))],
            "update",
            [("tool-changed", "tools")],
            id="tool",
        ),
        pytest.param([Resource("unit", "a", "sha256:0", A.data, A.bundle)], "update", [("drift", "")], id="key"),
    ],
)
def test_one_resource(there: list[Resource], action: str, reasons: list[tuple[str, str]]) -> None:
    (change,) = diff(state_of([A]), state_of(there))
    assert change.action == action
    assert [(why.kind, why.path) for why in change.reasons] == reasons
    assert change.new_key == A.key
    assert change.bundle == A.bundle
    assert change.size_bytes == 10


def test_what_drifted_is_updated_although_its_key_is_right() -> None:
    (change,) = diff(state_of([A]), State({("unit", "a"): A}, drifted={("unit", "a"): "it is gone"}))
    assert change.action == "update"
    assert change.reasons == (Reason("drift", "", "it is gone"),)


def test_what_is_not_wanted_is_deleted_after_all_else_and_in_the_opposite_order() -> None:
    wanted = state_of([resource("unit", "new", {}), resource("queue", "orders", {})])
    there = state_of([resource("unit", "old", {}), resource("database", "db", {}), resource("route", "r", {})])
    assert actions(wanted, there) == [
        ("create", "queue", "orders"),
        ("create", "unit", "new"),
        ("delete", "route", "r"),
        ("delete", "unit", "old"),
        ("delete", "database", "db"),
    ]


def test_better_reasons_replace_the_general_ones_of_creations_and_updates_only() -> None:
    wanted = state_of([A, resource("queue", "q", {})])
    there = state_of([resource("queue", "q", {}), resource("unit", "gone", {})])
    better = Reason("source-changed", "src/a.ts", "changed")
    changes = {change.name: change.reasons for change in explain(diff(wanted, there), lambda _change: (better,))}
    assert changes["a"] == (better,)
    assert changes["q"] == ()
    assert changes["gone"][0].kind == "removed"


kinds: st.SearchStrategy[Kind] = st.sampled_from(ORDER)
resources = st.builds(
    resource, kinds, st.sampled_from("abc"), st.dictionaries(st.sampled_from("xy"), st.integers(0, 2))
)
states = st.builds(state_of, st.lists(resources, max_size=6))


@given(states, states)
def test_performing_every_change_leads_to_what_is_desired(desired: State, deployed: State) -> None:
    after = dict(deployed.resources)
    for change in diff(desired, deployed):
        identity = (change.kind, change.name)
        if change.action == "delete":
            del after[identity]
        else:
            assert (change.action == "create") == (identity not in after)
            assert (change.action == "unchanged") == (after.get(identity) == desired.resources[identity])
            after[identity] = desired.resources[identity]
    assert after == desired.resources


@given(states)
def test_a_state_differs_from_itself_in_nothing(state: State) -> None:
    assert {change.action for change in diff(state, state)} <= {"unchanged"}
