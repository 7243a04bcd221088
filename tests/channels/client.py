"""A WebSocket client (RFC 6455) that says whatever it is told to, however wrong; knows bytes, no messages."""

import base64
import json
import os
import socket
import struct
from collections.abc import Mapping
from typing import Any, Self

TIMEOUT_S = 60
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


class Client:
    """An opening, and what it has become: ``status`` is 101 where it is a connection, else ``body`` says why not."""

    def __init__(
        self, port: int, path: str, headers: Mapping[str, str] | None = None, *, room_bytes: int | None = None
    ) -> None:
        self.socket = socket.socket(socket.AF_INET)
        if room_bytes is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room_bytes)
        self.socket.settimeout(TIMEOUT_S)
        self.socket.connect(("127.0.0.1", port))
        self._read = b""
        sent = {
            "Host": f"127.0.0.1:{port}", "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(), **(headers or {}),
        }  # fmt: skip
        lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in sent.items()), "", ""]
        self.socket.sendall("\r\n".join(lines).encode())
        head = self._until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        self.status = int(head[0].split()[1])
        self.headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
        self.body = b""
        if self.status != 101:
            self.body = self._exactly(int(self.headers.get("content-length", 0)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, message: Any) -> None:
        """Bytes as a binary frame, text as it is, everything else as JSON."""
        if isinstance(message, bytes):
            self.frame(BINARY, message)
        else:
            self.frame(TEXT, (message if isinstance(message, str) else json.dumps(message)).encode())

    def frame(self, opcode: int, data: bytes, *, is_last: bool = True, is_masked: bool = True) -> None:
        size = len(data)
        head = bytes([(0x80 if is_last else 0) | opcode])
        bit = 0x80 if is_masked else 0
        if size < 126:
            head += bytes([bit | size])
        elif size < 1 << 16:
            head += bytes([bit | 126]) + struct.pack(">H", size)
        else:
            head += bytes([bit | 127]) + struct.pack(">Q", size)
        # a mask of zeros is one, and leaves the data as it is
        self.socket.sendall(head + (bytes(4) if is_masked else b"") + data)

    def get(self) -> Any:
        """The next message: JSON of text, bytes of bytes. Fails where the connection ends instead."""
        opcode, data = self.next()
        assert opcode in (TEXT, BINARY), (opcode, data)
        if opcode == BINARY:
            return data
        text = data.decode()
        return text if text == "pong" else json.loads(text)

    def next(self) -> tuple[int, bytes]:
        """(opcode, data) of the next frame; pings are answered and not told of. (8, b"") where the line is dead."""
        while True:
            try:
                first, second = self._exactly(2)
                size = second & 0x7F
                if size == 126:
                    size = struct.unpack(">H", self._exactly(2))[0]
                elif size == 127:
                    size = struct.unpack(">Q", self._exactly(8))[0]
                data = self._exactly(size)
            except (EOFError, ConnectionError):
                return CLOSE, b""
            if first & 0x0F != PING:
                return first & 0x0F, data
            self.frame(PONG, data)

    def closed(self) -> tuple[int, str]:
        """(code, reason) of the end, whatever comes before it; code 1006 where there is none."""
        while True:
            opcode, data = self.next()
            if opcode == CLOSE:
                return (struct.unpack(">H", data[:2])[0], data[2:].decode()) if len(data) >= 2 else (1006, "")

    def close(self, code: int = 1000) -> tuple[int, str]:
        """Says goodbye, and waits for the answer."""
        self.frame(CLOSE, struct.pack(">H", code))
        return self.closed()

    def _until(self, end: bytes) -> bytes:
        while end not in self._read:
            self._more()
        found, _, self._read = self._read.partition(end)
        return found

    def _exactly(self, size: int) -> bytes:
        while len(self._read) < size:
            self._more()
        found, self._read = self._read[:size], self._read[size:]
        return found

    def _more(self) -> None:
        more = self.socket.recv(1 << 16)
        if not more:
            raise EOFError
        self._read += more
