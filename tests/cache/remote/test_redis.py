"""The Redis backend alone: rights, room, how long something is held, TLS; all of it against a real server."""

import ssl
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.cache.remote import servers
from tests.cache.remote.conformance import blobs, content, key, name_of, named
from tests.cache.remote.faults import FaultProxy
from tests.cache.remote.servers import TOKEN, Server, redis_client
from unitgraph.cache.remote import bounds
from unitgraph.cache.remote.base import Backend, BackendError, Connection
from unitgraph.cache.store import Blob

Opened = Callable[[Connection], Backend]
DAY_S = 86_400


@pytest.fixture(scope="session")
def server(shared_server: Callable[[str], Server]) -> Server:
    return shared_server("redis")


def at(server: Server, rest: str = "", *, user: str = "") -> str:
    return f"redis://{user}{server.address[0]}:{server.address[1]}{rest}"


def test_what_is_held_has_the_names_of_the_documents(server: Server, opened: Opened) -> None:
    data, name = content(), key()
    backend = opened(server.connection())
    backend.put_blobs(named(data))
    backend.put_entry(name, b"entry", [])
    with redis_client(server.address) as client:
        assert client.get(f"unitgraph:cas:{name_of(data)}") == data
        assert client.get(f"unitgraph:ac:{name}") == b"entry"
        assert client.ttl(f"unitgraph:ac:{name}") == -1, "held for as long as there is room"


def test_days_to_live_begin_anew_with_an_entry_that_names_the_blob(server: Server, opened: Opened) -> None:
    data, name = content(), key()
    backend = opened(Connection(at(server, "?ttl_days=3"), TOKEN))
    backend.put_blobs(named(data))
    with redis_client(server.address) as client:
        client.expire(f"unitgraph:cas:{name_of(data)}", 60)
        backend.put_entry(name, b"entry", blobs(named(data)))
        for held in (f"unitgraph:cas:{name_of(data)}", f"unitgraph:ac:{name}"):
            assert 2 * DAY_S < client.ttl(held) <= 3 * DAY_S


def test_databases_are_apart(server: Server, opened: Opened) -> None:
    name = key()
    first, second = (opened(Connection(at(server, f"/{number}"), TOKEN)) for number in (1, 2))
    first.put_entry(name, b"entry", [])
    assert second.entries([name]) == {}
    assert first.entries([name]) == {name: b"entry"}


def test_a_database_that_is_not_there(server: Server, opened: Opened) -> None:
    with pytest.raises(BackendError, match="DB index is out of range") as caught:
        opened(Connection(at(server, "/99"), TOKEN)).entries([key()])
    assert caught.value.trouble == "failed"


def test_users_and_what_they_may_not(server: Server, opened: Opened) -> None:
    with redis_client(server.address) as client:
        client.acl_setuser("reader", enabled=True, passwords="+p@ss", keys=["unitgraph:*"], commands=["+@read"])
    reader = opened(Connection(at(server, user="reader:p%40ss@")))
    assert reader.place == at(server)
    assert reader.entries([key()]) == {}
    with pytest.raises(BackendError, match="refuses") as caught:
        reader.put_entry(key(), b"entry", [])
    assert caught.value.trouble == "denied"


@pytest.mark.parametrize("user", ["", "nobody:wrong@", ":wrong@"])
def test_whoever_has_no_right_password_is_denied(server: Server, opened: Opened, user: str) -> None:
    with pytest.raises(BackendError) as caught:
        opened(Connection(at(server, user=user))).entries([key()])
    assert caught.value.trouble == "denied"


def test_a_server_that_has_no_room(own_folder: Path, opened: Opened) -> None:
    with servers.redis(own_folder, "--maxmemory", "3mb", "--maxmemory-policy", "noeviction") as small:
        backend = opened(small.connection())
        held = named(content())
        backend.put_blobs(held)
        with pytest.raises(BackendError, match="takes no more") as caught:
            backend.put_blobs(named(*(content(1_000_000) for _ in range(10))))
        assert caught.value.trouble == "full"
        assert backend.blobs(blobs(held)) == held


