"""What a command says of its arguments, read for mistakes before anybody types it. Pure but for problems reported."""

import re
from collections.abc import Iterator
from typing import Final

from unitgraph.errors.wiring import BadCommandOption, BadParameters
from unitgraph.units.draft import Draft, Entries
from unitgraph.units.evaluate import Scope

_PARAMETER: Final = re.compile(r"<([A-Za-z][\w-]*)(\.\.\.)?>|\[([A-Za-z][\w-]*)(\.\.\.)?\]")
_OPTION: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
_SHORT: Final = re.compile(r"[A-Za-z0-9]")


def check(draft: Draft, entries: Entries, what: str) -> None:
    """``parameters`` and ``options`` of a command or of a program. What isn't constant is left to the run."""
    taken: set[str] = set()
    if "parameters" in entries:
        scope = entries["parameters"].value
        text = draft.string(scope, f"'parameters' of {what}")
        if text is not None:
            fault = next(_faults(text, taken), None)
            if fault is not None:
                draft.report(BadParameters(draft.at(scope), text, fault))
    if "options" in entries:
        _options(draft, entries["options"].value, what, taken)


def _faults(text: str, taken: set[str]) -> Iterator[str]:
    is_optional = is_over = False
    for word in text.split():
        found = _PARAMETER.fullmatch(word)
        if found is None:
            yield f"{word} is none"
            return
        name = found[1] or found[3]
        if is_over:
            yield f"{word} stands behind one that takes all"
        if found[1] and is_optional:
            yield f"{word} stands behind one that may be left out"
        if name in taken:
            yield f"{name} is there twice"
        taken.add(name)
        is_optional |= found[3] is not None
        is_over = bool(found[2] or found[4])


def _options(draft: Draft, scope: Scope, what: str, taken: set[str]) -> None:
    shorts: dict[str, str] = {}
    for name, entry in (draft.entries(scope, f"'options' of {what}") or {}).items():
        place = draft.at(entry.value)
        if not _OPTION.fullmatch(name):
            draft.report(BadCommandOption(place, name, "nobody could type it"))
        elif name in taken:
            draft.report(BadCommandOption(place, name, "a parameter is called so"))
        settled = draft.settled(entry.value, f"The option {name!r} of {what}")
        own = draft.entries(settled, f"The option {name!r} of {what}") if settled is not None else None
        short = draft.quiet(own["short"].value) if own and "short" in own else None
        if not isinstance(short, str):
            continue
        if not _SHORT.fullmatch(short):
            draft.report(BadCommandOption(place, name, f"{short!r} is no short name"))
        elif short in shorts:
            draft.report(BadCommandOption(place, name, f"-{short} is short for {shorts[short]} already"))
        shorts.setdefault(short, name)
