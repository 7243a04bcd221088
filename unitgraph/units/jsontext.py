"""JSON text, strict or with comments and trailing commas, and where each key stands; knows no schema."""

import json
import re
from collections.abc import Iterator
from typing import Any

_COMMENTS = re.compile(r'"(?:\\.|[^"\\\n])*"|//[^\n]*|/\*.*?\*/', re.DOTALL)
_TRAILING = re.compile(r'"(?:\\.|[^"\\\n])*"|,(?=\s*[}\]])')
_TOKENS = re.compile(r'"(?:\\.|[^"\\\n])*"|[{}\[\],:]|[^\s{}\[\],:"]+')
_NOT_NEWLINE = re.compile(r"[^\n]")

Path = tuple[str | int, ...]


class NotJson(ValueError):
    """The text isn't JSON; ``line`` and ``column`` count from 1."""

    def __init__(self, detail: str, line: int, column: int) -> None:
        super().__init__(detail)
        self.detail = detail
        self.line = line
        self.column = column


def parse_strict(text: str) -> Any:
    """The value of plain JSON; raises NotJson. A byte order mark is skipped."""
    try:
        return json.loads(text.removeprefix("\ufeff"))
    except json.JSONDecodeError as error:
        raise NotJson(_sentence(error.msg), error.lineno, error.colno) from None
    except RecursionError:
        raise NotJson("it is nested too deeply", 1, 1) from None
    except ValueError:
        raise NotJson("a number in it has too many digits", 1, 1) from None


def parse_lenient(text: str) -> Any:
    """The value of JSON that may hold comments and trailing commas; raises NotJson."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return parse_strict(plain(text))


def plain(text: str) -> str:
    """The text with comments and trailing commas blanked out, so that every offset stays as it was."""
    text = _COMMENTS.sub(lambda m: m[0] if m[0][0] == '"' else _NOT_NEWLINE.sub(" ", m[0]), text)
    return _TRAILING.sub(lambda m: m[0] if m[0][0] == '"' else " ", text)


def position(text: str, offset: int) -> tuple[int, int]:
    """Line and column, from 1, of a character offset."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


def offsets(text: str) -> tuple[dict[Path, int], list[tuple[Path, int]]]:
    """Of valid plain JSON: where each key (for arrays: each element) stands; and the keys given twice."""
    found: dict[Path, int] = {(): 0}
    twice: list[tuple[Path, int]] = []
    for path, offset in _walk(text):
        if path in found:
            twice.append((path, offset))
        found[path] = offset
    return found, twice


def _walk(text: str) -> Iterator[tuple[Path, int]]:
    stack: list[tuple[str, str | int]] = []     # kind of bracket, current key or index
    expects_key = False
    for token in _TOKENS.finditer(text):
        mark = token[0]
        if mark in "}]":
            stack.pop()
            expects_key = False
            continue
        if mark == ",":
            kind, key = stack[-1]
            stack[-1] = (kind, key + 1 if isinstance(key, int) else key)
            expects_key = kind == "{"
            continue
        if mark == ":":
            continue
        if expects_key and mark[0] == '"':
            stack[-1] = ("{", json.loads(mark))
            expects_key = False
            yield tuple(key for _, key in stack), token.start()
            continue
        if stack and stack[-1][0] == "[":
            yield tuple(key for _, key in stack), token.start()
        if mark == "{":
            stack.append(("{", ""))
            expects_key = True
        elif mark == "[":
            stack.append(("[", 0))


def _sentence(message: str) -> str:
    return message[:1].lower() + message[1:].removesuffix(".")


def shown(value: Any) -> str:
    """A value as a message quotes it: short."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "an array"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}…"
