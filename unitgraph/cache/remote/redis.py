"""A shared cache in Redis: unitgraph:ac:<key> and unitgraph:cas:<digest>. Knows redis-py, which speaks for it.

redis://user:password@host:port/database?ttl_days=30, rediss:// for TLS. What lives for days lives on as long as entries
that name it are written; without a time to live, Redis itself must be told to evict (maxmemory-policy allkeys-lru).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from unitgraph.cache.remote import bounds
from unitgraph.cache.remote.address import Address, parse, token
from unitgraph.cache.remote.base import Backend, BackendError, Connection, Trouble
from unitgraph.cache.remote.late import Late
from unitgraph.cache.remote.pool import Pool
from unitgraph.cache.store import Blob
from unitgraph.errors.cache import CacheAddressInvalid

if TYPE_CHECKING:
    import redis

_DAY_S: Final = 86_400
_LONGEST_DAYS: Final = 3650
_PORT: Final = 6379
_LARGEST_VALUE: Final = 512 << 20       # Redis's own limit
_CHUNK_BYTES: Final = 8 << 20           # one round trip carries as much, and as many names as follow
_CHUNK_NAMES: Final = 256
_SHOWN: Final = 200                     # characters of what a server says
_TROUBLES: Final[Mapping[str, Trouble]] = {
    "AuthenticationError": "denied",
    "AuthenticationWrongNumberOfArgsError": "denied",
    "AuthorizationError": "denied",
    "NoPermissionError": "denied",
    "ReadOnlyError": "denied",
    "OutOfMemoryError": "full",
    "TimeoutError": "timeout",
    "InvalidResponse": "garbled",
}
"""redis-py's classes by name; a name stands for its subclasses, too."""

Value = TypeVar("Value")
Command = tuple[str | int | bytes, ...]


def connect(connection: Connection) -> Backend:
    """The place at a redis or rediss URL. Nothing is sent before something is asked for."""
    address = parse(connection.url, options=("ttl_days",))
    database = address.path.strip("/") or "0"
    if not (database.isdecimal() and len(database) < 6):
        raise CacheAddressInvalid(address.place, "behind the host stands the number of a database, and nothing else")
    return Redis(address, connection, database=int(database), ttl_s=_ttl_s(address))


