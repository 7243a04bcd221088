"""The Remote Execution API, against buildbox-casd."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cache.remote import casd
from tests.cache.remote.asking import by_name, connected, fault, name_of
from tests.cache.remote.casd import Casd
from unitgraph.cache import digest
from unitgraph.cache.remote.base import Backend, BackendError
from unitgraph.cache.store import Blob

BATCH_BYTES = 4 << 20
ROOM_BYTES = BATCH_BYTES - BATCH_BYTES // 64 - 256      # the largest blob that goes in a batch
KEY = "c" * 64


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Casd]:
    with casd.running(tmp_path_factory.mktemp("casd") / "cache") as running:
        yield running


@pytest.fixture
def backend(server: Casd) -> Iterator[Backend]:
    with connected(server.url) as backend:
        yield backend


# What a real server holds


SIZES = [0, 1, 5_000, ROOM_BYTES, ROOM_BYTES + 1, BATCH_BYTES, 20 << 20]


@pytest.mark.parametrize("size", SIZES)
def test_a_blob_of_any_size_comes_back(backend: Backend, size: int) -> None:
    data = os.urandom(size)
    blob = name_of(data)
    assert backend.missing([blob]) == ({blob.digest} if size else frozenset())      # the empty one is always held
    assert backend.blobs([blob]) == ({} if size else {blob.digest: b""})
    backend.put_blobs({blob.digest: data})
    assert backend.missing([blob]) == frozenset()
    assert backend.blobs([blob]) == {blob.digest: data}
    backend.put_blobs({blob.digest: data})


def test_many_small_blobs_and_some_large_ones_go_together(backend: Backend) -> None:
    contents = by_name([f"small {number}".encode() * 9 for number in range(2_000)] + [os.urandom(5 << 20) for _ in "ab"])
    wanted = [name_of(data) for data in contents.values()]
    absent = name_of(b"nobody has put this")
    assert backend.missing([*wanted, absent]) == {*contents, absent.digest}
    backend.put_blobs(contents)
    assert backend.missing([*wanted, absent, *wanted]) == {absent.digest}
    assert backend.blobs([*wanted, absent, *wanted]) == contents


def test_entries_are_held_and_replaced(backend: Backend) -> None:
    data = b"an output"
    backend.put_blobs(by_name([data]))
    keys = [digest.sha256(f"entries {number}".encode()) for number in range(200)]
    for key in keys[:150]:
        backend.put_entry(key, key.encode(), [name_of(data)])
    backend.put_entry(keys[0], b"another", [])
    expected = {key: key.encode() for key in keys[:150]} | {keys[0]: b"another"}
    assert backend.entries([*keys, *keys]) == expected


def test_an_entry_of_some_megabytes_goes_beside_its_result(backend: Backend) -> None:
    entry = os.urandom(5 << 20)
    backend.put_entry(KEY, entry, [])
    assert backend.entries([KEY]) == {KEY: entry}
    assert backend.missing([name_of(entry)]) == frozenset()


def test_an_entry_whose_blobs_are_gone_is_a_miss(backend: Backend) -> None:
    backend.put_entry(KEY, b"{}", [Blob("d" * 64, 3)])
    assert backend.entries([KEY]) == {}


def test_nothing_is_asked_for_nothing() -> None:
    with connected("grpc://127.0.0.1:1") as backend:
        assert backend.entries([]) == {}
        assert backend.missing([]) == frozenset()
        assert backend.blobs([]) == {}
        backend.put_blobs({})


def test_threads_share_a_connection(backend: Backend) -> None:
    found: list[bool] = []

    def work(number: int) -> None:
        contents = by_name([f"{number} {each}".encode() * 100 for each in range(50)])
        backend.put_blobs(contents)
        found.append(backend.blobs([name_of(data) for data in contents.values()]) == contents)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 8


def test_an_instance_is_named_by_the_path(tmp_path: Path) -> None:
    data = os.urandom(5 << 20)
    with casd.running(tmp_path / "cache", instance="team/main") as server:
        with connected(server.url) as backend:
            assert backend.place == server.url
            backend.put_blobs(by_name([data, b"small"]))
            assert backend.blobs([name_of(data), name_of(b"small")]) == by_name([data, b"small"])
            backend.put_entry(KEY, b"{}", [name_of(data)])
            assert backend.entries([KEY]) == {KEY: b"{}"}
        with connected(f"{server.url}/other") as backend:
            error = fault(lambda: backend.entries([KEY]))
    assert error.trouble == "failed"
    assert "other" in error.detail


# A real server that is damaged, or killed


@pytest.mark.parametrize("size", [500, 5 << 20])
def test_what_is_damaged_comes_as_it_is_or_not_at_all(server: Casd, backend: Backend, size: int) -> None:
    whole, changed, short = (os.urandom(size) for _ in range(3))
    backend.put_blobs(by_name([whole, changed, short]))
    server.damage(digest.sha256(changed), whole)
    server.damage(digest.sha256(short), short[:100])
    held = dict(backend.blobs([name_of(data) for data in (whole, changed, short)]))
    assert held.pop(digest.sha256(short), None) in {short[:100], None}
    assert held == {digest.sha256(whole): whole, digest.sha256(changed): whole}


def test_a_server_that_is_started_again_has_what_it_had(tmp_path: Path) -> None:
    with casd.running(tmp_path / "cache") as server:
        with connected(server.url) as backend:
            backend.put_blobs(by_name([b"output"]))
            backend.put_entry(KEY, b"{}", [name_of(b"output")])
            server.kill()
            assert fault(lambda: backend.entries([KEY])).trouble == "unreachable"
            assert fault(lambda: backend.put_blobs(by_name([b"output"]))).trouble == "unreachable"
        server.start()
        with connected(server.url) as backend:
            assert backend.entries([KEY]) == {KEY: b"{}"}
            assert backend.blobs([name_of(b"output")]) == by_name([b"output"])


@pytest.mark.parametrize("size", [5_000, 20 << 20])
def test_a_server_killed_while_it_is_sent_a_blob_holds_none_of_it(tmp_path: Path, size: int) -> None:
    data = os.urandom(size)
    with casd.running(tmp_path / "cache") as server:
        with connected(server.url) as backend:
            backend.missing([name_of(data)])
            server.pause()      # it can't finish any more, however fast it is
            errors: list[BackendError] = []
            sending = threading.Thread(target=lambda: errors.append(fault(lambda: backend.put_blobs(by_name([data])))))
            sending.start()
            server.kill()
            sending.join()
            assert [error.trouble for error in errors] == ["unreachable"]
        server.start()
        with connected(server.url) as backend:
            assert backend.missing([name_of(data)]) == {name_of(data).digest}
            backend.put_blobs(by_name([data]))
            assert backend.blobs([name_of(data)]) == by_name([data])


def test_a_server_that_stands_still_is_not_waited_for(tmp_path: Path) -> None:
    with casd.running(tmp_path / "cache") as server, connected(server.url) as patient:
        assert patient.entries([KEY]) == {}
        with connected(server.url, request_s=1) as backend:
            server.pause()
            assert fault(lambda: backend.entries([KEY])).trouble == "timeout"
