"""One request and what came of it, down a socket of its own, byte by byte as it is given. Knows HTTP/1.1, no case."""

import json
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from typing import Any

HOST = "app.test"
TIMEOUT_S = 60


@dataclass(frozen=True, slots=True)
class Asked:
    method: str
    path: str
    headers: Sequence[tuple[str, str]] = ()
    body: bytes | None = None

    @classmethod
    def of(cls, method: str, path: str, data: Any = None, token: str | None = None) -> "Asked":
        """A request of JSON, by who has a token."""
        headers = [("authorization", f"Bearer {token}")] if token else []
        if data is None:
            return cls(method, path, headers)
        return cls(method, path, [*headers, ("content-type", "application/json")], json.dumps(data).encode())

    def wire(self) -> bytes:
        """As HTTP/1.1; the connection ends with the answer."""
        headers = [("Host", HOST), ("Connection", "close"), *self.headers]
        if self.body is not None and not any(name.lower() == "transfer-encoding" for name, _ in headers):
            headers.append(("Content-Length", str(len(self.body))))
        lines = [f"{self.method} {self.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers), "", ""]
        return "\r\n".join(lines).encode("latin-1") + (self.body or b"")


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def header(self, name: str) -> str | None:
        """The value; of a header that is there more than once, the values as a list would be sent."""
        found = [value for key, value in self.headers if key.lower() == name.lower()]
        return ", ".join(found) if found else None


def send(port: int, asked: Asked) -> Answer:
    answer = exchange(port, [asked.wire()], method=asked.method)
    assert answer is not None, f"{asked.method} {asked.path[:80]}: the connection ended without an answer"
    return answer


def exchange(port: int, parts: Iterable[bytes], *, method: str = "GET", timeout_s: float = TIMEOUT_S) -> Answer | None:
    """What is answered to these bytes; None where the connection ends without an answer."""
    with socket.create_connection(("127.0.0.1", port), timeout_s) as connection:
        try:
            for part in parts:
                connection.sendall(part)
        except OSError:
            pass  # it may have answered and closed before it had read everything
        return read(connection, method)


def read(connection: socket.socket, method: str = "GET") -> Answer | None:
    response = HTTPResponse(connection, method=method)
    try:
        response.begin()
        return Answer(response.status, tuple(response.getheaders()), response.read())
    except (HTTPException, ConnectionError):
        return None
    finally:
        response.close()
