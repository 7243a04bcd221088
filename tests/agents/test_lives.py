"""What outlives a process: a run that was broken off, one that waits; and who may go on with it when several want to."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from tests.agents import places
from tests.agents.places import Model
from tests.harness import Checkout
from tests.homes import Home
from tests.jobs.places import InProcess, running
from tests.providers.workers import Answer

SCRIPTS = {
    "lingers": [
        {"calls": [{"name": "restock", "args": {"isbn": "7"}}, {"name": "linger", "args": {"ms": 120_000}}]}, {"text": "Never."}
    ],
    "orders": [{"calls": [{"name": "order", "args": {"isbn": "7", "copies": 1}}]}, {"text": "Ordered."}],
    "slow": [{"text": "Late.", "waitMs": 3000}],
}
ADA = {"x-user": "ada", "content-type": "application/json"}
DECIDED = {"decisions": [{"approvalId": "1.0", "approved": True}]}


@pytest.fixture(scope="module")
def program(application: Checkout) -> Path:
    return places.program(application)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Model]:
    with places.model(SCRIPTS, tmp_path_factory.mktemp("model")) as found:
        yield found


def ask(place: InProcess, method: str, path: str, body: Any = None) -> Answer:
    connection = HTTPConnection("127.0.0.1", place.port, timeout=60)
    connection.request(method, path, None if body is None else json.dumps(body), ADA)
    response = connection.getresponse()
    text = response.read().decode()
    connection.close()
    return Answer(response.status, {}, text)


@contextmanager
def streaming(place: InProcess, message: str) -> Iterator[str]:
    """A run that goes on, and its id; the client goes at the end."""
    body = json.dumps({"message": message})
    with socket.create_connection(("127.0.0.1", place.port), 60) as connection:
        head = f"POST /agents/clerk/stream HTTP/1.1\r\nHost: bureau.test\r\nAccept: text/event-stream\r\nContent-Length: {len(body)}\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in ADA.items())
        connection.sendall(f"{head}\r\n{body}".encode())
        with connection.makefile("r", encoding="utf-8") as lines:
            first = next(line for line in lines if line.startswith("data: "))
            yield json.loads(first.removeprefix("data: "))["runId"]


def until(place: InProcess, path: str, status: str) -> dict[str, Any]:
    """What a run says of itself once it has this status."""
    end = time.monotonic() + 60
    while (found := ask(place, "GET", path).json)["status"] != status:
        assert time.monotonic() < end, found
        time.sleep(0.05)
    answer: dict[str, Any] = found
    return answer


def test_a_run_whose_process_was_killed_goes_on_in_another(program: Path, tmp_path: Path, model: Model) -> None:
    """Tools were under way, so they are called once more; the model is not asked again for what it has said, and the
    run that one of them begins is the one that there is."""
    with running(program, tmp_path, model.environment) as first, streaming(first, "script:lingers") as run:
        first.log.wait(lambda line: line.get("msg") == "lingering")
        until(first, f"/workflow/restock/status/{run}:1.0", "completed")
        assert ask(first, "POST", f"/agents/clerk/resume/{run}", {}).status == 409, "somebody works on it"
        first.kill()
    asked = len(model.asked("lingers"))
    with running(program, tmp_path, model.environment) as second:
        assert ask(second, "GET", f"/agents/clerk/runs/{run}").json["status"] == "running"
        end = time.monotonic() + 60
        # until the lease of the dead is over
        threading.Thread(target=_resume, args=(second, run, end), daemon=True).start()
        second.log.wait(lambda line: line.get("msg") == "lingering")
        assert len(model.asked("lingers")) == asked
        assert [line for line in second.log.lines() if line.get("msg") == "restocked"] == []
        assert ask(second, "POST", f"/agents/clerk/resume/{run}", {}).status == 409


def _resume(place: InProcess, run: str, end: float) -> None:
    try:
        while ask(place, "POST", f"/agents/clerk/resume/{run}", {}).status == 409 and time.monotonic() < end:
            time.sleep(0.2)
    except (OSError, TimeoutError):
        pass  # the process is killed while this one waits for it


@pytest.mark.parametrize("homes", ["in_folders", "in_postgres", "in_redis"])
def test_a_run_that_waits_is_there_after_kill_and_goes_on_once(
    program: Path, tmp_path: Path, model: Model, homes: str, request: pytest.FixtureRequest
) -> None:
    """Two processes and several clients approve at once: the call is made once, and everybody is told how it is."""
    home: Home = request.getfixturevalue(homes)(tmp_path)
    # what is shared is on the server: each process has a folder of its own there
    own = [{} if home.server is None else {"UNITGRAPH_DATA": str(tmp_path / name)} for name in ("1", "2", "3")]
    with running(program, home, model.environment | own[0]) as first:
        run = ask(first, "POST", "/agents/clerk/run", {"message": "script:orders"}).json["runId"]
        first.kill()
    if home.server:
        home.server.kill()
        home.server.start()
    with (
        running(program, home, model.environment | own[1]) as second,
        running(program, home, model.environment | own[2]) as third,
    ):
        answers: list[Answer] = []
        path = f"/agents/clerk/approve/{run}"
        clients = [
            threading.Thread(target=lambda place=place: answers.append(ask(place, "POST", path, DECIDED)))
            for place in (second, third) * 4
        ]
        for client in clients:
            client.start()
        for client in clients:
            client.join(60)
        assert sorted({answer.status for answer in answers}) == [200, 409]
        assert [answer.json["text"] for answer in answers if answer.status == 200] == ["Ordered."]
        assert until(third, f"/agents/clerk/runs/{run}", "completed")["text"] == "Ordered."
        assert second.end() == third.end() == 0
        lines = second.log.lines() + third.log.lines()
        assert len([line for line in lines if line.get("msg") == "ordered"]) == 1


def test_a_client_that_goes_ends_the_question_and_may_go_on_later(program: Path, tmp_path: Path, model: Model) -> None:
    with running(program, tmp_path, model.environment) as place:
        with streaming(place, "script:slow") as run:
            pass
        until(place, f"/agents/clerk/runs/{run}", "failed")
        assert ask(place, "POST", f"/agents/clerk/resume/{run}", {}).json["text"] == "Late."
