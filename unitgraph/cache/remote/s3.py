"""A shared cache in a bucket of S3 or of what is compatible: ac/<key> and cas/<digest> below a prefix. Knows obstore.

s3://bucket/prefix?endpoint=http://host:port&region=…&anonymous=true. The access key is that of the token or the URL, as
KEY:SECRET; else the library finds one as it does everywhere: environment, web identity, container, instance.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar

from unitgraph import __version__
from unitgraph.cache.remote import bounds
from unitgraph.cache.remote.address import Address, parse, token
from unitgraph.cache.remote.base import Backend, BackendError, Connection, Trouble
from unitgraph.cache.remote.late import Late
from unitgraph.cache.remote.pool import Pool
from unitgraph.cache.store import Blob
from unitgraph.errors.cache import CacheAddressInvalid

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig, S3Store

_OPTIONS: Final = ("endpoint", "region", "anonymous")
_SHAPES: Final[Mapping[str, re.Pattern[str]]] = {
    "bucket": re.compile(r"[a-z0-9][a-z0-9._-]{1,253}[a-z0-9]"),
    "prefix": re.compile(r"((?!\.{1,2}(/|$))[A-Za-z0-9!_.*'()-]+(/(?!$)|$))*"),
    "region": re.compile(r"[a-z0-9-]{1,40}"),
    "endpoint": re.compile(r"https?://([A-Za-z0-9.-]+|\[[0-9a-f:]+\])(:[0-9]{1,5})?(/[A-Za-z0-9._/-]*)?"),
    "anonymous": re.compile(r"true|false"),
}
"""What doesn't fit makes the library panic, or ask for something else than what is meant."""

_STATUS: Final = re.compile(r"Server returned non-2xx status code: (\d{3})")
_STATUSES: Final[Mapping[str, Trouble]] = {"401": "denied", "403": "denied", "413": "full", "507": "full"}
_FAULT: Final = re.compile(r"HttpError \{\s*kind: (\w+)")
_FAULTS: Final[Mapping[str, Trouble]] = {
    "Connect": "unreachable",
    "Timeout": "timeout",
    "Request": "failed",
    "Interrupted": "failed",
}
_REMARKS: Final[Mapping[str, str]] = {
    "403": "status 403; S3 says so of what is absent, too, where s3:ListBucket isn't allowed",
    "NoSuchBucket": "there is no such bucket",
}
_OTHER_REGION: Final = "Received redirect without LOCATION"
_RETRIES: Final = 2
_PIECE_BYTES: Final = 1 << 20

Value = TypeVar("Value")


def connect(connection: Connection) -> Backend:
    """The place at an s3 URL. Nothing is sent before something is asked for."""
    address = parse(connection.url, options=_OPTIONS)
    parts = {"bucket": address.host, "prefix": address.path.strip("/"), **address.options}
    for name, given in parts.items():
        if not _SHAPES[name].fullmatch(given):
            raise CacheAddressInvalid(address.place, f"its {name} isn't one that S3 knows")
    if address.port is not None:
        raise CacheAddressInvalid(address.place, "a bucket has no port; a server is named as ?endpoint=http://host:port")
    return S3(address, connection, {**_settings(parts), **_credentials(address, token(connection))})


