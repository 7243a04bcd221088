"""One table of conversations in every place: the same openings, the same answers to the same messages."""

import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.channels.places import Place
from tests.conformance.tokens import cookie, jwt

FORGED = jwt({"sub": "ada"}, secret="somebody else's secret")
TOKEN = jwt({"sub": "ada"})
DEEP = "[" * 200 + "]" * 200
ANY = object()


@dataclass(frozen=True)
class Case:
    """``talk``: what is sent and, in brackets, what comes back to it, in their order. ``end`` is the code of the end."""

    id: str
    path: str
    talk: tuple[Any, ...] = ()
    status: int = 101
    headers: dict[str, str] = field(default_factory=dict)
    end: int | None = None
    body: dict[str, Any] | None = None


def bearer(token: str) -> dict[str, str]:
    return {"Sec-WebSocket-Protocol": f"bearer, {token}"}


def whose(user: str, **more: Any) -> list[Any]:
    return [{"action": "whoAmI", "userId": user, "transport": "channel", **more}]


NO_SESSION = {"error": "A session is needed", "code": "missing-session"}
TAKEN = {"status": 409, "error": "taken", "code": "conflict"}
INVALID = {"error": "The input is not valid", "code": "bad-request"}
NOBODY = {"error": "Nothing answers this message", "code": "not-found"}
ME = {"action": "whoAmI"}

