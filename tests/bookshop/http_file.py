"""examples/bookshop/requests.http from requests.json. ``python -m tests.bookshop.http_file`` writes it anew."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

REQUESTS = Path(__file__).with_name("requests.json")
HTTP_FILE = Path(__file__).parents[2] / "examples" / "bookshop" / "requests.http"
HEAD = """\
# What the shop answers. Editors with an HTTP client (VS Code's REST Client, JetBrains' IDEs) send these by a click.

@host = http://localhost:3000
"""


def http_file() -> str:
    return "\n".join([HEAD, *(_block(request) for request in json.loads(REQUESTS.read_text(encoding="utf-8")))])


def _block(request: dict[str, Any]) -> str:
    return "\n".join([*_comments(request), *_request(request), ""])


def _comments(request: dict[str, Any]) -> Iterator[str]:
    answer = request["answer"]
    only = "" if "providers" not in request else f" ({' and '.join(request['providers'])} only)"
    yield f"### {request['name'][0].upper()}{request['name'][1:]}{only}"
    for event in answer.get("events", ()):
        yield f"# data: {_shown(event)}"
    body = f" {_shown(answer['body'])}" if "body" in answer else ""
    yield f"# → {answer['status']}{body}"
    for name, path in request.get("keep", {}).items():
        yield f"# {{{{{name}}}}} below is {path} of the answer"


def _request(request: dict[str, Any]) -> Iterator[str]:
    method, path = request["request"].split(" ")
    yield f"{method} {{{{host}}}}{_variables(path)}"
    for name, value in request.get("headers", {}).items():
        yield f"{name}: {value}"
    if "bearer" in request:
        yield f"authorization: Bearer {_variables(request['bearer'])}"
    if "body" in request:
        yield "content-type: application/json"
        yield ""
        yield _variables(_shown(request["body"]))


def _shown(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _variables(text: str) -> str:
    return re.sub(r"\{(\w+)\}", r"{{\1}}", text)


if __name__ == "__main__":
    HTTP_FILE.write_text(http_file(), encoding="utf-8")
