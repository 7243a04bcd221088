"""A place that speaks the Remote Execution API v2: bazel-remote, Buildbarn, BuildBuddy, NativeLink, buildbox-casd.

Knows the services and the server's limits: small blobs go in batches, large ones in streams.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any, Final
from uuid import uuid4

from unitgraph.cache import digest
from unitgraph.cache.remote import action_result, address
from unitgraph.cache.remote.base import Backend, BackendError, Connection
from unitgraph.cache.remote.bounds import ENTRY_BYTES, allowed_s, names, sizes
from unitgraph.cache.remote.channel import Channel, Header, Method
from unitgraph.cache.remote.http import authorization
from unitgraph.cache.remote.messages import SHA256, message
from unitgraph.cache.remote.pool import Partial, Pool
from unitgraph.cache.store import Blob
from unitgraph.errors.cache import CacheAddressInvalid

_API: Final = "/build.bazel.remote.execution.v2"
_CAPABILITIES: Final = Method(f"{_API}.Capabilities/GetCapabilities", "ServerCapabilities")
_GET_RESULT: Final = Method(f"{_API}.ActionCache/GetActionResult", "ActionResult")
_UPDATE_RESULT: Final = Method(f"{_API}.ActionCache/UpdateActionResult", "ActionResult", writes=True)
_FIND_MISSING: Final = Method(f"{_API}.ContentAddressableStorage/FindMissingBlobs", "FindMissingBlobsResponse")
_READ_BATCH: Final = Method(f"{_API}.ContentAddressableStorage/BatchReadBlobs", "BatchReadBlobsResponse")
_UPDATE_BATCH: Final = Method(
    f"{_API}.ContentAddressableStorage/BatchUpdateBlobs", "BatchUpdateBlobsResponse", writes=True
)
_READ: Final = Method("/google.bytestream.ByteStream/Read", "ReadResponse")
_WRITE: Final = Method("/google.bytestream.ByteStream/Write", "WriteResponse", writes=True)

_BATCH_BYTES: Final = 4 << 20       # what servers take in one message, where they don't say less
_ITEM_BYTES: Final = 256            # what a blob takes in a batch besides its bytes: digest, status, lengths
_DIGESTS: Final = 5_000             # in one question for missing ones: 400 kB
_CHUNK_BYTES: Final = 1 << 20       # of a stream
_INLINE_BYTES: Final = 1 << 20      # a larger entry goes beside its action result, which must fit in a message
_ACTION_BYTES: Final = 64           # of an action, which no server has or asks for: bazel-remote refuses 0
_OK: Final = 0                      # google.rpc.Code, of an item in a batch
_NOT_FOUND: Final = 5
_HEADER: Final = re.compile(r"(?!grpc-)[a-z][a-z0-9-]*(?<!-bin)")


@dataclass(frozen=True, slots=True)
class Limits:
    """What the server says that it can do: bytes of blobs in one batch, and whether it takes entries from us."""

    batch_bytes: int
    writable: bool


@dataclass(frozen=True, slots=True)
class Parcel:
    """What goes in one request: a batch of blobs, or one that is ``streamed``."""

    blobs: tuple[Blob, ...]
    streamed: bool = False

    @property
    def size(self) -> int:
        """Bytes of blobs."""
        return sum(blob.size for blob in self.blobs)


def connect(connection: Connection) -> Backend:
    """``grpc://host:port/instance/name``, or ``grpcs://`` for TLS. Nothing is sent before the first question.

    The token goes as a bearer's, or as it is under another name: ``?header=x-name``. Without one, the URL's user and
    password are sent as basic authorization.
    """
    return Reapi(address.parse(connection.url, options=("header",)), connection)


class Reapi:
    """The services of one instance of a server."""

    def __init__(self, found: address.Address, connection: Connection) -> None:
        self.place = found.place
        self._instance = found.path.strip("/")
        self._connection = connection
        self._channel = Channel(found, connection, _credentials(found, connection))
        self._pool = Pool(found.place, connection.parallel)
        self._asking = Lock()
        self._known: Limits | None = None

    def entries(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        asked = names(keys)
        if asked:
            self._limits()
        return self._pool.each(self._entry, asked, allowed_s=lambda _: 2 * allowed_s(self._connection, ENTRY_BYTES))

    def put_entry(self, key: str, entry: bytes, blobs: Sequence[Blob]) -> None:
        (name,) = names([key])
        sizes(blobs)
        if not self._limits().writable:
            raise self._channel.fault("denied", "it takes no results from this build")
        if len(entry) <= _INLINE_BYTES:
            result = action_result.result(blobs, stdout_raw=entry)
        else:
            beside = Blob(digest.sha256(entry), len(entry))
            self.put_blobs({beside.digest: entry})
            result = action_result.result(blobs, stdout_digest=action_result.digest_of(beside))
        request = self._request("UpdateActionResultRequest", action_digest=_action(name), action_result=result)
        self._done(self._channel.ask(_UPDATE_RESULT, request, size=len(entry)))

    def missing(self, blobs: Sequence[Blob]) -> frozenset[str]:
        wanted = [Blob(name, size) for name, size in sizes(blobs).items()]
        if wanted:
            self._limits()
        questions = [Parcel(tuple(wanted[start : start + _DIGESTS])) for start in range(0, len(wanted), _DIGESTS)]
        return frozenset(self._pool.each(self._absent, questions, allowed_s=lambda _: self._connection.request_s))

    def blobs(self, blobs: Sequence[Blob]) -> Mapping[str, bytes]:
        wanted = sizes(blobs)
        parcels = _packed(wanted, self._limits().batch_bytes) if wanted else []
        faults: list[BackendError] = []
        held = self._pool.each(lambda parcel: self._read(parcel, faults), parcels, allowed_s=self._allowed_s)
        if faults:
            raise Partial(faults[0], held)
        return held

    def put_blobs(self, blobs: Mapping[str, bytes]) -> None:
        given = {name: len(blobs[name]) for name in names(blobs)}
        parcels = _packed(given, self._limits().batch_bytes) if given else []
        self._pool.each(lambda parcel: self._write(parcel, blobs), parcels, allowed_s=self._allowed_s)

    def close(self) -> None:
        self._pool.close()
        self._channel.close()

    def _limits(self) -> Limits:
        """What the server can do: asked once, and again after a failure."""
        self._channel.check_process()
        with self._asking:
            if self._known is None:
                answer = self._done(self._channel.ask(_CAPABILITIES, self._request("GetCapabilitiesRequest")))
                cache = answer.cache_capabilities
                if SHA256 not in cache.digest_functions:
                    raise self._channel.fault("failed", "it has no cache that knows blobs by their SHA-256")
                most = min(cache.max_batch_total_size_bytes or _BATCH_BYTES, _BATCH_BYTES)
                self._known = Limits(most, cache.action_cache_update_capabilities.update_enabled)
            return self._known

    def _entry(self, key: str) -> Mapping[str, bytes]:
        """By its key, the entry; none for none, and for another program's action result."""
        request = self._request("GetActionResultRequest", action_digest=_action(key), inline_stdout=True)
        result = self._channel.ask(_GET_RESULT, request)
        try:
            entry = None if result is None else action_result.entry_of(result)
        except ValueError:
            entry = None
        if isinstance(entry, Blob):     # moved there by the server, or by put_entry
            entry = self._download(entry) if entry.size <= ENTRY_BYTES else None
        return {} if entry is None else {key: entry}

    def _absent(self, asked: Parcel) -> Mapping[str, bool]:
        request = self._request("FindMissingBlobsRequest", blob_digests=map(action_result.digest_of, asked.blobs))
        answer = self._done(self._channel.ask(_FIND_MISSING, request))
        absent = {name.hash for name in answer.missing_blob_digests}
        return {blob.digest: True for blob in asked.blobs if blob.digest in absent}

    def _read(self, parcel: Parcel, faults: list[BackendError]) -> Mapping[str, bytes]:
        """What is held of a parcel, as it came; ``faults`` is told of items that the server fails with."""
        if parcel.streamed:
            (blob,) = parcel.blobs
            data = self._download(blob)
            return {} if data is None else {blob.digest: data}
        request = self._request("BatchReadBlobsRequest", digests=map(action_result.digest_of, parcel.blobs))
        answer = self._done(self._channel.ask(_READ_BATCH, request, size=parcel.size))
        wanted = {blob.digest for blob in parcel.blobs}
        items = [item for item in answer.responses if item.digest.hash in wanted]
        faults.extend(
            self._channel.refusal(_READ_BATCH, item.status.code, item.status.message)
            for item in items
            if item.status.code not in {_OK, _NOT_FOUND}
        )
        return {item.digest.hash: item.data for item in items if item.status.code == _OK}

    def _write(self, parcel: Parcel, data: Mapping[str, bytes]) -> Mapping[str, bytes]:
        if parcel.streamed:
            (blob,) = parcel.blobs
            self._upload(blob, data[blob.digest])
            return {}
        updates = (
            message("UpdateBlob")(digest=action_result.digest_of(blob), data=data[blob.digest])
            for blob in parcel.blobs
        )
        request = self._request("BatchUpdateBlobsRequest", requests=updates)
        answer = self._done(self._channel.ask(_UPDATE_BATCH, request, size=parcel.size))
        said = {item.digest.hash: item.status for item in answer.responses}
        for blob in parcel.blobs:
            if blob.digest not in said:
                raise self._channel.fault("failed", "it doesn't say what became of some blobs")
            if said[blob.digest].code != _OK:
                raise self._channel.refusal(_UPDATE_BATCH, said[blob.digest].code, said[blob.digest].message)
        return {}

    def _download(self, blob: Blob) -> bytes | None:
        """A blob's bytes as they come, or None; of a stream that goes on past the blob's end, one byte too many."""
        request = message("ReadRequest")(resource_name=self._resource("blobs", blob))
        data = bytearray()
        came = blob.size == 0
        for answer in self._channel.receive(_READ, request, size=blob.size):
            came = True
            data += answer.data
            if len(data) > blob.size:
                break
        return bytes(data[: blob.size + 1]) if came else None

    def _upload(self, blob: Blob, data: bytes) -> None:
        """Sends a blob's bytes; a server that has them already may say so before it has seen them all."""
        name = self._resource(f"uploads/{uuid4()}/blobs", blob)
        answer = self._done(self._channel.send(_WRITE, _chunks(name, data), size=blob.size))
        if answer.committed_size != blob.size:
            raise self._channel.fault("failed", f"it kept {answer.committed_size} bytes of {blob.size}")

    def _resource(self, kind: str, blob: Blob) -> str:
        parts = (self._instance, kind, blob.digest, str(blob.size))
        return "/".join(part for part in parts if part)

    def _request(self, name: str, **fields: object) -> Any:
        return message(name)(instance_name=self._instance, **fields)

    def _done(self, answer: Any) -> Any:
        """The answer of a method that has no business to say that there is no such thing."""
        if answer is None:
            raise self._channel.fault("failed", "NOT_FOUND, perhaps for the instance's name in the URL")
        return answer

    def _allowed_s(self, parcel: Parcel) -> float:
        return allowed_s(self._connection, parcel.size)


