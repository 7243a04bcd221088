"""Where the project of the jobs runs for real: as the executable, and as Workers; built by the command line."""

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Protocol

from tests.harness import REPOSITORY, Checkout, Tools
from tests.homes import Home
from tests.log import Log
from tests.providers.workers import Answer, Workers, started
from tests.system.projects import SHELL
from unitgraph.rules.toolchain import ensure, find_bun, user_cache

SOURCES = REPOSITORY / "tests" / "runtime" / "jobs"


class Place(Protocol):
    @property
    def log(self) -> Log: ...

    def post(self, path: str, body: Any) -> Answer: ...


class InWorkers:
    def __init__(self, workers: Workers) -> None:
        self.workers = workers
        self.log = workers.log

    def post(self, path: str, body: Any) -> Answer:
        return self.workers.fetch("POST", path, body)


class InProcess:
    """One process of the executable."""

    def __init__(
        self, executable: Path, home: Home | Path, environment: Mapping[str, str] | None = None, *arguments: str
    ) -> None:
        shared = {"UNITGRAPH_DATA": str(home)} if isinstance(home, Path) else home.environment
        self.process = subprocess.Popen(
            [executable, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={"PORT": "0", "HOST": "127.0.0.1", **shared, **(environment or {})},
            cwd="/",
        )
        self.log = Log()
        assert self.process.stdout
        assert self.process.stderr
        self._threads = [
            threading.Thread(target=self.log.read, args=(stream,), daemon=True)
            for stream in (self.process.stdout, self.process.stderr)
        ]
        for thread in self._threads:
            thread.start()

    def listening(self) -> "InProcess":
        self.port: int = self.log.wait(lambda line: line.get("msg") == "listening")[0]["port"]
        return self

    def post(self, path: str, body: Any) -> Answer:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("POST", path, json.dumps(body), {"content-type": "application/json"})
        response = connection.getresponse()
        text = response.read().decode()
        connection.close()
        return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, text)

    def end(self) -> int:
        """Ask it to end, and wait until it has; everything that it said is in the log then."""
        self.process.terminate()
        return self.ended()

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self.ended()

    def ended(self) -> int:
        status = self.process.wait(60)
        for thread in self._threads:
            thread.join(60)
        for stream in (self.process.stdout, self.process.stderr):
            if stream:
                stream.close()
        return status


def project(tools: Tools, folder: Path) -> Checkout:
    made = Checkout(folder / "work", tools, folder / "cache")
    made.write({**SHELL, "package.json": '{ "name": "jobs", "private": true, "type": "module" }\n'})
    (made.root / "src").mkdir()
    for source in SOURCES.glob("*.ts"):
        shutil.copy(source, made.root / "src" / source.name)
    return made


def executable(checkout: Checkout) -> Path:
    """The executable, put in place."""
    checkout.run("apply", "--provider", "standalone")
    return checkout.root / ".deploy" / "standalone" / "jobs"


@contextmanager
def running(program: Path, home: Home | Path, environment: Mapping[str, str] | None = None) -> Iterator[InProcess]:
    process = InProcess(program, home, environment)
    try:
        yield process.listening()
    finally:
        if process.process.poll() is None:
            process.kill()
        process.ended()


def serve(unit: Path, environment: Mapping[str, str]) -> InProcess:
    """A server unit beside Workers, as its Dockerfile starts it."""
    return InProcess(find_bun().path, Home(environment), None, str(unit / "index.js"))


@contextmanager
def serving(unit: Path, environment: Mapping[str, str]) -> Iterator[InProcess]:
    process = serve(unit, environment)
    try:
        yield process.listening()
    finally:
        if process.process.poll() is None:
            process.kill()
        process.ended()


@contextmanager
def in_workers(checkout: Checkout, secrets: Mapping[str, str] | None = None) -> Iterator[InWorkers]:
    checkout.run("plan", "--provider", "cloudflare")
    with started(checkout.root / ".deploy" / "cloudflare", ensure("dev", user_cache(os.environ)), secrets) as workers:
        yield InWorkers(workers)
