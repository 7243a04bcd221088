"""A project that `unitgraph dev` runs: edited, asked, ended. Knows the command line and HTTP, no internals."""

import json
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import IO, Any

from tests.harness import Checkout, kill

TIMEOUT_S = 90


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: str

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Running:
    """One `dev`, with all that it and its units print."""

    def __init__(self, checkout: Checkout, *arguments: str) -> None:
        self.checkout = checkout
        self.process = checkout.start("dev", *arguments)
        self._lines: list[str] = []
        self._moved = threading.Condition()
        self._threads = [
            threading.Thread(target=self._read, args=(stream,), daemon=True)
            for stream in (self.process.stdout, self.process.stderr)
        ]
        for thread in self._threads:
            thread.start()
        said = self.wait_line(r" on http://127\.0\.0\.1:(\d+) ")
        self.port = int(said[1])

    def _read(self, stream: IO[str]) -> None:
        for line in stream:
            sys.stderr.write(line)
            with self._moved:
                self._lines.append(line.rstrip("\n"))
                self._moved.notify_all()

    @property
    def lines(self) -> list[str]:
        with self._moved:
            return list(self._lines)

    def wait_line(self, pattern: str, *, after: int = 0) -> re.Match[str]:
        """The first line with it, of those from number ``after`` on."""
        end = time.monotonic() + TIMEOUT_S
        with self._moved:
            while True:
                for line in self._lines[after:]:
                    if found := re.search(pattern, line):
                        return found
                assert self.process.poll() is None, f"dev has ended; it said {self._lines[-20:]}"
                left = end - time.monotonic()
                assert left > 0, f"nothing said {pattern}; the last lines: {self._lines[-20:]}"
                self._moved.wait(min(left, 1))

    def ask(self, method: str, path: str, body: Any = None, *, accept: str = "application/json") -> Answer:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_S)
        headers = {"accept": accept} | ({"content-type": "application/json"} if body is not None else {})
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        response = connection.getresponse()
        text = response.read().decode()
        connection.close()
        return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, text)

    def page(self, path: str) -> Answer:
        """What a browser is given."""
        return self.ask("GET", path, accept="text/html,application/xhtml+xml")

    def until(self, found: Callable[["Running"], Any]) -> Any:
        """Asks again until there is something; an edit is answered when it is built."""
        end = time.monotonic() + TIMEOUT_S
        while not (result := found(self)):
            assert self.process.poll() is None, f"dev has ended; it said {self.lines[-20:]}"
            assert time.monotonic() < end, f"it never came; the last lines: {self.lines[-20:]}"
            time.sleep(0.05)
        return result

    def interrupt(self) -> int:
        """Ctrl-C; returns the status."""
        self.process.send_signal(signal.SIGINT)
        return self.ended()

    def ended(self) -> int:
        status = self.process.wait(TIMEOUT_S)
        for thread in self._threads:
            thread.join(TIMEOUT_S)
        for stream in (self.process.stdout, self.process.stderr):
            if stream:
                stream.close()
        return status


@contextmanager
def running(checkout: Checkout, *arguments: str) -> Iterator[Running]:
    dev = Running(checkout, *arguments)
    try:
        yield dev
    finally:
        if dev.process.poll() is None:
            dev.process.send_signal(signal.SIGINT)
        try:
            dev.ended()
        except subprocess.TimeoutExpired:
            kill(dev.process)
            raise
