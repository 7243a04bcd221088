"""Which identifiers a file uses as values, and where. Knows syntax and offsets, no meanings."""

import re
from array import array
from bisect import bisect_left
from collections.abc import Sequence
from typing import Final

from tree_sitter import Node

from unitgraph.units.authoring import is_runtime
from unitgraph.units.statements import TopLevel
from unitgraph.units.syntax import captures

Refs = Sequence[tuple[int, str]]
Bound = Sequence[tuple[int, int, frozenset[str]]]  # stretches in which names are parameters

_JSX: Final = frozenset({".tsx", ".jsx", ".js"})
_PRAGMA: Final = re.compile(rb"@jsx(?:Frag)?\s+([A-Za-z_$][\w$]*)")
_IDENTIFIERS: Final = """
(identifier) @name
(shorthand_property_identifier) @name
(assignment_expression left: (object_pattern (shorthand_property_identifier_pattern) @name))
(type_query) @type
(nested_type_identifier) @type
"""


def identifiers(root: Node, text: bytes, suffix: str, top: TopLevel) -> list[tuple[int, str]]:
    """Every identifier that is used as a value, by offset; types, imports and export lists' aliases left out."""
    found = captures(root, suffix, _IDENTIFIERS)
    named = {(node.start_byte, node.end_byte) for node in found.get("name", ())}
    skipped = [(node.start_byte, node.end_byte) for node in found.get("type", ())]
    skipped.extend(
        (each.node.start_byte, each.node.end_byte)
        for each in top.statements
        if each.kind in ("import", "reexport", "export-list") or (each.kind == "type" and not each.declares)
    )
    kept = _without(sorted(named), sorted(skipped)) if skipped else sorted(named)
    refs = [(start, text[start:end].decode("utf-8", "replace")) for start, end in kept]
    more = (*top.listed, *_elements(root, text, suffix))
    return sorted((*refs, *more)) if more else refs


def _elements(root: Node, text: bytes, suffix: str) -> list[tuple[int, str]]:
    """What JSX calls where it is written the classic way: ``React``, or what a pragma names instead."""
    if suffix not in _JSX or not (b"</" in text or b"/>" in text):
        return []
    pragmas = {found[1].decode() for found in _PRAGMA.finditer(text)} or {"React"}
    found = captures(root, suffix, "(jsx_opening_element) @e (jsx_self_closing_element) @e").get("e", ())
    return [(node.start_byte, name) for node in found for name in sorted(pragmas)]


def top_names(top: TopLevel, *, runtime: bool = True) -> set[str]:
    """What a file declares and imports; from the runtime too, or not."""
    names = {name for each in top.statements for name in each.declares}
    names.update(local for each in top.imports if runtime or not is_runtime(each[1]) for _, local in each[2])
    return names


def outside_parameters(refs: Refs, bound: Bound, top: TopLevel) -> Refs:
    """The refs without those that mean a function's parameter."""
    if not bound:
        return refs
    names_of_top = top_names(top)
    hidden = [(start, end, names & names_of_top) for start, end, names in bound if names & names_of_top]
    if not hidden:
        return refs
    return [
        (offset, name)
        for offset, name in refs
        if not any(start <= offset < end and name in names for start, end, names in hidden)
    ]


def by_statement(refs: Refs, top: TopLevel) -> tuple[tuple[str, ...], ...]:
    """The names of the top level that each statement uses."""
    known = top_names(top, runtime=False)
    found: list[tuple[str, ...]] = []
    for each in top.statements:
        names: tuple[str, ...] = ()
        if each.kind in ("declaration", "effect"):
            low = bisect_left(refs, (each.node.start_byte, ""))
            high = bisect_left(refs, (each.node.end_byte, ""), low)
            names = tuple(
                dict.fromkeys(name for _, name in refs[low:high] if name in known and name not in each.declares)
            )
        found.append(names)
    return tuple(found)


def _without(spans: Sequence[tuple[int, int]], skipped: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The spans that lie in none of the skipped ones; both sorted."""
    kept: list[tuple[int, int]] = []
    position, limit = 0, -1
    for span in spans:
        while position < len(skipped) and skipped[position][0] <= span[0]:
            limit = max(limit, skipped[position][1])
            position += 1
        if span[0] >= limit:
            kept.append(span)
    return kept


def packed(refs: Refs) -> tuple[tuple[str, ...], bytes, bytes]:
    """Refs in little room: each name once, offsets and indices as 32-bit numbers."""
    index: dict[str, int] = {}
    indices = array("I", (index.setdefault(name, len(index)) for _, name in refs))
    return tuple(index), array("I", (offset for offset, _ in refs)).tobytes(), indices.tobytes()
