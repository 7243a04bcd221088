"""Stands between a client and a server, and counts what goes by. Knows TCP, and neither protocol nor fault."""

import contextlib
import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

Address = tuple[str, int]
_PIECE = 1 << 16


class Relay:
    """Listens on a free port while it is entered. ``sent`` counts bytes towards the server, ``received`` those back."""

    def __init__(self, upstream: Address) -> None:
        self._upstream = upstream
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self.sent = 0
        self.received = 0

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.address: Address = self._listener.getsockname()
        self._start(self._accept)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with self._lock:
            for each in (self._listener, *self._sockets):
                with contextlib.suppress(OSError):      # the other side has closed it
                    each.shutdown(socket.SHUT_RDWR)
                each.close()
        for thread in self._threads:
            thread.join()

    def _start(self, work: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._upstream)
            except OSError:     # closed
                return
            with self._lock:
                self._sockets += (client, server)
            self._start(self._pass, client, server, "sent")
            self._start(self._pass, server, client, "received")

    def _pass(self, source: socket.socket, target: socket.socket, counter: str) -> None:
        with contextlib.suppress(OSError):      # either side has closed it
            while piece := source.recv(_PIECE):
                with self._lock:
                    setattr(self, counter, getattr(self, counter) + len(piece))
                target.sendall(piece)
            target.shutdown(socket.SHUT_WR)
