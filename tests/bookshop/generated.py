"""Requests that a document of the interface says may be sent, made up at random, and their answers held to it."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from tests.bookshop.requests import Answer, Send

Json = dict[str, Any]
EACH = 12
"""Requests an operation."""


def held_to(document: Json, send: Send, *, token: str) -> list[str]:
    """What was wrong, one line an answer: a status or a body that the document doesn't have, data that it allows and
    that is refused as malformed, a fault of the server. ``token`` is sent where somebody may sign in."""
    wrong: list[str] = []
    for method, path, operation in operations(document):
        for target, body in _made_up(requests(path, operation)):
            headers = {"content-type": "application/json"} if body is not None else {}
            headers |= {"authorization": f"Bearer {token}"} if operation.get("security") else {}
            problem = _problem(document, operation, send(method.upper(), target, headers, body))
            if problem:
                wrong.append(f"{method.upper()} {target} {body or ''} → {problem}")
    return wrong


def _made_up(strategy: st.SearchStrategy[tuple[str, str | None]]) -> list[tuple[str, str | None]]:
    """Some requests, the same ones each time."""
    found: list[tuple[str, str | None]] = []

    @settings(max_examples=EACH, phases=[Phase.generate], suppress_health_check=list(HealthCheck), database=None)
    @given(strategy)
    def collect(request: tuple[str, str | None]) -> None:
        found.append(request)

    collect()
    return found


def operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    """All but those that wait for the end of a workflow, which may take days."""
    for path, item in document["paths"].items():
        if path.startswith("/workflow/") and path.endswith("/run"):
            continue
        for method, operation in item.items():
            yield method, path, operation


@st.composite
def requests(draw: st.DrawFn, path: str, operation: Json) -> tuple[str, str | None]:
    """A path with its query, and a body."""
    query: list[tuple[str, str]] = []
    for parameter in operation.get("parameters", ()):
        if not parameter.get("required") and draw(st.booleans()):
            continue
        value = draw(values(parameter["schema"]))
        if parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", quote(_text(value), safe="") or "x")
        else:
            query += [(parameter["name"], _text(each)) for each in (value if isinstance(value, list) else [value])]
    sent = operation.get("requestBody")
    if sent is None or (not sent.get("required") and draw(st.booleans())):
        body = None
    else:
        schema = sent["content"]["application/json"]["schema"]
        body = json.dumps(draw(values(schema)))
    return path + (f"?{urlencode(query)}" if query else ""), body


def values(schema: Json) -> st.SearchStrategy[Any]:
    """Values that a schema allows; a word that isn't known here is a KeyError."""
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if not schema:
        return st.one_of(st.none(), st.booleans(), st.text(max_size=5))
    if "anyOf" in schema:
        return st.one_of([values(each) for each in schema["anyOf"]])
    return _VALUES[schema["type"]](schema)


def _words(schema: Json) -> st.SearchStrategy[str]:
    if schema.get("format") == "email":     # as people write them: what RFC 5322 allows besides, zod refuses
        return st.from_regex(r"[a-z]{1,9}@[a-z]{1,9}\.example", fullmatch=True)
    if "pattern" in schema:
        return st.from_regex(re.compile(schema["pattern"], re.ASCII), fullmatch=True)
    letters = st.characters(exclude_categories=["Cs", "Cc"])     # a path with control characters is refused as such
    return st.text(letters, min_size=schema.get("minLength", 0), max_size=schema.get("maxLength", 20))


def _integers(schema: Json) -> st.SearchStrategy[int]:
    least = schema.get("minimum", schema.get("exclusiveMinimum", -1_000) + ("exclusiveMinimum" in schema))
    return st.integers(least, schema.get("maximum", 10_000))


def _objects(schema: Json) -> st.SearchStrategy[Json]:
    required = set(schema.get("required", ()))
    members = {name: values(each) for name, each in schema["properties"].items()}
    return st.fixed_dictionaries(
        {name: each for name, each in members.items() if name in required},
        optional={name: each for name, each in members.items() if name not in required},
    )


def _lists(schema: Json) -> st.SearchStrategy[list[Any]]:
    least = schema.get("minItems", 0)
    return st.lists(values(schema["items"]), min_size=least, max_size=schema.get("maxItems", least + 3))


_VALUES: Mapping[str, Callable[[Json], st.SearchStrategy[Any]]] = {
    "string": _words,
    "integer": _integers,
    "number": lambda _schema: st.floats(-1_000, 10_000),
    "boolean": lambda _schema: st.booleans(),
    "object": _objects,
    "array": _lists,
}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _problem(document: Json, operation: Json, answer: Answer) -> str | None:
    responses: Mapping[str, Json] = operation["responses"]
    response = responses.get(str(answer.status)) or (responses["default"] if answer.status >= 400 else None)
    if response is None:
        return f"{answer.status} is not in the document"
    if answer.status >= 500:
        return f"{answer.status} {answer.text}"
    if "$ref" in response:
        response = document["components"]["responses"][response["$ref"].rpartition("/")[2]]
    media = response.get("content", {})
    content = media.get("application/json")
    if "*/*" in media:
        return None
    if content is None:
        return None if not answer.text else f"{answer.status} has a body"
    body = json.loads(answer.text)
    if body.get("code") == "bad-request":
        return f"refused: {answer.text}"
    schema = content["schema"] | {"components": document["components"]}
    error = next(Draft202012Validator(schema).iter_errors(body), None)
    return f"{answer.status} {answer.text}: {error.message}" if error else None
