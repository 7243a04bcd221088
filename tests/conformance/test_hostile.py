"""What no HTTP client would send, byte by byte, to both servers: each refuses it, or takes it for what it says; and goes on.

The two servers parse HTTP themselves (Bun's, and workerd's), so what is held is an outcome: the statuses that are right, or
that the connection ends; never a second request that nobody sent, never a 5xx, and nothing lost of who comes after.
"""

import socket
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pytest

from tests.conformance.asked import Answer, Asked, exchange, read
from tests.conformance.places import SECRETS, Place
from tests.conformance.tokens import TOKENS

CLOSED = 0
"""The connection ends without an answer."""


@dataclass(frozen=True, slots=True)
class Raw:
    """``outcomes``: the statuses that may come of it.

    ``workerd``: those of workerd where it doesn't refuse what it should. It stands behind Cloudflare's network, which
    parses requests first; here, only the application's part of an answer is ours.
    """

    name: str
    parts: Sequence[bytes]
    outcomes: Sequence[int]
    workerd: Sequence[int] = ()

    def is_right(self, place: Place, answer: Answer | None) -> bool:
        if answer is None:
            return CLOSED in self.outcomes
        if place.name != "workers":
            return answer.status in self.outcomes
        is_its_own = answer.header("x-request-id") is None
        return answer.status in (*self.outcomes, *self.workerd) or (is_its_own and answer.status in (400, 500, 501))


def post(head: str, body: bytes = b"", *, path: str = "/echo") -> bytes:
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: app.test",
        "Connection: close",
        "Content-Type: application/json",
        head,
        "",
        "",
    ]
    return "\r\n".join(line for line in lines[:-2] if line).encode() + b"\r\n\r\n" + body


def get(head: str = "", path: str = "/echo") -> bytes:
    lines = [f"GET {path} HTTP/1.1", "Host: app.test", "Connection: close", *([head] if head else [])]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"


SMUGGLED = b"GET /mark HTTP/1.1\r\nHost: app.test\r\nX-Request-Id: smuggled\r\n\r\n"
REFUSED = (400, CLOSED)

