"""A gRPC connection: requests in, messages out, every fault a BackendError. Knows no service and no digest.

grpcio sees bytes only: a message that can't be read is the server's fault, and told as such, without a log from below.
"""

import json
import os
import ssl
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, cast

from unitgraph import __version__
from unitgraph.cache.remote.address import Address
from unitgraph.cache.remote.base import BackendError, Connection, Trouble
from unitgraph.cache.remote.bounds import ENTRY_BYTES, allowed_s, fault
from unitgraph.cache.remote.late import Late
from unitgraph.cache.remote.messages import message

if TYPE_CHECKING:
    import grpc

Header = tuple[str, str]

_LARGEST_MESSAGE: Final = ENTRY_BYTES + (4 << 20)       # batches and chunks stay under 4 MiB; an entry's result doesn't
_SAID: Final = 200                                      # characters of what a server says, at most
_PORTS: Final = {"grpc": 80, "grpcs": 443}              # where a URL names none, as in Bazel
_ONCE_MORE: Final = json.dumps({
    "methodConfig": [{
        "name": [{}],       # every method: none does anything twice that it may do but once
        "retryPolicy": {
            "maxAttempts": 2,
            "initialBackoff": "0.01s",
            "maxBackoff": "0.01s",
            "backoffMultiplier": 1,
            "retryableStatusCodes": ["UNAVAILABLE"],
        },
    }],
})
"""A server may end a connection that was idle at the moment that a call begins on it."""

_TROUBLES: Final[dict[str, Trouble]] = {
    "UNAVAILABLE": "unreachable",
    "DEADLINE_EXCEEDED": "timeout",
    "UNAUTHENTICATED": "denied",
    "PERMISSION_DENIED": "denied",
}


@dataclass(frozen=True, slots=True)
class Method:
    """What can be called: its path, the message it answers with, and whether it stores something."""

    path: str
    answer: str
    writes: bool = False