class Redis:
    """One database of one server. ``ttl_s`` is how long something is held, None for as long as there is room."""

    def __init__(self, address: Address, connection: Connection, *, database: int, ttl_s: int | None) -> None:
        self.place = address.place
        self._connection = connection
        self._ttl_s = ttl_s
        self._pool = Pool(self.place, connection.parallel)
        secret = token(connection) or address.password
        settings = {
            "host": address.host, "port": address.port or _PORT, "db": database, "username": address.user,
            "password": secret, "ssl": address.scheme == "rediss",
        }  # fmt: skip
        # redis-py's time-out is for whatever one call of the socket carries; the pool's is for the request.
        self._quick = Late(lambda: _client(settings, connection, connection.request_s))
        self._patient = Late(lambda: _client(settings, connection, bounds.allowed_s(connection, _LARGEST_VALUE)))

    def entries(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        found = self._get("ac", dict.fromkeys(bounds.names(keys), bounds.ENTRY_BYTES), carried=0)
        return {key: entry for key, entry in found.items() if len(entry) <= bounds.ENTRY_BYTES}

    def put_entry(self, key: str, entry: bytes, blobs: Sequence[Blob]) -> None:
        self._check_size(entry)
        (name,) = bounds.names([key])
        named = bounds.sizes(blobs)
        commands = [self._set("ac", name, entry)]
        if self._ttl_s is not None:
            commands += [("EXPIRE", _name("cas", digest), self._ttl_s) for digest in named]
        self._each([Chunk((name, *named), tuple(commands), len(entry))], lambda _names, _replies: {})

    def missing(self, blobs: Sequence[Blob]) -> frozenset[str]:
        wanted = bounds.sizes(blobs)
        asked = {digest: ("STRLEN" if size else "EXISTS", _name("cas", digest)) for digest, size in wanted.items()}

        def take(digests: Sequence[str], replies: Sequence[Any]) -> dict[str, bool]:
            """One that was cut off is to be put again."""
            held = zip(digests, replies, strict=True)
            return {digest: True for digest, found in held if found != (wanted[digest] or 1)}

        return frozenset(self._each(_chunks(asked, dict.fromkeys(asked, 0)), take))

    def blobs(self, blobs: Sequence[Blob]) -> Mapping[str, bytes]:
        return self._get("cas", bounds.sizes(blobs))

    def put_blobs(self, blobs: Mapping[str, bytes]) -> None:
        for data in blobs.values():
            self._check_size(data)
        given = {digest: blobs[digest] for digest in bounds.names(blobs)}
        asked = {digest: self._set("cas", digest, data) for digest, data in given.items()}
        chunks = _chunks(asked, {digest: len(data) for digest, data in given.items()})
        self._each(chunks, lambda _names, _replies: {})

    def close(self) -> None:
        self._pool.close()
        for late in (self._quick, self._patient):
            late.end(lambda client: client.close())

    def _get(self, kind: str, wanted: Mapping[str, int], carried: int | None = None) -> dict[str, bytes]:
        """What is there, and of what is longer than it should be one byte more than that: no digest will fit.

        Redis gives nothing for a range of nothing, so of what should be empty it is asked whether it is there.
        """
        asked: dict[str, Command] = {
            name: ("GETRANGE", _name(kind, name), 0, size) if size else ("EXISTS", _name(kind, name))
            for name, size in wanted.items()
        }

        def take(names: Sequence[str], replies: Sequence[Any]) -> dict[str, bytes]:
            found = zip(names, replies, strict=True)
            return {name: data if wanted[name] else b"" for name, data in found if data}

        return self._each(_chunks(asked, wanted if carried is None else dict.fromkeys(wanted, carried)), take)

    def _set(self, kind: str, name: str, data: bytes) -> Command:
        command: Command = ("SET", _name(kind, name), data)
        return command if self._ttl_s is None else (*command, "EX", self._ttl_s)

    def _check_size(self, data: bytes) -> None:
        if len(data) > _LARGEST_VALUE:
            raise bounds.fault(self.place, "full", f"{len(data)} bytes are more than the 512 MB of a value in Redis")

    def _each(
        self, chunks: Iterable["Chunk"], take: Callable[[Sequence[str], Sequence[Any]], Mapping[str, Value]]
    ) -> dict[str, Value]:
        def ask(chunk: Chunk) -> Mapping[str, Value]:
            import redis  # noqa: PLC0415 - see _client

            client = (self._quick if chunk.size <= _CHUNK_BYTES else self._patient)()
            try:
                with client.pipeline(transaction=False) as pipeline:
                    for command in chunk.commands:
                        pipeline.execute_command(*command)  # type: ignore[no-untyped-call]
                    replies = pipeline.execute(raise_on_error=False)    # raised, they come with the command's bytes
            except redis.RedisError as error:
                raise self._fault(error) from error
            refused = next((reply for reply in replies if isinstance(reply, redis.RedisError)), None)
            if refused is not None:
                raise self._fault(refused) from refused
            return take(chunk.names, replies)

        return self._pool.each(ask, chunks, allowed_s=lambda chunk: bounds.allowed_s(self._connection, chunk.size))

    def _fault(self, error: "redis.RedisError") -> BackendError:
        kinds = {kind.__name__ for kind in type(error).__mro__}
        trouble: Trouble = next((trouble for name, trouble in _TROUBLES.items() if name in kinds), "failed")
        if trouble == "failed" and "ResponseError" in kinds:
            return bounds.fault(self.place, trouble, " ".join(str(error).split())[:_SHOWN])
        if type(error).__name__ == "ConnectionError":
            if "connecting to" in str(error):
                return bounds.fault(self.place, "unreachable")
            return bounds.fault(self.place, "failed", "the connection was cut")
        return bounds.fault(self.place, trouble)


@dataclass(frozen=True, slots=True)
class Chunk:
    """What goes in one round trip: a command for each name, and how many bytes of content that moves."""

    names: tuple[str, ...]
    commands: tuple[Command, ...]
    size: int


def _chunks(asked: Mapping[str, Command], sizes: Mapping[str, int]) -> list[Chunk]:
    chunks: list[Chunk] = []
    names: list[str] = []
    size = 0
    for name in asked:
        if names and (len(names) == _CHUNK_NAMES or size + sizes[name] > _CHUNK_BYTES):
            chunks.append(Chunk(tuple(names), tuple(asked[each] for each in names), size))
            names, size = [], 0
        names.append(name)
        size += sizes[name]
    return [*chunks, Chunk(tuple(names), tuple(asked[each] for each in names), size)] if names else chunks


def _name(kind: str, name: str) -> str:
    return f"unitgraph:{kind}:{name}"


def _ttl_s(address: Address) -> int | None:
    given = address.options.get("ttl_days")
    if given is None:
        return None
    if not (given.isdecimal() and 0 < int(given[:6]) <= _LONGEST_DAYS):
        raise CacheAddressInvalid(address.place, f"ttl_days is a number of whole days, up to {_LONGEST_DAYS}")
    return int(given[:6]) * _DAY_S


def _client(settings: Mapping[str, Any], connection: Connection, timeout_s: float) -> "redis.Redis":
    """A client with as many connections as requests. What a kept connection that was closed cost is sent again."""
    import redis  # noqa: PLC0415 - takes 100 ms
    from redis.backoff import NoBackoff  # noqa: PLC0415 - as above
    from redis.retry import Retry  # noqa: PLC0415 - as above

    return redis.Redis(
        **settings, protocol=2, max_connections=connection.parallel + 1,
        socket_connect_timeout=connection.connect_s, socket_timeout=timeout_s,
        retry=Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)),
    )  # fmt: skip
