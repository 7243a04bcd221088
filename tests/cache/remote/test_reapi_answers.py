"""The Remote Execution API, against servers that lie, fail, stop in the middle, or say what else they can't do."""

import os
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import grpc
import pytest

from tests.cache.remote import grpc_server
from tests.cache.remote.asking import answering, by_name, connected, fault, name_of
from tests.cache.remote.grpc_server import Answer, capabilities, refusing
from unitgraph.cache import digest
from unitgraph.cache.remote import action_result
from unitgraph.cache.remote.base import Backend, Trouble
from unitgraph.cache.remote.messages import message
from unitgraph.cache.remote.pool import Partial
from unitgraph.cache.store import Blob

BATCH_BYTES = 4 << 20
KEY = "c" * 64


# What the server says that it can do


def test_capabilities_are_asked_for_once_and_not_before_they_are_needed() -> None:
    absent = {"GetActionResult": refusing(grpc.StatusCode.NOT_FOUND)}
    with answering(absent) as (server, backend):
        assert not server.asked
        for _ in range(3):
            assert backend.entries([KEY, "d" * 64]) == {}
        assert server.asked == {"GetCapabilities": 1, "GetActionResult": 6}


def test_capabilities_are_asked_for_again_after_a_failure() -> None:
    with answering({"GetActionResult": refusing(grpc.StatusCode.NOT_FOUND)}) as (server, backend):
        answer = server.answers["GetCapabilities"]
        server.answers["GetCapabilities"] = refusing(grpc.StatusCode.INTERNAL, "not yet")
        assert fault(lambda: backend.entries([KEY])).trouble == "failed"
        server.answers["GetCapabilities"] = answer
        assert backend.entries([KEY]) == {}


@pytest.mark.parametrize(
    "answer", [message("ServerCapabilities")(), capabilities(functions=(2, 9))], ids=["no cache", "SHA-1 and BLAKE3"]
)
def test_a_server_without_a_cache_for_us_is_told_as_such(answer: Any) -> None:
    with answering({"GetCapabilities": lambda _request, _context: answer}) as (_, backend):
        error = fault(lambda: backend.missing([Blob(KEY, 1)]))
    assert error.trouble == "failed"
    assert "SHA-256" in error.detail


def test_a_server_whose_results_we_may_not_write_is_read() -> None:
    answers: dict[str, Answer] = {
        "GetCapabilities": lambda _request, _context: capabilities(writable=False),
        "GetActionResult": lambda _request, _context: action_result.encode(b"{}", ()),
    }
    with answering(answers) as (server, backend):
        assert backend.entries([KEY]) == {KEY: b"{}"}
        error = fault(lambda: backend.put_entry(KEY, b"{}", []))
        assert "UpdateActionResult" not in server.asked
    assert error.trouble == "denied"


class Store:
    """A server's blobs, and how they came and went."""

    def __init__(self, batch_bytes: int) -> None:
        self.held: dict[str, bytes] = {}
        self.batches: list[int] = []
        self.streams: list[int] = []
        self.answers: dict[str, Answer] = {
            "GetCapabilities": lambda _request, _context: capabilities(batch_bytes=batch_bytes),
            "BatchUpdateBlobs": self.update,
            "BatchReadBlobs": self.read,
            "Write": self.write,
            "Read": self.stream,
        }

    def update(self, request: Any, _context: object) -> Any:
        self.batches.append(sum(len(item.data) for item in request.requests))
        self.held.update({item.digest.hash: item.data for item in request.requests})
        return message("BatchUpdateBlobsResponse")(responses=[{"digest": item.digest} for item in request.requests])

    def read(self, request: Any, _context: object) -> Any:
        self.batches.append(sum(each.size_bytes for each in request.digests))
        items = [{"digest": each, "data": self.held[each.hash]} for each in request.digests]
        return message("BatchReadBlobsResponse")(responses=items)

    def write(self, requests: Iterator[Any], _context: object) -> Any:
        parts = list(requests)
        assert [part.write_offset for part in parts] == [sum(len(p.data) for p in parts[:at]) for at in range(len(parts))]
        assert [part.finish_write for part in parts] == [False] * (len(parts) - 1) + [True]
        data = b"".join(part.data for part in parts)
        kind, _, blobs, name, size = parts[0].resource_name.split("/")
        assert (kind, blobs, size) == ("uploads", "blobs", str(len(data)))
        self.streams.append(len(data))
        self.held[name] = data
        return message("WriteResponse")(committed_size=len(data))

    def stream(self, request: Any, _context: object) -> Iterator[Any]:
        blobs, name, size = request.resource_name.split("/")
        assert (blobs, size) == ("blobs", str(len(self.held[name])))
        self.streams.append(int(size))
        for at in range(0, int(size), 1_000):
            yield message("ReadResponse")(data=self.held[name][at : at + 1_000])


