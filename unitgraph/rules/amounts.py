"""Sizes, ages and shares as people write them. Knows units, and what they are given to only by name."""

import re
from typing import Final

from unitgraph.errors.store import AmountInvalid

_AMOUNT: Final = re.compile(r"(\d{1,15}(?:\.\d{1,9})?)\s*([a-z%]*)", re.IGNORECASE | re.ASCII)
_SIZES: Final = {"": 1, "b": 1} | {
    f"{letter}{unit}": base**power
    for power, letter in enumerate("kmgt", 1)
    for unit, base in (("", 1000), ("b", 1000), ("ib", 1024))
}
_AGES_S: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
_SHARES: Final = {"": 1.0, "%": 0.01}


def size_bytes(text: str, setting: str) -> int:
    """Bytes: "5GB" is 5,000,000,000. Raises AmountInvalid."""
    return int(_amount(text, setting, _SIZES, "5GB, 500MB or 2GiB"))


def age_s(text: str, setting: str) -> float:
    """Seconds: "30d" is 2,592,000. Raises AmountInvalid."""
    return _amount(text, setting, _AGES_S, "30d, 12h or 2w")


def share(text: str, setting: str) -> float:
    """A part of 1: "5%" is 0.05. Raises AmountInvalid."""
    found = _amount(text, setting, _SHARES, "5%, 100% or 0.05")
    if found > 1:
        raise AmountInvalid(setting, text, example="5%, 100% or 0.05")
    return found


def _amount(text: str, setting: str, units: dict[str, int] | dict[str, float], example: str) -> float:
    found = _AMOUNT.fullmatch(text.strip())
    if found is None or found[2].lower() not in units:
        raise AmountInvalid(setting, text, example=example)
    return float(found[1]) * units[found[2].lower()]


def size_text(size: int) -> str:
    """A size for people: "812 B", "24.1 KB", "1.5 GB"."""
    for name, unit in (("GB", 10**9), ("MB", 10**6), ("KB", 10**3)):
        if size >= (0.99995 if unit > 1000 else 1) * unit:      # what would be rounded up to the next unit
            return f"{size / unit:,.1f} {name}"
    return f"{size} B"


def age_text(seconds: float) -> str:
    """How long ago something was, roughly: "3 days", "5 minutes"."""
    for name, unit in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        if seconds >= unit:
            count = int(seconds // unit)
            return f"{count} {name}" if count == 1 else f"{count} {name}s"
    return "less than a minute"


def counted(count: int, noun: str) -> str:
    """How many there are of something: "1 blob", "1,204 blobs"."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
