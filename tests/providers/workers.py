"""Every Worker of a build output, running in workerd by way of miniflare; knows the output folder, not what made it."""

import json
import os
import queue
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from tests.log import Log
from unitgraph.rules.toolchain import Toolchain, ensure, user_cache

SCRIPT = Path(__file__).parent / "miniflare.ts"
TIMEOUT_S = 60


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: str

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Workers:
    """Asks the router, or one Worker by name. ``names`` are those that were started, ``port`` is where the
    router listens, ``log`` is what they all say."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self._lines: queue.Queue[str] = queue.Queue()
        self.log = Log()
        assert process.stdout
        assert process.stderr
        threading.Thread(target=self._read, args=(process.stdout,), daemon=True).start()
        threading.Thread(target=self.log.read, args=(process.stderr,), daemon=True).start()
        hello = self._next()
        self.names: list[str] = hello["workers"]
        self.port: int = hello["port"]

    def fetch(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        worker: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a request; a body that isn't text goes as JSON."""
        sent = dict(headers or {})
        if body is not None and not isinstance(body, str):
            body = json.dumps(body)
            sent.setdefault("content-type", "application/json")
        asked = {"worker": worker, "method": method, "path": path, "headers": sent, "body": body}
        return Answer(**self._ask(asked))

    def queue(self, worker: str, name: str, messages: list[Any]) -> Any:
        """Deliver a batch by hand; what the Worker made of it."""
        return self._ask({"worker": worker, "queue": name, "messages": messages})

    def evict(self, worker: str, class_name: str, name: str) -> None:
        """Let a Durable Object go to sleep: what it had in memory is gone, and its sockets are there."""
        self._ask({"worker": worker, "evict": class_name, "object": name})

    def scheduled(self, worker: str, cron: str, *times_ms: int) -> Any:
        """Fire an expression's trigger now; or for several times at once, and all their outcomes."""
        return self._ask({"worker": worker, "cron": cron, "times": list(times_ms) or None})

    def kill(self) -> None:
        """kill -9, of all processes."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def _ask(self, asked: Mapping[str, Any]) -> Any:
        assert self._process.stdin
        line = json.dumps({key: value for key, value in asked.items() if value is not None})
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        said = self._next()
        assert "error" not in said, said["error"]
        return said.get("answer")

    def _next(self) -> dict[str, Any]:
        line = self._lines.get(timeout=TIMEOUT_S)
        assert line, "miniflare ended; its messages are above"
        found: dict[str, Any] = json.loads(line)
        return found

    def _read(self, stream: IO[str]) -> None:
        for line in stream:
            if line.startswith(('{"workers":', '{"answer":', '{"error":')):  # the Workers' own logs come here as well
                self._lines.put(line)
            else:
                self.log.take(line)
        self._lines.put("")


@contextmanager
def started(
    folder: Path, dev: Toolchain, secrets: Mapping[str, str] | None = None, objects: Path | None = None
) -> Iterator[Workers]:
    """Start every Worker of ``folder``, a ``.deploy/cloudflare``, with the same secrets for all; the one between units
    is there unless it is given. ``objects`` is a folder in which Durable Objects outlive it."""
    given = {"UNITGRAPH_RPC_SECRET": "a secret between all units"} | dict(secrets or {})
    modules = ensure("workers", user_cache(os.environ)).modules
    process = subprocess.Popen(
        [str(dev.bun), str(SCRIPT), str(folder), json.dumps(given), str(objects or "")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "NODE_PATH": str(modules), "MINIFLARE_WORKERD_CONFIG_DEBUG": ""},
        start_new_session=True,
    )
    try:
        yield Workers(process)
    finally:
        assert process.stdin
        assert process.stdout
        with suppress(BrokenPipeError):
            process.stdin.close()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
        assert process.stderr
        process.stderr.close()
