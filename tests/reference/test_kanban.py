"""A project as Pikku's documentation has them, unchanged: factories that are plain functions with the documented types,
imports of generated files by their deep names, errors, permissions, schedules. It type-checks, builds, and runs.
"""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conformance import places
from tests.conformance.asked import Asked
from tests.conformance.places import Listening
from tests.conformance.tokens import jwt
from tests.harness import Checkout, Tools
from unitgraph.rules.toolchain import ensure, user_cache

KANBAN = Path(__file__).parent / "kanban"
AT_LEAST = 30


@pytest.fixture(scope="module")
def kanban(tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    return places.project(tools, tmp_path_factory.mktemp("kanban"), KANBAN)


@pytest.fixture(scope="module", params=["executable", "workers"])
def place(
    request: pytest.FixtureRequest, kanban: Checkout, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Listening]:
    if request.param == "workers":
        with places.in_workers(kanban) as workers:
            yield workers
        return
    with places.as_executable(kanban, tmp_path_factory.mktemp("data")) as executable:
        yield executable


def test_it_type_checks(kanban: Checkout) -> None:
    """With the `.pikku/` that a plan writes."""
    kanban.run("plan", "--provider", "standalone")
    dev = ensure("dev", user_cache(os.environ))
    tsc: list[str | Path] = [dev.bun, dev.modules / "typescript" / "bin" / "tsc", "--noEmit", "--pretty", "false"]
    done = subprocess.run(tsc, cwd=kanban.root, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_it_has_functions_enough_and_each_unit_only_its_services(kanban: Checkout) -> None:
    found = kanban.run("info", "--json").json
    assert len([unit for unit in found["units"] if unit["functionIds"]]) >= AT_LEAST
    kanban.run("plan", "--provider", "cloudflare")
    units = kanban.units()
    mailing = {name for name, code in units.items() if b"mail sent" in code}
    assert mailing == {"kanban-tell-assignee", "kanban-send-invitation"}
    assert {name for name, code in units.items() if b"Write it down" in code} >= {
        "kanban-get-card",
        "kanban-count-cards",
    }
    assert b"Write it down" not in units["kanban-ping"]


OWNER, MEMBER = {"sub": None, "userId": "ada", "role": "owner"}, {"sub": None, "userId": "mel", "role": "member"}
BOARD = {"total": 2, "points": 8, "columns": {"todo": 1, "done": 1}}

REQUESTS: list[tuple[str, str, Any, dict[str, Any] | None, int, Any]] = [
    ("cards", "GET /v1/cards?column=todo&limit=5", None, None, 200, ["board", "cards"]),
    ("a card", "GET /v1/cards/c2", None, None, 200, {"cardId": "c2", "assignee": "ada", "points": 5}),
    ("no card: an error of the project's own", "GET /v1/cards/none", None, None, 404, {"error": "Card not found", "code": "card-not-found"}),
    ("a column that there isn't", "GET /v1/cards?column=later", None, None, 400, {"code": "bad-request"}),
    ("nobody creates", "POST /v1/cards", {"title": "x"}, None, 401, {"code": "missing-session"}),
    ("a member creates", "POST /v1/cards", {"title": "Plan it"}, MEMBER, 200, {"cardId": "plan-it", "column": "todo"}),
    ("a card needs a title", "POST /v1/cards", {"title": " "}, MEMBER, 400, {"error": "A card needs a title"}),
    ("an owner renames", "PATCH /v1/cards/c1", {"title": "Again"}, OWNER, 200, {"title": "Again"}),
    ("who isn't assigned doesn't rename", "PATCH /v1/cards/c2", {"title": "Mine"}, MEMBER, 403, {"code": "forbidden"}),
    ("moved", "POST /v1/cards/c1/move", {"column": "doing"}, MEMBER, 200, {"column": "doing"}),
    ("moved nowhere", "POST /v1/cards/c2/move", {"column": "done"}, MEMBER, 409, {"error": "It is there already"}),
    ("an assignee is told, by another unit", "POST /v1/cards/c1/assign", {"assignee": "mel"}, OWNER, 200, {"told": {"sent": True}}),
    ("a member assigns nobody", "POST /v1/cards/c1/assign", {"assignee": "mel"}, MEMBER, 403, {}),
    ("a comment", "POST /v1/cards/c2/comments", {"comment": "yes"}, MEMBER, 200, {"comments": ["well read", "yes"]}),
    ("points by a union of numbers", "PUT /v1/cards/c1/points", {"points": 4}, MEMBER, 400, {}),
    ("found", "GET /v1/search?q=ALOUD", None, None, 200, {"found": ["c2"]}),
    ("signed in", "POST /v1/login", {"userId": "ada", "password": "difference"}, None, 200, ["token"]),
    ("not signed in", "POST /v1/login", {"userId": "__proto__", "password": "x"}, None, 401, {"error": "Who is that?"}),
    ("who one is", "GET /v1/me", None, OWNER, 200, {"userId": "ada", "role": "owner"}),
    ("a group's auth: false lifts nothing", "GET /v1/me", None, None, 401, {}),
    ("services taken in the body", "GET /v1/me/cards", None, OWNER, 200, ["cards"]),
    ("a summary of other units", "GET /v1/board/summary", None, OWNER, 200, ["board", "for", "total", "points", "columns"]),
    ("a call with a number", "GET /v1/board/velocity?weeks=2", None, None, 200, ["perWeek"]),
    ("configuration, and a variable that isn't set", "GET /v1/board/name", None, None, 200, {"name": "Roadmap", "region": "nowhere"}),
    ("exposed", "POST /rpc/sumPoints", {}, None, 200, ["points"]),
    ("internal", "POST /rpc/tellAssignee", {"to": "a", "title": "b"}, OWNER, 404, {}),
    ("nothing needed", "GET /v1/board/ping", None, None, 200, {"pong": True}),
]  # fmt: skip


@pytest.mark.parametrize("row", REQUESTS, ids=lambda row: row[0])
def test_it_runs(place: Listening, row: tuple[str, str, Any, dict[str, Any] | None, int, Any]) -> None:
    _name, request, body, claims, status, expected = row
    method, path = request.split(" ")
    answer = place.ask(Asked.of(method, path, body, jwt(claims) if claims else None))
    assert answer.status == status, answer.text
    assert answer.header("x-board") == ("kanban" if path.startswith("/v1/") else None)
    if isinstance(expected, list):
        assert sorted(answer.json) == sorted(expected)
    else:
        assert {key: answer.json[key] for key in expected} == expected


def test_text_and_events(place: Listening) -> None:
    assert place.ask(Asked.of("GET", "/v1/board/export")).header("content-type") == "text/csv"
    events = place.ask(Asked("GET", "/v1/board/watch?times=2", [("accept", "text/event-stream")])).text
    assert [line.startswith("data: ") for line in events.splitlines() if line] == [True] * 3


def test_what_a_request_leaves_to_be_done(place: Listening) -> None:
    answer = place.ask(Asked.of("POST", "/v1/invitations", {"email": "eve@kanban.test"}, jwt(MEMBER)))
    job = answer.json["queued"]
    place.log.wait(lambda line: line.get("jobId") == job and line["msg"] == "job done")
    place.log.wait(lambda line: line["msg"] == "mail sent" and line.get("to") == "eve@kanban.test")


def test_a_service_of_the_call_knows_who_calls(place: Listening) -> None:
    place.ask(Asked.of("POST", "/v1/cards", {"title": "Audited"}, jwt(MEMBER)))
    found = place.log.wait(lambda line: line["msg"] == "audit" and line.get("what") == "created Audited")
    assert found[0]["by"] == "mel"
