"""Runs as Durable Objects: listed, looked after, killed with workerd again and again, and a list that is lost."""

import json
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.harness import Checkout
from tests.providers.workers import Workers, started
from tests.workflows.test_asked import OWNER, REFUND
from tests.workflows.test_command import until
from unitgraph.rules.toolchain import ensure, user_cache

TOKEN = "a-token-that-nobody-guesses"
RECOVERED_S = 20
KILLS = int(os.environ.get("UNITGRAPH_TEST_KILLS", "3"))


class Place:
    """All Workers on this machine, whose objects outlive them."""

    def __init__(self, folder: Path, objects: Path) -> None:
        self.folder, self.objects = folder, objects

    @contextmanager
    def running(self) -> Iterator[Workers]:
        secrets = {"UNITGRAPH_DASHBOARD_TOKEN": TOKEN}
        with started(self.folder, ensure("workers", user_cache(os.environ)), secrets, self.objects) as workers:
            yield workers


@pytest.fixture(scope="module")
def built(checkout: Checkout) -> Path:
    checkout.run("plan", "--provider", "cloudflare")
    return checkout.root / ".deploy" / "cloudflare"


@pytest.fixture
def place(built: Path, tmp_path: Path) -> Place:
    return Place(built, tmp_path / "objects")


def ask(workers: Workers, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
    answer = workers.fetch(method, path, body, headers={"authorization": f"Bearer {TOKEN}", **headers})
    return answer.status, answer.json


def manage(workers: Workers, path: str, body: Any = None) -> Any:
    status, said = ask(workers, "GET" if body is None else "POST", f"/__unitgraph/{path}", body)
    assert status == 200, said
    return said


def listed(workers: Workers, query: str = "") -> dict[str, str]:
    return {run["id"]: run["status"] for run in manage(workers, f"runs{query}")["runs"]}


def start(workers: Workers, name: str, body: Any, **headers: str) -> str:
    status, said = ask(workers, "POST", f"/workflow/{name}/start", body, **headers)
    assert status == 202, said
    found: str = said["runId"]
    return found


def test_runs_of_all_units_are_listed_and_looked_after(checkout: Checkout, place: Place) -> None:
    with place.running() as workers:
        refund = start(workers, "refund", REFUND, **{"x-user": OWNER})
        parcels = [start(workers, "shipment", {"parcel": f"p{number}", "grams": 5}) for number in range(3)]
        until(lambda: listed(workers) == {refund: "waiting", **dict.fromkeys(parcels, "completed")})
        assert listed(workers, "?name=refund") == {refund: "waiting"}
        assert listed(workers, "?status=completed&text=P2") == {parcels[2]: "completed"}
        assert list(listed(workers)) == [*reversed(parcels), refund]

        pages: list[str] = []
        before = ""
        while True:
            page = manage(workers, f"runs?limit=3{before}")
            pages += [run["id"] for run in page["runs"]]
            if page["next"] is None:
                break
            before = f"&before={page['next'].replace(' ', '%20')}"
        assert pages == [*reversed(parcels), refund]

        shown = manage(workers, f"runs/{parcels[0]}")
        assert [step["key"] for step in shown["steps"]] == ["label", "weigh", "bicycle"]
        made = manage(workers, f"runs/{parcels[0]}/fork", {"step": "bicycle", "as": "again"})
        assert made["id"] == "again"
        until(lambda: listed(workers).get("again") == "completed")
        again = manage(workers, "runs/again")
        assert [step["startedAt"] for step in again["steps"]][:2] == [step["startedAt"] for step in shown["steps"]][:2]
        assert ask(workers, "POST", f"/__unitgraph/runs/{parcels[1]}/fork", {"as": "again"})[0] == 409

        words = ["--store", f"http://127.0.0.1:{workers.port}", "--json"]
        command = checkout.run("runs", "list", *words, more={"UNITGRAPH_DASHBOARD_TOKEN": TOKEN}).json
        assert [run["id"] for run in command["runs"]] == ["again", *reversed(parcels), refund]

        manage(workers, f"runs/{refund}/cancel", {"reason": "lost interest"})
        until(lambda: listed(workers)[refund] == "cancelled")
        assert {one["name"] for one in manage(workers, "workflows")["workflows"]} >= {"refund", "shipment", "laps"}

        brief = start(workers, "brief", {"note": "n"})
        until(lambda: listed(workers, "?name=brief") == {brief: "completed"})
        until(lambda: listed(workers, "?name=brief") == {})
        assert ask(workers, "GET", f"/__unitgraph/runs/{brief}")[0] == 404

        for headers in ({"authorization": "Bearer wrong"}, {"authorization": ""}):
            assert workers.fetch("GET", "/__unitgraph/runs", headers=headers).status == 401
            assert workers.fetch("POST", f"/__unitgraph/runs/{refund}/cancel", {}, headers=headers).status == 401


def test_a_list_that_was_lost_is_made_anew_by_the_runs(place: Place) -> None:
    with place.running() as workers:
        runs = [start(workers, "shipment", {"parcel": f"p{number}", "grams": 5}) for number in range(3)]
        until(lambda: listed(workers) == dict.fromkeys(runs, "completed"))
    files = {path: path.read_bytes() for path in place.objects.rglob("*.sqlite*")}
    lost = {path.name.partition(".")[0] for path, text in files.items() if b"CREATE TABLE listed" in text}
    for path in files:
        if path.name.partition(".")[0] in lost:
            path.unlink()
    with place.running() as workers:
        assert listed(workers) == {}
        ids = sorted({path.name.partition(".")[0] for path in files if len(path.name.partition(".")[0]) == 64})
        assert manage(workers, "objects", {"ids": ids}) == {"told": 3}
        for body in ({"ids": "all"}, {}, {"ids": ["x"] * 501}):
            assert ask(workers, "POST", "/__unitgraph/objects", body)[0] == 400
        assert listed(workers) == dict.fromkeys(runs, "completed")


@pytest.fixture
def ledger() -> Iterator[tuple[str, "Counter[tuple[str, int]]"]]:
    """Somebody outside, who hears of every lap."""
    heard: Counter[tuple[str, int]] = Counter()

    class Ear(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            _, run, lap = self.path.split("/")
            heard[run, int(lap)] += 1
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_words: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Ear)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", heard
    server.shutdown()
    server.server_close()


def test_workerd_is_killed_again_and_again_and_runs_go_on(place: Place, ledger: tuple[str, "Counter[tuple[str, int]]"]) -> None:
    url, heard = ledger
    chance = random.Random(5)
    runs: dict[str, int] = {}
    for _ in range(KILLS):
        with place.running() as workers:
            for rest in (30, 1200):
                runs[start(workers, "laps", {"count": 6, "restMs": rest, "ledger": url})] = 6
            known = heard.copy()
            until(lambda known=known: (heard - known).total() > 2)  # type: ignore[misc]
            time.sleep(chance.random() / 2)
            workers.kill()
    with place.running() as workers:
        begun = time.monotonic()
        until(lambda: set(listed(workers).values()) == {"completed"} and len(listed(workers)) == len(runs))
        # the last to be killed sleeps 6 × 1.2 s in all
        assert time.monotonic() - begun < RECOVERED_S + 8
        for run, count in runs.items():
            shown = manage(workers, f"runs/{run}")
            assert json.loads(shown["output"]["text"]) == {"laps": list(range(count))}
            for lap in range(count):
                assert 1 <= heard[run, lap] <= 1 + KILLS
        assert sum(heard.values()) <= sum(runs.values()) + KILLS * len(runs)