RAW = [
    Raw("a chunked body", [post("Transfer-Encoding: chunked", b'2\r\n{}\r\n0\r\n\r\n')], [200]),
    Raw("a chunked body in many pieces", [post("Transfer-Encoding: chunked"), b"1\r\n{\r\n", b"1\r", b"\n}\r\n0\r\n\r\n"], [200]),
    Raw("a chunk with an extension", [post("Transfer-Encoding: chunked", b'2;a="b"\r\n{}\r\n0\r\n\r\n')], [200, 400, CLOSED]),
    Raw("a chunk whose size is no number", [post("Transfer-Encoding: chunked", b"zz\r\n{}\r\n0\r\n\r\n")], REFUSED),
    Raw("a chunk of a negative size", [post("Transfer-Encoding: chunked", b"-2\r\n{}\r\n0\r\n\r\n")], REFUSED),
    Raw("a chunk larger than any number", [post("Transfer-Encoding: chunked", b"ffffffffffffffffff\r\n{}\r\n")], [*REFUSED, 413]),
    Raw("chunks larger than the limit, no length said",
        [post("Transfer-Encoding: chunked"), *[b"10000\r\n" + b"x" * 65536 + b"\r\n"] * 17, b"0\r\n\r\n"], [413]),
    Raw("a length and chunks: two ends", [post("Content-Length: 4\r\nTransfer-Encoding: chunked", b"0\r\n\r\n" + SMUGGLED)], REFUSED, [200]),
    Raw("chunks and a length: two ends", [post("Transfer-Encoding: chunked\r\nContent-Length: 0", b"2\r\n{}\r\n0\r\n\r\n")], REFUSED, [200]),
    Raw("an encoding in disguise", [post("Transfer-Encoding: xchunked\r\nContent-Length: 2", b"{}")], [*REFUSED, 501]),
    Raw("an encoding with a space before its colon", [post("Transfer-Encoding : chunked", b"0\r\n\r\n" + SMUGGLED)], REFUSED, [200]),
    Raw("two lengths that differ", [post("Content-Length: 2\r\nContent-Length: 70", b"{}" + SMUGGLED)], REFUSED),
    Raw("a length that is a list", [post("Content-Length: 2, 2", b"{}")], [200, *REFUSED]),
    Raw("a length that is negative", [post("Content-Length: -1", b"{}")], REFUSED),
    Raw("a length that is no number", [post("Content-Length: two", b"{}")], REFUSED),
    Raw("a length in hex", [post("Content-Length: 0x2", b"{}")], REFUSED),
    Raw("a length with a plus", [post("Content-Length: +2", b"{}")], REFUSED),
    Raw("a length of two gigabytes, and nothing", [post("Content-Length: 2147483648")], [413, *REFUSED]),
    Raw("a length beyond any number", [post("Content-Length: 99999999999999999999999")], [413, *REFUSED]),
    Raw("more than the limit, with a length", [post("Content-Length: 1048577", b"x" * 1048577)], [413]),
    Raw("a header that is folded", [get("X-A: one\r\n two")], [200, *REFUSED]),
    Raw("a header without a colon", [get("nothing")], REFUSED),
    Raw("a header with no name", [get(": nothing")], REFUSED),
    Raw("a header with a NUL", [get("X-A: a\0b")], REFUSED),
    Raw("a header with bytes beyond ASCII", [get("X-A: \xff\xfe")], [200, *REFUSED]),
    Raw("a header with a bare line feed", [get("X-A: a\nX-Request-Id: split")], [200, *REFUSED]),
    Raw("a header with a bare carriage return", [get("X-A: a\rX-Request-Id: split")], [200, *REFUSED]),
    Raw("a header of ten megabytes", [get("X-A: " + "a" * 10_000_000)], [431, *REFUSED]),
    Raw("ten thousand headers", [get("\r\n".join(f"X-{number}: a" for number in range(10_000)))], [431, *REFUSED], [200]),
    Raw("a path of a megabyte", [get(path="/" + "a" * 1_000_000)], [414, 431, *REFUSED]),
    Raw("a path of four thousand letters", [get(path="/maybe/" + "a" * 4000)], [200]),
    Raw("a path with a NUL", [get(path="/maybe/a\0b")], [505, *REFUSED]),
    Raw("a path with bytes that are no UTF-8", [get(path="/maybe/\xff")], [200, *REFUSED]),
    Raw("a path with a space", [get(path="/maybe/a b")], [505, *REFUSED], [200]),
    Raw("a path without a slash", [get(path="maybe")], [404, *REFUSED]),
    Raw("a URL for a path", [get(path="http://evil.test/things/new")], [200, 404, *REFUSED]),
    Raw("a tunnel", [b"CONNECT evil.test:443 HTTP/1.1\r\nHost: evil.test:443\r\n\r\n"], [404, 405, 501, *REFUSED]),
    Raw("a trace", [b"TRACE /things/new HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n"], [404, 405, 501, *REFUSED]),
    Raw("a method that nobody knows", [b"BREW /things/7 HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n"], [405, 501, *REFUSED]),
    Raw("a method in small letters", [b"get /things/new HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n"], [405, 501, *REFUSED]),
    Raw("no host", [b"GET /things/new HTTP/1.1\r\nConnection: close\r\n\r\n"], [200, *REFUSED]),
    Raw("two hosts", [b"GET /things/new HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n"], [200, *REFUSED]),
    Raw("a host that is none", [b"GET /things/new HTTP/1.1\r\nHost: a b/../c?d\r\nConnection: close\r\n\r\n"], [200, *REFUSED]),
    Raw("an upgrade that nobody offers", [get("Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA", "/things/new")], [200, *REFUSED]),
    Raw("HTTP/2 without asking", [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"], [505, 501, *REFUSED]),
    Raw("a TLS hello", [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 500 + b"\r\n\r\n"], [501, *REFUSED]),
    Raw("an old version", [b"GET /things/new HTTP/0.9\r\n\r\n"], [505, 501, *REFUSED]),
    Raw("a version that there isn't", [b"GET /things/new HTTP/9.9\r\nHost: a\r\n\r\n"], [505, 501, *REFUSED], [200]),
    Raw("rubbish", [bytes(range(256)) * 4 + b"\r\n\r\n"], [501, *REFUSED]),
    Raw("nothing at all", [b"\r\n\r\n\r\n\r\n"], [501, *REFUSED]),
    Raw("a range", [get("Range: bytes=0-1,5-6,0-,-1", "/give/large")], [200]),
    Raw("an answer to be compressed a hundred times", [get("Accept-Encoding: " + "gzip, " * 100 + "br", "/things/new")], [200]),
    Raw("waiting to be asked for the body", [post("Expect: 100-continue\r\nContent-Length: 2"), b"{}"], [100, 200, *REFUSED]),
    Raw("an expectation that nobody has", [post("Expect: tea\r\nContent-Length: 2", b"{}")], [200, 417, *REFUSED]),
]  # fmt: skip


@pytest.mark.parametrize("raw", RAW, ids=lambda raw: raw.name)
def test_raw(listening: Place, raw: Raw) -> None:
    assert listening.port
    answer = exchange(listening.port, raw.parts)
    assert raw.is_right(listening, answer), answer
    assert _is_well(listening)


def _is_well(place: Place) -> bool:
    return place.ask(Asked("GET", "/things/new")).status == 200


def test_a_body_that_ends_too_early_does_nothing(listening: Place) -> None:
    """Half of a job is no job, whoever hangs up."""
    assert listening.port
    with socket.create_connection(("127.0.0.1", listening.port), 30) as connection:
        connection.sendall(post("X-Request-Id: half\r\nContent-Length: 200", b'{"text":"half a letter"}', path="/jobs"))
        connection.shutdown(socket.SHUT_WR)
        answer = read(connection)
    assert answer is None or answer.status == 400, answer
    whole = listening.ask(Asked("POST", "/jobs", [("content-type", "application/json")], b'{"text":"whole"}'))
    listening.log.wait(lambda line: line.get("jobId") == whole.json["job"] and line["msg"] == "letter sent")
    assert listening.log.lines(lambda line: line.get("text") == "half a letter") == []


def test_two_requests_down_one_connection_are_two_whatever_the_first_held(executable: Place) -> None:
    """A body that is refused unread isn't taken for the next request, and none that was smuggled in was answered.

    In the executable: nobody need stand before it. What stands before workerd is Cloudflare's network.
    """
    listening = executable
    assert listening.port
    inner = SMUGGLED.replace(b"smuggled", b"inside")
    first = post(f"Content-Length: {len(inner)}", inner, path="/nothing").replace(b"Connection: close\r\n", b"")
    with socket.create_connection(("127.0.0.1", listening.port), 30) as connection:
        connection.sendall(first + get("", "/things/new"))
        stream = connection.makefile("rb")
        answers = list(_statuses(stream.read().decode("latin-1")))
    assert answers[:1] == [404]
    assert answers[1:] in ([200], [])
    listening.ask(Asked("POST", "/mark", [("x-request-id", "after")]))
    listening.log.wait(lambda line: line.get("requestId") == "after" and line["msg"] == "marked", 2)
    assert listening.log.lines(lambda line: line.get("requestId") in ("smuggled", "inside", "split")) == []


def _statuses(text: str) -> Iterator[int]:
    for line in text.splitlines():
        if line.startswith("HTTP/1.1 "):
            yield int(line.split(" ")[1])


def test_slow_clients_hold_nobody_up(listening: Place) -> None:
    """Sixty-four of them have sent half a head, or half a body: everybody else is answered."""
    assert listening.port
    slow = [socket.create_connection(("127.0.0.1", listening.port), 30) for _ in range(64)]
    try:
        for number, connection in enumerate(slow):
            connection.sendall(
                b"GET /things/new HTTP/1.1\r\nHost: a" if number % 2 else post("Content-Length: 9", b"{")
            )
        answers: list[Answer] = []
        threads = [
            threading.Thread(target=lambda: answers.append(listening.ask(Asked("GET", "/things/new"))))
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert [answer.status for answer in answers] == [200] * 8
        for connection in slow[1::2]:
            connection.sendall(b"pp.test\r\nConnection: close\r\n\r\n")
        assert [found.status for connection in slow[1:8:2] if (found := read(connection))] == [200] * 4
    finally:
        for connection in slow:
            connection.close()
    assert _is_well(listening)


def test_clients_that_go_away_leave_nothing_behind(listening: Place) -> None:
    """They hang up while events are sent to them, and while an answer is."""
    assert listening.port
    for path in ("/count?to=300", "/give/large"):
        for _ in range(8):
            with socket.create_connection(("127.0.0.1", listening.port), 30) as connection:
                connection.sendall(get("Accept: text/event-stream", path))
                connection.recv(64)
    assert _is_well(listening)


def test_nobody_was_told_more_than_a_status(listening: Place) -> None:
    """What a server says of a request that it doesn't understand names no file, no stack and no secret."""
    assert listening.port
    for raw in RAW[:12]:
        answer = exchange(listening.port, raw.parts)
        if answer is None or answer.status < 400:
            continue
        told = answer.text
        assert not any(word in told for word in (*SECRETS.values(), "    at ", "/root/", "/tmp/", ".ts:", ".js:")), told


def test_headers_that_say_who_one_is_twice(listening: Place) -> None:
    """Two Authorization headers are one that is no token, or the first: never the one that a proxy didn't check."""
    headers = [("authorization", f"Bearer {TOKENS['ada']()}"), ("authorization", f"Bearer {TOKENS['mel']()}")]
    answer = listening.ask(Asked("GET", "/bearer/me", headers))
    assert answer.status in (400, 401) or answer.json["userId"] == "ada"


def test_what_takes_long_to_say_is_taken(listening: Place) -> None:
    """A client that is slow, and not hostile: its bytes come one by one."""
    assert listening.port

    def slowly() -> Iterator[bytes]:
        for byte in post("Content-Length: 2", b"{}"):
            yield bytes([byte])
            time.sleep(0.001)

    answer = exchange(listening.port, slowly())
    assert answer is not None
    assert answer.status == 200
