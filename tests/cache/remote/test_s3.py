"""The S3 backend alone: what is asked of the bucket, and what its refusals come to; against moto's server."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.cache.remote.conformance import blobs, content, key, name_of, named
from tests.cache.remote.faults import Address, Answer, FaultProxy
from tests.cache.remote.servers import Server, s3_client
from unitgraph.cache.remote import bounds
from unitgraph.cache.remote.base import Backend, BackendError, Connection

Opened = Callable[[Connection], Backend]


@pytest.fixture(scope="session")
def server(shared_server: Callable[[str], Server]) -> Server:
    return shared_server("s3")


def at(address: Address, place: str = "bucket/some/prefix", more: str = "") -> str:
    return f"s3://{place}?endpoint=http://{address[0]}:{address[1]}&region=us-east-1{more}"


def held(server: Server, name: str) -> bytes:
    with s3_client(server.address) as client:
        return bytes(client.get_object(Bucket="bucket", Key=name)["Body"].read())


def test_what_is_held_has_the_names_of_the_documents(server: Server, opened: Opened) -> None:
    data, name = content(), key()
    backend = opened(server.connection())
    backend.put_blobs(named(data))
    backend.put_entry(name, b"entry", [])
    assert held(server, f"some/prefix/cas/{name_of(data)}") == data
    assert held(server, f"some/prefix/ac/{name}") == b"entry"


def test_a_bucket_without_a_prefix(server: Server, opened: Opened) -> None:
    data = content()
    opened(Connection(at(server.address, "bucket"), "key:secret")).put_blobs(named(data))
    assert held(server, f"cas/{name_of(data)}") == data


def test_the_place_says_where_the_server_is(server: Server, opened: Opened) -> None:
    backend = opened(Connection(at(server.address).replace("//", "//KEY:hunter2@", 1)))
    assert backend.place == f"s3://bucket/some/prefix at http://{server.address[0]}:{server.address[1]}"


def test_a_blob_is_put_only_where_there_is_none(server: Server, opened: Opened) -> None:
    """The first writer's object stays: what would have replaced it isn't sent under this condition."""
    data = content()
    backend = opened(server.connection())
    backend.put_blobs(named(data))
    with s3_client(server.address) as client:
        name = f"some/prefix/cas/{name_of(data)}"
        first = client.head_object(Bucket="bucket", Key=name)["LastModified"], versions(client, name)
        client.put_bucket_versioning(Bucket="bucket", VersioningConfiguration={"Status": "Enabled"})
        try:
            backend.put_blobs(named(data))
            assert (client.head_object(Bucket="bucket", Key=name)["LastModified"], versions(client, name)) == first
        finally:
            client.put_bucket_versioning(Bucket="bucket", VersioningConfiguration={"Status": "Suspended"})


def versions(client: Any, name: str) -> int:
    return len(client.list_object_versions(Bucket="bucket", Prefix=name).get("Versions", []))


@pytest.mark.parametrize("call", ["entries", "blobs", "put_blobs", "put_entry"])
def test_a_bucket_that_is_not_there(server: Server, opened: Opened, call: str) -> None:
    backend = opened(Connection(at(server.address, "no-such-bucket"), "key:secret"))
    contents = named(content())
    calls: dict[str, Callable[[], object]] = {
        "entries": lambda: backend.entries([key()]),
        "blobs": lambda: backend.blobs(blobs(contents)),
        "put_blobs": lambda: backend.put_blobs(contents),
        "put_entry": lambda: backend.put_entry(key(), b"entry", []),
    }
    with pytest.raises(BackendError, match="there is no such bucket") as caught:
        calls[call]()
    assert caught.value.trouble == "failed"


def test_credentials_of_the_environment_are_the_library_s_to_find(
    shared_server: Callable[[str], Server], opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    strict = shared_server("s3-signed")
    assert strict.token
    known, secret = strict.token.split(":")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", known)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)
    contents = named(content())
    backend = opened(Connection(strict.url(strict.address)))
    backend.put_blobs(contents)
    assert backend.blobs(blobs(contents)) == contents


def test_credentials_of_the_url(shared_server: Callable[[str], Server], opened: Opened) -> None:
    strict = shared_server("s3-signed")
    assert strict.token
    known, secret = strict.token.split(":")
    given = f"{known}:{secret.replace('/', '%2F').replace('+', '%2B')}"
    backend = opened(Connection(strict.url(strict.address).replace("//", f"//{given}@", 1)))
    assert backend.entries([key()]) == {}
    assert secret not in backend.place


def test_a_session_is_sent_with_its_key(server: Server, opened: Opened) -> None:
    with FaultProxy(server.address) as proxy:
        proxy.mode = Answer(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        opened(Connection(at(proxy.address), "KEY:SECRET:SESSION")).entries([key()])
        (asked,) = proxy.requests
    assert b"credential=key/" in asked.lower()
    assert b"\r\nx-amz-security-token: session\r\n" in asked.lower()
    assert b"secret/" not in asked.lower()


def test_anonymous_requests_carry_no_signature(server: Server, opened: Opened) -> None:
    with FaultProxy(server.address) as proxy:
        proxy.mode = Answer(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        assert opened(Connection(at(proxy.address, more="&anonymous=true"))).entries([key()]) == {}
        (asked,) = proxy.requests
    assert b"authorization" not in asked.lower()


def test_what_may_not_be_listed_is_told(server: Server, opened: Opened) -> None:
    with FaultProxy(server.address) as proxy:
        proxy.mode = Answer(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        with pytest.raises(BackendError, match="s3:ListBucket") as caught:
            opened(server.connection(proxy.address)).entries([key()])
    assert caught.value.trouble == "denied"


def test_a_bucket_of_another_region_is_told(server: Server, opened: Opened) -> None:
    with FaultProxy(server.address) as proxy:
        proxy.mode = Answer(b"HTTP/1.1 301 Moved Permanently\r\nContent-Length: 0\r\n\r\n")
        with pytest.raises(BackendError, match="another region"):
            opened(server.connection(proxy.address)).entries([key()])


@pytest.mark.parametrize("answer", [b"SSH-2.0-OpenSSH\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nabc", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"])
def test_an_answer_that_is_none(server: Server, opened: Opened, answer: bytes) -> None:
    with FaultProxy(server.address) as proxy:
        proxy.mode = Answer(answer)
        with pytest.raises(BackendError) as caught:
            opened(server.connection(proxy.address)).entries([key()])
    assert caught.value.trouble in {"garbled", "failed"}


def test_an_answer_that_tells_of_faults_is_its_status(server: Server, opened: Opened) -> None:
    """What a server writes into its page can't pass for what the library says of a connection."""
    page = b"HttpError { kind: Timeout } Server returned non-2xx status code: 403 <Code>NoSuchBucket<"
    with FaultProxy(server.address) as proxy:
        proxy.mode = Answer(b"HTTP/1.1 507 Full\r\nContent-Length: %d\r\n\r\n%s" % (len(page), page))
        with pytest.raises(BackendError) as caught:
            opened(server.connection(proxy.address)).entries([key()])
    assert caught.value.trouble == "full"


