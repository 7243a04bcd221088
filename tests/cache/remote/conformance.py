"""The places that every backend's tests run against: one line a place. What is asked of them is in test_conformance."""

import hashlib
import itertools
import os
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from tests.cache.remote import casd, servers
from tests.cache.remote.servers import Server
from unitgraph.cache.remote import places
from unitgraph.cache.remote.base import Backend, Connection
from unitgraph.cache.store import Blob


@dataclass(frozen=True)
class Place:
    """``running`` starts a server in a folder of its own; ``proxied``: it is reached over TCP, so a proxy can stand
    before it. A ``forgetful`` server drops an entry that somebody reads while somebody else writes it."""

    running: Callable[[Path], AbstractContextManager[Server]]
    proxied: bool = True
    speaks_http: bool = False
    forgetful: bool = False


PLACES: Final[Mapping[str, Place]] = {
    "folder": Place(servers.folder, proxied=False),
    "http": Place(servers.nginx, speaks_http=True),
    "reapi": Place(casd.place, forgetful=True),
    "redis": Place(servers.redis),
    "s3": Place(servers.s3, speaks_http=True),
    "s3-signed": Place(partial(servers.s3, strict=True), speaks_http=True),
}

_SALT = os.urandom(8)
_COUNTER = itertools.count()


def content(size: int = 100) -> bytes:
    """Bytes that no other call gives: servers are shared by tests."""
    seed = hashlib.sha256(_SALT + str(next(_COUNTER)).encode()).digest()
    return hashlib.shake_256(seed).digest(size)


def name_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def key() -> str:
    return name_of(content())


def named(*contents: bytes) -> dict[str, bytes]:
    return {name_of(data): data for data in contents}


def blobs(contents: Mapping[str, bytes]) -> list[Blob]:
    return [Blob(name, len(data)) for name, data in contents.items()]


def connect(connection: Connection) -> Backend:
    return places.connect(connection)