def test_a_server_that_makes_room_forgets(own_folder: Path, opened: Opened) -> None:
    with servers.redis(own_folder, "--maxmemory", "3mb", "--maxmemory-policy", "allkeys-lru") as small:
        backend = opened(small.connection())
        contents = named(*(content(300_000) for _ in range(20)))
        for name, data in contents.items():
            backend.put_blobs({name: data})
        kept = backend.blobs(blobs(contents))
        assert 0 < len(kept) < len(contents)
        assert kept.items() <= contents.items()
        assert backend.missing(blobs(contents)) >= contents.keys() - kept.keys()


def test_a_replica_takes_nothing(own_folder: Path, server: Server, opened: Opened) -> None:
    with servers.redis(own_folder, "--replicaof", server.address[0], str(server.address[1]), "--masterauth", TOKEN) as replica:
        with pytest.raises(BackendError) as caught:
            opened(replica.connection()).put_blobs(named(content()))
        assert caught.value.trouble == "denied"


def test_what_no_value_of_redis_holds_is_refused_before_a_request(server: Server, opened: Opened) -> None:
    with FaultProxy(server.address) as proxy:
        backend = opened(server.connection(proxy.address))
        with pytest.raises(BackendError, match=f"{(512 << 20) + 1} bytes are more than the 512 MB") as caught:
            backend.put_blobs({key(): bytes((512 << 20) + 1)})
        assert caught.value.trouble == "full"
        assert proxy.connections == 0


def test_a_key_that_holds_something_else(server: Server, opened: Opened) -> None:
    name = key()
    with redis_client(server.address) as client:
        client.rpush(f"unitgraph:ac:{name}", "a list")
    with pytest.raises(BackendError, match="wrong kind of value") as caught:
        opened(server.connection()).entries([name])
    assert caught.value.trouble == "failed"


def test_an_entry_without_measure_is_not_taken(server: Server, opened: Opened) -> None:
    name, good = key(), key()
    backend = opened(server.connection())
    with redis_client(server.address) as client:
        client.set(f"unitgraph:ac:{name}", bytes(bounds.ENTRY_BYTES + 5_000_000))
    backend.put_entry(good, b"good", [])
    assert backend.entries([name, good]) == {good: b"good"}


def test_an_empty_blob_is_held_or_not_as_any_other(server: Server, opened: Opened) -> None:
    empty = Blob(name_of(b""), 0)
    backend = opened(Connection(at(server, "/7"), TOKEN))
    assert backend.missing([empty]) == {empty.digest}
    assert backend.blobs([empty]) == {}
    backend.put_blobs({empty.digest: b""})
    assert backend.missing([empty]) == frozenset()
    assert backend.blobs([empty]) == {empty.digest: b""}


def test_what_is_no_redis(shared_server: Callable[[str], Server], opened: Opened) -> None:
    nginx = shared_server("http")
    with pytest.raises(BackendError) as caught:
        opened(Connection(at(nginx), TOKEN)).entries([key()])
    assert caught.value.trouble in {"failed", "garbled"}


@pytest.fixture
def encrypted(server: Server, certificate: Path) -> Iterator[FaultProxy]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with FaultProxy(server.address, tls=context) as proxy:
        yield proxy


def test_tls(encrypted: FaultProxy, certificate: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    contents = named(content(), content(100_000))
    backend = opened(Connection(f"rediss://{encrypted.address[0]}:{encrypted.address[1]}", TOKEN))
    backend.put_blobs(contents)
    assert backend.blobs(blobs(contents)) == contents


def test_tls_with_a_certificate_that_nobody_trusts(encrypted: FaultProxy, opened: Opened) -> None:
    with pytest.raises(BackendError) as caught:
        opened(Connection(f"rediss://{encrypted.address[0]}:{encrypted.address[1]}", TOKEN)).entries([key()])
    assert caught.value.trouble == "unreachable"


def test_a_server_that_was_started_again_is_used_again(server: Server, opened: Opened) -> None:
    with FaultProxy(server.address) as proxy:
        backend = opened(replace(server.connection(proxy.address), parallel=2))
        name = key()
        backend.put_entry(name, b"entry", [])
        proxy.drop()
        assert backend.entries([name]) == {name: b"entry"}
