"""Every table in every place, from one set of sources: the same requests, the same answers, the same lines of the log."""

import time
from collections.abc import Mapping
from typing import Any

import pytest

from tests.conformance.asked import Answer, Asked
from tests.conformance.cases import LARGE, Case, keep, problems, request, tables, unmatched
from tests.conformance.places import SECRETS, Place
from tests.log import Line

CASES = list(tables())
AT_LEAST = 200
SWITCHED = 101


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_case(place: Place, case: Case) -> None:
    if place.name not in case.places:
        return
    kept = dict(LARGE)
    for number, step in enumerate(case.steps):
        request_id = case.request_id(number)
        answer = sent(place, step, kept, request_id)
        for _ in range(step.get("patience", 0)):
            if answer.status == step["answer"]["status"]:
                break
            time.sleep(0.05)
            answer = sent(place, step, kept, request_id)
        wrong = problems(step["answer"], answer, kept)
        assert not wrong, (step["request"], wrong, answer.text[:300])
        keep(step, answer, kept)
        if "job" in step:
            _follow(place, answer.json["job"], step["job"])


def sent(place: Place, step: Mapping[str, Any], kept: Mapping[str, str], request_id: str) -> Answer:
    asked = request(step, kept, request_id)
    if "says" not in step:
        return place.ask(asked)
    answer = step["answer"]
    return place.talk(asked, step["says"], len(answer["holds"]) if answer["status"] == SWITCHED else 0)


def _follow(place: Place, job: str, wanted: list[dict[str, Any]]) -> None:
    """What becomes of a job, by its id; each line that is wanted comes, and nothing else by then."""
    found = place.log.wait(lambda line: line.get("jobId") == job, len(wanted))
    assert unmatched(found, wanted) == ([], [])


def test_the_log_says_what_it_should_and_nothing_else(place: Place) -> None:
    """Comes after all cases: once the marks are there, so is everything that was said before."""
    place.ask(Asked("POST", "/mark", [("x-request-id", "mark")]))
    place.log.wait(lambda line: line.get("requestId") == "mark" and line["msg"] == "marked", 2)
    said: dict[str, list[Line]] = {}
    asked: dict[str, list[Line]] = {}
    for line in place.log.lines():
        # each call of another unit is a request there
        kind = asked if line.get("msg") == "request" else said
        if not (place.name == "workers" and line.get("path", "").startswith("/__unitgraph/rpc/") and "unit" in line):
            kind.setdefault(str(line.get("requestId")), []).append(line)
    wrong: dict[str, object] = {}
    for case in filter(lambda case: place.name in case.places, CASES):
        for number, step in enumerate(case.steps):
            request_id, wanted = case.request_id(number), step.get("lines", [])
            if wanted is None:
                continue
            rest = unmatched(said.get(request_id, []), wanted)
            if rest != ([], []):
                wrong[f"{case.id}, step {number}"] = rest
            method, path = step["request"].split(" ", 1)
            line = {"method": method, "status": step["answer"]["status"], "level": "info"}
            rest = unmatched(asked.get(request_id, []), [line] if path != "/health" else [])
            if rest != ([], []):
                wrong[f"{case.id}, step {number}: the line of the request"] = rest
    assert wrong == {}


def test_no_secret_and_no_token_is_in_the_log(place: Place) -> None:
    text = "\n".join(map(str, place.log.lines()))
    assert [name for name, secret in SECRETS.items() if secret in text] == []
    assert [word for word in ("eyJ", "4111-1111", "staff-key-1") if word in text] == []


def test_there_are_enough_of_them() -> None:
    assert len(CASES) >= AT_LEAST
    assert len({case.id for case in CASES}) == len(CASES)
