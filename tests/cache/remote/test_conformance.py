"""What every place does, and how every place fails. One suite; the table of places is in conformance."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.cache.remote.conformance import PLACES, blobs, connect, content, key, name_of, named
from tests.cache.remote.faults import CutAfter, Drip, FaultProxy, Flip, Flood, Hang, Pass, Swap, status
from tests.cache.remote.servers import Server
from unitgraph.cache.remote.base import Backend, BackendError, Connection
from unitgraph.cache.store import Blob

ALL = list(PLACES)
PROXIED = [name for name, place in PLACES.items() if place.proxied]
HTTP = [name for name, place in PLACES.items() if place.speaks_http]
SPOILED = ["folder", "http", "redis", "s3"]

Opened = Callable[[Connection], Backend]
Shared = Callable[[str], Server]

BROKEN = {"failed", "garbled", "unreachable"}
"""A connection that ended too early, as the protocols tell it."""


@pytest.fixture
def backend(place: str, shared_server: Shared, opened: Opened) -> Backend:
    return opened(shared_server(place).connection())


@pytest.fixture
def proxy(place: str, shared_server: Shared) -> Iterator[FaultProxy]:
    with FaultProxy(shared_server(place).address) as proxy:
        yield proxy


# What is there, and what isn't.


@pytest.mark.parametrize("place", ALL)
def test_what_was_put_is_got(backend: Backend) -> None:
    contents = named(content(), content(1), b"", bytes(range(256)) * 40)
    name = key()
    backend.put_blobs(contents)
    backend.put_entry(name, b"an entry\0\xff", blobs(contents))
    assert backend.blobs(blobs(contents)) == contents
    assert backend.entries([name]) == {name: b"an entry\0\xff"}
    assert backend.missing(blobs(contents)) == frozenset()


@pytest.mark.parametrize("place", ALL)
def test_another_connection_sees_it(backend: Backend, place: str, shared_server: Shared, opened: Opened) -> None:
    contents = named(content())
    name = key()
    backend.put_blobs(contents)
    backend.put_entry(name, b"seen", blobs(contents))
    other = opened(shared_server(place).connection())
    assert other.entries([name]) == {name: b"seen"}
    assert other.blobs(blobs(contents)) == contents


@pytest.mark.parametrize("place", ALL)
def test_what_is_absent_is_left_out(backend: Backend) -> None:
    held, absent = named(content()), named(content())
    name = key()
    backend.put_blobs(held)
    backend.put_entry(name, b"entry", blobs(held))
    assert backend.blobs(blobs(held | absent)) == held
    assert backend.missing(blobs(held | absent)) == frozenset(absent)
    assert backend.entries([key(), name, key()]) == {name: b"entry"}


@pytest.mark.parametrize("place", ALL)
def test_nothing_is_asked_for(backend: Backend) -> None:
    assert backend.entries([]) == {}
    assert backend.blobs([]) == {}
    assert backend.missing([]) == frozenset()
    backend.put_blobs({})


@pytest.mark.parametrize("place", ALL)
def test_many_at_once_and_a_large_one(backend: Backend) -> None:
    contents = named(*(content(300) for _ in range(200)), content(5_000_000))
    backend.put_blobs(contents)
    entries = {key(): f"entry {number}".encode() for number in range(200)}
    for name, entry in entries.items():
        backend.put_entry(name, entry, blobs(contents)[:1])
    assert backend.missing(blobs(contents)) == frozenset()
    assert backend.blobs(blobs(contents)) == contents
    assert backend.entries(list(entries)) == entries


@pytest.mark.parametrize("place", ALL)
def test_what_is_asked_for_twice_comes_once(backend: Backend) -> None:
    contents = named(content())
    name = key()
    backend.put_blobs(contents)
    backend.put_entry(name, b"entry", [])
    assert backend.blobs(blobs(contents) * 3) == contents
    assert backend.entries([name, name]) == {name: b"entry"}


@pytest.mark.parametrize("place", ALL)
def test_an_entry_is_replaced(backend: Backend) -> None:
    name = key()
    backend.put_entry(name, b"the first, and longer one", [])
    backend.put_entry(name, b"the second", [])
    assert backend.entries([name]) == {name: b"the second"}


@pytest.mark.parametrize("place", ALL)
def test_a_blob_is_put_again(backend: Backend) -> None:
    contents = named(content())
    backend.put_blobs(contents)
    backend.put_blobs(contents)
    assert backend.blobs(blobs(contents)) == contents


@pytest.mark.parametrize("place", SPOILED)
def test_a_blob_that_was_cut_off_is_missing_and_can_be_mended(backend: Backend, place: str, shared_server: Shared) -> None:
    contents = named(content(500))
    (name,) = contents
    spoil = shared_server(place).spoil
    assert spoil
    spoil("cas", name, contents[name][:100])
    assert backend.missing(blobs(contents)) == {name}
    assert backend.blobs(blobs(contents)).get(name) != contents[name]
    backend.put_blobs(contents)
    assert backend.missing(blobs(contents)) == frozenset()
    assert backend.blobs(blobs(contents)) == contents


@pytest.mark.parametrize("place", SPOILED)
def test_a_blob_with_wrong_bytes_is_mended_by_putting_it(backend: Backend, place: str, shared_server: Shared) -> None:
    contents = named(content(500))
    (name,) = contents
    spoil = shared_server(place).spoil
    assert spoil
    spoil("cas", name, content(500))
    backend.put_blobs(contents)
    assert backend.blobs(blobs(contents)) == contents


@pytest.mark.parametrize("place", SPOILED)
def test_a_blob_that_is_too_long_is_read_no_further_than_one_byte(backend: Backend, place: str, shared_server: Shared) -> None:
    contents = named(content(500))
    (name,) = contents
    spoil = shared_server(place).spoil
    assert spoil
    spoil("cas", name, contents[name] + content(3_000_000))
    assert len(backend.blobs(blobs(contents))[name]) == 501
    assert backend.missing(blobs(contents)) == {name}


# Many at once.


@pytest.mark.parametrize("place", ALL)
def test_two_writers_of_one_digest(place: str, shared_server: Shared, opened: Opened) -> None:
    contents = named(content(200_000), content(10))
    writers = [opened(shared_server(place).connection()) for _ in range(2)]
    start = threading.Barrier(len(writers))

    def write(writer: Backend) -> None:
        start.wait()
        for _ in range(5):
            writer.put_blobs(contents)

    with ThreadPoolExecutor(len(writers)) as pool:
        for done in [pool.submit(write, writer) for writer in writers]:
            done.result()
    assert writers[0].blobs(blobs(contents)) == contents


@pytest.mark.parametrize("place", ALL)
def test_two_writers_of_one_key_leave_one_whole_entry(place: str, shared_server: Shared, opened: Opened) -> None:
    name = key()
    entries = [letter * 50_000 for letter in (b"a", b"b")]
    writers = [opened(shared_server(place).connection()) for _ in entries]
    reader = opened(shared_server(place).connection())
    start = threading.Barrier(len(writers))

    def write(writer: Backend, entry: bytes) -> None:
        start.wait()
        for _ in range(10):
            writer.put_entry(name, entry, [])

    with ThreadPoolExecutor(len(writers)) as pool:
        writing = [pool.submit(write, writer, entry) for writer, entry in zip(writers, entries, strict=True)]
        while not all(done.done() for done in writing):
            assert set(reader.entries([name]).values()) <= set(entries)
        for done in writing:
            done.result()
    if PLACES[place].forgetful:
        writers[0].put_entry(name, entries[0], [])
    assert reader.entries([name])[name] in entries


@pytest.mark.parametrize("place", ALL)
def test_sixteen_threads_use_one_backend(backend: Backend) -> None:
    common = named(content(1000))

    def use(_: int) -> None:
        own = named(*(content(500) for _ in range(5)))
        name = key()
        backend.put_blobs(own | common)
        backend.put_entry(name, name.encode(), blobs(own))
        assert backend.missing(blobs(own | common)) == frozenset()
        assert backend.blobs(blobs(own | common)) == own | common
        assert backend.entries([name, key()]) == {name: name.encode()}

    with ThreadPoolExecutor(16) as pool:
        for done in [pool.submit(use, number) for number in range(16)]:
            done.result()


# What it isn't asked for, and who may not ask.

ESCAPES = ("../" * 8 + "etc/passwd", "A" * 64, "a" * 63, "a" * 65, "a" * 62 + "/.", "", "a" * 64 + "\n", "é" * 64)


@pytest.mark.parametrize("place", PROXIED)
@pytest.mark.parametrize("name", ESCAPES, ids=repr)
def test_a_name_that_is_no_digest_is_refused_before_a_request(
    place: str, shared_server: Shared, proxy: FaultProxy, opened: Opened, name: str
) -> None:
    backend = opened(shared_server(place).connection(proxy.address))
    refused(backend, name)
    assert proxy.connections == 0


@pytest.mark.parametrize("name", ESCAPES, ids=repr)
def test_a_name_that_is_no_digest_makes_no_file(tmp_path: Path, opened: Opened, name: str) -> None:
    refused(opened(Connection(str(tmp_path / "shared"))), name)
    assert list(tmp_path.iterdir()) == []


def refused(backend: Backend, name: str) -> None:
    for call in (
        lambda: backend.entries([key(), name]),
        lambda: backend.put_entry(name, b"entry", []),
        lambda: backend.put_entry(key(), b"entry", [Blob(name, 1)]),
        lambda: backend.missing([Blob(name, 1)]),
        lambda: backend.blobs([Blob(name, 1)]),
        lambda: backend.put_blobs({key(): b"", name: b""}),
        lambda: backend.blobs([Blob(key(), -1)]),
    ):
        with pytest.raises(ValueError, match=r"hex digits|below zero"):
            call()


@pytest.mark.parametrize("place", ["http", "redis", "s3-signed"])
def test_the_wrong_token_is_denied(place: str, shared_server: Shared, opened: Opened) -> None:
    connection = shared_server(place).refused()
    backend = opened(connection)
    contents = named(content())
    for call in (
        lambda: backend.entries([key()]),
        lambda: backend.put_entry(key(), b"entry", []),
        lambda: backend.missing(blobs(contents)),
        lambda: backend.blobs(blobs(contents)),
        lambda: backend.put_blobs(contents),
    ):
        with pytest.raises(BackendError) as caught:
            call()
        assert caught.value.trouble == "denied"
        assert backend.place in caught.value.detail
        assert connection.token
        assert connection.token.rpartition(":")[2] not in caught.value.detail


@pytest.mark.parametrize("place", ALL)
def test_the_place_is_named_without_credentials(backend: Backend, place: str, shared_server: Shared) -> None:
    token = shared_server(place).token
    assert backend.place
    assert not token or not any(part in backend.place for part in token.split(":"))


# How it fails. Afterwards it works again.


@pytest.fixture
def through(place: str, shared_server: Shared, proxy: FaultProxy, opened: Opened) -> Backend:
    """A backend behind the proxy, in no hurry."""
    return opened(shared_server(place).connection(proxy.address))


@pytest.fixture
def hurried(place: str, shared_server: Shared, proxy: FaultProxy, opened: Opened) -> Backend:
    return opened(shared_server(place).connection(proxy.address, request_s=2, connect_s=2))


def trouble_of(call: Callable[[], object]) -> str:
    with pytest.raises(BackendError) as caught:
        call()
    return caught.value.trouble


@pytest.mark.parametrize("place", PROXIED)
def test_a_server_that_is_down_is_unreachable(place: str, own_folder: Path, opened: Opened) -> None:
    with PLACES[place].running(own_folder) as server:
        backend = opened(server.connection())
        contents = named(content())
        backend.put_blobs(contents)
        server.kill()
        assert trouble_of(lambda: opened(server.connection()).entries([key()])) == "unreachable"
        assert trouble_of(lambda: backend.blobs(blobs(contents))) in BROKEN       # it had a connection
        assert trouble_of(lambda: backend.put_blobs(contents)) == "unreachable"


@pytest.mark.parametrize("place", PROXIED)
def test_a_server_killed_while_it_sends(place: str, own_folder: Path, opened: Opened) -> None:
    contents = named(content(20_000_000))
    with PLACES[place].running(own_folder) as server, FaultProxy(server.address) as proxy, ThreadPoolExecutor(1) as pool:
        opened(server.connection()).put_blobs(contents)
        backend = opened(server.connection(proxy.address))
        proxy.mode = Hang(after=1_000_000)
        reading = pool.submit(lambda: backend.blobs(blobs(contents)))
        proxy.await_passed(1_000_000)
        server.kill()
        proxy.mode = Pass()
        error = reading.exception()
    assert isinstance(error, BackendError)
    assert error.trouble in BROKEN


@pytest.mark.parametrize("place", PROXIED)
def test_a_server_that_hangs_times_out(through: Backend, hurried: Backend, proxy: FaultProxy) -> None:
    contents = named(content())
    through.put_blobs(contents)
    assert hurried.missing(blobs(contents)) == frozenset(), "it is connected"
    proxy.mode = Hang()
    assert trouble_of(lambda: hurried.entries([key() for _ in range(40)])) == "timeout"
    assert trouble_of(lambda: hurried.blobs(blobs(contents))) == "timeout"
    assert trouble_of(lambda: hurried.put_blobs(contents)) == "timeout"
    assert trouble_of(lambda: hurried.missing(blobs(contents))) == "timeout"
    proxy.mode = Pass()
    assert hurried.blobs(blobs(contents)) == contents


@pytest.mark.parametrize("place", PROXIED)
def test_a_server_that_hangs_in_the_middle_times_out(through: Backend, hurried: Backend, proxy: FaultProxy) -> None:
    contents = named(content(400_000))
    through.put_blobs(contents)
    proxy.mode = Hang(after=100_000)
    assert trouble_of(lambda: hurried.blobs(blobs(contents))) == "timeout"


@pytest.mark.parametrize("place", PROXIED)
def test_a_connection_that_is_cut(through: Backend, proxy: FaultProxy) -> None:
    contents = named(content(400_000))
    through.put_blobs(contents)
    proxy.mode = CutAfter(100_000)
    assert trouble_of(lambda: through.blobs(blobs(contents))) in BROKEN
    proxy.mode = CutAfter(0)
    assert trouble_of(lambda: through.entries([key()])) in BROKEN
    proxy.mode = Pass()
    assert through.blobs(blobs(contents)) == contents


@pytest.mark.parametrize("place", PROXIED)
def test_a_kept_connection_that_was_closed_costs_nothing(through: Backend, proxy: FaultProxy) -> None:
    contents = named(*(content() for _ in range(20)))
    through.put_blobs(contents)
    proxy.drop()
    assert through.blobs(blobs(contents)) == contents
    proxy.drop()
    through.put_blobs(contents)
    proxy.drop()
    assert through.missing(blobs(contents)) == frozenset()


@pytest.mark.parametrize("place", ["http", "redis"])     # where each request has a connection for itself
def test_no_more_is_asked_at_once_than_the_place_is_meant_to_bear(
    place: str, shared_server: Shared, proxy: FaultProxy, opened: Opened
) -> None:
    contents = named(*(content() for _ in range(60)))
    opened(shared_server(place).connection()).put_blobs(contents)
    backend = opened(shared_server(place).connection(proxy.address, parallel=3))
    assert backend.blobs(blobs(contents)) == contents
    assert proxy.most <= 3


@pytest.mark.parametrize("place", PROXIED)
def test_a_byte_that_is_another_one_comes_as_it_is(through: Backend, proxy: FaultProxy) -> None:
    contents = named(content(1000))
    ((name, data),) = contents.items()
    through.put_blobs(contents)
    proxy.mode = Flip(data[400:432])
    (came,) = through.blobs(blobs(contents)).values()
    assert [at for at in range(1000) if came[at] != data[at]] == [400]
    proxy.mode = Pass()
    assert through.blobs(blobs(contents))[name] == data


@pytest.mark.parametrize("place", [name for name in PROXIED if name != "s3-signed"])
def test_blobs_that_are_swapped_come_as_they_are(through: Backend, proxy: FaultProxy) -> None:
    contents = named(content(300), content(300))
    one, other = contents
    through.put_blobs(contents)
    proxy.mode = Swap(one.encode(), other.encode())
    came = through.blobs([Blob(one, 300)])
    assert came.get(one) in {contents[other], None}
    assert contents[one] not in came.values()


@pytest.mark.parametrize("place", HTTP)
@pytest.mark.parametrize(
    ("code", "trouble"),
    [(500, "failed"), (502, "failed"), (429, "failed"), (401, "denied"), (403, "denied"), (413, "full"), (507, "full")],
)
def test_a_status_is_the_trouble_that_it_means(through: Backend, proxy: FaultProxy, code: int, trouble: str) -> None:
    proxy.mode = status(code, {"Retry-After": "3600"})
    contents = named(content())
    assert trouble_of(lambda: through.entries([key()])) == trouble
    assert trouble_of(lambda: through.blobs(blobs(contents))) == trouble
    assert trouble_of(lambda: through.missing(blobs(contents))) == trouble
    assert trouble_of(lambda: through.put_blobs(contents)) == trouble
    assert trouble_of(lambda: through.put_entry(key(), b"entry", [])) == trouble


@pytest.mark.parametrize("place", HTTP)
def test_an_answer_without_end_is_not_read(through: Backend, proxy: FaultProxy) -> None:
    proxy.mode = Flood()
    assert trouble_of(lambda: through.entries([key()])) == "garbled"
    name = key()
    came: list[int | str] = []
    try:
        came += map(len, through.blobs([Blob(name, 100)]).values())
    except BackendError as error:
        came.append(error.trouble)
    assert came in ([101], ["garbled"])


@pytest.mark.parametrize("place", HTTP)
def test_a_head_that_comes_byte_by_byte_times_out(hurried: Backend, proxy: FaultProxy) -> None:
    proxy.mode = Drip()
    assert trouble_of(lambda: hurried.blobs([Blob(key(), 10)])) == "timeout"


@pytest.mark.parametrize("place", HTTP)
def test_a_body_that_comes_byte_by_byte_times_out(hurried: Backend, proxy: FaultProxy) -> None:
    proxy.mode = Drip(b"HTTP/1.1 200 OK\r\nContent-Length: 900000\r\nLast-Modified: Tue, 01 Jan 2030 00:00:00 GMT\r\n\r\n", 0.01)
    assert trouble_of(lambda: hurried.blobs([Blob(key(), 900_000)])) == "timeout"


@pytest.mark.parametrize("place", ALL)
def test_what_is_closed_says_so_and_closes_again(place: str, shared_server: Shared) -> None:
    backend = connect(shared_server(place).connection())
    contents = named(content())
    backend.put_blobs(contents)
    backend.close()
    backend.close()
    with pytest.raises(BackendError):
        backend.blobs(blobs(contents))


def test_the_name_of_a_blob_is_its_digest() -> None:
    data = content()
    assert named(data) == {name_of(data): data}
