"""Secrets and variables where units run: from each source, checked before anything else, and never in a log."""

import json
from pathlib import Path
from typing import Any

from tests.harness import Checkout
from tests.jobs import places
from tests.jobs.places import InProcess, InWorkers, Place, running
from tests.log import Line

TOLD = {"length": 16, "limit": 7, "plain": 16}
HIDDEN = (
    "the inner secret",
    "the plain secret",
    "dGhlIHBsYWluIHNlY3Jld",
    "RoZSBwbGFpbiBzZWNyZX",
    "0aGUgcGxhaW4gc2VjcmV0",
)


def told(place: Place) -> Line:
    """What the log has of one call, which answered what is right."""
    answer = place.post("/tell", {})
    assert (answer.status, answer.json) == (200, TOLD), answer.body
    (line,) = place.log.wait(lambda line: str(line.get("msg")).startswith("told"))[:1]
    return line


def check(place: Place) -> None:
    line = told(place)
    assert line["msg"] == "told [secret]"
    assert line["plain"] == "[secret]"
    assert line["error"]["cause"]["message"] == "[secret]"
    text = json.dumps(place.log.lines())
    assert [hidden for hidden in HIDDEN if hidden in text] == []


def test_on_workers(workers: InWorkers) -> None:
    check(workers)


def test_in_the_executable(process: InProcess) -> None:
    check(process)


def test_from_files(program: Path, tmp_path: Path) -> None:
    """One file of many in either form, and a file a secret; what the environment says stands."""
    plain = tmp_path / "plain"
    plain.write_text("the plain secret\n")
    many: dict[str, Any] = {"CREDENTIALS": {"key": "the inner secret"}, "LIMIT": 9}
    (tmp_path / "many.json").write_text(json.dumps(many))
    environment = {
        "UNITGRAPH_SECRETS_FILE": str(tmp_path / "many.json"),
        "PLAIN_SECRET_FILE": str(plain),
        "LIMIT": "7",
    }
    with running(program, tmp_path / "data", environment) as place:
        check(place)


def test_a_process_that_lacks_something_names_all_of_it(program: Path, tmp_path: Path) -> None:
    wrong = {"CREDENTIALS": '{"key":5,"more":"the inner secret"}', "LIMIT": "-1", "PORT": "many"}
    place = InProcess(program, tmp_path, wrong)
    assert place.ended() == 1
    (line,) = place.log.lines()
    assert line["code"] == "not-started"
    assert line["problems"] == [
        'PORT is "many", not a whole number from 0 to 65535',
        "the secret CREDENTIALS is not what its schema says at here",
        "the secret PLAIN_SECRET is not set",
        "the variable LIMIT is not what its schema says at here",
    ]
    assert "the inner secret" not in json.dumps(line)


def test_a_worker_that_lacks_something_names_all_of_it(checkout: Checkout) -> None:
    """A 500 with an id and one line for the log; other units are no worse for it."""
    with places.in_workers(checkout, {"LIMIT": "none"}) as workers:
        answer = workers.post("/tell", {})
        assert answer.status == 500
        assert answer.json["code"] == "internal"
        lines = workers.log.wait(lambda line: line.get("code") == "not-started")
        assert [(line["requestId"], line["problems"]) for line in lines] == [
            (
                answer.json["id"],
                [
                    "the secret CREDENTIALS is not set",
                    "the secret PLAIN_SECRET is not set",
                    "the variable LIMIT is not what its schema says at here",
                ],
            )
        ]
        assert workers.workers.fetch("GET", "/plain").json == {"ok": True}


def test_schemas_are_in_the_units_that_read_what_they_are_for(checkout: Checkout, workers: InWorkers) -> None:
    holding = [unit for unit, bundle in checkout.units().items() if b"is wrong" in bundle]
    assert holding == ["kept-tell"]
    assert workers.workers.names
