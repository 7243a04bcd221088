"""A shared cache on a server that speaks Bazel's HTTP caching protocol: GET, PUT and HEAD of ac/<key>, cas/<digest>.

Knows what the requests mean; ``exchange`` makes them.
"""

import base64
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from unitgraph.cache.remote import action_result, bounds
from unitgraph.cache.remote.address import Address, parse, token
from unitgraph.cache.remote.base import Backend, Connection
from unitgraph.cache.remote.late import Late
from unitgraph.cache.remote.pool import Pool
from unitgraph.cache.store import Blob

if TYPE_CHECKING:
    from unitgraph.cache.remote.exchange import Exchange

_HELD: Final = 200


def connect(connection: Connection) -> Backend:
    """The place at an http or https URL. Nothing is sent before something is asked for."""
    address = parse(connection.url)
    return Http(address, connection, authorization(address, token(connection)))


def authorization(address: Address, bearer: str | None) -> str | None:
    """The value of that header: a token goes before the user of the URL."""
    if bearer:
        return f"Bearer {bearer}"
    if address.user is None and address.password is None:
        return None
    pair = f"{address.user or ''}:{address.password or ''}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


class Http:
    """One server. ``credentials`` are the value of the header Authorization."""

    def __init__(self, address: Address, connection: Connection, credentials: str | None) -> None:
        self.place = address.place
        self._connection = connection
        self._pool = Pool(self.place, connection.parallel)
        self._exchange = Late(lambda: _exchange(address, connection, credentials))

    def entries(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        held = self._pool.each(
            lambda key: self._get(f"ac/{key}", key, bounds.ENTRY_BYTES), bounds.names(keys),
            allowed_s=lambda _: bounds.allowed_s(self._connection, bounds.ENTRY_BYTES),
        )  # fmt: skip
        entries: dict[str, bytes] = {}
        moved: dict[str, Blob] = {}
        for key, data in held.items():
            try:
                found = action_result.read(data)
            except ValueError:      # one that can't be read is built again, and replaced
                continue
            if isinstance(found, bytes):
                entries[key] = found
            elif found.size <= bounds.ENTRY_BYTES:
                moved[key] = found
        if moved:
            contents = self.blobs(list(moved.values()))
            entries.update((key, contents[blob.digest]) for key, blob in moved.items() if blob.digest in contents)
        if held and not entries and not moved:
            raise bounds.fault(self.place, "garbled", "nothing that it has for these keys is an action result of ours")
        return entries

    def put_entry(self, key: str, entry: bytes, blobs: Sequence[Blob]) -> None:
        bounds.sizes(blobs)
        self._put("ac", {bounds.names([key])[0]: action_result.encode(entry, blobs)})

    def missing(self, blobs: Sequence[Blob]) -> frozenset[str]:
        wanted = bounds.sizes(blobs)

        def look(digest: str) -> dict[str, bool]:
            answer = self._exchange().ask("HEAD", f"cas/{digest}")
            whole = answer.length in {None, wanted[digest]}     # one that was cut off is to be put again
            return {} if answer.status == _HELD and whole else {digest: True}

        return frozenset(self._pool.each(look, wanted, allowed_s=lambda _: self._connection.request_s))

    def blobs(self, blobs: Sequence[Blob]) -> Mapping[str, bytes]:
        wanted = bounds.sizes(blobs)
        return self._pool.each(
            lambda digest: self._get(f"cas/{digest}", digest, wanted[digest]), wanted,
            allowed_s=lambda digest: bounds.allowed_s(self._connection, wanted[digest]),
        )  # fmt: skip

    def put_blobs(self, blobs: Mapping[str, bytes]) -> None:
        self._put("cas", {digest: blobs[digest] for digest in bounds.names(blobs)})

    def close(self) -> None:
        self._pool.close()
        self._exchange.end(lambda exchange: exchange.close())

    def _get(self, path: str, name: str, longest: int) -> dict[str, bytes]:
        """What is there, and of what is longer than it should be one byte more than that: no digest will fit."""
        answer = self._exchange().ask("GET", path, longest=longest)
        return {name: answer.body} if answer.status == _HELD else {}

    def _put(self, kind: str, contents: Mapping[str, bytes]) -> None:
        def put(name: str) -> dict[str, bytes]:
            self._exchange().ask("PUT", f"{kind}/{name}", content=contents[name])
            return {}

        self._pool.each(put, contents, allowed_s=lambda name: bounds.allowed_s(self._connection, len(contents[name])))


def _exchange(address: Address, connection: Connection, credentials: str | None) -> "Exchange":
    from unitgraph.cache.remote.exchange import Exchange  # noqa: PLC0415 - urllib3 takes 60 ms

    return Exchange(address, connection, credentials)
