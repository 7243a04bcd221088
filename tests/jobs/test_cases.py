"""The table of cases.json in both places, from one set of sources: the same jobs, the same answers, the same log."""

import json
from typing import Any

import pytest

from tests.jobs.places import SOURCES, Place

CASES = json.loads((SOURCES / "cases.json").read_text("utf-8"))


def holds(found: Any, part: Any) -> bool:
    match part:
        case dict():
            return isinstance(found, dict) and all(key in found and holds(found[key], part[key]) for key in part)
        case list():
            return isinstance(found, list) and len(found) == len(part) and all(map(holds, found, part))
        case _:
            return bool(found == part)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_case(place: Place, case: dict[str, Any]) -> None:
    check(place, case)


def check(place: Place, case: dict[str, Any]) -> None:
    data = case.get("data")
    if "fill" in case:
        data = {"do": "note", "text": case.get("letter", "x") * case["fill"]}
    body = {"queue": case["queue"], "options": case.get("options", {})}
    answer = place.post("/add", body | ({"data": data} if data is not None or "data" in case else {}))
    assert answer.status == case.get("status", 200), answer.body
    if "lines" not in case:
        return
    job = answer.json["id"]
    assert job == case.get("id", job)
    lines = case["lines"]
    found = place.log.wait(lambda line: line.get("jobId") == job, len(lines))
    # errors come down another stream, so the order in which lines arrive says nothing; attempts are numbered
    for wanted in lines:
        matching = [line for line in found if holds(line, wanted)]
        assert matching, (wanted, found)
        found.remove(matching[0])
    assert found == []
