"""One HTTP request and its answer, bounded in time, size and redirects. Knows urllib3 and nothing of caches.

The server isn't believed: an answer is read no further than it may be long, and is taken as it comes, since what is
compressed may become any size. What a library says of a fault is not passed on, as it may hold credentials.
"""

import http.client
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, unquote, urljoin, urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
from urllib3 import exceptions

from unitgraph import __version__
from unitgraph.cache.remote import bounds
from unitgraph.cache.remote.address import Address
from unitgraph.cache.remote.base import BackendError, Connection, Trouble

_HELD: Final = 200
_ABSENT: Final = frozenset({404, 410})
_MOVED: Final = frozenset({301, 302, 307, 308})
_REDIRECTS: Final = 3
_TROUBLES: Final[Mapping[int, Trouble]] = {401: "denied", 403: "denied", 407: "denied", 413: "full", 507: "full"}
_CUT: Final = (http.client.RemoteDisconnected, http.client.IncompleteRead)
_PIECE_BYTES: Final = 256 * 1024
_REMARK_BYTES: Final = 64 * 1024
"""How much of an error's page is read, so that the connection can be used again."""


@dataclass(frozen=True, slots=True)
class Answer:
    """``body`` is cut off behind the byte that is one too many; ``length`` is what the server says it is."""

    status: int
    body: bytes
    length: int | None


