"""Runs of an executable are looked after over HTTP, by whoever has the token, and by nobody where there is none."""

import json
import os
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from tests.bookshop import browser
from tests.jobs.places import InProcess
from tests.workflows.conftest import Deployment
from tests.workflows.test_lives import LIMIT_S, start, until_ended
from unitgraph.rules.toolchain import ensure, user_cache

SCRIPT = Path(__file__).with_name("dashboard.ts")
TOKEN = "a-token-that-nobody-guesses"


def manage(place: InProcess, method: str, path: str, body: Any = None, token: str = TOKEN) -> tuple[int, Any]:
    connection = HTTPConnection("127.0.0.1", place.port, timeout=LIMIT_S)
    connection.request(method, f"/__unitgraph/{path}", json.dumps(body) if body is not None else None, {"authorization": f"Bearer {token}"})
    response = connection.getresponse()
    text = response.read().decode()
    connection.close()
    return response.status, json.loads(text)


@pytest.fixture
def place(deployment: Deployment) -> InProcess:
    return deployment.start(UNITGRAPH_DASHBOARD_TOKEN=TOKEN)


def test_runs_are_listed_looked_at_and_forked(place: InProcess, deployment: Deployment) -> None:
    run = start(place, "u1")
    until_ended(place, run)
    status, said = manage(place, "GET", "runs?text=U1@EXAMPLE&status=completed")
    assert (status, [each["id"] for each in said["runs"]], said["next"]) == (200, [run], None)
    steps = manage(place, "GET", f"runs/{run}")[1]["steps"]
    assert [(step["name"], len(step["attempts"])) for step in steps] == [
        ("Create profile", 1), ("Wait before welcome", 0), ("Send welcome email", 2), ("Provision workspace", 1), ("Tell", 1),
    ]  # fmt: skip
    assert manage(place, "POST", f"runs/{run}/fork", {"step": "Provision workspace", "as": "again"})[0] == 200
    assert until_ended(place, "again")["output"] == {"success": True}
    assert [what for each, what in deployment.lines() if each == "again"] == ["createWorkspace", "inline"]


def test_a_graph_is_told_with_its_edges(place: InProcess) -> None:
    graph = manage(place, "GET", "workflows/shipment")[1]["graph"]
    assert graph["nodes"]["van"] == "post"
    assert {"from": "weigh", "to": "van", "by": "heavy"} in graph["edges"]
    assert {"from": "label", "to": "complain", "by": "onError"} in graph["edges"]


def test_nobody_else_may(place: InProcess, deployment: Deployment) -> None:
    assert manage(place, "GET", "runs", token="wrong")[0] == 401
    closed = deployment.start()
    assert manage(closed, "GET", "runs")[0] == 404


def test_a_token_that_could_be_guessed_keeps_the_process_from_starting(program: Path, tmp_path: Path) -> None:
    process = InProcess(program, tmp_path, {"LEDGER": str(tmp_path / "ledger"), "UNITGRAPH_DASHBOARD_TOKEN": "short"})
    (line, *_) = process.log.wait(lambda line: line.get("code") == "not-started")
    assert "UNITGRAPH_DASHBOARD_TOKEN is too short" in str(line["problems"])
    process.ended()


def test_the_page_in_a_real_browser(place: InProcess, tmp_path: Path) -> None:
    cache = user_cache(os.environ)
    found = browser.chromium(cache)
    url = f"http://127.0.0.1:{place.port}"
    browser.run(ensure("dev", cache), tmp_path / "browser", SCRIPT, found, url, TOKEN, says="looked after\n")


def test_the_page_asks_for_nothing_from_elsewhere(place: InProcess) -> None:
    connection = HTTPConnection("127.0.0.1", place.port, timeout=LIMIT_S)
    connection.request("GET", "/__unitgraph/dashboard")
    response = connection.getresponse()
    page = response.read().decode()
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "require-trusted-types-for 'script'" in policy
    assert "unsafe" not in policy
    assert "//" not in page.replace("<!doctype", "")
    connection.close()
