"""Where the project of the channels runs: as the executable, and in workerd."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.channels.client import Client
from tests.conformance import places as conformance
from tests.conformance.asked import Answer, Asked, send
from tests.harness import Checkout, Tools
from tests.jobs import places as jobs
from tests.log import Line, Log
from tests.providers.workers import Workers, started
from unitgraph.rules.toolchain import ensure, user_cache

APP = Path(__file__).parent / "app"


class Place:
    def __init__(self, name: str, port: int, log: Log) -> None:
        self.name, self.port, self.log = name, port, log

    def open(self, path: str, headers: Mapping[str, str] | None = None) -> Client:
        return Client(self.port, path, headers)

    def ask(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
        told = dict(headers or {})
        if body is not None:
            told["content-type"] = "application/json"
        text = None if body is None else json.dumps(body).encode()
        return send(self.port, Asked(method, path, list(told.items()), text))

    def said(self, msg: str, channel_id: str, count: int = 1) -> list[Line]:
        """Lines with this message of one connection, once they have come."""
        return self.log.wait(lambda line: line.get("msg") == msg and line.get("channelId") == channel_id, count)


class InWorkers(Place):
    def __init__(self, workers: Workers) -> None:
        super().__init__("workers", workers.port, workers.log)
        self.workers = workers


class InProcess(Place):
    def __init__(self, process: jobs.InProcess) -> None:
        super().__init__("executable", process.port, process.log)
        self.process = process


def project(tools: Tools, folder: Path) -> Checkout:
    return conformance.project(tools, folder, APP)


def executable(checkout: Checkout) -> Path:
    checkout.run("apply", "--provider", "standalone")
    return checkout.root / ".deploy" / "standalone" / "rooms"


@contextmanager
def in_workers(checkout: Checkout) -> Iterator[InWorkers]:
    checkout.run("plan", "--provider", "cloudflare")
    dev = ensure("dev", user_cache(os.environ))
    with started(checkout.root / ".deploy" / "cloudflare", dev, conformance.SECRETS) as workers:
        yield InWorkers(workers)


@contextmanager
def as_executable(program: Path, data: Path, more: Mapping[str, str] | None = None) -> Iterator[InProcess]:
    with jobs.running(program, data, {**conformance.SECRETS, **(more or {})}) as process:
        yield InProcess(process)