class Exchange:
    """The connections to one server, below one path. ``credentials`` are the value of the header Authorization."""

    def __init__(self, address: Address, connection: Connection, credentials: str | None) -> None:
        self._place = address.place
        self._base = f"{address.scheme}://{address.netloc}{quote(address.path.rstrip('/'))}"
        self._connection = connection
        self._headers = {"User-Agent": f"unitgraph/{__version__}", "Accept-Encoding": "identity"}
        self._credentials = {"Authorization": credentials} if credentials else {}
        try:
            self._manager = _manager(self._base, connection.parallel)
        except ValueError:
            said = "what the environment names as the proxy on the way isn't the address of an HTTP proxy"
            raise bounds.fault(self._place, "unreachable", said) from None

    def ask(self, method: str, path: str, *, longest: int = 0, content: bytes | None = None) -> Answer:
        """The answer, for GET and HEAD 404, too. All other statuses but success, and all faults, are a BackendError."""
        url = f"{self._base}/{path}"
        try:
            for _ in range(_REDIRECTS + 1):
                response = self._send(method, url, content)
                if response.status not in _MOVED:
                    return self._answer(method, response, longest)
                url = self._target(url, response)
        except exceptions.HTTPError as error:
            raise self._fault(error) from error
        raise bounds.fault(self._place, "failed", "it redirects in circles")

    def close(self) -> None:
        """Closes the connections that aren't in use."""
        self._manager.clear()

    def _send(self, method: str, url: str, content: bytes | None) -> urllib3.BaseHTTPResponse:
        """The answer's head. A kept connection may be closed just as it is used again: that is no fault, once."""
        try:
            return self._send_once(method, url, content)
        except exceptions.ProtocolError as error:
            if not isinstance(error.args[-1], ConnectionResetError | BrokenPipeError):
                raise
            return self._send_once(method, url, content)

    def _send_once(self, method: str, url: str, content: bytes | None) -> urllib3.BaseHTTPResponse:
        headers = dict(self._headers)
        if _origin(url) == _origin(self._base):
            headers |= self._credentials
        if content is not None:
            headers["Content-Length"] = str(len(content))
        return self._manager.urlopen(
            method, url, headers=headers, body=None if content is None else self._pieces(content), retries=False,
            redirect=False, preload_content=False, decode_content=False,
            timeout=urllib3.Timeout(connect=self._connection.connect_s, read=self._connection.request_s),
        )  # fmt: skip

    def _pieces(self, content: bytes) -> Iterator[bytes]:
        """The time-out of a socket is for all that one call sends, so a whole blob at once would have to be quick."""
        start = time.monotonic()
        for at in range(0, len(content), _PIECE_BYTES):
            self._check_pace(start, at)
            yield content[at : at + _PIECE_BYTES]

    def _answer(self, method: str, response: urllib3.BaseHTTPResponse, longest: int) -> Answer:
        success = response.status == _HELD or (method == "PUT" and _HELD < response.status < _HELD + 100)
        try:        # to its end, also where there is no body: only then does the connection serve again
            body = self._read(response, longest if success and method == "GET" else _REMARK_BYTES)
        except BackendError:
            response.close()
            raise
        response.release_conn()
        if not success and not (response.status in _ABSENT and method != "PUT"):
            trouble = _TROUBLES.get(response.status, "failed")
            raise bounds.fault(self._place, trouble, f"status {response.status} for a {method}")
        if success and method == "GET" and response.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise bounds.fault(self._place, "garbled", "it compresses what was asked for as it is")
        length = response.headers.get("Content-Length", "")
        return Answer(response.status, body, int(length) if length.isdecimal() and len(length) < 19 else None)

    def _read(self, response: urllib3.BaseHTTPResponse, longest: int) -> bytes:
        start = time.monotonic()
        parts: list[bytes] = []
        size = 0
        while size <= longest:
            piece = response.read1(min(_PIECE_BYTES, longest + 1 - size), decode_content=False)
            if not piece:
                return b"".join(parts)
            parts.append(piece)
            size += len(piece)
            self._check_pace(start, size)
        response.close()
        return b"".join(parts)

    def _check_pace(self, start: float, size: int) -> None:
        if time.monotonic() - start > bounds.allowed_s(self._connection, size):
            raise bounds.fault(self._place, "timeout")

    def _target(self, url: str, response: urllib3.BaseHTTPResponse) -> str:
        """Where a redirect leads; its page isn't read, so the connection goes with it."""
        response.close()
        response.release_conn()
        allowed = {"https"} if urlsplit(url).scheme == "https" else {"http", "https"}
        try:
            target = urljoin(url, response.headers.get("Location", ""))
            scheme, host, _ = _origin(target)
        except ValueError:
            raise bounds.fault(self._place, "garbled", "it redirects to no address") from None
        if scheme not in allowed or not host:
            raise bounds.fault(self._place, "failed", "it redirects to an address that is less safe than its own")
        return target

    def _fault(self, error: exceptions.HTTPError) -> BackendError:
        """What urllib3 met, as this project says it."""
        cause = error.args[-1] if error.args else None
        if isinstance(error, exceptions.NewConnectionError):    # which is one of its time-outs, too
            return bounds.fault(self._place, "unreachable")
        if isinstance(error, exceptions.TimeoutError) or isinstance(cause, TimeoutError):
            return bounds.fault(self._place, "timeout")
        if isinstance(error, exceptions.ProxyError):
            return bounds.fault(self._place, "unreachable", "the proxy on the way to it failed")
        if isinstance(error, exceptions.SSLError):
            trust = "CERTIFICATE_VERIFY_FAILED" in str(error)
            return bounds.fault(self._place, "unreachable", "its certificate isn't trusted here" if trust else "no TLS")
        if isinstance(cause, http.client.HTTPException) and not isinstance(cause, _CUT):
            return bounds.fault(self._place, "garbled", "not HTTP")
        if isinstance(error, exceptions.ProtocolError):
            return bounds.fault(self._place, "failed", "the connection was cut")
        return bounds.fault(self._place, "garbled")


def _manager(url: str, parallel: int) -> urllib3.PoolManager:
    """Connections as the environment wants them: by its proxy, unless the server is on this machine."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    proxy = getproxies().get(parts.scheme)
    if proxy is None or proxy_bypass(parts.netloc) or host == "localhost" or host.startswith("127.") or host == "::1":
        return urllib3.PoolManager(num_pools=4, maxsize=parallel)
    through = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    pair = f"{unquote(through.username or '')}:{unquote(through.password or '')}"
    return urllib3.ProxyManager(
        through._replace(netloc=through.netloc.rpartition("@")[2]).geturl(), num_pools=4, maxsize=parallel,
        proxy_headers=urllib3.make_headers(proxy_basic_auth=pair) if through.username else None,
    )  # fmt: skip


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)
