"""plan.json: what is written is what is read, and nothing else is."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unitgraph.errors.provider import PlanStale, PlanUnreadable
from unitgraph.providers.base import Change, Reason, resource, state_of
from unitgraph.providers.plan import Basis, Plan, basis_of, document, refuse_stale, render
from unitgraph.providers.plan_document import read_plan

texts = st.text(max_size=12)
optional = st.none() | texts
changes = st.builds(
    Change,
    action=st.sampled_from(["create", "update", "delete", "unchanged"]),
    kind=st.sampled_from(["unit", "queue", "executable"]),
    name=texts,
    old_key=optional,
    new_key=optional,
    bundle=optional,
    size_bytes=st.none() | st.integers(0, 10**9),
    reasons=st.lists(st.builds(Reason, st.sampled_from(["new", "drift"]), texts, texts), max_size=2).map(tuple),
)
plans = st.builds(
    Plan,
    provider=texts,
    environment=texts,
    project=texts,
    commit=optional,
    dirty=st.booleans(),
    migrations_digest=optional,
    basis=st.builds(Basis, st.integers(0, 99), texts),
    changes=st.lists(changes, max_size=4).map(tuple),
    created_at=texts,
    notes=st.lists(texts, max_size=2).map(tuple),
)


def plan(*changes: Change) -> Plan:
    return Plan("standalone", "production", "shop", None, False, None, Basis(0, ""), changes, "2026-07-30T12:00:00Z")


CREATED = Change("create", "unit", "shop-a", None, "sha256:1", "sha256:2", 10, (Reason("new", "", "it is new"),))


@given(plans)
def test_a_plan_survives_being_written(tmp_path_factory: pytest.TempPathFactory, made: Plan) -> None:
    path = tmp_path_factory.mktemp("plan") / "plan.json"
    path.write_bytes(render(made))
    assert read_plan(path) == made


def test_the_document_has_the_contracts_keys() -> None:
    assert document(plan(CREATED))["changes"] == [
        {
            "action": "create",
            "kind": "unit",
            "name": "shop-a",
            "key": {"old": None, "new": "sha256:1"},
            "bundle": "sha256:2",
            "sizeBytes": 10,
            "reasons": [{"kind": "new", "path": "", "detail": "it is new"}],
        }
    ]
    assert document(plan(CREATED))["summary"] == {"create": 1, "update": 0, "delete": 0, "unchanged": 0}


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"planVersion": 2}, id="version"),
        pytest.param({"extra": 1}, id="extra key"),
        pytest.param({"changes": "none"}, id="type"),
        pytest.param({"basis": {"serial": "1", "digest": ""}}, id="number as text"),
        pytest.param({"summary": {"create": 2, "update": 0, "delete": 0, "unchanged": 0}}, id="summary"),
        pytest.param({"changes": [{"action": "drop"}]}, id="action"),
    ],
)
def test_another_document_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(document(plan(CREATED)) | change))
    with pytest.raises(PlanUnreadable):
        read_plan(path)


@pytest.mark.parametrize("text", [None, "", "{", "[]"])
def test_what_is_no_document_is_refused(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "plan.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(PlanUnreadable):
        read_plan(path)


def test_a_plan_is_stale_once_something_else_is_deployed() -> None:
    before, after = state_of([]), state_of([resource("unit", "a", {})])
    made = Plan("p", "e", "shop", None, False, None, basis_of(before), (), "2026-07-30T12:00:00Z")
    refuse_stale(made, before)
    with pytest.raises(PlanStale):
        refuse_stale(made, after)
    with pytest.raises(PlanStale):
        refuse_stale(made, state_of([], serial=1))
