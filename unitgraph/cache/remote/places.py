"""The kinds of places that a shared cache can be in: which scheme is whose. Loads none that isn't asked for."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Final, cast

from unitgraph.cache.remote import address
from unitgraph.cache.remote.base import Backend, Connection
from unitgraph.errors.cache import CacheAddressInvalid, CacheLibraryMissing, UnknownCacheScheme


@dataclass(frozen=True, slots=True)
class Kind:
    """A module of this package with ``connect``; ``library`` is what it imports, and comes with the extra ``extra``."""

    module: str
    library: str | None = None
    extra: str = ""


_HTTP: Final = Kind("http")
_REAPI: Final = Kind("reapi", library="grpc", extra="grpc")
_REDIS: Final = Kind("redis", library="redis", extra="redis")
_FOLDER: Final = Kind("folder")

KINDS: Final[Mapping[str, Kind]] = {
    "http": _HTTP,
    "https": _HTTP,
    "grpc": _REAPI,
    "grpcs": _REAPI,
    "s3": Kind("s3", library="obstore", extra="s3"),
    "redis": _REDIS,
    "rediss": _REDIS,
    "file": _FOLDER,
}


def connect(connection: Connection) -> Backend:
    """The place at the connection's URL. Nothing is sent yet: whether it is there is seen when it is used.

    An address that can't be used is a UnitgraphError.
    """
    scheme, kind = _kind(connection.url)
    if kind.library and find_spec(kind.library) is None:
        raise CacheLibraryMissing(scheme, library=kind.library, extra=kind.extra)
    module = import_module(f"{__package__}.{kind.module}")
    return cast("Backend", module.connect(connection))


def _kind(url: str) -> tuple[str, Kind]:
    found = address.SCHEME.match(url)
    if found is None:
        if not url.startswith("/"):
            raise CacheAddressInvalid(address.shown(url), "it is neither an absolute path nor does it name a scheme")
        return "file", _FOLDER
    scheme = found[1].lower()
    if scheme not in KINDS:
        raise UnknownCacheScheme(scheme, known=KINDS)
    return scheme, KINDS[scheme]
