"""Names that leave the source for a shell, a TOML file or a URL: what they may hold, and kebab-case. Knows no file.

Kebab-case loses letters' case, so it is never read back: everything carries ids.
"""

import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Final

LONGEST_UNIT: Final = 63  # Cloudflare's limit for a worker's name, and DNS's for a label
HTTP_METHODS: Final = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})

_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
_FUNCTION: Final = re.compile(r"[A-Za-z0-9_$-]*[A-Za-z0-9][A-Za-z0-9_$-]*")
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_HUMPS: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_OTHERS: Final = re.compile(r"[^a-z0-9]+")

_LITERAL: Final = re.compile(r"[A-Za-z0-9._~!$&'()+,;=@%-]+")
_SIMPLE: Final = re.compile(r"(?:/:?[A-Za-z_][\w-]*)+", re.ASCII)  # most routes; the rest is looked at closely
_PARAMETER: Final = re.compile(r":([A-Za-z_]\w*)(\{[^{}/]+\})?(\?)?")

_MONTHS: Final = {
    name: number
    for number, name in enumerate(
        ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"], 1
    )
}
_DAYS: Final = {name: number for number, name in enumerate(["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"])}
_FIELDS: Final[tuple[tuple[str, int, int, Mapping[str, int]], ...]] = (
    ("minute", 0, 59, {}),
    ("hour", 0, 23, {}),
    ("day of month", 1, 31, {}),
    ("month", 1, 12, _MONTHS),
    ("day of week", 0, 7, _DAYS),
)
_RANGE: Final = re.compile(r"(\*|[A-Za-z]{3}|\d{1,2})(?:-([A-Za-z]{3}|\d{1,2}))?(?:/(\d{1,2}))?")


@cache
def kebab(name: str) -> str:
    """``notifySMS`` → ``notify-sms``."""
    return _OTHERS.sub("-", _HUMPS.sub("-", name).lower()).strip("-")


def is_name(name: str) -> bool:
    return _NAME.fullmatch(name) is not None


def is_function_name(name: str) -> bool:
    return _FUNCTION.fullmatch(name) is not None and any(letter.isalpha() for letter in name)


def is_variable_name(name: str) -> bool:
    return _VARIABLE.fullmatch(name) is not None


def join_route(parts: Iterable[str]) -> str:
    """A route with its prefixes: "/api", "books", "/" → "/api/books"."""
    inner = [part.strip("/") for part in parts]
    return "/" + "/".join(part for part in inner if part)


def route_fault(route: str) -> str | None:
    """Why a route can't be one; None where it can."""
    if _SIMPLE.fullmatch(route) and route.count(":") < 2:
        return None
    if not route.startswith("/"):
        return "it doesn't start with '/'"
    if route == "/":
        return None
    segments = route[1:].split("/")
    seen: set[str] = set()
    for position, segment in enumerate(segments):
        last = position == len(segments) - 1
        if segment == "" and not last:
            return "it has an empty segment"
        if segment in (".", ".."):
            return f"{segment!r} can't be a segment"
        if segment in ("", "*"):
            if segment == "*" and not last:
                return "'*' may only stand last"
            continue
        parameter = _PARAMETER.fullmatch(segment)
        if parameter is not None:
            if parameter[1] in seen:
                return f"the parameter {parameter[1]!r} is in it twice"
            if parameter[3] and not last:
                return "only the last parameter may be optional"
            seen.add(parameter[1])
        elif _LITERAL.fullmatch(segment) is None or segment.startswith(":"):
            return f"{segment!r} can't be a segment"
    return None


def route_shape(route: str) -> str:
    """What of a route requests are told apart by: its parameters' names aren't."""
    if ":" not in route:
        return route.rstrip("/")
    segments = (_PARAMETER.fullmatch(segment) for segment in route.rstrip("/").split("/"))
    texts = route.rstrip("/").split("/")
    return "/".join(
        f":{found[2] or ''}{found[3] or ''}" if found else text for found, text in zip(segments, texts, strict=True)
    )


def cron_fault(schedule: str) -> str | None:
    """Why a schedule can't be one of five fields; None where it can."""
    fields = schedule.split()
    if len(fields) != len(_FIELDS):
        return f"it has {len(fields)} field{'' if len(fields) == 1 else 's'}"
    for text, (name, low, high, words) in zip(fields, _FIELDS, strict=True):
        for part in text.split(","):
            fault = _range_fault(part, low, high, words)
            if fault is not None:
                return f"the {name} {text!r} {fault}"
    return _never(*fields[2:])


_DAYS_OF: Final = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def _never(days: str, months: str, weekdays: str) -> str | None:
    """Why no day is ever meant: such as the 30th of February."""
    if days == "*" or weekdays != "*":
        return None
    longest = max(_DAYS_OF[month - 1] for month in values(months, "month"))
    return f"no month of it has the day {days!r}" if min(values(days, "day of month")) > longest else None


def values(text: str, field: str) -> list[int]:
    """The numbers that a field without faults stands for, in order; Sunday is 0 and 7."""
    low, high, words = next(each[1:] for each in _FIELDS if each[0] == field)
    found: set[int] = set()
    for part in text.split(","):
        matched = _RANGE.fullmatch(part)
        assert matched is not None, "a field without faults"
        first, last, step = matched.groups()
        start = low if first == "*" else words.get(first.upper(), int(first) if first.isdecimal() else low)
        end = start if last is None and step is None and first != "*" else high
        if last is not None:
            end = words.get(last.upper(), int(last) if last.isdecimal() else high)
        found.update(range(start, end + 1, int(step or 1)))
    return sorted(found)


def _range_fault(part: str, low: int, high: int, words: Mapping[str, int]) -> str | None:
    found = _RANGE.fullmatch(part)
    if found is None:
        return "is neither a number, a range, a list nor a step"
    first, last, step = found.groups()
    if first == "*" and last is not None:
        return "mixes '*' and a range"
    ends: list[int] = []
    for end in (first, last):
        if end is None or end == "*":
            continue
        number = words.get(end.upper()) if end.isalpha() else int(end)
        if number is None or not low <= number <= high:
            return f"is not within {low}-{high}"
        ends.append(number)
    if len(ends) == 2 and ends[0] > ends[1]:
        return "is a range that goes backwards"
    if step is not None and int(step) == 0:
        return "has a step of 0"
    if step is not None and int(step) > high:
        return f"has a step beyond {high}"
    return None
