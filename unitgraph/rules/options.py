"""A bundler's command line as a table of options, so that ``why`` can say which of them moved.

Knows how options look, not what they do. A value stands in the open where it is short: it comes from a provider, the
project's tsconfig or this program. What a ``--define`` puts into the code is shown to nobody.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Final

from unitgraph.cache import digest

TOOL: Final = "esbuild"
TSCONFIG: Final = "tsconfig"
_LONGEST: Final = 100
_MANY: Final = frozenset(("--alias", "--define", "--external", "--loader"))      # each name after the colon is its own


def table(arguments: Iterable[str]) -> dict[str, str]:
    """What people call each option → its value, "" where it has none; of one given twice the last, as tools take it."""
    return {name: value for argument in arguments for name, value in _named(argument)}


def _named(argument: str) -> Iterator[tuple[str, str]]:
    option, _, value = argument.partition("=")
    if option == "--tsconfig-raw":
        for key, each in json.loads(value)["compilerOptions"].items():
            yield f"{TSCONFIG} {key}", _shown(json.dumps(each, sort_keys=True))
        return
    kind, colon, _ = option.partition(":")
    if colon and kind not in _MANY:
        option, value = kind, argument.removeprefix(f"{kind}:")
    yield f"{TOOL} {option}", _hidden(value) if kind == "--define" else _shown(value)


def _shown(value: str) -> str:
    """The value itself, or its digest where it is long, or no plain text."""
    return value if len(value) <= _LONGEST and value.isprintable() else _hidden(value)


def _hidden(value: str) -> str:
    return digest.sha256(value.encode())
