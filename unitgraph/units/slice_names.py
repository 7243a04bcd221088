"""What an expression is called by those who ask for a slice of it: by what it says, not by where it stands.

So a route that comes before others gives their slices no other names, and their units aren't built again. Comments and
formatting are no part of a name either. Two expressions of one module have one name only if their texts are the same.
"""

from collections.abc import Callable, Iterator, Sequence
from hashlib import blake2b
from pathlib import PurePosixPath
from typing import Final

from tree_sitter import Node, Tree

from unitgraph.units.application import Expression, Fragment
from unitgraph.units.facts import Span
from unitgraph.units.syntax import parse

_QUOTES: Final = frozenset((b"'", b'"'))
_CLOSING: Final = (b"}", b"]", b")")


class Texts:
    """The texts of expressions; each module is parsed once. ``read`` gives a file's bytes; ``by_place``: what stands on
    another line has another name."""

    def __init__(self, read: Callable[[str], bytes], *, by_place: bool = False) -> None:
        self._read = read
        self._by_place = by_place
        self._parsed: dict[str, tuple[bytes, Tree]] = {}
        self._forms: dict[tuple[str, str], list[bytes]] = {}

    def name(self, expression: Expression) -> str:
        """The name. Where one text is written in several ways, the first to be asked for has the plain one."""
        module, said = expression.fragment.module, "\n".join(self._said(expression))
        name = blake2b(said.encode(), digest_size=8).hexdigest()
        if self._by_place:
            line = self._module(module)[0].count(b"\n", 0, expression.fragment.span.start)
            name = f"{line}:{name}"
        written = b"\0".join(self._written(expression))
        forms = self._forms.setdefault((module, name), [])
        if written not in forms:
            forms.append(written)
        form = forms.index(written)
        return f"{name}#{form}" if form else name

    def _said(self, expression: Expression) -> Iterator[str]:
        """What it says, formatted in one way."""
        yield self._tokens(expression.fragment, expression.omit)
        for pattern, fragment in expression.bindings:
            yield f"{' '.join(pattern.split())} of {fragment.module}: {self._tokens(fragment, ())}"

    def _written(self, expression: Expression) -> Iterator[bytes]:
        fragments = [(expression.fragment, expression.omit), *((each, ()) for _, each in expression.bindings)]
        for fragment, omit in fragments:
            text, start = self._module(fragment.module)[0], fragment.span.start
            for span in sorted(omit, key=lambda span: span.start):
                yield text[start : span.start]
                start = span.end
            yield text[start : fragment.span.end]

    def _tokens(self, fragment: Fragment, omit: Sequence[Span]) -> str:
        text, tree = self._module(fragment.module)
        tokens: list[bytes] = []
        for start, end in _leaves(tree.root_node, fragment.span, omit):
            token = text[start:end]
            if token in _CLOSING and tokens and tokens[-1] == b",":
                tokens.pop()
            tokens.append(b'"' if token in _QUOTES else token)
        return b" ".join(tokens).decode("utf-8", "replace")

    def _module(self, path: str) -> tuple[bytes, Tree]:
        known = self._parsed.get(path)
        if known is None:
            text = self._read(path)
            known = self._parsed[path] = text, parse(text, PurePosixPath(path).suffix)
        return known


def _leaves(root: Node, span: Span, omit: Sequence[Span]) -> Iterator[tuple[int, int]]:
    """Where the tokens within a stretch of text stand, in their order, comments left out."""
    pending = [root.descendant_for_byte_range(span.start, span.end) or root]
    while pending:
        node = pending.pop()
        if node.end_byte <= span.start or node.start_byte >= span.end or node.type == "comment":
            continue
        if any(one.start <= node.start_byte and node.end_byte <= one.end for one in omit):
            continue
        if node.child_count and node.type != "string_fragment":
            pending.extend(reversed(node.children))
        elif node.start_byte < node.end_byte:
            yield node.start_byte, node.end_byte
