"""A server unit beside Workers takes from Cloudflare's queues over HTTP: the same table of cases, and what is its own."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.harness import Tools
from tests.jobs import places, queue_api
from tests.jobs.places import InProcess
from tests.jobs.queue_api import ACCOUNT, TOKEN, QueueApi
from tests.jobs.test_cases import CASES, check
from tests.jobs.test_lives import Said, add, msg

QUEUES = ["work", "mail-out", "any", "hasty", "guarded", "permitted", "lonely", "lingering", "dead"]


@pytest.fixture(scope="module")
def unit(tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All functions of the project in its merged server unit."""
    project = places.project(tools, tmp_path_factory.mktemp("pulls"))
    config = json.loads(project.read("pikku.config.json"))
    config["deploy"]["defaultTarget"] = "server"
    project.write({"pikku.config.json": json.dumps(config)})
    made = project.run("plan", "--provider", "cloudflare")
    assert "jobs wait" not in made.text
    return project.root / ".deploy" / "cloudflare" / "units" / "jobs-server"


@pytest.fixture(scope="module")
def api() -> Iterator[QueueApi]:
    # more than a page of others before them
    with queue_api.running([*(f"other-{number}" for number in range(120)), *QUEUES]) as started:
        yield started


def environment(api: QueueApi, data: Path) -> dict[str, str]:
    return {
        "CLOUDFLARE_API_BASE_URL": api.url,
        "CLOUDFLARE_ACCOUNT_ID": ACCOUNT,
        "CLOUDFLARE_QUEUES_TOKEN": TOKEN,
        "UNITGRAPH_PULL_WAIT": "0.1",
        "UNITGRAPH_DATA": str(data),
    }


@pytest.fixture(scope="module")
def server(unit: Path, api: QueueApi, tmp_path_factory: pytest.TempPathFactory) -> Iterator[InProcess]:
    with places.serving(unit, environment(api, tmp_path_factory.mktemp("data"))) as process:
        yield process


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_case(server: InProcess, case: dict[str, Any]) -> None:
    check(server, case)


def test_an_id_that_was_given_is_run_once_however_often_it_is_sent(server: InProcess) -> None:
    for _ in range(3):
        add(server, "work", {"do": "note"}, jobId="once over http")
    server.log.wait(Said("job done", "once over http"))
    add(server, "work", {"do": "note"}, jobId="once over http")
    server.log.wait(Said("worked", add(server, "work", {"do": "note"})))
    assert len(server.log.lines(Said("worked", "once over http"))) == 1


@pytest.mark.parametrize(("kind", "body", "data"), [("json", '{"a": [1, "ü"]}', {"a": [1, "ü"]}), ("text", "plain", "plain"), ("json", "null", None)])
def test_a_message_that_somebody_else_sent_is_a_job_of_its_own_id(
    server: InProcess, api: QueueApi, kind: str, body: str, data: object
) -> None:
    job = api.put("any", body, kind)
    assert server.log.wait(Said("took", job))[0].get("data") == data


def test_what_is_ended_with_the_process_is_run_by_the_next_one(unit: Path, tmp_path: Path) -> None:
    with queue_api.running(QUEUES) as api, places.serving(unit, environment(api, tmp_path)) as only:
        job = add(only, "lingering", {"ms": 500})
        only.log.wait(Said("lingering", job))
        assert only.end() == 0
        assert len(only.log.lines(Said("lingered", job))) == 1, "it ends what it has"
        assert all(message.lease is None for message in api.queues["lingering"])


def test_an_api_that_refuses_is_asked_again_and_nothing_is_lost(unit: Path, tmp_path: Path) -> None:
    with queue_api.running(QUEUES) as api, places.serving(unit, environment(api, tmp_path)) as process:
        jobs = [add(process, "work", {"do": "note"}) for _ in range(3)]
        process.log.wait(msg("worked"), 3)
        api.refuse = 429
        process.log.wait(lambda line: line.get("code") == "queue-fault")
        assert process.post("/add", {"queue": "work", "data": {"do": "note"}}).status == 500
        api.refuse = None
        jobs.append(add(process, "work", {"do": "note"}))
        process.log.wait(Said("worked", jobs[-1]))
        assert process.end() == 0
        assert sorted(line["jobId"] for line in process.log.lines(msg("worked"))) == sorted(jobs)
        assert api.left() == 0
        assert TOKEN not in json.dumps(process.log.lines())


def test_a_server_that_was_not_told_its_account_does_not_start(unit: Path, tmp_path: Path) -> None:
    process = places.serve(unit, {"UNITGRAPH_DATA": str(tmp_path)})
    assert process.ended() == 1
    [line] = process.log.lines()
    assert line["problems"] == [
        "Queues of Cloudflare are pulled from here, and CLOUDFLARE_ACCOUNT_ID and CLOUDFLARE_QUEUES_TOKEN are not set"
    ]


def test_the_checkout_says_who_must_be_told_what(unit: Path) -> None:
    infra = json.loads((unit.parent.parent / "infra.json").read_text("utf-8"))
    assert {queue["consumerType"] for queue in infra["queues"]} == {"http_pull"}
    assert [one["readBy"] for one in infra["secrets"] if one["name"] == "CLOUDFLARE_QUEUES_TOKEN"] == [["jobs-server"]]
    assert "CLOUDFLARE_QUEUES_TOKEN" in (unit / "Dockerfile").read_text("utf-8")
