"""What is asked of runs over HTTP, in order: who may, what is told, what becomes of it."""

import json
import time
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any

import pytest

from tests.workflows.conftest import Listening
from tests.workflows.test_lives import LIMIT_S

OWNER = "owner of kiosk"
REFUND = {"amount": 5, "shop": "kiosk"}


def ask(place: Listening, method: str, path: str, body: Any = None, user: str | None = OWNER) -> tuple[int, Any]:
    connection = HTTPConnection("127.0.0.1", place.port, timeout=LIMIT_S)
    headers = {"content-type": "application/json"} if body is not None else {}
    if user is not None:
        headers["x-user"] = user
    connection.request(method, path, json.dumps(body) if body is not None else None, headers)
    response = connection.getresponse()
    text = response.read().decode()
    connection.close()
    return response.status, json.loads(text) if text else None


@dataclass
class Started:
    place: Listening
    id: str

    def ask(self, what: str, body: Any = None, user: str | None = OWNER) -> tuple[int, Any]:
        method = "GET" if what in ("status", "stream") else "POST"
        return ask(self.place, method, f"/workflow/refund/{what}/{self.id}", {} if method == "POST" and body is None else body, user)

    def until(self, status: str) -> Any:
        """The stream says each change, and ends with the run."""
        connection = HTTPConnection("127.0.0.1", self.place.port, timeout=LIMIT_S)
        headers = {"x-user": OWNER, "accept": "text/event-stream"}
        connection.request("GET", f"/workflow/refund/stream/{self.id}", headers=headers)
        response = connection.getresponse()
        assert response.headers["content-type"].startswith("text/event-stream")
        end = time.monotonic() + LIMIT_S
        try:
            for line in response:
                assert time.monotonic() < end, f"the run is not {status}"
                if line.startswith(b"data: "):
                    said = json.loads(line[6:])
                    if said["status"] == status:
                        return said
        finally:
            connection.close()
        raise AssertionError(f"the run never was {status}")


@pytest.fixture
def refund(shared: Listening) -> Started:
    status, said = ask(shared, "POST", "/workflow/refund/start", REFUND)
    assert status == 202
    run = Started(shared, said["runId"])
    run.until("waiting")
    return run


def test_a_run_goes_its_way_with_decision_event_and_child(refund: Started) -> None:
    assert refund.ask("status")[1]["steps"][0] | {"startedAt": ""} == {
        "step": "Manager", "kind": "approval", "status": "waiting", "startedAt": "",
    }  # fmt: skip
    assert refund.ask("approve", {"approved": True, "reason": "fine"}) == (200, {"step": "Manager", "approved": True})
    status, said = refund.ask("approve", {"approved": False})
    assert (status, said["data"]) == (409, {"approved": True, "reason": "fine", "by": OWNER})
    sent = {"event": "parcel.returned", "id": "p1", "data": {"parcel": "P1"}}
    assert refund.ask("event", sent) == (202, {"event": "parcel.returned", "isDuplicate": False})
    assert refund.ask("event", sent) in ((202, {"event": "parcel.returned", "isDuplicate": True}), (409, {"error": "The run has ended", "code": "conflict"}))
    ended = refund.until("completed")
    assert ended["output"] == {"receipt": f"5 by {OWNER} for P1"}
    assert [(step["step"], step["kind"]) for step in ended["steps"]] == [
        ("Manager", "approval"), ("Parcel", "event"), ("Transfer", "child"),
    ]  # fmt: skip


def test_lines_of_a_function_say_of_which_run_and_step_they_are(shared: Listening) -> None:
    """In a unit of its own as in the same process."""
    status, said = ask(shared, "POST", "/workflow/shipment/start", {"parcel": "weighed", "grams": 5})
    assert status == 202
    [line] = shared.log.wait(lambda line: line.get("msg") == "weighed" and line["parcel"] == "weighed")
    told = {"function": "weigh", "workflow": "shipment", "step": "weigh", "runId": said["runId"], "requestId": said["runId"]}
    assert told.items() <= line.items()


def test_a_decision_against_ends_it(refund: Started) -> None:
    assert refund.ask("approve", {"approved": False, "reason": "too late"})[0] == 200
    assert refund.until("cancelled")["reason"] == "too late"


def test_its_end_is_asked_for(refund: Started) -> None:
    assert refund.ask("cancel", {"reason": "lost interest"})[0] == 202
    assert refund.until("cancelled")["reason"] == "lost interest"
    assert refund.ask("approve", {"approved": True})[0] == 409


@pytest.mark.parametrize("what", ["status", "stream", "approve", "event", "cancel"])
@pytest.mark.parametrize(("user", "expected"), [(None, 401), ("somebody", 403)])
def test_who_may_not_call_it_may_not_see_or_send(refund: Started, what: str, user: str | None, expected: int) -> None:
    status, said = refund.ask(what, {"event": "parcel.returned", "approved": True} if what in ("approve", "event") else None, user)
    assert (status, "steps" in said) == (expected, False)
    assert refund.ask("status")[1]["status"] in ("ready", "running", "waiting")


@pytest.mark.parametrize(
    ("path", "body", "user", "expected"),
    [
        ("refund/start", {"amount": "many", "shop": "kiosk"}, OWNER, 400),
        ("refund/start", REFUND, None, 401),
        ("refund/start", REFUND, "somebody", 403),
        ("refund/approve/nothing", {}, OWNER, 404),
        ("refund/approve/nothing", {}, None, 401),
        ("refund/nothing/x", {}, OWNER, 404),
        ("nothing/start", {}, OWNER, 404),
    ],
    ids=["bad input", "nobody", "not permitted", "no such run", "no such run, nobody", "no such thing", "no such workflow"],
)
def test_what_is_refused(shared: Listening, path: str, body: Any, user: str | None, expected: int) -> None:
    assert ask(shared, "POST", f"/workflow/{path}", body, user)[0] == expected


@pytest.mark.parametrize(
    ("what", "body"),
    [("approve", {"approved": "yes"}), ("approve", []), ("event", {}), ("event", {"event": 7}), ("cancel", {"reason": 1})],
)
def test_what_can_not_be_meant(refund: Started, what: str, body: Any) -> None:
    assert refund.ask(what, body)[0] == 400
    assert refund.ask("status")[0] == 200


def test_a_run_of_another_workflow_is_not_found(shared: Listening, refund: Started) -> None:
    assert ask(shared, "GET", f"/workflow/transfer/status/{refund.id}")[0] == 404


def test_a_caller_may_wait_for_the_end(shared: Listening) -> None:
    assert ask(shared, "POST", "/workflow/transfer/run", {"amount": 3}) == (200, {"receipt": f"3 by {OWNER}"})
    status, said = ask(shared, "POST", "/workflow/transfer/run", {"amount": 3}, user="mallory")
    assert (status, said["error"], said["code"]) == (403, "Not to you", "forbidden")


@pytest.mark.parametrize(
    ("grams", "expected"), [(1500, {"posted": "label of p1 by van"}), (500, {"posted": "label of p1 by bicycle"})]
)
def test_a_graph_takes_the_branch_that_its_function_picks(shared: Listening, grams: int, expected: Any) -> None:
    assert ask(shared, "POST", "/workflow/shipment/run", {"parcel": "p1", "grams": grams}) == (200, expected)


def test_a_node_that_fails_leads_where_it_says(shared: Listening) -> None:
    expected = {"complaint": "There is nothing to stick it on"}
    assert ask(shared, "POST", "/workflow/shipment/run", {"parcel": "torn", "grams": 1}) == (200, expected)
