"""Tokens and calls as anybody might make them who knows a secret, guesses one, or changes what another one made.

Standard library only: what the runtime takes for genuine is held against somebody else's idea of the formats.
"""

import base64
import hashlib
import hmac
import json
import os
import time
from collections.abc import Callable, Mapping
from typing import Any

from tests.conformance.places import SECRETS
from unitgraph.units.names import kebab

HASHES = {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512"}
JWT = SECRETS["JWT_SECRET"]

DAY_S = 24 * 3600
"""Longer than any run of these tests: what is asked with a token may be asked long after it was made."""


def encoded(data: bytes | Mapping[str, Any]) -> str:
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def jwt(claims: Mapping[str, Any] | None = None, *, secret: str = JWT, **header: Any) -> str:
    """A token for Ada, for five minutes, but for what is said otherwise."""
    all_claims = {"sub": "ada", "iss": "conformance", "exp": int(time.time()) + DAY_S, **(claims or {})}
    head = {"alg": "HS256", **header}
    signed = f"{encoded(head)}.{encoded({key: value for key, value in all_claims.items() if value is not None})}"
    hashed = HASHES.get(head["alg"], "sha256")
    return f"{signed}.{encoded(hmac.digest(secret.encode(), signed.encode(), hashed))}"


def sealed(purpose: str, value: Mapping[str, Any], secret: str) -> str:
    """A payload with its signature, as cookies and calls between units have it."""
    payload = encoded(value)
    return f"{payload}.{encoded(hmac.digest(secret.encode(), f'{purpose}.{payload}'.encode(), hashlib.sha256))}"


def cookie(session: Mapping[str, Any] | None = None, *, secret: str = SECRETS["SESSION_SECRET"], **more: Any) -> str:
    now = time.time()
    stored = {"session": session or {"userId": "ada"}, "expires": now + DAY_S, "since": now, **more}
    return sealed(str(stored.pop("purpose", "unitgraph-session-1")), stored, secret)


def _changed(token: str) -> str:
    head, _, signature = token.split(".")
    return f"{head}.{encoded({'sub': 'mel', 'iss': 'conformance', 'role': 'staff'})}.{signature}"


def _unsigned(alg: str) -> str:
    return f"{encoded({'alg': alg})}.{encoded({'sub': 'ada', 'iss': 'conformance'})}."


def _expired() -> float:
    return time.time() - 60


HOOK = b'{"type":"order.paid"}'
"""The body that webhooks of these tests have."""

STARTED = str(int(time.time()))


def _hook(content: bytes, key: bytes) -> bytes:
    return hmac.digest(key, content, hashlib.sha256)


def _standard(secret: str = SECRETS["HOOK_SECRET"]) -> str:
    key = base64.b64decode(secret.removeprefix("whsec_"))
    return f"v1,{base64.b64encode(_hook(b'msg_1.' + STARTED.encode() + b'.' + HOOK, key)).decode()}"


def _hub() -> str:
    return f"sha256={_hook(HOOK, SECRETS['HUB_SECRET'].encode()).hex()}"


def _stripe(at: int) -> str:
    return f"t={at},v1={_hook(f'{at}.'.encode() + HOOK, SECRETS['HUB_SECRET'].encode()).hex()}"


TOKENS: Mapping[str, Callable[[], str]] = {
    "hook time": lambda: STARTED,
    "hook": _standard,
    "hook other secret": lambda: _standard("whsec_AAAA"),
    "hub": _hub,
    "stripe": lambda: _stripe(int(time.time())),
    "stripe old": lambda: _stripe(int(time.time()) - 3600),
    "ada": jwt,
    "mel": lambda: jwt({"sub": "mel", "role": "staff"}),
    "sleepy": lambda: jwt({"sub": "sol", "role": "asleep"}),
    "nameless": lambda: jwt({"sub": None, "role": "guest"}),
    "hs384": lambda: jwt(alg="HS384"),
    "hs512": lambda: jwt(alg="HS512"),
    "expired": lambda: jwt({"exp": int(time.time()) - 60}),
    "endless": lambda: jwt({"exp": None}),
    "early": lambda: jwt({"nbf": int(time.time()) + 600}),
    "exp text": lambda: jwt({"exp": "tomorrow"}),
    "other issuer": lambda: jwt({"iss": "somebody else"}),
    "no issuer": lambda: jwt({"iss": None}),
    "other secret": lambda: jwt(secret="a secret that somebody guessed"),
    "empty secret": lambda: jwt(secret=""),
    "cookie secret": lambda: jwt(secret=SECRETS["SESSION_SECRET"]),
    "none": lambda: _unsigned("none"),
    "None": lambda: _unsigned("None"),
    "rs256": lambda: jwt(alg="RS256"),
    "prototype alg": lambda: jwt(alg="constructor"),
    "critical": lambda: jwt(crit=["b64"], b64=False),
    "changed": lambda: _changed(jwt()),
    "four parts": lambda: jwt() + ".x",
    "two parts": lambda: jwt().rpartition(".")[0],
    "rubbish": lambda: "rubbish",
    "not base64": lambda: "%%%.%%%.%%%",
    "list claims": lambda: f"{encoded({'alg': 'HS256'})}.{encoded(b'[]')}.{encoded(b'x')}",
    "own header": lambda: jwt(jwk={"kty": "oct", "k": encoded(b"mine")}, jku="https://evil.test/keys", kid="../../dev/null"),
    "cookie": cookie,
    "cookie mel": lambda: cookie({"userId": "mel", "role": "staff"}),
    "cookie expired": lambda: cookie(expires=_expired()),
    "cookie other secret": lambda: cookie(secret="a secret that somebody guessed"),
    "cookie old secret": lambda: cookie(secret=SECRETS["SESSION_SECRET_OLD"]),
    "cookie of a call": lambda: cookie(purpose="unitgraph-rpc-1"),
    "cookie worn out": lambda: cookie(since=time.time() - 400 * 24 * 3600),
    "cookie near its end": lambda: cookie(since=time.time() - 29 * 24 * 3600),
    "cookie half over": lambda: cookie(expires=time.time() + 60),
    "cookie changed": lambda: f"{encoded({'session': {'userId': 'mel'}, 'expires': time.time() + 300})}.{cookie().partition('.')[2]}",
}  # fmt: skip
"""Name → what makes it, anew each time."""


def call(
    function: str,
    data: Any = None,
    /,
    *,
    body: bytes | None = None,
    secret: str = SECRETS["UNITGRAPH_RPC_SECRET"],
    purpose: str = "unitgraph-rpc-1",
    **more: Any,
) -> tuple[bytes, str]:
    """A call of Ada's as a unit makes one: its body, and the header that vouches for it; ``more`` changes what it says."""
    sent = body if body is not None else json.dumps({"data": data}).encode()
    now = int(time.time())
    ticket = {
        "id": base64.urlsafe_b64encode(os.urandom(12)).decode(),
        "unit": unit_of(function),
        "function": function,
        "body": encoded(hashlib.sha256(sent).digest()),
        "session": {"userId": "ada"},
        "depth": 1,
        "request": "forged",
        "issued": now,
        "expires": now + 30,
        **more,
    }
    return sent, sealed(purpose, {key: value for key, value in ticket.items() if value is not None}, secret)


def unit_of(function: str) -> str:
    return f"conformance-{kebab(function)}"
