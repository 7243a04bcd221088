"""Steps are called as whoever began the run: after a sleep, after others had their say, in another process; what is undone, too."""

import time
from typing import Any

from tests.workflows.conftest import Deployment, Listening
from tests.workflows.test_asked import ask
from tests.workflows.test_lives import LIMIT_S


def until(place: Listening, workflow: str, run: str, user: str, *statuses: str) -> Any:
    end = time.monotonic() + LIMIT_S
    while True:
        code, said = ask(place, "GET", f"/workflow/{workflow}/status/{run}", user=user)
        assert code == 200, said
        if said["status"] in statuses:
            return said
        assert time.monotonic() < end, said
        time.sleep(0.05)


def begin(place: Listening, workflow: str, data: Any, user: str) -> str:
    code, said = ask(place, "POST", f"/workflow/{workflow}/start", data, user)
    assert code == 202, said
    run: str = said["runId"]
    return run


def test_across_a_sleep(shared: Listening) -> None:
    assert ask(shared, "POST", "/workflow/settle/run", {"amount": 5}, "ann") == (200, {"before": "ann", "after": "ann"})


def test_others_have_their_say(shared: Listening) -> None:
    """Neither who decides nor who sends the event is who the step is called as."""
    run = begin(shared, "refund", {"amount": 5, "shop": "everyone"}, "ann")
    until(shared, "refund", run, "bob", "waiting")
    assert ask(shared, "POST", f"/workflow/refund/approve/{run}", {"approved": True}, "bob")[0] == 200
    event = {"event": "parcel.returned", "data": {"parcel": "P1"}}
    assert ask(shared, "POST", f"/workflow/refund/event/{run}", event, "carl")[0] == 202
    assert until(shared, "refund", run, "bob", "completed", "failed")["output"] == {"receipt": "5 by ann for P1"}


def test_who_may_not_is_refused_whoever_decides(shared: Listening) -> None:
    run = begin(shared, "refund", {"amount": 5, "shop": "everyone"}, "mallory")
    until(shared, "refund", run, "bob", "waiting")
    assert ask(shared, "POST", f"/workflow/refund/approve/{run}", {"approved": True}, "bob")[0] == 200
    assert ask(shared, "POST", f"/workflow/refund/event/{run}", {"event": "parcel.returned", "data": {"parcel": "P1"}}, "bob")[0] == 202
    said = until(shared, "refund", run, "bob", "completed", "failed")
    assert (said["status"], said["error"]["code"]) == ("failed", "forbidden")


def test_what_is_undone(shared: Listening) -> None:
    run = begin(shared, "settle", {"amount": 101}, "ann")
    said = until(shared, "settle", run, "ann", "completed", "failed", "cancelled")
    assert (said["status"], said["reason"]) == ("cancelled", "too much")
    assert [(step["step"], step["kind"], step["status"], step.get("target")) for step in said["steps"]] == [
        ("Reserve", "rpc", "completed", "payBack"),
        ("Night", "sleep", "completed", None),
        ("Pay", "rpc", "completed", "payBack"),
        ("Reserve, compensated", "undo", "completed", "takeBack"),
    ]


def test_in_another_process(deployment: Deployment) -> None:
    place = deployment.start()
    run = begin(place, "settle", {"amount": 5}, "ann")
    until(place, "settle", run, "ann", "waiting")
    place.kill()
    said = until(deployment.start(), "settle", run, "ann", "completed", "failed")
    assert said["output"] == {"before": "ann", "after": "ann"}