class S3:
    """One bucket. ``settings`` are those of the library's store."""

    def __init__(self, address: Address, connection: Connection, settings: Mapping[str, Any]) -> None:
        endpoint = address.options.get("endpoint")
        self.place = f"{address.place} at {endpoint}" if endpoint else address.place
        self._bucket = address.host
        self._prefix = address.path.strip("/") or None
        self._connection = connection
        self._settings = settings
        self._pool = Pool(self.place, connection.parallel)
        self._stores: dict[tuple[bool, int], Late[S3Store]] = {}
        self._conditional = True

    def entries(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        wanted = dict.fromkeys(bounds.names(keys), bounds.ENTRY_BYTES)
        found = self._each(lambda key: self._get("ac", key, wanted[key]), wanted)
        return {key: entry for key, entry in found.items() if len(entry) <= bounds.ENTRY_BYTES}

    def put_entry(self, key: str, entry: bytes, blobs: Sequence[Blob]) -> None:
        bounds.sizes(blobs)
        self._each(lambda name: self._put(f"ac/{name}", entry), dict.fromkeys(bounds.names([key]), len(entry)))

    def missing(self, blobs: Sequence[Blob]) -> frozenset[str]:
        wanted = bounds.sizes(blobs)

        def look(digest: str) -> dict[str, bool]:
            held = self._head(f"cas/{digest}")
            return {} if held is not None and held["size"] == wanted[digest] else {digest: True}

        return frozenset(self._each(look, dict.fromkeys(wanted, 0)))

    def blobs(self, blobs: Sequence[Blob]) -> Mapping[str, bytes]:
        wanted = bounds.sizes(blobs)
        return self._each(lambda digest: self._get("cas", digest, wanted[digest]), wanted)

    def put_blobs(self, blobs: Mapping[str, bytes]) -> None:
        wanted = {digest: len(blobs[digest]) for digest in bounds.names(blobs)}
        self._each(lambda digest: self._put_new(f"cas/{digest}", blobs[digest]), wanted)

    def close(self) -> None:
        self._pool.close()

    def _each(self, do: Callable[[str], Mapping[str, Value]], wanted: Mapping[str, int]) -> dict[str, Value]:
        """``do`` for each name, which stands with the number of bytes that it moves at most."""

        def attempt(name: str) -> Mapping[str, Value]:
            try:
                return do(name)
            except BaseException as error:
                fault = self._fault(error)
                if fault is None:
                    raise
                raise fault from error

        return self._pool.each(attempt, wanted, allowed_s=lambda name: bounds.allowed_s(self._connection, wanted[name]))

    def _get(self, kind: str, name: str, longest: int) -> dict[str, bytes]:
        """What is there, and of what is longer than it should be one byte more than that: no digest will fit."""
        import obstore  # noqa: PLC0415 - see _store

        try:
            found = obstore.get(self._store(longest, reading=True), f"{kind}/{name}")
            if found.meta["size"] <= longest:
                return {name: found.bytes().to_bytes()}
            return {name: _beginning(found.stream(min_chunk_size=_PIECE_BYTES), longest + 1)}
        except FileNotFoundError as error:
            if "<Code>NoSuchBucket</Code>" in str(error):
                raise
            return {}

    def _head(self, path: str) -> Mapping[str, Any] | None:
        import obstore  # noqa: PLC0415 - see _store

        try:
            return obstore.head(self._store(0, reading=True), path)
        except FileNotFoundError:
            return None

    def _put(self, path: str, data: bytes, *, new: bool = False) -> dict[str, bytes]:
        import obstore  # noqa: PLC0415 - see _store

        store = self._store(len(data), reading=False)
        obstore.put(store, path, data, mode="create" if new else "overwrite", use_multipart=False)
        return {}

    def _put_new(self, path: str, data: bytes) -> dict[str, bytes]:
        """Puts what isn't there. What is there already and is something else is damaged, and replaced."""
        from obstore.exceptions import AlreadyExistsError, BaseError  # noqa: PLC0415 - see _store

        try:
            return self._put(path, data, new=self._conditional)
        except AlreadyExistsError:
            held = self._head(path)
            tag = held["e_tag"] if held else None
            digest = hashlib.md5(data, usedforsecurity=False).hexdigest()
            return {} if tag == f'"{digest}"' else self._put(path, data)
        except BaseError as error:
            status = _STATUS.search(str(error))
            if status is None or status[1] != "501" or not self._conditional:
                raise
            self._conditional = False       # a server that doesn't know If-None-Match
            return self._put(path, data)

    def _store(self, size: int, *, reading: bool) -> "S3Store":
        """The library bounds a request by what its store says, so there is one store for each order of magnitude."""
        step = (size >> 20).bit_length()
        late = self._stores.setdefault((reading, step), Late(lambda: self._made(1 << 20 + step, reading=reading)))
        return late()

    def _made(self, size: int, *, reading: bool) -> "S3Store":
        from obstore.store import S3Store  # noqa: PLC0415 - takes 20 ms

        request_s = self._connection.request_s
        options: ClientConfig = {
            "connect_timeout": timedelta(seconds=self._connection.connect_s),
            "timeout": timedelta(seconds=bounds.allowed_s(self._connection, size)),
            "user_agent": f"unitgraph/{__version__}",
        }
        if "endpoint" in self._settings:
            options["allow_http"] = self._settings["endpoint"].startswith("http://")
        if reading:     # of a request that sends much, the library counts the time until its answer as one read
            options["read_timeout"] = timedelta(seconds=request_s)
        retries: RetryConfig = {"max_retries": _RETRIES, "retry_timeout": timedelta(seconds=request_s / 2)}
        return S3Store(
            self._bucket, prefix=self._prefix, client_options=options, retry_config=retries, **self._settings
        )

    def _fault(self, error: BaseException) -> BackendError | None:
        """What the library met, as this project says it; its own words hold addresses, and servers' answers."""
        from obstore.exceptions import BaseError  # noqa: PLC0415 - see _store

        if type(error).__name__ == "PanicException":    # of the library's core; it is no Exception
            return bounds.fault(self.place, "garbled", "the library gave up")
        if not isinstance(error, BaseError | FileNotFoundError):
            return None
        said = str(error)
        status = _STATUS.search(said)
        if status:
            remark = _REMARKS["NoSuchBucket"] if "<Code>NoSuchBucket<" in said else _REMARKS.get(status[1])
            trouble = _STATUSES.get(status[1], "failed")
            return bounds.fault(self.place, trouble, remark or f"status {status[1]}")
        if _OTHER_REGION in said:
            return bounds.fault(self.place, "failed", "the bucket is in another region")
        kind = _FAULT.search(said)
        return bounds.fault(self.place, _FAULTS.get(kind[1], "garbled") if kind else "garbled")


def _settings(parts: Mapping[str, str]) -> dict[str, Any]:
    """What the URL says of the place, in the library's words; what it doesn't say, the library finds or assumes."""
    known = {name: parts[name] for name in ("endpoint", "region") if name in parts}
    return {**known, "skip_signature": True} if parts.get("anonymous") == "true" else known


def _credentials(address: Address, given: str | None) -> dict[str, str]:
    """KEY:SECRET or KEY:SECRET:SESSION, of the token or else of the URL."""
    pair = given.split(":") if given else [address.user, address.password]
    if pair == [None, None]:
        return {}
    if not (2 <= len(pair) <= 3 and all(pair)):
        raise CacheAddressInvalid(address.place, "its access key is to be given as KEY:SECRET or KEY:SECRET:SESSION")
    return dict(zip(("access_key_id", "secret_access_key", "session_token"), map(str, pair), strict=False))


def _beginning(pieces: Iterable[Any], size: int) -> bytes:
    """The first ``size`` bytes, and no more of the stream than they need."""
    data = b""
    for piece in pieces:
        data += bytes(piece)
        if len(data) >= size:
            break
    return data[:size]
