"""Small pieces of TypeScript's syntax as values: literals, enums, constants, parts of templates. Knows no names."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from tree_sitter import Node

from unitgraph.units import schema as s
from unitgraph.units.expressions import plain, unescape
from unitgraph.units.schema_names import Text

KINDS: Final[Mapping[str, s.Schema]] = {
    "string": s.Plain("string"),
    "number": s.Plain("number"),
    "boolean": s.Plain("boolean"),
    "bigint": s.Plain("bigint"),
    "unknown": s.UNKNOWN,
    "any": s.UNKNOWN,
    "void": s.UNDEFINED,
    "undefined": s.UNDEFINED,
    "null": s.NULL,
    "never": s.Plain("never"),
    "object": s.Plain("object"),
}
GLOBALS: Final[Mapping[str, s.Schema]] = {
    "Date": s.Plain("date"), "Object": s.Plain("object"), "bigint": s.Plain("bigint"),
}  # fmt: skip
RUNTIME: Final[Mapping[str, s.Schema]] = {
    "CoreUserSession": s.Object((s.Property("userId", s.Plain("string"), optional=True),)),
}
"""What of the runtime's types is data."""

WHAT: Final[Mapping[str, str]] = {
    "conditional_type": "a conditional type",
    "function_type": "a function",
    "constructor_type": "a constructor",
    "class_declaration": "a class",
    "this_type": "`this`",
    "infer_type": "`infer`",
    "type_predicate": "a type predicate",
}
_FRAGMENTS: Final[Mapping[str, str]] = {
    "string": "[\\s\\S]*", "number": "-?\\d+(?:\\.\\d+)?", "bigint": "-?\\d+", "boolean": "(?:true|false)",
}  # fmt: skip
_PASSWORD: Final = re.compile(r"@format\s+password\b")
_SPECIAL: Final = re.compile(r"[\\^$.*+?()[\]{}|/]")


class No(Exception):
    def __init__(self, reason: str, where: Text, node: Node) -> None:
        super().__init__(reason)
        self.note = s.Underivable(reason, where.place(node))


def constant(node: Node, text: Text) -> s.Schema:
    if node.type == "string":
        return s.Literal(string_of(node, text))
    if node.type in ("true", "false"):
        return s.Literal(node.type == "true")
    if node.type in ("number", "unary_expression"):
        return s.Literal(number_of(text.of(node).replace("_", "")))
    if node.type == "null":
        return s.NULL
    if node.type == "array":
        return s.Tuple(tuple(constant(plain(child), text) for child in named(node)))
    if node.type == "object":
        found: list[s.Property] = []
        for child in named(node):
            key, value = child.child_by_field_name("key"), child.child_by_field_name("value")
            if child.type != "pair" or key is None or value is None:
                raise No("this constant is not derived", text, child)
            name = string_of(key, text) if key.type == "string" else text.of(key)
            found.append(s.Property(name, constant(plain(value), text)))
        return s.Object(tuple(found))
    raise No("this constant is not derived", text, node)


def enum_members(node: Node, text: Text) -> Iterator[tuple[str, str | int | float]]:
    """The members of an enum; a computed one has no value that could be checked."""
    body = node.child_by_field_name("body")
    following: int | float = 0
    for child in named(body) if body is not None else ():
        value: str | int | float = following
        name = child
        if child.type == "enum_assignment":
            name, given = child.named_children[0], plain(child.named_children[-1])
            if given.type == "string":
                value = string_of(given, text)
            else:
                try:
                    value = number_of(text.of(given).replace("_", ""))
                except ValueError:
                    raise No("an enum with a computed member is not derived", text, child) from None
        if not isinstance(value, str):
            following = value + 1
        yield (string_of(name, text) if name.type == "string" else text.of(name)), value


def named(node: Node) -> list[Node]:
    """The parts of a node without comments."""
    return [child for child in node.named_children if child.type != "comment"]


def only(node: Node) -> Node:
    return next(child for child in node.named_children if child.type != "comment")


def string_of(node: Node, text: Text) -> str:
    return unescape(text.of(node)[1:-1])


def number_of(source: str) -> int | float:
    text = source.replace(" ", "")
    sign, digits = (-1, text[1:]) if text.startswith("-") else (1, text.removeprefix("+"))
    return sign * (int(digits, 0) if re.fullmatch(r"0[xXoObB][\da-fA-F]+|\d+", digits) else float(digits))


def fragment(schema: s.Schema) -> str | None:
    match schema:
        case s.Plain(kind):
            return _FRAGMENTS.get(kind)
        case s.Literal(bool() as value):
            return str(value).lower()
        case s.Literal(value):
            return escaped(str(value))
        case s.Pattern(regex):
            return regex
        case _:
            return None


def escaped(text: str) -> str:
    return _SPECIAL.sub(lambda found: f"\\{found[0]}", text).replace("\n", "\\n")


def is_secret(node: Node, text: Text) -> bool:
    """``@format password`` in the documentation before a property."""
    before = node.prev_sibling
    while before is not None and before.type == "comment":
        said = text.of(before)
        if said.startswith("/**"):
            return _PASSWORD.search(said) is not None
        before = before.prev_sibling
    return False
