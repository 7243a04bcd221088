"""A gRPC server that answers as a test says: the way to meet servers that lie, fail or stop in the middle."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc

from unitgraph.cache.remote.messages import SHA256, message

Answer = Callable[[Any, grpc.ServicerContext], Any]
"""A request, or an iterator of them, to what is answered: a message, an iterator of them, or bytes as they are."""

_REQUESTS = {"Read": "ReadRequest", "Write": "WriteRequest"}
_KINDS: Mapping[str, Callable[..., Any]] = {
    "Read": grpc.unary_stream_rpc_method_handler,
    "Write": grpc.stream_unary_rpc_method_handler,
}


class Server(grpc.GenericRpcHandler):
    """``answers``, by a method's last name, may be changed at any time. ``asked`` counts calls; ``said`` has metadata."""

    def __init__(self, answers: Mapping[str, Answer]) -> None:
        self.answers = {"GetCapabilities": lambda _request, _context: capabilities(), **answers}
        self.asked: Counter[str] = Counter()
        self.said: list[tuple[str, str | bytes]] = []
        self.address = ""
        self.stop: Callable[[], object] = lambda: None

    @property
    def url(self) -> str:
        return f"grpc://{self.address}"

    def service(self, details: grpc.HandlerCallDetails) -> Any:
        name = details.method.rpartition("/")[2]
        self.asked[name] += 1
        self.said = list(details.invocation_metadata)
        answer = self.answers.get(name)
        if answer is None:
            return None
        return _KINDS.get(name, grpc.unary_unary_rpc_method_handler)(
            answer, message(_REQUESTS.get(name, f"{name}Request")).FromString, _bytes
        )


def _bytes(answer: Any) -> bytes:
    return bytes(answer if isinstance(answer, bytes) else answer.SerializeToString())


def capabilities(*, batch_bytes: int = 0, writable: bool = True, functions: tuple[int, ...] = (SHA256,)) -> Any:
    return message("ServerCapabilities")(
        cache_capabilities={
            "digest_functions": functions,
            "action_cache_update_capabilities": {"update_enabled": writable},
            "max_batch_total_size_bytes": batch_bytes,
        }
    )


def refusing(code: grpc.StatusCode, details: str = "") -> Answer:
    def answer(_request: Any, context: grpc.ServicerContext) -> Any:
        context.abort(code, details)

    return answer


class Never:
    """Answers when whoever asked has gone."""

    def __init__(self) -> None:
        self.asked = threading.Event()

    def __call__(self, _request: Any, context: grpc.ServicerContext) -> Any:
        self.asked.set()
        gone = threading.Event()
        if context.add_callback(gone.set):
            gone.wait()


@contextmanager
def running(
    answers: Mapping[str, Answer], *, credentials: grpc.ServerCredentials | None = None
) -> Iterator[Server]:
    """A server that listens, on a port of its own."""
    handler = Server(answers)
    with ThreadPoolExecutor(32) as threads:
        options = (("grpc.so_reuseport", 0), ("grpc.max_receive_message_length", 64 << 20))
        server = grpc.server(threads, handlers=[handler], options=options)
        if credentials is None:
            port = server.add_insecure_port("127.0.0.1:0")
        else:
            port = server.add_secure_port("127.0.0.1:0", credentials)
        handler.address = f"127.0.0.1:{port}"
        handler.stop = lambda: server.stop(grace=None)
        server.start()
        try:
            yield handler
        finally:
            server.stop(grace=None).wait()