@pytest.mark.parametrize("batch_bytes", [0, 1, 300, 10_000, BATCH_BYTES, 1 << 40])
def test_batches_keep_to_the_servers_limit_and_to_grpcs(batch_bytes: int) -> None:
    contents = by_name([b"", *(bytes([number]) * size for number, size in enumerate([1, 9_000, 9_900, 10_000, 50_000] * 4))])
    contents |= by_name([b"a" * (1 << 20), b"b" * (3 << 20), b"c" * (5 << 20)])
    store = Store(batch_bytes)
    with answering(store.answers) as (_, backend):
        backend.put_blobs(contents)
        assert store.held == contents
        assert backend.blobs([name_of(data) for data in contents.values()]) == contents
    limit = min(batch_bytes or BATCH_BYTES, BATCH_BYTES)
    assert all(batch <= limit for batch in store.batches)
    assert all(size > limit * 0.9 - 256 for size in store.streams)
    assert sum(store.batches) + sum(store.streams) == 2 * sum(map(len, contents.values()))


# What one item's status means


def _read_items(items: list[dict[str, object]]) -> dict[str, Answer]:
    return {"BatchReadBlobs": lambda _request, _context: message("BatchReadBlobsResponse")(responses=items)}


def _updated_items(items: list[dict[str, object]]) -> dict[str, Answer]:
    return {"BatchUpdateBlobs": lambda _request, _context: message("BatchUpdateBlobsResponse")(responses=items)}


def _item(named: bytes, code: int = 0, said: str = "", **fields: object) -> dict[str, object]:
    name = {"hash": digest.sha256(named), "size_bytes": len(named)}
    return {"digest": name, "status": {"code": code, "message": said}, **fields}


def test_an_item_that_is_not_held_is_left_out() -> None:
    items = [_item(b"one", data=b"one"), _item(b"two", 5, "no such blob")]
    with answering(_read_items(items)) as (_, backend):
        assert backend.blobs([name_of(b"one"), name_of(b"two"), name_of(b"never mentioned")]) == by_name([b"one"])


def test_an_item_that_fails_takes_no_other_with_it() -> None:
    items = [_item(b"one", data=b"one"), _item(b"two", 13, "bad\n\x1b[31mdisk"), _item(b"three", data=b"three")]
    with answering(_read_items(items)) as (_, backend):
        error = fault(lambda: backend.blobs([name_of(b"one"), name_of(b"two"), name_of(b"three")]))
    assert isinstance(error, Partial)
    assert error.held == by_name([b"one", b"three"])
    assert error.trouble == "failed"
    assert error.detail.endswith("INTERNAL, bad [31mdisk")


def test_blobs_that_nobody_asked_for_are_dropped() -> None:
    items = [_item(b"one", data=b"one"), _item(b"two", data=b"two")]
    with answering(_read_items(items)) as (_, backend):
        assert backend.blobs([name_of(b"one")]) == by_name([b"one"])


def test_bytes_come_as_the_server_gives_them() -> None:
    items = [_item(b"one", data=b"two"), _item(b"two", data=b"t"), _item(b"six", data=b"sixty-six")]
    with answering(_read_items(items)) as (_, backend):
        assert backend.blobs([name_of(b"one"), name_of(b"two"), name_of(b"six")]) == {
            digest.sha256(b"one"): b"two", digest.sha256(b"two"): b"t", digest.sha256(b"six"): b"sixty-six",
        }  # fmt: skip


REFUSED_ITEMS: list[tuple[list[dict[str, object]], Trouble]] = [
    ([_item(b"one"), _item(b"two", 8, "disk full")], "full"),
    ([_item(b"one"), _item(b"two", 7, "read only")], "denied"),
    ([_item(b"one"), _item(b"two", 3, "wrong digest")], "failed"),
    ([_item(b"one"), _item(b"two", 5)], "failed"),
    ([_item(b"one"), _item(b"two", 99)], "failed"),
    ([_item(b"one")], "failed"),
]


