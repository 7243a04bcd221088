"""The tables in every place, from one set of sources and with one scripted model: what is answered, and what is asked."""

import re

import pytest

from tests.agents.cases import said, script_id, tables
from tests.agents.conftest import Stage
from tests.agents.places import SECRETS
from tests.channels.client import Client
from tests.conformance.cases import Case, filled, holds, keep, problems, request

CASES = tables()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_case(stage: Stage, case: Case) -> None:
    kept = said(case)
    for number, step in enumerate(case.steps):
        headers = {"x-user": step.get("user", "ada"), **step.get("headers", {})}
        asked = {**step, "headers": {name: value for name, value in headers.items() if value}}
        answer = stage.place.ask(request(asked, kept, f"{case.table}.{case.number}.{number}"))
        wrong = problems(step["answer"], answer, kept)
        assert not wrong, (step["request"], wrong, answer.text[:600])
        keep(step, answer, kept)
    for name, wanted in case.document.get("asked", {}).items():
        found, whole = stage.model.asked(script_id(case, name)), filled(wanted, kept)
        assert holds(found, whole), (whole, found)
    for wanted in case.document.get("logs", []):
        stage.place.log.wait(lambda line, wanted=wanted: holds(line, wanted))  # type: ignore[misc]


def test_events_over_a_channel(stage: Stage) -> None:
    """As a message's function: the events are sent to the channel, and the output is the answer."""
    if stage.place.port is None:
        pytest.skip("nothing listens there")
    case = next(case for case in CASES if case.id == "runs: events")
    with Client(stage.place.port, "/talk", {"x-user": "ada"}) as client:
        client.send({"action": "ask", "message": said(case)["s"]})
        found = [client.get() for _ in range(6)]
        assert [each.get("type") for each in found] == ["run", "text", "tool-call", "tool-result", "text", None]
        assert found[3]["result"] == '{"title":"Book 7","by":"ada"}'
        assert (found[5]["action"], found[5]["status"], found[5]["text"]) == ("ask", "completed", "It is there.")
    with Client(stage.place.port, "/talk") as nobody:
        nobody.send({"$id": 1, "action": "ask", "message": "hello"})
        assert nobody.get() == {"$id": 1, "status": 401, "error": "A session is needed", "code": "missing-session"}


def test_no_key_is_in_the_log(stage: Stage) -> None:
    """Comes after all cases, those in which a provider repeats the key among them."""
    text = "\n".join(map(str, stage.place.log.lines()))
    assert [name for name, secret in SECRETS.items() if secret in text] == []
    assert re.search(r"\[secret\]", text), "where a key was said, something else stands"
