"""The requests of requests.json, sent in their order to a shop that runs somewhere, each answer held to what it must be."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REQUESTS = Path(__file__).with_name("requests.json")
EVENT = "data: "


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    text: str


# Method, path, headers, body → answer
Send = Callable[[str, str, Mapping[str, str], str | None], Answer]


def replay(provider: str, send: Send) -> list[str]:
    """What was wrong, one line a request; requests that other providers only can answer are left out."""
    kept: dict[str, str] = {}
    wrong: list[str] = []
    for request in json.loads(REQUESTS.read_text(encoding="utf-8")):
        if provider in request.get("providers", [provider]):
            answer = _send(_filled(request, kept), send)
            problem = _problem(_filled(request["answer"], kept), answer)
            if problem:
                wrong.append(
                    f"{request['name']}: {request['request']} → {answer.status} {answer.text[:300]}; {problem}"
                )
            elif "keep" in request:
                body = json.loads(answer.text)
                kept.update({name: body[key] for name, key in request["keep"].items()})
    return wrong


def _send(request: Mapping[str, Any], send: Send) -> Answer:
    method, path = request["request"].split(" ")
    headers = dict(request.get("headers", {}))
    if "bearer" in request:
        headers["authorization"] = f"Bearer {request['bearer']}"
    body = None
    if "body" in request:
        headers["content-type"] = "application/json"
        body = json.dumps(request["body"])
    return send(method, path, headers, body)


def _problem(expected: Mapping[str, Any], answer: Answer) -> str | None:
    """The first difference; an answer may hold more than is expected."""
    if answer.status != expected["status"]:
        return f"the status is not {expected['status']}"
    for name, value in expected.get("headers", {}).items():
        if answer.headers.get(name) != value:
            return f"the header {name} is {answer.headers.get(name)!r}, not {value!r}"
    if "events" in expected:
        events = [json.loads(line[len(EVENT) :]) for line in answer.text.splitlines() if line.startswith(EVENT)]
        return None if events == expected["events"] else f"the events are not {expected['events']}"
    if "body" in expected and not _holds(json.loads(answer.text), expected["body"]):
        return f"it does not hold {expected['body']}"
    if "text" in expected and expected["text"] not in answer.text:
        return f"it does not contain {expected['text']!r}"
    return None


def _holds(value: Any, part: Any) -> bool:
    match part:
        case dict():
            return isinstance(value, dict) and all(key in value and _holds(value[key], part[key]) for key in part)
        case list():
            return isinstance(value, list) and len(value) == len(part) and all(map(_holds, value, part))
        case _:
            return bool(value == part)


def _filled(value: Any, kept: Mapping[str, str]) -> Any:
    """``{name}`` in any text is what an earlier answer held."""
    match value:
        case str():
            for name, text in kept.items():
                value = value.replace(f"{{{name}}}", text)
            return value
        case dict():
            return {key: _filled(each, kept) for key, each in value.items()}
        case list():
            return [_filled(each, kept) for each in value]
        case _:
            return value