def test_an_entry_without_measure_is_not_taken(server: Server, opened: Opened) -> None:
    name, good = key(), key()
    backend = opened(server.connection())
    assert server.spoil
    server.spoil("ac", name, bytes(bounds.ENTRY_BYTES + 1))
    backend.put_entry(good, b"good", [])
    assert backend.entries([name, good]) == {good: b"good"}


# A server that knows no conditions.


class Simple(BaseHTTPRequestHandler):
    """Holds objects, and refuses what it doesn't know, as the specification asks."""

    objects: dict[str, bytes]
    refused: list[str]

    def do_PUT(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"]))
        if "If-None-Match" in self.headers:
            self.refused.append(self.path)
            self._answer(501, b"<Error><Code>NotImplemented</Code></Error>")
        else:
            self.objects[self.path] = data
            self._answer(200, b"")

    def do_GET(self) -> None:
        data = self.objects.get(self.path)
        self._answer(404 if data is None else 200, data or b"")

    def _answer(self, code: int, body: bytes) -> None:
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", '"0"')
        self.send_header("Last-Modified", "Tue, 01 Jan 2030 00:00:00 GMT")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's
        pass


@contextmanager
def simple() -> Iterator[tuple[Address, type[Simple]]]:
    handler = type("Handler", (Simple,), {"objects": {}, "refused": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as http:
        serving = threading.Thread(target=http.serve_forever)
        serving.start()
        try:
            yield ("127.0.0.1", http.server_port), handler
        finally:
            http.shutdown()
            serving.join()


def test_a_server_that_knows_no_conditions_is_written_without(opened: Opened) -> None:
    with simple() as (address, handler):
        backend = opened(Connection(at(address), "key:secret", parallel=1))
        contents = named(*(content() for _ in range(5)))
        backend.put_blobs(contents)
        assert backend.blobs(blobs(contents)) == contents
        assert len(set(handler.refused)) == 1, "from then on it isn't asked any more"
        backend.close()
