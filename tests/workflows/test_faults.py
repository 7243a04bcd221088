"""Runs under faults for as long as they begin: processes killed, one stopped for longer than its lease, the server of the
store killed, all of them again and again. ``UNITGRAPH_TEST_RUNS`` says how many runs there are (2000 is the whole of it)."""

import json
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, HTTPException
from typing import Any

import pytest

from tests.harness import Checkout
from tests.jobs.places import InProcess
from tests.workflows.conftest import Deployment
from tests.workflows.test_asked import REFUND
from tests.workflows.test_asked import ask as ask_as
from tests.workflows.test_command import until
from tests.workflows.test_lives import NOT_BEFORE, start

RUNS = int(os.environ.get("UNITGRAPH_TEST_RUNS", "150"))
AT_ONCE = 4
WORKERS = 3
LEASE_S = 15
STOPPED_S = LEASE_S + 2
"""Somebody else has its runs by then, and some have ended."""
RECOVERED_MS = 20_000
LIMIT_S = 60 + RUNS / 10
STEPS = {"Create profile": "createProfile", "Send welcome email": "sendEmail", "Provision workspace": "createWorkspace", "Tell": "inline"}


class Storm:
    """A deployment whose parts die, and those who begin runs in it until they are told that each has begun."""

    def __init__(self, deployment: Deployment) -> None:
        assert deployment.home.server
        self.deployment, self.server = deployment, deployment.home.server
        self.workers = [deployment.start() for _ in range(WORKERS)]
        self.pending = [f"run-{number}" for number in range(RUNS)]
        self.begun: list[str] = []
        self.deaths = self.restarts = 0
        self.is_over = False
        """Whoever begins runs gives up."""

    def begin(self) -> None:
        chance = random.Random(threading.get_ident())
        while self.pending:
            run = self.pending.pop()
            while not _started(chance.choice(self.workers), run):
                if self.is_over:
                    return
                time.sleep(0.05)
            self.begun.append(run)
            # so that there is something to begin until the last fault
            time.sleep(AT_ONCE * STOPPED_S / RUNS)

    def kill_worker(self) -> None:
        self.workers.pop(0).kill()
        self.deaths += 1
        self.workers.append(self.deployment.start())

    def restart_server(self) -> None:
        self.server.kill()
        self.server.start()
        self.restarts += 1

    def blow(self) -> int:
        """Returns the process that was stopped for a while; its runs are others' then."""
        stopped = self.workers.pop()
        os.kill(stopped.process.pid, signal.SIGSTOP)
        back = time.monotonic() + STOPPED_S
        chance = random.Random(11)
        end = time.monotonic() + LIMIT_S
        while self.pending or time.monotonic() < back:
            assert time.monotonic() < end, f"{len(self.pending)} of {RUNS} have not begun"
            time.sleep(chance.uniform(1, 3))
            chance.choice([self.kill_worker, self.restart_server])()
        os.kill(stopped.process.pid, signal.SIGCONT)
        self.workers.append(stopped)
        self.deaths += 1
        return stopped.process.pid


def _started(worker: InProcess, run: str) -> bool:
    """Whether it is said to have begun. Asked again, it is the same run."""
    connection = HTTPConnection("127.0.0.1", worker.port, timeout=LEASE_S)
    try:
        connection.request("POST", "/start", json.dumps({"id": run, "userId": run}), {"content-type": "application/json"})
        response = connection.getresponse()
        response.read()
        assert response.status in (200, 500, 503), response.status
        return response.status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _until_ended(export: Callable[[], str]) -> list[dict[str, Any]]:
    end = time.monotonic() + LIMIT_S
    while True:
        runs = [json.loads(line) for line in export().splitlines()]
        if all(run["head"]["finishedAt"] for run in runs):
            return runs
        assert time.monotonic() < end, Counter(run["head"]["status"] for run in runs)
        time.sleep(1)