@pytest.mark.parametrize(("items", "trouble"), REFUSED_ITEMS)
def test_an_item_that_is_not_stored_is_an_error(items: list[dict[str, object]], trouble: Trouble) -> None:
    with answering(_updated_items(items)) as (_, backend):
        assert fault(lambda: backend.put_blobs(by_name([b"one", b"two"]))).trouble == trouble


def test_what_was_not_asked_after_is_not_missing() -> None:
    others = [{"hash": KEY, "size_bytes": 1}, {"hash": digest.sha256(b"one"), "size_bytes": 3}]
    answers: dict[str, Answer] = {
        "FindMissingBlobs": lambda _request, _context: message("FindMissingBlobsResponse")(missing_blob_digests=others)
    }
    with answering(answers) as (_, backend):
        assert backend.missing([name_of(b"one"), name_of(b"two")]) == {digest.sha256(b"one")}


def test_many_blobs_are_asked_after_in_several_questions() -> None:
    sizes: list[int] = []

    def answer(request: Any, _context: object) -> Any:
        sizes.append(request.ByteSize())
        return message("FindMissingBlobsResponse")(missing_blob_digests=request.blob_digests[:1])

    with answering({"FindMissingBlobs": answer}) as (_, backend):
        missing = backend.missing([name_of(str(number).encode()) for number in range(60_000)])
    assert len(missing) == len(sizes) == 12
    assert max(sizes) < 1 << 20


# Streams


LARGE = b"large" * (1 << 20)


def _stream(*parts: bytes) -> dict[str, Answer]:
    return {"Read": lambda _request, _context: (message("ReadResponse")(data=part) for part in parts)}


STREAMS: list[tuple[str, tuple[bytes, ...], dict[str, bytes]]] = [
    ("whole", (LARGE[:9], b"", LARGE[9:]), {name_of(LARGE).digest: LARGE}),
    ("cut short", (LARGE[:9],), {name_of(LARGE).digest: LARGE[:9]}),
    ("other bytes", (b"x" * len(LARGE),), {name_of(LARGE).digest: b"x" * len(LARGE)}),
    ("no bytes", (), {}),
]


@pytest.mark.parametrize(("parts", "held"), [each[1:] for each in STREAMS], ids=[each[0] for each in STREAMS])
def test_a_stream_is_taken_as_it_comes(parts: tuple[bytes, ...], held: dict[str, bytes]) -> None:
    with answering(_stream(*parts)) as (_, backend):
        assert backend.blobs([name_of(LARGE)]) == held


