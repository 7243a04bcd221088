"""Workflows under `dev`: runs outlive edits and `dev` itself, and whoever is at this machine looks after them."""

import json
from collections.abc import Mapping
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from tests.dev.running import TIMEOUT_S, Running, running
from tests.harness import Checkout, Tools
from tests.system.projects import SHELL, texts

WORKFLOW = """
import { pikkuSessionlessFunc, pikkuWorkflow, wireHTTP, wireQueueWorker } from '#pikku'

export const ship = pikkuSessionlessFunc<{ book: string }, { how: string }>(async (_services, { book }) => ({ how: `${book} by van` }))

export const order = pikkuWorkflow<{ book: string }, { how: string }>(async ({ workflow }, { book }) => {
  await workflow.do('Pay', async () => ({ paid: true }))
  await workflow.approval('Manager', { timeout: '1h' })
  return workflow.do('Ship', 'ship', { book })
})

wireQueueWorker({ queue: 'orders', func: order, config: { batchTimeout: 0 } })
wireHTTP({
  method: 'post', route: '/news', auth: false,
  func: pikkuSessionlessFunc<{ text: string }, void>(async ({ eventHub }, { text }) => eventHub.publish('news', null, { text })),
})
"""


@pytest.fixture(params=["standalone", "cloudflare"])
def arguments(request: pytest.FixtureRequest) -> tuple[str, ...]:
    return ("--provider", request.param, "--port", "0")


@pytest.fixture
def checkout(tools: Tools, tmp_path: Path) -> Checkout:
    made = Checkout(tmp_path / "work", tools, tmp_path / "cache")
    made.write(texts({**SHELL, "src/orders.ts": WORKFLOW}))
    return made


def until(dev: Running, run: str, status: str) -> Any:
    def told(dev: Running) -> Any:
        said = dev.ask("GET", f"/workflow/order/status/{run}").json
        return said if said.get("status") == status else None

    return dev.until(told)


def asked(dev: Running, method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> tuple[int, Any]:
    connection = HTTPConnection("127.0.0.1", dev.port, timeout=TIMEOUT_S)
    connection.putrequest(method, f"/__unitgraph/{path}", skip_host="host" in headers)
    for name, value in headers.items():
        connection.putheader(name, value)
    if body:
        connection.putheader("content-length", str(len(body)))
    connection.endheaders(body or None)
    response = connection.getresponse()
    text = response.read()
    connection.close()
    return response.status, json.loads(text)


def test_a_run_outlives_an_edit_and_dev_itself(checkout: Checkout, arguments: tuple[str, ...]) -> None:
    with running(checkout, *arguments) as dev:
        dev.wait_line("units built")
        run = dev.ask("POST", "/workflow/order/start", {"book": "Emma"}).json["runId"]
        until(dev, run, "waiting")
        before = len(dev.lines)
        checkout.write({"src/orders.ts": WORKFLOW.replace("by van", "by bicycle").lstrip()})
        dev.wait_line("units built", after=before)
        until(dev, run, "waiting")
        no_other_page_looks_after(dev, run)
    with running(checkout, *arguments) as dev:
        address = dev.wait_line(r"runs of workflows: http://127\.0\.0\.1:\d+(/\S+)")[1]
        assert "<title>Runs</title>" in dev.page(address).body
        assert dev.page(f"{address}/app.js").headers["content-type"].startswith("text/javascript")
        assert asked(dev, "GET", "dashboard/session", {})[1]["by"] == "bearer"
        assert [each["id"] for each in asked(dev, "GET", "runs", {})[1]["runs"]] == [run]
        own = {"origin": f"http://127.0.0.1:{dev.port}", "sec-fetch-site": "same-origin"}
        assert asked(dev, "POST", f"runs/{run}/approve", own, b'{"approved": true}')[0] == 200
        assert until(dev, run, "completed")["output"] == {"how": "Emma by bicycle"}
        dev.checkout.run("dev", *arguments[:2], "--fire", "orders", "--data", json.dumps({"book": "Persuasion"}))
        assert dev.until(lambda dev: asked(dev, "GET", "runs?status=waiting&text=persuasion", {})[1]["runs"])


def no_other_page_looks_after(dev: Running, run: str) -> None:
    for foreign in (
        {"host": "rebound.example"}, {"host": f"rebound.example:{dev.port}", "origin": f"http://rebound.example:{dev.port}"},
        {"origin": "http://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"},
    ):  # fmt: skip
        assert asked(dev, "GET", "runs", foreign)[0] == 403, foreign
        assert asked(dev, "POST", f"runs/{run}/cancel", foreign)[0] == 403, foreign
