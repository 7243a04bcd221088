"""TypeScript as a syntax tree: which grammar a file needs, and where its text is no TypeScript. Knows no names.

tree-sitter parses anything and marks what it didn't understand. A few forms are valid and unknown to its grammar;
they are overwritten, keeping every offset, and parsed again before a mistake is reported.
"""

import re
from bisect import bisect_right
from collections.abc import Sequence
from functools import cache
from typing import Final

import tree_sitter_typescript
from tree_sitter import Language, Node, Parser, Query, QueryCursor, Tree

MOST_MISTAKES: Final = 5

# Suffixes whose files hold neither JSX nor anything that JSX would make ambiguous.
_PLAIN: Final = frozenset({".ts", ".mts", ".cts"})

# Valid text that the grammar doesn't know → the length of what is blanked is that of what is matched.
_UNKNOWN: Final = (
    (re.compile(rb"(?<=export)\s+type(?=\s*\*)"), b""),
    (re.compile(rb"\bawait\s+using(?=\s+[A-Za-z_$])"), b"const"),
    (re.compile(rb"(?m)(?<![\w$.'\"`])using(?=[ \t]+[A-Za-z_$][\w$]*\s*[=:])"), b"const"),
    (re.compile(rb"(?<=[<,])\s*(?:in\s+out|in|out)(?=\s+[A-Z]\w*\s*[,>=e])"), b""),
    (re.compile(rb"(?<![\w$.])accessor(?=\s+[#\w$\[])"), b"static"),
    (re.compile(rb"(?<=import)\s+defer(?=\s+\*)"), b""),
    (re.compile(rb"(?<=[\w$\])])<[^<>`]*(?:<[^<>`]*(?:<[^<>`]*>[^<>`]*)*>[^<>`]*)*>(?=`)"), b""),     # sql<Row>`…`
)


@cache
def language(suffix: str) -> Language:
    if suffix in _PLAIN:
        return Language(tree_sitter_typescript.language_typescript())
    return Language(tree_sitter_typescript.language_tsx())


@cache
def query(suffix: str, source: str) -> Query:
    """A compiled query; the same for all files of one grammar."""
    return Query(language(suffix), source)


@cache
def _parser(suffix: str) -> Parser:
    return Parser(language(suffix))


def parse(text: bytes, suffix: str) -> Tree:
    tree = _parser(suffix).parse(text)
    if tree.root_node.has_error:
        masked = _masked(text)
        if masked != text:
            again = _parser(suffix).parse(masked)
            if not again.root_node.has_error:
                return again
    return tree


def captures(node: Node, suffix: str, source: str) -> dict[str, list[Node]]:
    return QueryCursor(query(suffix, source)).captures(node)


def mistakes(tree: Tree, suffix: str) -> tuple[tuple[int, str], ...]:
    """(offset, what was found) of the first places that are no TypeScript."""
    root = tree.root_node
    if not root.has_error:
        return ()
    found = [
        (node.start_byte, _found(node))
        for nodes in captures(root, suffix, "(ERROR) @error (MISSING) @missing").values()
        for node in nodes
    ]
    if not found:
        found = [(root.start_byte, "")]
    places: dict[int, str] = {}
    for offset, detail in sorted(found):
        places.setdefault(offset, detail)
    return tuple(places.items())[:MOST_MISTAKES]


def _found(node: Node) -> str:
    if node.is_missing:
        return f"{node.type!r} is missing"
    text = (node.text or b"")[:400].decode("utf-8", "replace").split()
    return f"{' '.join(text)[:40]!r} was not expected" if text else ""


def _masked(text: bytes) -> bytes:
    for pattern, instead in _UNKNOWN:
        text = pattern.sub(lambda found: instead.ljust(len(found[0])), text)  # noqa: B023 - used before the next round
    return text


class Lines:
    """Offsets as lines and columns, from 1, counted in characters. ``wide`` are bytes that continue a character."""

    __slots__ = ("starts", "wide")

    def __init__(self, starts: Sequence[int], wide: Sequence[int]) -> None:
        self.starts = starts
        self.wide = wide

    def position(self, offset: int) -> tuple[int, int]:
        line = max(bisect_right(self.starts, offset), 1)
        start = self.starts[line - 1]
        hidden = bisect_right(self.wide, offset - 1) - bisect_right(self.wide, start - 1) if self.wide else 0
        return line, offset - start - hidden + 1


def lines(text: bytes) -> Lines:
    starts = (0, *(found.end() for found in re.finditer(rb"\n", text)))
    wide = () if text.isascii() else tuple(found.start() for found in re.finditer(rb"[\x80-\xbf]", text))
    return Lines(starts, wide)
