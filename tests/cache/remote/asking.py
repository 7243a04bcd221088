"""Backends that end with a test, and what they are asked to do."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

import pytest

from tests.cache.remote.grpc_server import Answer, Server, running
from unitgraph.cache import digest
from unitgraph.cache.remote import places
from unitgraph.cache.remote.base import Backend, BackendError, Connection
from unitgraph.cache.store import Blob


@contextmanager
def connected(url: str, **options: Any) -> Iterator[Backend]:
    with closing(places.connect(Connection(url, **options))) as backend:
        yield backend


@contextmanager
def answering(answers: dict[str, Answer], **options: Any) -> Iterator[tuple[Server, Backend]]:
    with running(answers) as server, connected(server.url, **options) as backend:
        yield server, backend


def name_of(data: bytes) -> Blob:
    return Blob(digest.sha256(data), len(data))


def by_name(contents: Sequence[bytes]) -> dict[str, bytes]:
    return {digest.sha256(data): data for data in contents}


def fault(act: Callable[[], object]) -> BackendError:
    with pytest.raises(BackendError) as caught:
        act()
    return caught.value
