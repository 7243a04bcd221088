"""The runtime as bundles take it: without functions that esbuild would give their names back.

`--keep-names` wraps each named function in a call that defines its name: an eighth of a small unit's bytes, and time
wherever a function is made for one request. Names matter to what an application and its packages do with them, and
nothing of the runtime asks a function for its own. A value in a comma expression gets no name, and costs nothing.
Classes keep theirs: they are what errors are told apart by.
"""

import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

from tree_sitter import Node

from unitgraph.units.syntax import parse

_FUNCTIONS: Final = frozenset({"arrow_function", "function_expression"})
_AROUND: Final = frozenset({"parenthesized_expression", "as_expression", "satisfies_expression", "non_null_expression"})

# What gives the function its name that is its value, by the field that it stands in.
_NAMING: Final = frozenset(
    {"variable_declarator", "pair", "assignment_expression", "assignment_pattern", "object_assignment_pattern",
     "required_parameter", "optional_parameter", "public_field_definition"}
)  # fmt: skip
_FIELDS: Final = ("value", "right")
_ANNOTATION: Final = b"__NO_SIDE_EFFECTS__"        # holds for a function that stands right there


def unnamed(text: bytes, suffix: str) -> bytes:
    """The same module, each of whose functions that would be named after where it stands is in a comma expression."""
    found: list[Node] = []
    pending = [parse(text, suffix).root_node]
    while pending:
        node = pending.pop()
        pending.extend(node.named_children)
        if node.type in _FUNCTIONS and _is_named(node):
            found.append(node)
    marks = sorted([(node.start_byte, 1, b"(0, ") for node in found] + [(node.end_byte, 0, b")") for node in found])
    parts: list[bytes] = []
    last = 0
    for at, _, mark in marks:
        parts += text[last:at], mark
        last = at
    return b"".join([*parts, text[last:]])


def _is_named(node: Node) -> bool:
    inner, outer = node, node.parent
    while outer is not None and outer.type in _AROUND:
        inner, outer = outer, outer.parent
    if outer is None or outer.type not in _NAMING:
        return False
    if all(outer.child_by_field_name(field) != inner for field in _FIELDS):
        return False
    statement = outer.parent if outer.type == "variable_declarator" else None
    while statement is not None and statement.parent is not None and statement.parent.type == "export_statement":
        statement = statement.parent
    before = statement.prev_named_sibling if statement is not None else None
    return before is None or before.type != "comment" or _ANNOTATION not in (before.text or b"")


def prepared(runtime: Path, place: Path) -> Path:
    """``place``, a folder that holds the runtime so; written where it is not there, at once for all who look."""
    if place.is_dir():
        with suppress(PermissionError):     # it may be another user's
            os.utime(place)     # what is used isn't removed with what is not
        return place
    place.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=f"{place.name}-", dir=place.parent))
    for parent, folders, names in os.walk(runtime):
        folders[:] = [name for name in folders if name not in ("node_modules", "__pycache__")]
        there = made / os.path.relpath(parent, runtime)
        there.mkdir(exist_ok=True)
        for name in names:
            path = Path(parent, name)
            is_code = path.suffix in (".ts", ".js") and not name.endswith(".d.ts")
            text = path.read_bytes()
            (there / name).write_bytes(unnamed(text, path.suffix) if is_code else text)
    made.chmod(0o755)
    try:
        made.rename(place)
    except OSError:         # somebody else was first
        shutil.rmtree(made)
        if not place.is_dir():
            raise
    return place