def _action(key: str) -> Any:
    return message("Digest")(hash=key, size_bytes=_ACTION_BYTES)


def _packed(given: Mapping[str, int], batch_bytes: int) -> list[Parcel]:
    """Digests with sizes, in parcels: streams first, since they take longest, then batches that fit in a message."""
    room = batch_bytes - batch_bytes // 64
    streams: list[Parcel] = []
    batches: list[list[Blob]] = [[]]
    filled = 0
    for name, size in given.items():
        taken = size + _ITEM_BYTES
        if taken > room:
            streams.append(Parcel((Blob(name, size),), streamed=True))
            continue
        if filled + taken > room:
            batches.append([])
            filled = 0
        batches[-1].append(Blob(name, size))
        filled += taken
    return streams + [Parcel(tuple(batch)) for batch in batches if batch]


def _chunks(name: str, data: bytes) -> Iterator[Any]:
    """A blob as write requests; an empty one is one request, too."""
    for start in range(0, max(len(data), 1), _CHUNK_BYTES):
        part = data[start : start + _CHUNK_BYTES]
        last = start + len(part) == len(data)
        yield message("WriteRequest")(resource_name=name, write_offset=start, finish_write=last, data=part)


def _credentials(found: address.Address, connection: Connection) -> Header | None:
    bearer = address.token(connection)
    name = found.options.get("header")
    if name is None:
        value = authorization(found, bearer)
        return ("authorization", value) if value else None
    if not _HEADER.fullmatch(name):
        raise CacheAddressInvalid(found.place, "its option 'header' isn't a name that a token can be sent under")
    return (name, bearer) if bearer else None
