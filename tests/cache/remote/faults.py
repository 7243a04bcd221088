"""What networks and servers do wrong, on purpose: a proxy before a real server, for any protocol over TCP.

    with FaultProxy(server.address) as proxy:
        backend = places.connect(Connection(server.at(proxy.address)))
        proxy.mode = CutAfter(100)

A mode holds for connections that are there as for new ones, from the next byte on.
"""

import contextlib
import itertools
import re
import select
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self

Address = tuple[str, int]

_PIECE = 1 << 16
_FLUSH_S = 0.1
"""How long the beginning of what is to be replaced is held back: the rest of it, sent at once, is there long before."""
_FLOOD = b"\0" * _PIECE


@dataclass(frozen=True, slots=True)
class Pass:
    """All is well."""


@dataclass(frozen=True, slots=True)
class Hang:
    """Answers stop behind ``after`` bytes of each connection; it stays open. With another mode they go on."""

    after: int = 0


@dataclass(frozen=True, slots=True)
class CutAfter:
    """Each connection ends behind so many bytes of its answers."""

    count: int


@dataclass(frozen=True, slots=True)
class Answer:
    """HTTP: every request is answered with these bytes, and the connection ends. The server hears nothing."""

    raw: bytes


def status(code: int, headers: Mapping[str, str] | None = None) -> Answer:
    """HTTP: every request is answered with a status and a short page."""
    more = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
    head = f"HTTP/1.1 {code} Said\r\nContent-Length: 5\r\nConnection: close\r\n{more}\r\n"
    return Answer(head.encode() + b"sorry")


@dataclass(frozen=True, slots=True)
class Flood:
    """HTTP: every request is answered with ``head`` and with zeros for as long as somebody takes them."""

    head: bytes = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Drip:
    """HTTP: every request is answered with ``head``, one byte in ``pause_s``, and it doesn't end."""

    head: bytes = b"HTTP/1.1 200 OK\r\nX-Padding: "
    pause_s: float = 0.1


@dataclass(frozen=True, slots=True)
class Flip:
    """In answers, the lowest bit of the first byte of ``marker`` is another one, wherever that is found."""

    marker: bytes


@dataclass(frozen=True, slots=True)
class Swap:
    """Who asks for ``one`` gets what is at ``other``, and the other way round; both are names of the same length."""

    one: bytes
    other: bytes


Mode = Pass | Hang | CutAfter | Answer | Flood | Drip | Flip | Swap


