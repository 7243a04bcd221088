"""Runs outlive processes: kill -9 at any moment, several processes, an end that was asked for; nothing lost, no result twice."""

import json
import random
import time
from collections import Counter
from http.client import HTTPConnection
from typing import Any

import pytest

from tests.jobs.places import InProcess
from tests.workflows.conftest import Deployment

STEPS = ("createProfile", "sendEmail", "createWorkspace", "inline")
NOT_BEFORE = {"sendEmail": 2}       # its first attempt fails
LIMIT_S = 120


def ask(place: InProcess, path: str, method: str = "GET", body: Any = None) -> Any:
    connection = HTTPConnection("127.0.0.1", place.port, timeout=30)
    headers = {"content-type": "application/json"} if body is not None else {}
    connection.request(method, path, json.dumps(body) if body is not None else None, headers)
    response = connection.getresponse()
    text = response.read().decode()
    connection.close()
    assert response.status < 300, text
    return json.loads(text)


def start(place: InProcess, user: str) -> str:
    found: str = ask(place, "/onboard", "POST", {"email": f"{user}@example.com", "userId": user})["runId"]
    return found


def until_ended(place: InProcess, run: str) -> Any:
    end = time.monotonic() + LIMIT_S
    while True:
        status = ask(place, f"/workflow/onboardUser/status/{run}")
        if status["status"] in ("completed", "failed", "cancelled", "paused"):
            return status
        assert time.monotonic() < end, status
        time.sleep(0.05)


def check(deployment: Deployment, runs: list[str], kills: int) -> None:
    """Every step was done, none more often than processes died."""
    done = Counter(deployment.lines())
    for run in runs:
        for step in STEPS:
            least = NOT_BEFORE.get(step, 1)
            assert least <= done[run, step] <= least + kills, (run, step, done[run, step])


def test_a_run_is_killed_after_every_line_of_its_code(deployment: Deployment) -> None:
    place = deployment.start()
    run = start(place, "u1")
    kills = 0
    for wanted in range(1, 6):
        end = time.monotonic() + LIMIT_S
        while len(deployment.lines()) < wanted:
            assert time.monotonic() < end, deployment.lines()
            time.sleep(0.005)
        place.kill()
        kills += 1
        place = deployment.start()
    assert until_ended(place, run)["output"] == {"success": True}
    check(deployment, [run], kills)


def test_many_runs_in_two_processes_of_which_one_is_killed_again_and_again(deployment: Deployment) -> None:
    chance = random.Random(7)
    steady, victim = deployment.start(), deployment.start()
    runs = []
    kills = 0
    for number in range(60):
        runs.append(start(chance.choice([steady, victim]), f"u{number}"))
        if number % 15 == 14:
            time.sleep(chance.random() / 2)
            victim.kill()
            kills += 1
            victim = deployment.start()
    for run in runs:
        status = until_ended(steady, run)
        assert (status["status"], status["output"]) == ("completed", {"success": True})
        assert [step["status"] for step in status["steps"]] == ["completed"] * 5
    check(deployment, runs, kills)


@pytest.mark.parametrize("deployment", ["in_folders", "in_postgres", "in_redis"], indirect=True)
def test_a_process_that_is_asked_to_end_gives_its_runs_up_at_once(deployment: Deployment) -> None:
    first, second = deployment.start(), deployment.start()
    runs = [start(first, f"u{number}") for number in range(10)]
    assert first.end() == 0
    assert all(until_ended(second, run)["status"] == "completed" for run in runs)
    check(deployment, runs, 0)


@pytest.mark.parametrize("way", ["rpc", "queue", "idempotency key"])
def test_one_id_is_one_run(deployment: Deployment, way: str) -> None:
    place = deployment.start()
    if way == "rpc":
        started = [ask(place, "/start", "POST", {"id": "one", "userId": "u1"})["runId"] for _ in range(3)]
        assert started == ["one"] * 3
        assert place.post("/start", {"id": "one", "userId": "other"}).status == 409
        run = "one"
    elif way == "queue":
        for _ in range(2):
            ask(place, "/signup", "POST", {"id": "job", "userId": "u1"})
        run = "onboardUser:job"
        place.log.wait(lambda line: line.get("msg") == "job done")
    else:
        connection = HTTPConnection("127.0.0.1", place.port, timeout=30)
        found = set()
        for _ in range(2):
            body = json.dumps({"email": "a@example.com", "userId": "u1"})
            headers = {"content-type": "application/json", "idempotency-key": "k1"}
            connection.request("POST", "/onboard", body, headers)
            found.add(json.loads(connection.getresponse().read())["runId"])
        connection.close()
        (run,) = found
    assert until_ended(place, run)["status"] == "completed"
    check(deployment, [run], 0)
    assert {each for each, _ in deployment.lines()} == {run}