CASES = [
    # openings
    Case("an opening", "/chat", ("ping", ["pong"])),
    Case("a slash at the end", "/chat/", ("ping", ["pong"])),
    Case("an escape that none needs", "/ch%61t", ("ping", ["pong"])),
    Case("nowhere", "/nowhere", status=404, body={"code": "not-found"}),
    Case("no upgrade", "/chat", status=426, headers={"Upgrade": "h2c"}, body={"code": "upgrade-required"}),
    Case("data that is not what the schema says", "/chat?size=large", status=400, body={**INVALID, "issues": [{"path": ["size"], "message": "Not a number"}]}),
    Case("data that the schema doesn't know", "/chat?other=1", status=400, body={"code": "bad-request"}),
    Case("a name that reaches a prototype", "/chat?__proto__=1", status=400, body={"code": "bad-request"}),
    Case("a name given twice", "/members/x?club=y", status=400, headers=bearer(TOKEN), body={"code": "bad-request"}),
    Case("no session", "/members/x", status=401, body=NO_SESSION),
    Case("a bearer token as a protocol", "/members/x", (ME, whose("ada", openingData={"club": "x"})), headers=bearer(TOKEN)),
    Case("a bearer token in a header", "/members/x", (ME, whose("ada")), headers={"Authorization": f"Bearer {TOKEN}"}),
    Case("a token as a parameter", f"/chat?token={TOKEN}", (ME, whose("ada", openingData={}))),
    Case("a parameter of a channel that takes none", f"/members/x?token={TOKEN}", status=401),
    Case("a forged token", "/members/x", status=401, headers=bearer(FORGED), body={"code": "invalid-session"}),
    Case("a forged token, where none is needed", "/chat", status=401, headers=bearer(FORGED)),
    Case("another protocol", "/members/x", status=401, headers={"Sec-WebSocket-Protocol": f"other, {TOKEN}"}),
    Case("a cookie", "/members/x", (ME, whose("ada")), headers={"Cookie": f"session={cookie()}"}),
    Case("a forged cookie", "/members/x", status=401, headers={"Cookie": f"session={cookie(secret='of somebody else')}"}),
    Case("a cookie by a page of another origin", "/chat", status=403, headers={"Cookie": f"session={cookie()}", "Origin": "https://evil.test"}),
    Case("a page of another site, by what the browser says", "/chat", status=403, headers={"Cookie": f"session={cookie()}", "Sec-Fetch-Site": "cross-site"}),
    Case("a page of another origin without a cookie", "/chat", ("ping", ["pong"]), headers={"Origin": "https://evil.test"}),
    Case("a token by a page of another origin", "/chat", (ME, whose("ada")), headers={**bearer(TOKEN), "Origin": "https://evil.test"}),
    Case("an origin that isn't named", "/members/x", status=403, headers={**bearer(TOKEN), "Origin": "https://evil.test"}),
    Case("an origin that looks like one that is", "/members/x", status=403, headers={**bearer(TOKEN), "Origin": "https://friend.test.evil.test"}),
    Case("an origin of nobody", "/members/x", status=403, headers={**bearer(TOKEN), "Origin": "null"}),
    Case("an origin that is named", "/members/x", (ME, whose("ada")), headers={**bearer(TOKEN), "Origin": "https://friend.test"}),
    Case("not permitted", "/members/x?text=rude", status=403, headers=bearer(TOKEN), body={"code": "forbidden"}),
    Case("refused by onConnect", "/chat?mode=refuse", status=403, body={"error": "Not you", "code": "forbidden"}),
    Case("onConnect breaks", "/chat?mode=break", status=500, body={"error": "Internal server error", "code": "internal"}),
    Case("onConnect sends", "/chat?mode=send&room=here", ("ping", [{"hello": "here"}, "pong"])),
    Case("onConnect returns", "/chat?mode=return&size=7", ("ping", [{"channelId": ANY, "given": {"mode": "return", "size": 7}}, "pong"])),
    Case("onConnect closes", "/chat?mode=close", end=4001),
    Case("onConnect signs in", "/chat?mode=sign-in", (ME, whose("from opening"))),
    Case("an opening of a channel without onConnect", "/bare", ("ping", ["pong"])),
    # which function a message is for
    Case("by what a property says", "/chat", ({"action": "hello", "text": "a"}, [{"action": "hello", "hello": "a"}])),
    Case("by another property", "/chat", ({"type": "hello"}, [{"type": "hello", "hello": "you"}])),
    Case("the first property that says something known", "/chat", ({"type": "hello", "action": "hello"}, [{"action": "hello", "hello": "you"}])),
    Case("a value that nobody knows", "/chat", ({"action": "dance"}, [{"kind": "object", "data": {"action": "dance"}}])),
    Case("a value that every object has", "/chat", ({"action": "constructor"}, [{"kind": "object", "data": {"action": "constructor"}}])),
    Case("a property that every object has", "/chat", ({"toString": "hello"}, [{"kind": "object", "data": {"toString": "hello"}}])),
    Case("a value that is no text", "/chat", ({"action": ["hello"]}, [{"kind": "object"}])),
    Case("all that is no object", "/chat", ("[1]", [{"kind": "array", "data": [1]}], "null", [{"kind": "null"}], '"a"', [{"kind": "string"}], "7", [{"kind": "number"}])),
    Case("bytes", "/chat", (b"\x00\xff", [b"\x00\xff", {"kind": "bytes", "data": 2}])),
    Case("no function for the rest", "/bare", ({"action": "dance"}, [NOBODY], "7", [NOBODY], b"1", [{"code": "unsupported-media-type"}])),
    Case("an internal function", "/chat", ({"action": "hidden"}, [{"action": "hidden", "code": "not-found"}])),
    # answers
    Case("with an id", "/chat", ({"$id": 7, "action": "hello"}, [{"$id": 7, "data": {"hello": "you"}}])),
    Case("with an id that is a text", "/chat", ({"$id": "a", "x": 1}, [{"$id": "a", "data": {"kind": "object", "data": {"x": 1}}}])),
    Case("nothing, with an id", "/chat", ({"$id": 1, "action": "nothing"}, [{"$id": 1}])),
    Case("nothing", "/chat", ({"action": "nothing"}, [], "ping", ["pong"])),
    Case("a failure with an id", "/chat", ({"$id": 1, "action": "fail", "how": "conflict"}, [{"$id": 1, **TAKEN}])),
    Case("a failure", "/chat", ({"action": "fail", "how": "conflict"}, [{"action": "fail", **TAKEN}])),
    Case("a failure that says nothing", "/chat", ({"action": "fail", "how": "x"}, [{"action": "fail", "error": "Internal server error", "code": "internal", "id": ANY}])),
    Case("something thrown that is no error", "/chat", ({"action": "fail", "how": "text"}, [{"code": "internal"}])),
    Case("data that is not valid", "/chat", ({"action": "join"}, [INVALID | {"action": "join", "issues": [{"path": ["room"], "message": ANY}]}])),
    Case("answers of every kind", "/chat", (
        {"action": "answer", "what": "text"}, ["text"], {"action": "answer", "what": "null"}, [None], {"action": "answer", "what": "list"}, [[1, 2]],
        {"action": "answer", "what": "bytes"}, [b"\x01\x02\xff"], {"action": "answer", "what": "big"}, ["12"],
        {"action": "answer", "what": "date"}, ["1970-01-01T00:00:00.000Z"], {"action": "answer", "what": "own"}, [{"action": "mine", "$id": "mine"}],
        {"action": "answer", "what": "bytes", "$id": 1}, [{"$id": 1, "base64url": "AQL_"}],
        {"action": "answer", "what": "binary text", "$id": 2}, ["ä".encode(), {"$id": 2}],
    )),
    Case("what is sent meanwhile comes first", "/chat", ({"action": "count", "to": 3}, [1, 2, 3, {"action": "count", "done": True}])),
    Case("one after the other", "/chat", ({"action": "slow", "ms": 80, "n": 1}, {"action": "slow", "ms": 1, "n": 2}, [{"action": "slow", "n": 1}, {"action": "slow", "n": 2}])),
    Case("a call to another function lends no channel", "/chat?mode=sign-in", ({"action": "askOther"}, [{"action": "askOther", "hasChannel": False, "transport": "rpc", "userId": "from opening"}])),
    Case("a function closes", "/chat", ({"action": "answer", "what": "close"},), end=4002),
    Case("a function closes with a code that nobody may say", "/chat", ({"action": "answer", "what": "close wrongly"},), end=1000),
    # sessions
    Case("nobody, then somebody, then nobody", "/chat", (
        ME, [NO_SESSION | {"action": "whoAmI"}], {"action": "signIn", "user": "ada"}, [{"action": "signIn", "signedIn": "ada"}], ME, whose("ada"),
        {"action": "signOut"}, [], ME, [NO_SESSION | {"action": "whoAmI"}],
    )),
    Case("a session larger than what lies with a socket", "/chat", (
        {"action": "signIn", "user": "ada", "note": "n" * 9000}, [ANY], ME, whose("ada", noteLength=9000), {"action": "signIn", "user": "bob"}, [ANY], ME, whose("bob", noteLength=0),
    )),
    Case("a function that fails signs nobody in", "/chat", ({"action": "failAfterSignIn"}, [{"code": "conflict"}], ME, [NO_SESSION | {"action": "whoAmI"}])),
    Case("who signed out may sign in again", "/members/x", (
        {"action": "signOut"}, [], ME, [{"code": "missing-session"}], {"action": "hello"}, [{"code": "missing-session"}],
        {"action": "signIn", "user": "bob"}, [{"action": "signIn", "signedIn": "bob"}], ME, whose("bob"),
    ), headers=bearer(TOKEN)),
    Case("a message that needs a session", "/chat", ({"action": "guarded"}, [NO_SESSION | {"action": "guarded"}], {"action": "signIn", "user": "ada"}, [ANY], {"action": "guarded"}, [{"hello": "you"}])),
    Case("a message that needs permission", "/chat", (
        {"action": "staff"}, [{"code": "forbidden"}], {"action": "signIn", "user": "ada"}, [ANY], {"action": "staff"}, [{"code": "forbidden"}],
        {"action": "signIn", "user": "sam"}, [ANY], {"action": "staff"}, [{"action": "staff", "hello": "you"}],
    )),
    Case("the channel's permission sees each message", "/members/x", ({"action": "hello", "text": "rude"}, [{"code": "forbidden"}], {"action": "hello", "text": "kind"}, [{"hello": "kind"}]), headers=bearer(TOKEN)),
    Case("a message's own middleware", "/chat", ({"action": "greeted"}, ["from the middleware", {"action": "greeted", "hello": "you"}])),
    # hostile
    Case("no JSON", "/chat", ("{", [{"error": "The message is not valid JSON", "code": "bad-request"}], "", [{"code": "bad-request"}], "ping ", [{"code": "bad-request"}])),
    Case("too deep", "/chat", (DEEP, [{"error": "The message is nested more than 64 levels deep"}])),
    Case("names that reach a prototype", "/chat", ('{"__proto__":{"a":1}}', [{"code": "bad-request"}], '{"a":{"constructor":{"prototype":1}}}', [{"code": "bad-request"}])),
    Case("ids that are none", "/chat", ({"$id": None}, [{"code": "bad-request"}], {"$id": {}}, [{"code": "bad-request"}], {"$id": "a" * 129}, [{"code": "bad-request"}], '{"$id":1e999}', [{"code": "bad-request"}])),
    Case("as large as may be", "/chat", ('"' + "x" * (1024 * 1024 - 2) + '"', [{"kind": "string"}])),
    Case("too large", "/chat", ('"' + "x" * (1024 * 1024 - 1) + '"',), end=1009),
    Case("too large in bytes, not in letters", "/chat", ('"' + "ä" * (1024 * 512) + '"',), end=1009),
    Case("text that makes a schema wonder", "/chat", ({"action": "join", "room": ["a"]}, [INVALID | {"action": "join"}], {"action": "join", "room": "\u0000😀"}, [{"joined": "\u0000😀"}])),
]


def holds(found: Any, part: Any) -> bool:
    if part is ANY:
        return True
    if isinstance(part, dict):
        return isinstance(found, dict) and all(key in found and holds(found[key], part[key]) for key in part)
    if isinstance(part, list):
        return isinstance(found, list) and len(found) == len(part) and all(map(holds, found, part))
    return bool(found == part) and type(found) is type(part)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_case(place: Place, case: Case) -> None:
    with place.open(case.path, case.headers) as client:
        assert client.status == case.status, client.body
        if case.status != 101:
            assert "x-request-id" in client.headers
            assert holds(json.loads(client.body), case.body or {}), client.body
            return
        assert client.headers.get("sec-websocket-protocol") == ("bearer" if "Sec-WebSocket-Protocol" in case.headers else None)
        for said in case.talk:
            if not isinstance(said, list):
                client.send(said)
                continue
            for wanted in said:
                found = client.get()
                assert holds(found, wanted), (found, wanted)
        code, _ = client.closed() if case.end is not None else client.close()
        assert code == (case.end or 1000)
