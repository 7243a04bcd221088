"""Cloudflare's HTTP interface to queues on this machine: lists, pushes, pulls under leases, acknowledges, as documented at
https://developers.cloudflare.com/queues/configuration/pull-consumers/. Messages are in memory."""

import base64
import json
import re
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any

TOKEN = "a token for queues"
ACCOUNT = "acc"
_MOST = 100


@dataclass
class Message:
    id: str
    body: str
    kind: str
    due: float
    attempts: int = 0
    lease: str | None = None


class QueueApi:
    """``queues``: name → messages that wait or are leased. ``refuse`` is a status with which everything is answered."""

    def __init__(self, names: Sequence[str]) -> None:
        self.queues: dict[str, list[Message]] = {name: [] for name in names}
        self.refuse: int | None = None
        self.asked: list[str] = []
        self._numbers = count(1)
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}/client/v4"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def put(self, queue: str, body: str, kind: str = "text", delay_s: float = 0) -> str:
        """As a Worker's ``send`` does; JSON and bytes are base64 over HTTP."""
        with self._lock:
            text = body if kind == "text" else base64.b64encode(body.encode()).decode()
            message = Message(str(next(self._numbers)), text, kind, time.monotonic() + delay_s)
            self.queues[queue].append(message)
            return message.id

    def left(self) -> int:
        with self._lock:
            return sum(len(messages) for messages in self.queues.values())

    def _answer(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        if self.refuse is not None:
            return self.refuse, None
        listed = re.fullmatch(rf"/client/v4/accounts/{ACCOUNT}/queues\?page=(\d+)&per_page=(\d+)", path)
        if method == "GET" and listed:
            page, size = int(listed[1]), int(listed[2])
            return 200, [{"queue_id": f"id-{name}", "queue_name": name} for name in self.queues][(page - 1) * size : page * size]
        found = re.fullmatch(rf"/client/v4/accounts/{ACCOUNT}/queues/id-([^/]+)/messages(/pull|/ack)?", path)
        if method != "POST" or not found or found[1] not in self.queues:
            return 404, None
        if found[2] is None:
            kind = body.get("content_type", "json")
            self.put(found[1], body["body"] if kind == "text" else json.dumps(body["body"]), kind, body.get("delay_seconds", 0))
            return 200, {}
        with self._lock:
            act = self._pull if found[2] == "/pull" else self._settle
            return 200, act(found[1], body)

    def _pull(self, queue: str, body: Any) -> Any:
        now = time.monotonic()
        assert 1 <= body["batch_size"] <= _MOST
        due = [message for message in self.queues[queue] if message.due <= now][: body["batch_size"]]
        for message in due:
            message.attempts += 1
            message.due = now + body["visibility_timeout_ms"] / 1000
            message.lease = f"lease-{next(self._numbers)}"
        return {
            "message_backlog_count": len(self.queues[queue]),
            "messages": [
                {"id": one.id, "body": one.body, "attempts": one.attempts, "lease_id": one.lease, "timestamp_ms": 0}
                | {"metadata": {"CF-Content-Type": one.kind}}
                for one in due
            ],
        }

    def _settle(self, queue: str, body: Any) -> Any:
        acks = {each["lease_id"] for each in body["acks"]}
        retries = {each["lease_id"]: each["delay_seconds"] for each in body["retries"]}
        kept = [message for message in self.queues[queue] if message.lease not in acks]
        for message in kept:
            if message.lease in retries:
                message.due = time.monotonic() + retries[message.lease]
                message.lease = None
        self.queues[queue] = kept
        return {"ackCount": len(acks), "retryCount": len(retries), "warnings": []}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self._do("GET", None)

            def do_POST(self) -> None:
                self._do("POST", json.loads(self.rfile.read(int(self.headers["content-length"]))))

            def _do(self, method: str, body: Any) -> None:
                api.asked.append(f"{method} {self.path}")
                status, result = (401, None)
                if self.headers["authorization"] == f"Bearer {TOKEN}":
                    status, result = api._answer(method, self.path, body)
                errors = [] if status == 200 else [{"code": 10000, "message": "no"}]
                text = json.dumps({"success": status == 200, "errors": errors, "messages": [], "result": result}).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(text)))
                if status == 429:
                    self.send_header("retry-after", "1")
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_: Any) -> None:
                """Nothing."""

        return Handler

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(60)


@contextmanager
def running(names: Sequence[str]) -> Iterator[QueueApi]:
    api = QueueApi(names)
    api.start()
    try:
        yield api
    finally:
        api.stop()
