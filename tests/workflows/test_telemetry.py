"""Spans that a collector gets from executables: one trace from a request to the last step, whoever was killed between."""

import json
import os
import threading
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.harness import Checkout, Tools
from tests.jobs.places import InProcess
from tests.providers.workers import Workers, started
from tests.system.projects import CONFIG, SHELL
from tests.workflows.conftest import Deployment
from tests.workflows.test_lives import LIMIT_S, ask, until_ended
from unitgraph.rules.toolchain import ensure, user_cache

TRACE, CLIENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


class Collector:
    """Takes spans as a collector does, and keeps them."""

    def __init__(self) -> None:
        self._spans: list[dict[str, Any]] = []
        self._moved = threading.Condition()
        keep = self._keep

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                assert self.path == "/v1/traces"
                keep(body)
                self.send_response(200)
                self.send_header("content-length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        url = f"http://127.0.0.1:{self._server.server_port}"
        self.told = {"OTEL_EXPORTER_OTLP_ENDPOINT": url, "OTEL_BSP_SCHEDULE_DELAY": "20"}
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def _keep(self, body: Any) -> None:
        with self._moved:
            for each in body["resourceSpans"]:
                names = {one["key"]: one["value"] for one in each["resource"]["attributes"]}
                assert names["service.name"] == {"stringValue": "flows"}
                instance = names["service.instance.id"]["stringValue"]
                self._spans += [{**span, "instance": instance} for scope in each["scopeSpans"] for span in scope["spans"]]
            self._moved.notify_all()

    def wait(self, name: str, trace: str | None = None, count: int = 1) -> list[dict[str, Any]]:
        """The spans of a name, once there are as many."""
        end = time.monotonic() + LIMIT_S
        with self._moved:
            while True:
                found = [span for span in self._spans if span["name"] == name and trace in (None, span["traceId"])]
                if len(found) >= count:
                    return found
                left = end - time.monotonic()
                assert left > 0, f"{name} never came, of {sorted({span['name'] for span in self._spans})}"
                self._moved.wait(left)

    def all(self, trace: str) -> list[dict[str, Any]]:
        with self._moved:
            return [span for span in self._spans if span["traceId"] == trace]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector()
    yield made
    made.close()


def post(place: InProcess, path: str, body: Any) -> Any:
    connection = HTTPConnection("127.0.0.1", place.port, timeout=LIMIT_S)
    headers = {"content-type": "application/json", "traceparent": f"00-{TRACE}-{CLIENT}-01", "x-user": "ada"}
    connection.request("POST", path, json.dumps(body), headers)
    response = connection.getresponse()
    text = response.read()
    assert response.status < 300, text
    connection.close()
    return json.loads(text)


def attributes(span: dict[str, Any]) -> dict[str, Any]:
    return {one["key"]: next(iter(one["value"].values())) for one in span["attributes"]}


def test_a_run_is_one_trace_across_processes(deployment: Deployment, collector: Collector) -> None:
    first = deployment.start(**collector.told)
    run = post(first, "/onboard", {"email": "a@example.com", "userId": "u1"})["runId"]
    (profile,) = collector.wait("Create profile")
    first.kill()
    second = deployment.start(**collector.told)
    assert until_ended(second, run)["output"] == {"success": True}
    (whole,) = collector.wait("onboardUser", TRACE)
    (request,) = collector.wait("POST flows-onboard-user", TRACE)
    assert (request["parentSpanId"], request["kind"], whole["parentSpanId"]) == (CLIENT, 2, request["spanId"])
    attempts = collector.wait("Send welcome email", TRACE, 2)
    assert [attributes(span)["workflow.step.attempt"] for span in attempts] == ["1", "2"]
    assert [span.get("status", {}).get("message") for span in attempts] == ["The post is closed", None]
    steps = [span for span in collector.all(TRACE) if "workflow.step.key" in attributes(span)]
    assert {span["parentSpanId"] for span in steps} == {whole["spanId"]}
    (slept,) = collector.wait("Wait before welcome", TRACE)
    assert int(slept["endTimeUnixNano"]) - int(slept["startTimeUnixNano"]) >= 1_500_000_000
    assert {span["instance"] for span in (*attempts, whole)}.isdisjoint({profile["instance"]}), "another process did the rest"
    # who has a run leads back to who had it before, and each step to who had the run then
    held = {int(attributes(span)["workflow.epoch"]): span for span in collector.wait("onboardUser held", TRACE)}
    last = held[max(held)]
    assert attributes(last)["workflow.outcome"] == "completed"
    assert len(last["links"]) == 1
    assert {link["spanId"] for link in attempts[1]["links"]} == {last["spanId"]}
    ids = [span["spanId"] for span in collector.all(TRACE)]
    assert len(set(ids)) == len(ids), "a span is told once"


def test_a_child_is_within_its_parents_step(deployment: Deployment, collector: Collector) -> None:
    place = deployment.start(**collector.told)
    post(place, "/workflow/transfer/start", {"amount": 5})
    post(place, "/workflow/order/start", {"customer": "Ada", "card": "4"})
    (pay,) = collector.wait("Pay", TRACE)
    (transfer,) = collector.wait("transfer", TRACE)
    assert pay["parentSpanId"] == transfer["spanId"]
    (child,) = collector.wait("invoice", TRACE)
    (step,) = collector.wait("Ship/letter/Invoice", TRACE)
    assert child["parentSpanId"] == step["spanId"]
    # the parent hears of the child's end before the store does
    assert int(step["startTimeUnixNano"]) <= int(child["startTimeUnixNano"]) < int(step["endTimeUnixNano"])
    known = {span["spanId"] for span in collector.all(TRACE)}
    # the order itself goes on
    waiting = {span["parentSpanId"] for span in collector.all(TRACE)} - known - {CLIENT}
    assert waiting == {step["parentSpanId"]}


def test_a_job_is_the_parent_of_the_run_that_it_begins(deployment: Deployment, collector: Collector) -> None:
    place = deployment.start(**collector.told)
    ask(place, "/signup", "POST", {"id": "job", "userId": "u1"})
    (job,) = collector.wait("process signups")
    assert until_ended(place, "onboardUser:job")["status"] == "completed"
    (whole,) = collector.wait("onboardUser", job["traceId"])
    assert (job["kind"], whole["parentSpanId"]) == (5, job["spanId"])


def test_what_is_not_sampled_is_not_told_and_an_end_tells_the_rest(deployment: Deployment, collector: Collector) -> None:
    place = deployment.start(**collector.told)
    other = "1" * 32
    connection = HTTPConnection("127.0.0.1", place.port, timeout=LIMIT_S)
    for trace, flags in ((other, "00"), (TRACE, "01")):
        connection.request("GET", "/nothing", headers={"traceparent": f"00-{trace}-{CLIENT}-{flags}"})
        connection.getresponse().read()
    connection.close()
    assert place.end() == 0
    assert [span["name"] for span in collector.all(TRACE)] == ["GET"]
    assert collector.all(other) == []


def test_a_collector_that_can_not_be_keeps_the_process_from_starting(program: Path, tmp_path: Path) -> None:
    process = InProcess(program, tmp_path, {"LEDGER": str(tmp_path / "ledger"), "OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4318"})
    (line, *_) = process.log.wait(lambda line: line.get("code") == "not-started")
    assert "OTEL_EXPORTER_OTLP_ENDPOINT is no http URL" in str(line["problems"])
    process.ended()


def test_none_of_it_is_in_a_unit(program: Path, checkout: Checkout) -> None:
    built = checkout.root / ".deploy" / "standalone"
    having = [path.relative_to(built).parts[0] for path in built.rglob("*.js") if "resourceSpans" in path.read_text()]
    assert having == ["chunks"], "a chunk of its own, which is loaded where it is asked for"


NOWHERE = "http://127.0.0.1:1"
"""Nobody listens there."""
NAP = """
import { pikkuWorkflow } from '#pikku'

export const nap = pikkuWorkflow<{ restMs: number }, { yes: boolean }>(async ({ workflow }, { restMs }) => {
  await workflow.do('Before', async () => ({ yes: true }))
  await workflow.sleep('Rest', restMs)
  return workflow.do('After', async () => ({ yes: true }))
})
"""


@pytest.fixture(scope="module")
def told(tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Workers of a project that names a collector in one of its environments."""
    folder = tmp_path_factory.mktemp("told")
    made = Checkout(folder / "work", tools, folder / "cache")
    config = json.loads(CONFIG)
    package = '{ "name": "flows", "private": true, "type": "module" }\n'
    made.write({**SHELL, "package.json": package, "src/nap.ts": NAP})
    plan = ("plan", "--provider", "cloudflare")
    made.run(*plan)
    workers = made.root / ".deploy" / "cloudflare" / "units"
    assert not [path for path in workers.rglob("*.js") if "resourceSpans" in path.read_text()]
    config["deploy"]["environments"] = {"watched": {"variables": {"OTEL_EXPORTER_OTLP_ENDPOINT": NOWHERE}}}
    made.write({"pikku.config.json": json.dumps(config)})
    made.run(*plan, "--env", "watched")
    having = [path.parent.name for path in workers.rglob("*.js") if "resourceSpans" in path.read_text()]
    assert having == ["flows-nap"]
    assert NOWHERE in (workers / "flows-nap" / "wrangler.toml").read_text()
    return made.root / ".deploy" / "cloudflare"


def begin_nap(workers: Workers, rest_ms: int) -> str:
    headers = {"traceparent": f"00-{TRACE}-{CLIENT}-01"}
    said = workers.fetch("POST", "/workflow/nap/start", {"restMs": rest_ms}, headers=headers)
    assert said.status == 202, said.body
    run: str = said.json["runId"]
    return run


def test_a_run_of_workers_is_one_trace_across_evictions(told: Path, collector: Collector) -> None:
    with started(told, ensure("workers", user_cache(os.environ)), collector.told) as workers:
        run = begin_nap(workers, 4000)
        (first,) = collector.wait("Before", TRACE)
        (before,) = collector.wait("nap held", TRACE)
        workers.evict("flows-nap", "WorkflowRun", run)
        names = {span["name"] for span in collector.all(TRACE)}
        assert "Rest" not in names, "an eviction waits for what is under way: nothing is once spans are sent"
        (whole,) = collector.wait("nap", TRACE)
        (rest,) = collector.wait("Rest", TRACE)
        (last,) = collector.wait("After", TRACE)
        held = collector.wait("nap held", TRACE, 2)
    assert {span["parentSpanId"] for span in (first, rest, last, *held)} == {whole["spanId"]}
    assert int(rest["endTimeUnixNano"]) - int(rest["startTimeUnixNano"]) >= 4_000_000_000
    assert [attributes(span)["workflow.outcome"] for span in held] == ["waiting", "completed"]
    assert [link["spanId"] for link in held[1]["links"]] == [before["spanId"]]
    holders = [link["spanId"] for span in (first, rest, last) for link in span["links"]]
    assert holders == [before["spanId"], held[1]["spanId"], held[1]["spanId"]]
    ids = [span["spanId"] for span in collector.all(TRACE)]
    assert len(set(ids)) == len(ids), "a span is told once"


@pytest.mark.parametrize(("endpoint", "code"), [(NOWHERE, "telemetry-lost"), ("collector:4318", "telemetry-off")])
def test_a_run_of_workers_needs_no_collector(told: Path, endpoint: str, code: str) -> None:
    token = "a-token-that-nobody-guesses"
    given = {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "UNITGRAPH_DASHBOARD_TOKEN": token}
    with started(told, ensure("workers", user_cache(os.environ)), given) as workers:
        run = begin_nap(workers, 10)
        workers.log.wait(lambda line: line.get("code") == code)
        headers = {"authorization": f"Bearer {token}"}
        end = time.monotonic() + LIMIT_S
        while workers.fetch("GET", f"/__unitgraph/runs/{run}", headers=headers).json["status"] != "completed":
            assert time.monotonic() < end
            time.sleep(0.05)
