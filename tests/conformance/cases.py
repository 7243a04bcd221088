"""The tables of ``cases/``, and what one case asks for and holds its answers to. Knows no place.

A case is a request and its answer, or several of both in ``steps``. Texts may name what an earlier step kept, as
``{name}``, and tokens, as ``{token:name}``. A place must answer as it says: the status, the headers that are named (null:
there is none), the body as a whole (``json``, ``text``) or a part of it (``holds``), or its length; and of the log, every
line of the request but ``request`` itself, in any order (null: how many there are depends on where units are).
A step that ``says`` something opens a channel; the body is a list of what comes back, as much as is expected.
A step with ``patience`` is asked that often, until its status is the one that it should be.
"""

import base64
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from tests.conformance.asked import Answer, Asked
from tests.conformance.tokens import TOKENS
from tests.log import Line

PLACES = ("source", "executable", "workers")
TABLES = Path(__file__).parent / "cases"
LARGE = {"long": "a" * 10_000, "fields": "a=1&" * 2_000}
"""What every case may name, besides what its steps keep."""
_NAMED = re.compile(r"\{(token:)?([\w .-]+)\}")
_EVENT = re.compile(r"(?:event: (\w+)\n)?data: (.*)\n\n")


@dataclass(frozen=True, slots=True)
class Case:
    table: str
    number: int
    document: Mapping[str, Any]

    @property
    def id(self) -> str:
        return f"{self.table}: {self.document['name']}"

    @property
    def steps(self) -> Sequence[Mapping[str, Any]]:
        steps: Sequence[Mapping[str, Any]] = self.document.get("steps") or [self.document]
        return steps

    @property
    def places(self) -> Sequence[str]:
        """Where it holds: everywhere, unless ``why`` says why not."""
        assert ("places" in self.document) == ("why" in self.document), self.id
        places: Sequence[str] = self.document.get("places", PLACES)
        return places

    def request_id(self, step: int) -> str:
        return f"{self.table}.{self.number}.{step}"


def tables() -> Iterator[Case]:
    for path in sorted(TABLES.glob("*.json")):
        for number, document in enumerate(json.loads(path.read_text("utf-8"))):
            yield Case(path.stem, number, document)


def filled(value: Any, kept: Mapping[str, str]) -> Any:
    """The value with what its texts name; what is no name of anything stays as it is."""

    def replace(found: re.Match[str]) -> str:
        is_token, name = found.groups()
        return TOKENS[name]() if is_token else kept.get(name, found[0])

    match value:
        case str():
            return _NAMED.sub(replace, value)
        case dict():
            return {key: filled(each, kept) for key, each in value.items()}
        case list():
            return [filled(each, kept) for each in value]
        case _:
            return value


_CONTENT: Mapping[str, Callable[[Any], bytes]] = {
    "json": lambda value: json.dumps(value, ensure_ascii=False).encode(),
    "text": lambda value: value.encode(),
    "base64": base64.b64decode,
    "parts": lambda value: b"".join(text.encode() * times for text, times in value),
}


def request(step: Mapping[str, Any], kept: Mapping[str, str], request_id: str) -> Asked:
    step = {key: filled(value, kept) for key, value in step.items()}
    method, path = step["request"].split(" ", 1)
    headers = {"x-request-id": request_id, **step.get("headers", {})}
    body = next((make(step[key]) for key, make in _CONTENT.items() if key in step), None)
    if "json" in step:
        headers.setdefault("content-type", "application/json")
    if "bearer" in step:
        headers["authorization"] = f"Bearer {TOKENS[step['bearer']]()}"
    given = tuple((name, str(value)) for name, value in headers.items() if value is not None)
    return Asked(method, path, given, body)


def keep(step: Mapping[str, Any], answer: Answer, kept: dict[str, str]) -> None:
    """``cookie:session``, ``header:etag``, or a name in the body."""
    for name, source in step.get("keep", {}).items():
        kind, _, key = source.rpartition(":")
        if kind == "cookie":
            found = (
                re.match(rf"{key}=([^;]*)", value) for header, value in answer.headers if header.lower() == "set-cookie"
            )
            kept[name] = next(each[1] for each in found if each)
        elif kind == "header":
            kept[name] = answer.header(key) or ""
        else:
            kept[name] = str(answer.json[key])


def problems(expected: Mapping[str, Any], answer: Answer, kept: Mapping[str, str]) -> list[str]:
    """Everything in which an answer isn't what it should be."""
    expected = filled(expected, kept)
    wrong = [] if answer.status == expected["status"] else [f"the status is {answer.status}, not {expected['status']}"]
    for name, value in expected.get("headers", {}).items():
        given = answer.header(name)
        if given is None or value is None:
            same = given == value
        else:
            same = re.fullmatch(value[1:-1], given) is not None if value[:1] == value[-1:] == "/" else given == value
        if not same:
            wrong.append(f"the header {name} is {given!r}, not {value!r}")
    wrong += [
        f"the body {fault}"
        for key, check in _BODY.items()
        if key in expected and (fault := check(answer, expected[key]))
    ]
    return wrong


def _events(answer: Answer) -> list[Any]:
    return [[name, json.loads(data)] if name else json.loads(data) for name, data in _EVENT.findall(answer.text)]


def _same(found: Callable[[Answer], Any]) -> Callable[[Answer, Any], str | None]:
    def check(answer: Answer, wanted: Any) -> str | None:
        try:
            value = found(answer)
        except ValueError:
            return f"is no JSON: {answer.text[:200]!r}"
        return None if value == wanted else f"is {value!r:.300}, not {wanted!r:.300}"

    return check


def _sends(answer: Answer, wanted: Any) -> str | None:
    """Events, each of which holds what is wanted of it."""
    found = _events(answer)
    return None if holds(found, wanted) else f"is {found!r:.600}, which does not hold {wanted!r}"


def _holds(answer: Answer, wanted: Any) -> str | None:
    return None if holds(answer.json, wanted) else f"is {answer.text[:300]}, which does not hold {wanted!r}"


_BODY: Mapping[str, Callable[[Answer, Any], str | None]] = {
    "json": _same(lambda answer: answer.json),
    "text": _same(lambda answer: answer.text),
    "length": _same(lambda answer: len(answer.body)),
    "events": _same(_events),
    "holds": _holds,
    "sends": _sends,
}


def holds(found: Any, part: Any) -> bool:
    """Whether all of ``part`` is in what was found; lists are as long, a text between slashes is an expression."""
    match part:
        case dict():
            return isinstance(found, dict) and all(key in found and holds(found[key], part[key]) for key in part)
        case list():
            return isinstance(found, list) and len(found) == len(part) and all(map(holds, found, part))
        case str() if len(part) > 1 and part[0] == part[-1] == "/":
            return isinstance(found, str) and re.fullmatch(part[1:-1], found) is not None
        case _:
            return bool(found == part) and type(found) is type(part)


def unmatched(lines: Sequence[Line], wanted: Sequence[Mapping[str, Any]]) -> tuple[list[Line], list[Mapping[str, Any]]]:
    """Lines that nobody expected, and expected ones that didn't come."""
    left = list(lines)
    missing = []
    for one in wanted:
        index = next((index for index, line in zip(count(), left) if holds(line, one)), None)
        if index is None:
            missing.append(one)
        else:
            del left[index]
    return left, missing
