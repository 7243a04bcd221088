"""The HTTP backend alone: who it says it is, where it is led, what it takes for an entry."""

import ssl
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.cache.remote.conformance import blobs, content, key, name_of, named
from tests.cache.remote.faults import Address, Answer, CutAfter, FaultProxy, Pass
from tests.cache.remote.servers import Server
from unitgraph.cache.remote import action_result, bounds
from unitgraph.cache.remote.base import Backend, BackendError, Connection
from unitgraph.cache.store import Blob

Opened = Callable[[Connection], Backend]

EMPTY = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture(scope="session")
def server(shared_server: Callable[[str], Server]) -> Server:
    return shared_server("http")


@pytest.fixture
def heard(server: Server) -> Iterator[FaultProxy]:
    """A server that gives empty answers and remembers what it was asked."""
    with FaultProxy(server.address) as proxy:
        proxy.mode = Answer(EMPTY)
        yield proxy


def url(address: Address, path: str = "") -> str:
    return f"http://{address[0]}:{address[1]}{path}"


def test_a_request_says_what_it_wants_and_what_asks(heard: FaultProxy, opened: Opened) -> None:
    opened(Connection(url(heard.address, "/a/%C3%A9/"))).blobs([Blob("0" * 64, 0)])
    (asked,) = heard.requests
    assert asked.startswith(b"GET /a/%C3%A9/cas/" + b"0" * 64 + b" HTTP/1.1\r\n")
    assert b"\r\nAccept-Encoding: identity\r\n" in asked
    assert b"\r\nUser-Agent: unitgraph/" in asked
    assert b"Authorization" not in asked


def test_a_token_goes_before_the_user_of_the_url(heard: FaultProxy, opened: Opened) -> None:
    address = url(heard.address).replace("//", "//ann:p%40ss@")
    opened(Connection(address)).blobs([Blob("0" * 64, 0)])
    opened(Connection(address, " secret\n")).blobs([Blob("0" * 64, 0)])
    basic, bearer = heard.requests
    assert b"\r\nAuthorization: Basic YW5uOnBAc3M=\r\n" in basic
    assert b"\r\nAuthorization: Bearer secret\r\n" in bearer


def test_a_user_and_a_password_in_the_url(server: Server, opened: Opened) -> None:
    contents = named(content())
    right = opened(Connection(url(server.address, "/basic").replace("//", "//ann:p%40ss%2Fword@")))
    right.put_blobs(contents)
    assert right.blobs(blobs(contents)) == contents
    wrong = opened(Connection(url(server.address, "/basic").replace("//", "//ann:hunter2@")))
    with pytest.raises(BackendError, match="status 401") as caught:
        wrong.blobs(blobs(contents))
    assert caught.value.trouble == "denied"
    assert "hunter2" not in caught.value.detail + wrong.place
    assert wrong.place == url(server.address, "/basic")


@pytest.mark.parametrize(("path", "trouble"), [("/readonly", "denied"), ("/small", "full"), ("/nowhere", "failed")])
def test_what_a_server_does_not_take(server: Server, opened: Opened, path: str, trouble: str) -> None:
    backend = opened(Connection(url(server.address, path)))
    contents = named(content(3_000_000))
    assert backend.blobs(blobs(contents)) == {}
    with pytest.raises(BackendError) as caught:
        backend.put_blobs(contents)
    assert caught.value.trouble == trouble


# Redirects.


def test_a_redirect_is_followed(server: Server, opened: Opened) -> None:
    contents = named(content(), content(2_000_000))
    moved = opened(Connection(url(server.address, "/moved")))
    name = key()
    moved.put_blobs(contents)
    moved.put_entry(name, b"entry", blobs(contents))
    assert opened(Connection(url(server.address, "/open"))).blobs(blobs(contents)) == contents
    assert moved.blobs(blobs(contents)) == contents
    assert moved.entries([name]) == {name: b"entry"}
    assert moved.missing(blobs(contents)) == frozenset()


def test_a_redirect_in_circles_ends(server: Server, opened: Opened) -> None:
    with pytest.raises(BackendError, match="in circles") as caught:
        opened(Connection(url(server.address, "/circle"))).blobs([Blob(key(), 1)])
    assert caught.value.trouble == "failed"