@pytest.mark.parametrize("deployment", ["in_postgres_killed", "in_redis_flushed"], indirect=True)
def test_nothing_is_lost_and_nothing_recorded_twice(deployment: Deployment, checkout: Checkout) -> None:
    storm = Storm(deployment)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        beginners = [pool.submit(storm.begin) for _ in range(AT_ONCE)]
        try:
            stopped = storm.blow()
            for beginner in beginners:
                beginner.result(LIMIT_S)
        finally:
            storm.is_over = True
    storm.restart_server()
    storm.kill_worker()
    calm = time.time() * 1000
    runs = _until_ended(lambda: checkout.run("runs", "export", "--store", deployment.store).out)
    assert storm.restarts > 2
    assert storm.deaths > 2

    # nothing is lost, and what is there is whole
    assert sorted(run["head"]["id"] for run in runs) == sorted(storm.begun)
    assert len(runs) == RUNS
    assert {(run["head"]["status"], run["output"]) for run in runs} == {("completed", '{"v":{"success":true}}')}
    for run in runs:
        assert [entry["seq"] for entry in run["journal"]] == list(range(1, len(run["journal"]) + 1))
        ends = [entry["key"] for entry in run["journal"] if entry["phase"] == "done"]
        assert ends == ["Create profile", "Wait before welcome", "Send welcome email", "Provision workspace", "Tell"]
    assert any(run["head"]["epoch"] > 2 for run in runs), "no run was taken over from a process that had died"

    # bodies ran, none more often than processes died, and none of a recorded step but in the process that was not awake
    done = Counter(deployment.lines())
    recorded = {(run["head"]["id"], STEPS[entry["key"]]): entry["at"] for run in runs for entry in run["journal"]
                if entry["phase"] == "done" and entry["key"] in STEPS}  # fmt: skip
    assert set(done) == set(recorded)
    for (_, what), count in done.items():
        least = NOT_BEFORE.get(what, 1)
        assert least <= count <= least + storm.deaths
    late = [line for line in deployment.noted() if line.at > recorded[line.run, line.what]]
    assert {line.pid for line in late} <= {stopped}
    assert max(Counter(line.run for line in late).values(), default=0) <= 1

    # whatever had not ended got on within a lease and a little
    for run in runs:
        moves = [entry["at"] for entry in run["journal"] if entry["at"] > calm] + [run["head"]["finishedAt"]]
        assert moves[0] <= calm + RECOVERED_MS, run["head"]


@pytest.mark.parametrize("deployment", ["in_redis"], indirect=True)
def test_what_a_redis_forgets_is_gone_on_with_from_what_is_left(deployment: Deployment) -> None:
    """Its file ends where it did a while ago, as after the end of its machine: what was done since then never was."""
    server = deployment.home.server
    assert server
    places = [deployment.start() for _ in range(2)]
    kept = [start(places[0], f"kept-{number}") for number in range(5)]
    refund = ask_as(places[0], "POST", "/workflow/refund/start", REFUND)[1]["runId"]

    def status(run: str, workflow: str = "refund") -> Any:
        return ask_as(places[1], "GET", f"/workflow/{workflow}/status/{run}")[1]

    until(lambda: status(refund)["status"] == "waiting" and len(deployment.lines()) >= len(kept))
    (file,) = server.folder.rglob("*.aof")
    size = file.stat().st_size
    assert ask_as(places[0], "POST", f"/workflow/refund/approve/{refund}", {"approved": True})[0] == 200
    until(lambda: len(status(refund)["steps"]) == 2)
    assert _started(places[0], "forgotten")
    # some have gone on, and are in somebody's hand
    until(lambda: any(what == "sendEmail" for _, what in deployment.lines()))
    server.kill()
    os.truncate(file, size)
    server.start()

    until(lambda: places[0].post("/start", {"id": "forgotten", "userId": "forgotten"}).status == 200)
    assert [(step["step"], step["status"]) for step in status(refund)["steps"]] == [("Manager", "waiting")]
    back = time.monotonic()
    until(lambda: all(status(run, "onboardUser")["status"] == "completed" for run in [*kept, "forgotten"]))
    assert time.monotonic() - back < LEASE_S - 3, "nobody waits for the end of a lease that is of another time"
    assert ask_as(places[1], "POST", f"/workflow/refund/approve/{refund}", {"approved": False, "reason": "no"})[0] == 200
    until(lambda: status(refund)["status"] == "cancelled")
    done = Counter(deployment.lines())
    assert all(1 <= done[run, "createProfile"] <= 2 and done[run, "inline"] <= 2 for run in kept)
