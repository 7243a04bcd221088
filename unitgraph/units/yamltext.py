"""The part of YAML in which pnpm and Yarn write their lockfiles, and Yarn 1's own notation, as nested dicts of strings.

Block mappings by indentation, quoted and plain scalars, flow mappings and lists of scalars, skipped block scalars.
Anything else is NotYaml.
"""

import json
import re
from typing import Any, Final

_KEY: Final = re.compile(
    r"""("(?:\\.|[^"\\])*"|'(?:''|[^'])*'|[^\s'"\[{#&*!|>%@`-](?:[^:#]|:(?=\S)|(?<=\S)#)*?)(:(?=\s|$))"""
)
_V1: Final = re.compile(r"""("(?:\\.|[^"\\])*"|\S+)\s+(.+)$""")
_V1_HEAD: Final = re.compile(r"""("(?:\\.|[^"\\])*"|[^\s,"]+)(,\s*("(?:\\.|[^"\\])*"|[^\s,"]+))*:$""")
_FLOW: Final = re.compile(
    r"""\s*("(?:\\.|[^"\\])*"|'(?:''|[^'])*'|[^\s,\[\]{}:'"](?:[^,\[\]{}:]|:(?=\S))*|[\[\]{},:])"""
)


class NotYaml(ValueError):
    def __init__(self, detail: str, line: int) -> None:
        super().__init__(detail)
        self.detail = detail
        self.line = line


def parse(text: str) -> dict[str, Any]:
    """The document's mapping; raises NotYaml."""
    root: dict[str, Any] = {}
    stack: list[tuple[int, Any]] = [(-1, root)]     # indentation of the key, what it holds
    inner: dict[int, int] = {}                      # a mapping → the indentation of its keys
    skipping: int | None = None                     # inside a block scalar of a key with this indentation
    pending: tuple[int, dict[str, Any], str] | None = None      # a key whose value may be a list below it
    for number, line in enumerate(text.splitlines(), 1):
        bare = line.lstrip(" ")
        if not bare or bare[0] == "#" or bare in ("---", "\ufeff---"):
            continue
        indent = len(line) - len(bare)
        if skipping is not None:
            if indent > skipping:
                continue
            skipping = None
        if bare.startswith("- "):
            if pending is None or indent < pending[0]:
                raise NotYaml("a list stands where none is expected", number)
            _, holder, name = pending
            if not isinstance(holder[name], list):
                holder[name] = []
            holder[name].append(_scalar(bare[2:].strip()))
            continue
        while indent <= stack[-1][0]:
            stack.pop()
        parent = stack[-1][1]
        if not isinstance(parent, dict) or inner.setdefault(id(parent), indent) != indent:
            raise NotYaml("it is indented in a way that is not expected", number)
        key, value = _line(bare.rstrip(), number)
        pending = None
        if value is None:
            parent[key] = {}
            pending = (indent, parent, key)
            stack.append((indent, parent[key]))
        elif value[:1] in "|>" and value:
            parent[key] = ""
            skipping = indent
        else:
            parent[key] = _value(value, number)
    return root


def _line(bare: str, number: int) -> tuple[str, str | None]:
    if bare.startswith(("<<<<<<<", "=======", ">>>>>>>")):
        raise NotYaml("it holds the marks of a merge conflict", number)
    head = _V1_HEAD.match(bare) if bare.endswith(":") else None
    if head is not None and head[2]:
        return ", ".join(_scalar(part.strip()) for part in bare[:-1].split(",")), None
    found = _KEY.match(bare)
    if found is not None:
        rest = bare[found.end() :].strip()
        return _scalar(found[1]), rest or None
    plain = _V1.match(bare)
    if plain is None:
        raise NotYaml(f"{bare[:40]!r} is neither a key nor a value", number)
    return _scalar(plain[1]), plain[2]


def _scalar(text: str) -> str:
    if text[:1] == '"' and text[-1:] == '"' and len(text) > 1:
        try:
            return str(json.loads(text))
        except json.JSONDecodeError:
            return text[1:-1]
    if text[:1] == "'" and text[-1:] == "'" and len(text) > 1:
        return text[1:-1].replace("''", "'")
    return text


def _value(text: str, number: int) -> Any:
    if text[0] not in "{[":
        return _scalar(text)
    tokens = [found[1] for found in _FLOW.finditer(text)]
    tokens.reverse()
    try:
        return _flow(tokens)
    except IndexError:
        raise NotYaml("a bracket is not closed", number) from None


def _flow(tokens: list[str]) -> Any:
    mark = tokens.pop()
    if mark == "{":
        mapping: dict[str, Any] = {}
        while tokens[-1] != "}":
            key = _scalar(tokens.pop().strip())
            if tokens[-1] == ":":
                tokens.pop()
            mapping[key] = _flow(tokens) if tokens[-1] not in ",}" else ""
            if tokens[-1] == ",":
                tokens.pop()
        tokens.pop()
        return mapping
    if mark == "[":
        items: list[Any] = []
        while tokens[-1] != "]":
            items.append(_flow(tokens))
            if tokens[-1] == ",":
                tokens.pop()
        tokens.pop()
        return items
    return _scalar(mark.strip())
