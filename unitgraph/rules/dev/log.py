"""Lines of units for people: a line of JSON as a sentence with its stack below, anything else as it is. Pure."""

import json
from typing import Any, Final

_NOISE: Final = frozenset(("time", "level", "msg", "error", "traceId"))


def readable(line: str) -> str:
    """The line as a terminal shows it; nothing of it can steer the terminal."""
    try:
        said = json.loads(line)
    except ValueError:
        said = None
    if not isinstance(said, dict) or not {"time", "level", "msg"} <= said.keys():
        return _plain(line)
    rest = "".join(f" {name}={_text(value)}" for name, value in said.items() if name not in _NOISE)
    error = said["error"] if isinstance(said.get("error"), dict) else {}
    stack = str(error.get("stack", "")).partition("\n")[2]
    head = _plain(f"{str(said['time'])[11:23]} {str(said['level']).upper():5} {said['msg']}{rest}")
    return "\n".join([head, *(_plain(place) for place in stack.splitlines())])


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _plain(text: str) -> str:
    return "".join(sign if sign.isprintable() or sign == "\t" else "?" for sign in text)
