"""Calls between units that no unit made: forged, changed on their way, kept for later, sent once more."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.conformance.asked import Answer, Asked
from tests.conformance.places import Listening
from tests.conformance.tokens import call, encoded, unit_of

HEADER = "x-unitgraph-call"


def send(place: Listening, function: str, body: bytes, header: str, *, path: str | None = None) -> Answer:
    headers = [("content-type", "application/json"), (HEADER, header)]
    return place.ask_unit(unit_of(function), Asked("POST", path or f"/__unitgraph/rpc/{function}", headers, body))


def test_a_call_as_a_unit_makes_it(listening: Listening) -> None:
    answer = send(listening, "me", *call("me"))
    assert (answer.status, answer.json) == (200, {"data": {"userId": "ada", "role": None}})


Made = Callable[[], tuple[bytes, str]]
NOW = time.time()

FORGED: dict[str, Made] = {
    "another secret": lambda: call("me", secret="a secret that somebody guessed"),
    "signed for something else": lambda: call("me", purpose="unitgraph-session-1"),
    "for another unit": lambda: call("me", unit="conformance-owned"),
    "for no unit": lambda: call("me", unit=None),
    "for another function": lambda: call("me", function="owned"),
    "for another body": lambda: (b'{"data":{"userId":"mel"}}', call("me")[1]),
    "for a body of no bytes": lambda: (b"", call("me")[1]),
    "over": lambda: call("me", issued=int(NOW) - 120, expires=int(NOW) - 90),
    "from a time to come": lambda: call("me", issued=int(time.time()) + 60, expires=int(time.time()) + 90),
    "without an end": lambda: call("me", expires=None),
    "with an end that is a text": lambda: call("me", expires="never"),
    "kept for a day": lambda: call("me", expires=int(time.time()) + 86_400),
    "without a beginning": lambda: call("me", issued=None),
    "without an id": lambda: call("me", id=None),
    "another session": lambda: (call("me")[0], _with_session(call("me")[1])),
    "no signature": lambda: (call("me")[0], call("me")[1].partition(".")[0]),
    "an empty signature": lambda: (call("me")[0], call("me")[1].partition(".")[0] + "."),
    "nothing": lambda: (call("me")[0], ""),
    "rubbish": lambda: (call("me")[0], "%%%.%%%"),
    "null": lambda: (call("me")[0], f"{encoded(b'null')}.{encoded(b'x')}"),
}


def _with_session(header: str) -> str:
    """Ada's signature under what Mel would like to be."""
    return f"{encoded({'unit': 'conformance-me', 'function': 'me', 'session': {'role': 'staff'}})}.{header.partition('.')[2]}"


@pytest.mark.parametrize("name", FORGED)
def test_forged(listening: Listening, name: str) -> None:
    answer = send(listening, "me", *FORGED[name]())
    assert (answer.status, answer.json["error"]["code"]) == (401, "unauthorized")


def test_a_call_at_another_functions_address(listening: Listening) -> None:
    body, header = call("me")
    answer = send(listening, "me", body, header, path="/__unitgraph/rpc/owned")
    assert answer.status == 401 if listening.name == "executable" else answer.status in (401, 404)


def test_a_call_once_more(executable: Listening) -> None:
    """Where units have an address. Workers have none: what reaches them comes through a binding."""
    body, header = call("me")
    assert send(executable, "me", body, header).status == 200
    again = send(executable, "me", body, header)
    assert (again.status, again.json["error"]["code"]) == (401, "unauthorized")
    assert send(executable, "me", *call("me")).status == 200


def test_a_call_that_failed_is_not_sent_once_more_either(executable: Listening) -> None:
    body, header = call("fail", {"kind": "missing"})
    assert [send(executable, "fail", body, header).status for _ in range(2)] == [404, 401]


@pytest.mark.parametrize(
    ("function", "data", "more", "status"),
    [
        pytest.param("me", None, {"session": None}, 401, id="nobody is signed in"),
        pytest.param("owned", {"userId": "mel"}, {}, 403, id="a permission"),
        pytest.param("owned", {"userId": 7}, {}, 400, id="data"),
        pytest.param("whoAmI", None, {"exposed": True}, 404, id="what isn't exposed, as if it were"),
        pytest.param("inner", {}, {"exposed": True}, 404, id="what is internal, as if it were exposed"),
        pytest.param("sum", {"a": 1, "b": 2}, {"exposed": True}, 200, id="what is exposed"),
        pytest.param("ping", {"left": 1}, {"depth": 32}, 500, id="too deep"),
    ],
)
def test_a_genuine_call_is_held_to_what_any_call_is(
    listening: Listening, function: str, data: Any, more: dict[str, Any], status: int
) -> None:
    assert send(listening, function, *call(function, data, **more)).status == status


def test_a_genuine_call_whose_body_reaches_a_prototype(listening: Listening) -> None:
    body, header = call("kinds", body=b'{"data":{"tag":1,"__proto__":{"at":1}}}')
    answer = send(listening, "kinds", body, header)
    assert answer.status in (200, 400)
    assert answer.status == 400 or answer.json["data"]["at"] is False
    assert send(listening, "kinds", *call("kinds", {})).json["data"]["at"] is False


def test_from_outside_no_worker_has_such_an_address(workers: Listening) -> None:
    body, header = call("me")
    answer = workers.ask(Asked("POST", "/__unitgraph/rpc/me", [(HEADER, header)], body))
    assert (answer.status, answer.json["code"]) == (404, "not-found")