def test_the_token_stays_with_the_server_that_it_is_for(server: Server, heard: FaultProxy, opened: Opened) -> None:
    with FaultProxy(server.address) as first:
        first.mode = redirect(url(heard.address, "/elsewhere"))
        opened(Connection(url(first.address), "secret")).blobs([Blob(key(), 0)])
        assert b"\r\nAuthorization: Bearer secret\r\n" in first.requests[0]
    (asked,) = heard.requests
    assert asked.startswith(b"GET /elsewhere HTTP/1.1\r\n")
    assert b"secret" not in asked


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/x", "http://[bad", "http://h:99999999/", "http:///x", ""])
def test_a_redirect_to_what_is_no_place(heard: FaultProxy, opened: Opened, target: str) -> None:
    heard.mode = redirect(target)
    with pytest.raises(BackendError, match="redirect") as caught:
        opened(Connection(url(heard.address))).blobs([Blob(key(), 1)])
    assert caught.value.trouble in {"failed", "garbled"}


def redirect(target: str) -> Answer:
    return Answer(f"HTTP/1.1 302 Found\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n".encode())


# Answers.

ANSWERS = {
    "no HTTP": (b"SSH-2.0-OpenSSH\r\n\r\n", "garbled"),
    "nothing": (b"", "failed"),
    "half a status": (b"HTTP/1.1 2", "garbled"),
    "shorter than it says": (b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nabc", "failed"),
    "a chunk cut off": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nabc", "failed"),
    "a chunk of no size": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc", "failed"),
    "compressed": (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc", "garbled"),
    "two lengths": (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc", "garbled"),
    "a header without end": (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n", "garbled"),
    "headers without end": (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000 + b"\r\n", "garbled"),
    "no content": (b"HTTP/1.1 204 No Content\r\n\r\n", "failed"),
    "a part": (b"HTTP/1.1 206 Partial Content\r\nContent-Length: 3\r\n\r\nabc", "failed"),
    "see other": (b"HTTP/1.1 303 See Other\r\nLocation: /\r\nContent-Length: 0\r\n\r\n", "failed"),
}


@pytest.mark.parametrize(("answer", "trouble"), ANSWERS.values(), ids=ANSWERS)
def test_an_answer_that_is_none(heard: FaultProxy, opened: Opened, answer: bytes, trouble: str) -> None:
    heard.mode = Answer(answer)
    backend = opened(Connection(url(heard.address)))
    with pytest.raises(BackendError) as caught:
        backend.blobs([Blob(key(), 3)])
    assert caught.value.trouble == trouble
    with pytest.raises(BackendError) as caught:
        backend.entries([key()])
    assert caught.value.trouble == trouble


@pytest.mark.parametrize("size", [0, 1, 3, 100])
@pytest.mark.parametrize("framing", ["Content-Length: 3\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", "\r\nabc"])
def test_what_is_longer_or_shorter_than_expected_comes_as_far_as_one_byte_more(
    heard: FaultProxy, opened: Opened, framing: str, size: int
) -> None:
    heard.mode = Answer(b"HTTP/1.1 200 OK\r\n" + framing.encode())
    assert list(opened(Connection(url(heard.address))).blobs([Blob(key(), size)]).values()) == [b"abc"[: size + 1]]


def test_a_length_that_no_number_holds_is_none(heard: FaultProxy, opened: Opened) -> None:
    heard.mode = Answer(b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n")
    name = key()
    assert opened(Connection(url(heard.address))).missing([Blob(name, 3)]) == frozenset()


# Entries.


def spoil(server: Server, kind: str, name: str, data: bytes) -> None:
    assert server.spoil
    server.spoil(kind, name, data)


def test_an_entry_is_an_action_result_that_names_its_blobs(server: Server, opened: Opened, tmp_path: Path) -> None:
    contents = named(content(), content(7))
    backend = opened(replace(server.connection(), url=url(server.address, "/open"), token=None))
    name = key()
    backend.put_entry(name, b"the entry", blobs(contents))
    held = opened(Connection(url(server.address, "/open"))).entries([name])
    assert held == {name: b"the entry"}


def test_an_entry_that_the_server_moved_to_a_blob(server: Server, opened: Opened) -> None:
    entry = content(3000)
    name = key()
    stored = action_result.result([], stdout_digest=action_result.digest_of(Blob(name_of(entry), len(entry))))
    spoil(server, "ac", name, stored.SerializeToString())
    backend = opened(server.connection())
    assert backend.entries([name]) == {}, "the blob isn't there yet"
    spoil(server, "cas", name_of(entry), entry)
    assert backend.entries([name]) == {name: entry}


def test_an_entry_that_cannot_be_read_is_left_out_beside_one_that_can(server: Server, opened: Opened) -> None:
    good, bad = key(), key()
    backend = opened(server.connection())
    backend.put_entry(good, b"good", [])
    spoil(server, "ac", bad, b"<html>Welcome</html>")
    assert backend.entries([good, bad]) == {good: b"good"}
    with pytest.raises(BackendError, match="action result") as caught:
        backend.entries([bad, key()])
    assert caught.value.trouble == "garbled"
    backend.put_entry(bad, b"mended", [])
    assert backend.entries([bad]) == {bad: b"mended"}


def test_an_entry_without_measure_is_not_taken(server: Server, opened: Opened) -> None:
    name = key()
    spoil(server, "ac", name, action_result.encode(b"x" * (bounds.ENTRY_BYTES + 1), []))
    with pytest.raises(BackendError) as caught:
        opened(server.connection()).entries([name])
    assert caught.value.trouble == "garbled"


# TLS and proxies.


@pytest.fixture
def encrypted(server: Server, certificate: Path) -> Iterator[FaultProxy]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with FaultProxy(server.address, tls=context) as proxy:
        yield proxy


def secure(address: Address, path: str = "/open") -> str:
    return url(address, path).replace("http:", "https:")


def test_tls_with_a_certificate_that_the_environment_trusts(
    encrypted: FaultProxy, certificate: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    contents = named(content(), content(1_000_000))
    backend = opened(Connection(secure(encrypted.address)))
    backend.put_blobs(contents)
    assert backend.blobs(blobs(contents)) == contents


def test_tls_that_ends_too_early_is_a_connection_that_was_cut(
    encrypted: FaultProxy, certificate: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    contents = named(content(300_000))
    backend = opened(Connection(secure(encrypted.address)))
    backend.put_blobs(contents)
    for count in (0, 100_000):
        encrypted.mode = CutAfter(count)
        with pytest.raises(BackendError, match="cut") as caught:
            backend.blobs(blobs(contents))
        assert caught.value.trouble == "failed"
    encrypted.mode = Pass()
    assert backend.blobs(blobs(contents)) == contents
    encrypted.drop()
    assert backend.blobs(blobs(contents)) == contents


def test_tls_with_a_certificate_that_nobody_trusts(encrypted: FaultProxy, opened: Opened) -> None:
    with pytest.raises(BackendError, match="certificate isn't trusted") as caught:
        opened(Connection(secure(encrypted.address), "secret")).blobs([Blob(key(), 1)])
    assert caught.value.trouble == "unreachable"
    assert encrypted.requests == []


def test_tls_where_there_is_none(server: Server, opened: Opened) -> None:
    with pytest.raises(BackendError, match="no TLS") as caught:
        opened(Connection(secure(server.address))).blobs([Blob(key(), 1)])
    assert caught.value.trouble == "unreachable"


def test_a_redirect_out_of_tls_is_not_followed(
    encrypted: FaultProxy, heard: FaultProxy, certificate: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    encrypted.mode = redirect(url(heard.address))
    with pytest.raises(BackendError, match="less safe"):
        opened(Connection(secure(encrypted.address), "secret")).blobs([Blob(key(), 1)])
    assert heard.requests == []


def test_the_proxy_of_the_environment_is_asked(heard: FaultProxy, opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", url(heard.address).replace("//", "//pro:p%40xy@"))
    opened(Connection("http://cache.invalid/base")).blobs([Blob("0" * 64, 0)])
    (asked,) = heard.requests
    assert asked.startswith(b"GET http://cache.invalid/base/cas/" + b"0" * 64 + b" HTTP/1.1\r\n")
    assert b"\r\nproxy-authorization: basic chjvonbaehk=\r\n" in asked.lower()


def test_a_proxy_that_is_down_is_told_without_its_password(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://pro:hunter2@127.0.0.1:1")
    with pytest.raises(BackendError) as caught:
        opened(Connection("http://cache.invalid")).blobs([Blob(key(), 1)])
    assert caught.value.trouble == "unreachable"
    assert "hunter2" not in caught.value.detail


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "http://[bad", "nonsense://x"])
def test_a_proxy_that_cannot_be_used(opened: Opened, monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    monkeypatch.setenv("http_proxy", proxy)
    with pytest.raises(BackendError, match="proxy") as caught:
        opened(Connection("http://cache.invalid")).blobs([Blob(key(), 1)])
    assert caught.value.trouble == "unreachable"


def test_no_proxy_stands_before_this_machine(server: Server, opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert opened(server.connection()).entries([key()]) == {}


def test_no_proxy_stands_before_what_the_environment_excepts(opened: Opened, monkeypatch: pytest.MonkeyPatch, heard: FaultProxy) -> None:
    monkeypatch.setenv("http_proxy", url(heard.address))
    monkeypatch.setenv("no_proxy", "cache.invalid")
    with pytest.raises(BackendError) as caught:
        opened(Connection("http://cache.invalid")).blobs([Blob(key(), 1)])
    assert caught.value.trouble == "unreachable"
    assert heard.requests == []
