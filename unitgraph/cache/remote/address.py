"""Where a place is: the parts of its URL, with credentials kept apart from what may be shown. Knows no protocol."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

from unitgraph.cache.remote.base import Connection
from unitgraph.errors.cache import CacheAddressInvalid

SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_UNSENDABLE: Final = re.compile(r"[^!-~]")       # all but the visible characters of ASCII
_UNWRITTEN: Final = "a '#', '?', '/', ':' or '@' in a user name or password must be written as %XX"
_OPTION: Final = re.compile(r"[a-z_]{1,24}")


@dataclass(frozen=True, slots=True)
class Address:
    """A URL in parts; ``host`` is without the brackets of IPv6, ``path`` and ``options`` are decoded.

    ``place`` is the URL without user, password and options: the only part that is for people's eyes.
    """

    scheme: str
    host: str
    port: int | None
    path: str
    user: str | None
    password: str | None
    options: Mapping[str, str]
    place: str

    @property
    def netloc(self) -> str:
        """Host and port as they stand in a URL."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"


def parse(url: str, *, options: Iterable[str] = ()) -> Address:
    """The parts of ``url``, whose query may hold ``options`` alone. CacheAddressInvalid says what is wrong with it."""
    known = frozenset(options)
    place = shown(url)
    if _UNSENDABLE.search(url):
        raise CacheAddressInvalid(place, "it has spaces, or characters that must be written as %XX")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise CacheAddressInvalid(place, _UNWRITTEN if "@" in url else "its host or port can't be read") from None
    if not parts.hostname:
        raise CacheAddressInvalid(place, "it names no host")
    if parts.fragment or "@" in parts.query:
        raise CacheAddressInvalid(place, _UNWRITTEN)
    given = parse_qsl(parts.query, keep_blank_values=True)
    for name, _ in given:
        if name not in known:
            named = f"the option {name!r}" if _OPTION.fullmatch(name) else "such an option"
            expected = f"known here: {', '.join(sorted(known))}" if known else "none is known here"
            raise CacheAddressInvalid(place, f"there isn't {named}; {expected}")
    if len(dict(given)) < len(given):
        raise CacheAddressInvalid(place, "an option is given twice")
    return Address(
        parts.scheme.lower(), parts.hostname, port, unquote(parts.path), _decoded(parts.username),
        _decoded(parts.password), dict(given), place,
    )  # fmt: skip


def shown(url: str) -> str:
    """``url`` without credentials and query, also where it can't be parsed: all before the last @ may be secret."""
    scheme = SCHEME.match(url)
    rest = url[scheme.end() :] if scheme else url
    bare = re.split(r"[?#]", rest.rpartition("@")[2])[0]
    return f"{scheme[1].lower()}://{bare}" if scheme else bare


def token(connection: Connection) -> str | None:
    """The connection's token, without the line end that files and secrets' pages put behind it."""
    given = (connection.token or "").strip()
    if _UNSENDABLE.search(given):
        raise CacheAddressInvalid(shown(connection.url), "its token has characters that can't be sent")
    return given or None


def _decoded(part: str | None) -> str | None:
    return unquote(part) if part else None