def test_a_stream_without_end_is_cut_off() -> None:
    ended = threading.Event()

    def endless(_request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        context.add_callback(ended.set)
        while context.is_active():
            yield message("ReadResponse")(data=b"x" * (1 << 20))

    with answering({"Read": endless}) as (_, backend):
        data = backend.blobs([name_of(LARGE)])[name_of(LARGE).digest]
        assert ended.wait(30)
    assert data == b"x" * (len(LARGE) + 1)


def test_a_stream_that_fails_takes_no_other_blob_with_it() -> None:
    def stream(request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        yield message("ReadResponse")(data=LARGE)
        if request.resource_name != f"blobs/{name_of(LARGE).digest}/{len(LARGE)}":
            context.abort(grpc.StatusCode.DATA_LOSS, "bad disk")

    with answering({"Read": stream, **_read_items([_item(b"one", data=b"one")])}) as (_, backend):
        error = fault(lambda: backend.blobs([name_of(LARGE), Blob(KEY, len(LARGE)), name_of(b"one")]))
    assert isinstance(error, Partial)
    assert error.held == by_name([LARGE, b"one"])
    assert error.trouble == "failed"


def test_a_server_that_goes_in_the_middle_of_a_stream_is_unreachable() -> None:
    reading = threading.Event()

    def half(_request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        yield message("ReadResponse")(data=LARGE[: len(LARGE) // 2])
        reading.set()
        gone = threading.Event()
        if context.add_callback(gone.set):
            gone.wait()

    with answering({"Read": half}) as (server, backend):
        stopping = threading.Thread(target=lambda: (reading.wait(), server.stop()))
        stopping.start()
        error = fault(lambda: backend.blobs([name_of(LARGE)]))
        stopping.join()
    assert error.trouble in {"unreachable", "failed"}


def test_a_server_that_has_a_blob_may_say_so_early() -> None:
    def early(requests: Iterator[Any], _context: object) -> Any:
        next(requests)
        return message("WriteResponse")(committed_size=len(LARGE))

    with answering({"Write": early}) as (_, backend):
        backend.put_blobs(by_name([LARGE]))


@pytest.mark.parametrize("kept", [0, -1, len(LARGE) - 1, len(LARGE) + 1])
def test_a_server_that_keeps_other_than_all_bytes_has_failed(kept: int) -> None:
    def short(requests: Iterator[Any], _context: object) -> Any:
        for _ in requests:
            pass
        return message("WriteResponse")(committed_size=kept)

    with answering({"Write": short}) as (_, backend):
        assert fault(lambda: backend.put_blobs(by_name([LARGE]))).trouble == "failed"


# Action results of others


def _result(data: bytes) -> dict[str, Answer]:
    return {"GetActionResult": lambda _request, _context: data}


def _bytes_of(**fields: object) -> bytes:
    return bytes(message("ActionResult")(**fields).SerializeToString())


OTHERS = {
    "empty": b"",
    "bazel's": _bytes_of(
        output_files=[{"path": "bazel-out/k8/bin/a.o", "digest": {"hash": "a" * 64, "size_bytes": 9}}],
        stdout_raw=b"warning: x",
    ),
    "a failure": _bytes_of(exit_code=1, stdout_raw=b"{}"),
    "moved, of a terabyte": _bytes_of(stdout_digest={"hash": "a" * 64, "size_bytes": 1 << 40}),
    "moved to nowhere": _bytes_of(stdout_digest={"hash": "../../x", "size_bytes": 2}),
}


@pytest.mark.parametrize("data", OTHERS.values(), ids=OTHERS)
def test_another_programs_action_result_is_a_miss(data: bytes) -> None:
    with answering(_result(data)) as (server, backend):
        assert backend.entries([KEY]) == {}
        assert "Read" not in server.asked


@pytest.mark.parametrize("size", [3, 5 << 20])
def test_an_entry_that_the_server_moved_out_is_fetched(size: int) -> None:
    entry = os.urandom(size)
    moved = _bytes_of(stdout_digest={"hash": digest.sha256(entry), "size_bytes": size})
    with answering(_result(moved) | _stream(entry)) as (_, backend):
        assert backend.entries([KEY]) == {KEY: entry}


def test_an_entry_that_the_server_moved_out_and_lost_is_a_miss() -> None:
    moved = _bytes_of(stdout_digest={"hash": digest.sha256(b"{}"), "size_bytes": 2})
    with answering(_result(moved) | {"Read": refusing(grpc.StatusCode.NOT_FOUND)}) as (_, backend):
        assert backend.entries([KEY]) == {}


def test_the_server_is_asked_to_hand_the_entry_over_with_the_result() -> None:
    asked: list[Any] = []

    def answer(request: Any, _context: object) -> bytes:
        asked.append(request)
        return action_result.encode(b"{}", ())

    with answering({"GetActionResult": answer}) as (_, backend):
        assert backend.entries([KEY]) == {KEY: b"{}"}
    assert asked[0].inline_stdout
    assert asked[0].action_digest.hash == KEY
    assert asked[0].action_digest.size_bytes > 0        # bazel-remote takes no digest of nothing but the right one


def test_one_entry_that_fails_takes_no_other_with_it() -> None:
    def answer(request: Any, context: grpc.ServicerContext) -> bytes:
        if request.action_digest.hash == KEY:
            context.abort(grpc.StatusCode.INTERNAL, "bad disk")
        return action_result.encode(b"{}", ())

    with answering({"GetActionResult": answer}) as (_, backend):
        error = fault(lambda: backend.entries([KEY, "d" * 64]))
    assert isinstance(error, Partial)
    assert error.held == {"d" * 64: b"{}"}


# Statuses, and what can't be read


STATUSES: list[tuple[grpc.StatusCode, Trouble, Trouble]] = [
    # of a call that reads, of one that writes
    (grpc.StatusCode.UNAVAILABLE, "unreachable", "unreachable"),
    (grpc.StatusCode.DEADLINE_EXCEEDED, "timeout", "timeout"),
    (grpc.StatusCode.UNAUTHENTICATED, "denied", "denied"),
    (grpc.StatusCode.PERMISSION_DENIED, "denied", "denied"),
    (grpc.StatusCode.RESOURCE_EXHAUSTED, "failed", "full"),
    (grpc.StatusCode.INTERNAL, "failed", "failed"),
    (grpc.StatusCode.UNKNOWN, "failed", "failed"),
    (grpc.StatusCode.UNIMPLEMENTED, "failed", "failed"),
    (grpc.StatusCode.INVALID_ARGUMENT, "failed", "failed"),
    (grpc.StatusCode.FAILED_PRECONDITION, "failed", "failed"),
    (grpc.StatusCode.CANCELLED, "failed", "failed"),
]
READS: dict[str, Callable[[Backend], object]] = {
    "GetActionResult": lambda backend: backend.entries([KEY]),
    "FindMissingBlobs": lambda backend: backend.missing([Blob(KEY, 1)]),
    "BatchReadBlobs": lambda backend: backend.blobs([Blob(KEY, 1)]),
    "Read": lambda backend: backend.blobs([Blob(KEY, 9 << 20)]),
}
WRITES: dict[str, Callable[[Backend], object]] = {
    "UpdateActionResult": lambda backend: backend.put_entry(KEY, b"{}", []),
    "BatchUpdateBlobs": lambda backend: backend.put_blobs({KEY: b"x"}),
    "Write": lambda backend: backend.put_blobs({KEY: LARGE}),
}


@pytest.mark.parametrize(("code", "reading", "writing"), STATUSES, ids=[each[0].name for each in STATUSES])
def test_a_status_is_a_trouble(code: grpc.StatusCode, reading: Trouble, writing: Trouble) -> None:
    calls = READS | WRITES
    with answering(dict.fromkeys(calls, refusing(code, "said so"))) as (_, backend):
        found = {name: fault(partial(call, backend)) for name, call in calls.items()}
    assert {name: error.trouble for name, error in found.items()} == (
        dict.fromkeys(READS, reading) | dict.fromkeys(WRITES, writing)
    )
    assert all(error.detail.endswith("said so") for error in found.values())


def test_what_is_not_there_is_no_error_where_it_is_read_and_one_where_it_is_written() -> None:
    with answering(dict.fromkeys(READS | WRITES, refusing(grpc.StatusCode.NOT_FOUND))) as (_, backend):
        assert backend.entries([KEY]) == {}
        assert backend.blobs([Blob(KEY, 9 << 20)]) == {}
        for call in WRITES.values():
            assert fault(partial(call, backend)).trouble == "failed"


@pytest.mark.parametrize("name", READS | WRITES)
def test_bytes_that_are_no_message_are_told_as_such(name: str) -> None:
    def answer(requests: Any, _context: object) -> Any:
        if name == "Write":
            for _ in requests:
                pass
        return iter([b"\xff" * 9]) if name == "Read" else b"\xff" * 9

    with answering({name: answer}) as (_, backend):
        assert fault(lambda: (READS | WRITES)[name](backend)).trouble == "garbled"


def test_a_server_of_another_protocol_is_an_error() -> None:
    with grpc_server.running({}) as server, connected(server.url) as backend:
        server.answers.clear()
        assert fault(lambda: backend.entries([KEY])).trouble == "failed"


def test_an_answer_that_is_too_large_is_not_taken() -> None:
    with answering(_result(action_result.encode(b"x" * (40 << 20), ()))) as (_, backend):
        assert fault(lambda: backend.entries([KEY])).trouble == "failed"


# How much at once, and how often


def test_as_much_is_asked_at_once_as_the_connection_allows_and_no_more() -> None:
    together, counting = threading.Barrier(3), threading.Lock()
    now = most = 0

    def answer(_request: Any, _context: object) -> bytes:
        nonlocal now, most
        with counting:
            now += 1
            most = max(most, now)
        together.wait(60)
        with counting:
            now -= 1
        return action_result.encode(b"{}", ())

    keys = [digest.sha256(str(number).encode()) for number in range(9)]
    with answering({"GetActionResult": answer}, parallel=3, request_s=60) as (_, backend):
        assert backend.entries(keys) == dict.fromkeys(keys, b"{}")
    assert most == 3


def test_a_server_that_is_unavailable_is_asked_once_more_and_then_left_alone() -> None:
    answers: list[Answer] = [
        refusing(grpc.StatusCode.UNAVAILABLE, "going away"),
        lambda _request, _context: action_result.encode(b"{}", ()),
        refusing(grpc.StatusCode.UNAVAILABLE, "gone"),
        refusing(grpc.StatusCode.UNAVAILABLE, "gone for good"),
    ]

    def answer(request: Any, context: grpc.ServicerContext) -> Any:
        return answers.pop(0)(request, context)

    with answering({"GetActionResult": answer}) as (_, backend):
        assert backend.entries([KEY]) == {KEY: b"{}"}
        assert fault(lambda: backend.entries([KEY])).trouble == "unreachable"
    assert not answers