class Channel:
    """One connection, made at the first call. Safe to use from many threads, of the process that made it."""

    def __init__(self, found: Address, connection: Connection, credentials: Header | None) -> None:
        self._found = found
        self._connection = connection
        self._credentials = credentials
        self._headers = Late(lambda: _headers(credentials))
        self._process = os.getpid()
        self._opening = Lock()
        self._channel: grpc.Channel | None = None
        self._closed = False

    def ask(self, method: Method, request: Any, *, size: int = 0) -> Any:
        """The answer, or None where the server says that there is no such thing; ``size`` bytes go along with it."""
        channel = self._opened()
        call: Any = channel.unary_unary(method.path)
        return self._answer(method, channel, lambda: self._begun(call, request.SerializeToString(), size))

    def send(self, method: Method, requests: Iterable[Any], *, size: int) -> Any:
        """The answer to a stream of requests; the server may give it before it has seen them all."""
        channel = self._opened()
        call: Any = channel.stream_unary(method.path)
        data = (request.SerializeToString() for request in requests)
        return self._answer(method, channel, lambda: self._begun(call, data, size))

    def receive(self, method: Method, request: Any, *, size: int) -> Iterator[Any]:
        """The stream of answers; empty where the server says that there is no such thing."""
        channel = self._opened()
        call = self._begun(channel.unary_stream(method.path), request.SerializeToString(), size)
        try:
            while (answer := self._answer(method, channel, lambda: next(call, None))) is not None:
                yield answer
        finally:
            call.cancel()

    def refusal(self, method: Method, code: int, said: str) -> BackendError:
        """The error for a status, by its number: that of a call, or of one item in an answer."""
        import grpc  # noqa: PLC0415 - see _open

        name = {status.value[0]: status.name for status in grpc.StatusCode}.get(code, f"status {code}")
        trouble = _TROUBLES.get(name, "full" if name == "RESOURCE_EXHAUSTED" and method.writes else "failed")
        return self.fault(trouble, f"{name}, {said}" if trouble == "failed" else said)

    def fault(self, trouble: Trouble, said: str) -> BackendError:
        """An error of this place. A server may say our token back to us, and a line of log is no place for it."""
        sent = self._credentials[1].rpartition(" ")[2] if self._credentials else None
        for secret in filter(None, (sent, self._found.password)):
            said = said.replace(secret, "…")
        printable = "".join(each if each.isprintable() else " " for each in said)
        return fault(self._found.place, trouble, " ".join(printable.split())[:_SAID])

    def check_process(self) -> None:
        """BackendError in a fork of the process that made this: grpcio's threads stayed behind, a call would hang."""
        if self._process != os.getpid():
            raise self.fault("failed", "the connection is another process's")

    def close(self) -> None:
        """Ends the connection and what is under way on it. A fork leaves it to the process that made it."""
        if self._process == os.getpid():
            with self._opening:
                self._closed = True
                if self._channel is not None:
                    self._channel.close()

    def _begun(self, call: Any, sent: bytes | Iterator[bytes], size: int) -> Any:
        """What grpcio gives for a call, with a deadline in seconds."""
        try:
            return call(sent, timeout=allowed_s(self._connection, size), metadata=self._headers())
        except ValueError as error:     # grpcio's word for a channel that another thread has closed
            raise self.fault("failed", "the connection was closed") from error

    def _answer(self, method: Method, channel: "grpc.Channel", result: Callable[[], bytes | None]) -> Any:
        import grpc  # noqa: PLC0415 - see _open
        from google.protobuf.message import DecodeError  # noqa: PLC0415 - see messages

        try:
            data = result()
            return None if data is None else message(method.answer).FromString(data)
        except DecodeError as error:
            raise self.fault("garbled", "it isn't a message of the protocol") from error
        except grpc.RpcError as error:
            status = cast("grpc.Call", error)
            if status.code() is grpc.StatusCode.NOT_FOUND:
                return None
            if status.code() is grpc.StatusCode.UNAVAILABLE:
                self._forget(channel)
            raise self.refusal(method, status.code().value[0], status.details() or "") from error

    def _opened(self) -> "grpc.Channel":
        self.check_process()
        with self._opening:
            if self._closed:
                raise self.fault("failed", "the connection was closed")
            if self._channel is None:
                self._channel = self._open()
            return self._channel

    def _forget(self, channel: "grpc.Channel") -> None:
        """A channel that has failed waits before it connects again; but when to try again is decided above."""
        with self._opening:
            if self._channel is channel and not self._closed:
                self._channel = None

    def _open(self) -> "grpc.Channel":
        # Its core writes to standard error, past any logging. What it has to say stands in our errors.
        os.putenv("GRPC_VERBOSITY", "NONE")
        import grpc  # noqa: PLC0415 - takes 60 ms, and most commands find all that they need on this machine

        connect_ms = int(self._connection.connect_s * 1000)
        options = (
            ("grpc.primary_user_agent", f"unitgraph/{__version__}"),
            ("grpc.max_receive_message_length", _LARGEST_MESSAGE),
            ("grpc.max_send_message_length", -1),
            ("grpc.min_reconnect_backoff_ms", connect_ms),      # how long an attempt to connect may take
            ("grpc.use_local_subchannel_pool", 1),
            ("grpc.service_config_disable_resolution", 1),      # no TXT look-ups
            ("grpc.service_config", _ONCE_MORE),
            ("grpc.per_rpc_retry_buffer_size", 8 << 20),        # a batch and its message
            # No keepalive: each call has a deadline, and servers end connections that ping more than they like.
        )
        port = self._found.port or _PORTS[self._found.scheme]
        target = replace(self._found, port=port).netloc
        if self._found.scheme == "grpcs":
            return grpc.secure_channel(target, grpc.ssl_channel_credentials(self._roots()), options)
        return grpc.insecure_channel(target, options)

    def _roots(self) -> bytes | None:
        """The machine's certificates, or those that SSL_CERT_FILE names; without any, grpcio's own."""
        bundle = ssl.get_default_verify_paths().cafile
        try:
            return Path(bundle).read_bytes() if bundle else None
        except OSError as error:
            raise self.fault("failed", f"the certificates in {bundle} can't be read") from error


def _headers(credentials: Header | None) -> tuple[tuple[str, str | bytes], ...]:
    """What goes with each call: who is asking, for the server's log, and the credentials."""
    tool = message("ToolDetails")(tool_name="unitgraph", tool_version=__version__)
    who = message("RequestMetadata")(tool_details=tool).SerializeToString()
    headers = (("build.bazel.remote.execution.v2.requestmetadata-bin", who),)
    return (*headers, credentials) if credentials else headers