class FaultProxy:
    """Listens on a free port while it is entered, with ``tls`` for those who ask. ``connections`` counts what came,
    ``most`` what was there at once; ``requests`` are those that weren't the server's to answer, with their heads."""

    def __init__(self, upstream: Address, *, tls: ssl.SSLContext | None = None) -> None:
        self._upstream = upstream
        self._tls = tls
        self._changed = threading.Condition()
        self._mode: Mode = Pass()
        self._closed = False
        self._passed = 0
        self._sockets: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self.connections = 0
        self.most = 0
        self.requests: list[bytes] = []

    @property
    def mode(self) -> Mode:
        return self._mode

    @mode.setter
    def mode(self, mode: Mode) -> None:
        with self._changed:
            self._mode = mode
            self._changed.notify_all()

    def await_passed(self, count: int, timeout_s: float = 30) -> None:
        """Returns when so many bytes of answers have gone through."""
        with self._changed:
            assert self._changed.wait_for(lambda: self._passed >= count, timeout_s), f"only {self._passed} bytes came"

    def drop(self) -> None:
        """Ends the connections that are there, as a server does with idle ones."""
        with self._changed:
            for each in self._sockets:
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.address: Address = self._listener.getsockname()
        self._spawn(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            for each in (self._listener, *self._sockets):
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)     # wakes whoever waits for it
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive(), "a thread of the proxy doesn't end"
        self._listener.close()

    def _spawn(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.socket()
            server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _PIECE)  # what was sent isn't here until it is read
            with self._changed:
                if self._closed:
                    client.close()
                    server.close()
                    return
                self.connections += 1
                self._sockets |= {client, server}
                self.most = max(self.most, len(self._sockets) // 2)
            self._spawn(self._serve, client, server)

    def _serve(self, client: socket.socket, server: socket.socket) -> None:
        try:
            with contextlib.suppress(OSError):
                if self._tls:
                    client = self._tls.wrap_socket(client, server_side=True)
                    with self._changed:
                        self._sockets.add(client)
                if isinstance(self._mode, Pass | Hang | CutAfter | Flip | Swap):
                    server.connect(self._upstream)
                    answers = threading.Thread(target=self._pump, args=(server, client), daemon=True)
                    answers.start()
                    self._requests(client, server)
                    answers.join()
                else:
                    self._requests(client, None)
        finally:
            with self._changed:
                self._sockets -= {client, server}
            for each in (client, server):
                each.close()

    def _requests(self, client: socket.socket, server: socket.socket | None) -> None:
        """From the client to the server, or to nobody: then a mode that answers by itself does."""
        edited = Edited()
        while data := self._received(client, edited, _requested):
            mode = self._mode
            if isinstance(mode, Answer | Flood | Drip):
                self.requests.append(_whole_request(client, data))
                with contextlib.suppress(OSError):
                    self._speak(client, mode)
                _shut(client, server)
                return
            if server is None:
                _shut(client, server)
                return
            server.sendall(data)
        _shut(server)

    def _pump(self, server: socket.socket, client: socket.socket) -> None:
        """Answers, from the server to the client."""
        edited = Edited()
        count = 0
        try:
            while data := self._received(server, edited, _answered):
                count = self._answer(client, data, count)
            _shut(client)
        except OSError:     # one of both is gone, or is to go
            _shut(client, server)

    def _answer(self, client: socket.socket, data: bytes, count: int) -> int:
        """Sends it as far as the mode allows; how many bytes this connection has had. OSError ends it."""
        while data:
            with self._changed:
                while (allowed := self._allowed(count)) == 0 and not self._closed:
                    self._changed.wait()
                if self._closed:
                    raise OSError("closed")
            if allowed is None:
                raise OSError("cut")
            part, data = data[:allowed], data[allowed:]
            client.sendall(part)
            count += len(part)
            with self._changed:
                self._passed += len(part)
                self._changed.notify_all()
        if self._allowed(count) is None:
            raise OSError("cut")
        return count

    def _allowed(self, count: int) -> int | None:
        """How many bytes may follow ``count``; None for the end of the connection."""
        match self._mode:
            case Hang(after=after):
                return max(after - count, 0)
            case CutAfter(count=limit):
                return limit - count if limit > count else None
            case _:
                return _PIECE

    def _speak(self, client: socket.socket, mode: Answer | Flood | Drip) -> None:
        match mode:
            case Answer(raw=raw):
                client.sendall(raw)
            case Flood(head=head):
                client.sendall(head)
                while not self._closed:
                    client.sendall(_FLOOD)
            case Drip(head=head, pause_s=pause_s):
                for byte in itertools.chain(head, itertools.repeat(ord("x"))):
                    client.sendall(bytes([byte]))
                    with self._changed:
                        if self._changed.wait_for(lambda: self._closed, pause_s):
                            return

    def _received(
        self, source: socket.socket, edited: "Edited", edit: Callable[[Mode], Mapping[bytes, bytes]]
    ) -> bytes:
        """The next bytes as the mode has them, b"" at the end."""
        while True:
            if edited.held and not select.select([source], [], [], _FLUSH_S)[0]:
                return edited.rest()
            try:
                data = source.recv(_PIECE)
            except OSError:
                data = b""
            if not data:
                return edited.rest()
            if ready := edited.next(data, edit(self._mode)):
                return ready


class Edited:
    """A stream in which some byte strings stand for others of their length, also where they come in pieces."""

    def __init__(self) -> None:
        self.held = b""

    def next(self, data: bytes, table: Mapping[bytes, bytes]) -> bytes:
        data, self.held = self.held + data, b""
        if not table:
            return data
        out = b""
        end = 0
        for match in re.finditer(b"|".join(map(re.escape, table)), data):
            out += data[end : match.start()] + table[match[0]]
            end = match.end()
        tail = max(_begun(data[end:], old) for old in table)
        self.held = data[len(data) - tail :]
        return out + data[end : len(data) - tail]

    def rest(self) -> bytes:
        held, self.held = self.held, b""
        return held


def _begun(data: bytes, pattern: bytes) -> int:
    """How many bytes at the end of ``data`` are the beginning of ``pattern``, not all of it."""
    return next((n for n in range(min(len(pattern) - 1, len(data)), 0, -1) if data.endswith(pattern[:n])), 0)


def _requested(mode: Mode) -> Mapping[bytes, bytes]:
    return {mode.one: mode.other, mode.other: mode.one} if isinstance(mode, Swap) else {}


def _answered(mode: Mode) -> Mapping[bytes, bytes]:
    match mode:
        case Flip(marker=marker):
            return {marker: bytes([marker[0] ^ 1]) + marker[1:]}
        case Swap():
            return _requested(mode)
        case _:
            return {}


def _whole_request(client: socket.socket, data: bytes) -> bytes:
    """An HTTP request's head; it is read to its end, so that closing the connection doesn't take the answer with it."""
    while b"\r\n\r\n" not in data and (more := client.recv(_PIECE)):
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    fields = dict(line.lower().split(b":", 1) for line in head.split(b"\r\n")[1:] if b":" in line)
    left = int(fields.get(b"content-length", b"0")) - len(body)
    while left > 0 and (more := client.recv(_PIECE)):
        left -= len(more)
    return head + b"\r\n\r\n"


def _shut(*ends: socket.socket | None) -> None:
    for each in ends:
        if each is not None:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
