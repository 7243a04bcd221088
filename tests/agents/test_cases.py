"""The tables in every place, from one set of sources and with one scripted model: what is answered, and what is asked."""

import re

import pytest

from tests.agents.cases import said, script_id, tables
from tests.agents.conftest import Stage
from tests.agents.places import SECRETS
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


def test_no_key_is_in_the_log(stage: Stage) -> None:
    """Comes after all cases, those in which a provider repeats the key among them."""
    text = "\n".join(map(str, stage.place.log.lines()))
    assert [name for name, secret in SECRETS.items() if secret in text] == []
    assert re.search(r"\[secret\]", text), "where a key was said, something else stands"
