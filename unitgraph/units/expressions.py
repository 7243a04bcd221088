"""Expressions as compact tuples: as much of a syntax tree as can be evaluated. Knows no name's meaning.

An expression is ``(kind, start, end, …)``:

    "c" value                    a constant: string, number, boolean, None for null and undefined
    "t" parts                    a template: strings and expressions
    "i" name                     an identifier
    "m" object, name             a member, also ``object['name']``;  "x" object, index for a computed one
    "o" entries                  an object: (key | None for a spread | expression, value, start, end of the property)
    "a" items                    an array; an item ("s", start, end, value) is a spread
    "+" left, right              addition
    "k" name, arguments          Object.freeze, Object.entries, Object.values, Object.keys
    "w" name, arguments          an authoring call that gives back its argument
    "f" index                    an authored function: its place in the file's list
    "l" index                    a function literal: likewise
    "?" what                     anything else, by the name of its syntax
"""

import re
from collections.abc import Callable
from typing import Any, Final

from tree_sitter import Node

from unitgraph.units import authoring

Expr = tuple[Any, ...]

DEEPEST: Final = 60
LARGEST: Final = 20_000

LITERALS: Final = frozenset({"arrow_function", "function_expression", "method_definition", "generator_function"})
_UNWRAPPED: Final = frozenset(
    {
        "as_expression",
        "satisfies_expression",
        "parenthesized_expression",
        "non_null_expression",
        "instantiation_expression",
    }
)
_OBJECT_CALLS: Final = frozenset({"freeze", "entries", "values", "keys", "fromEntries"})
_ESCAPE: Final = re.compile(r"\\(?:u\{([0-9a-fA-F]+)\}|u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|\r?\n|([\s\S]))")
_NAMED: Final = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "0": "\0"}
# Keys whose values hold functions that stand around others, and so take services.
_AROUND: Final = frozenset({"middleware", "permissions", "render"})
# Keys whose values matter at run time only.
_UNREAD: Final = frozenset({"input", "output", "errors", "memory", "headers", "query"})

OnCall = Callable[[str, Node, "Builder"], Expr | None]
OnLiteral = Callable[[Node, bool], int]


def plain(node: Node) -> Node:
    """The node without parentheses, type assertions, ``satisfies`` and ``!``."""
    while True:
        if node.type in _UNWRAPPED:
            inner = next((child for child in node.named_children if child.type != "comment"), None)
        elif node.type == "type_assertion":
            inner = node.named_children[-1] if node.named_children else None
        else:
            return node
        if inner is None:
            return node
        node = inner


def arguments(call: Node) -> list[Node]:
    """A call's arguments; none for a tagged template."""
    given = call.child_by_field_name("arguments")
    if given is None or given.type != "arguments":
        return []
    return [child for child in given.named_children if child.type != "comment"]


def unescape(text: str) -> str:
    if "\\" not in text:
        return text

    def one(found: re.Match[str]) -> str:
        code = found[1] or found[2] or found[3]
        if code:
            number = int(code, 16)
            return chr(number) if number <= 0x10FFFF and not 0xD800 <= number <= 0xDFFF else "\ufffd"
        return _NAMED.get(found[4], found[4]) if found[4] else ""

    return _ESCAPE.sub(one, text)


def number(text: str) -> int | float | None:
    text = text.replace("_", "").rstrip("n")
    try:
        return int(text, 0) if not text.startswith("0") or text[1:2] in "xXoObB" else int(text)
    except ValueError:
        try:
            return float(text)
        except ValueError:
            return None


class Builder:
    """Builds the expressions of one file.

    ``names`` are local name → authoring name, ``spaces`` the namespaces of the authoring surface. ``on_call`` is asked
    for every authoring call, ``on_literal`` registers a function literal (True: it stands around others).
    """

    def __init__(
        self, text: bytes, names: dict[str, str], spaces: frozenset[str], on_call: OnCall, on_literal: OnLiteral
    ) -> None:
        self.text = text
        self.names = names
        self.spaces = spaces
        self.on_call = on_call
        self.on_literal = on_literal
        self.size = 0
        self._around = 0

    def string(self, node: Node) -> str:
        return self.text[node.start_byte : node.end_byte].decode("utf-8", "replace")

    def authoring(self, callee: Node) -> str | None:
        """The authoring name that a callee means."""
        if callee.type == "identifier":
            return self.names.get(self.string(callee)) if self.names else None
        if callee.type == "member_expression" and self.spaces:
            space, name = callee.child_by_field_name("object"), callee.child_by_field_name("property")
            if space is not None and name is not None and self.string(space) in self.spaces:
                known = self.string(name)
                return known if known in authoring.NAMES else None
        return None

    def build(self, node: Node, depth: int = 0) -> Expr:
        node = plain(node)
        self.size += 1
        if depth > DEEPEST or self.size > LARGEST:
            return ("?", node.start_byte, node.end_byte, "too large")
        kind = node.type
        make = _MAKERS.get(kind)
        if make is not None:
            return make(self, node, depth)
        if kind in LITERALS:
            return self.literal(node)
        return ("?", node.start_byte, node.end_byte, kind)

    def literal(self, node: Node) -> Expr:
        index = self.on_literal(node, self._around > 0)
        if index < 0:
            return ("?", node.start_byte, node.end_byte, "function")
        return ("l", node.start_byte, node.end_byte, index)

    def value(self, key: str | None, node: Node, depth: int) -> Expr:
        if key == "schema":
            # Two declarations of one secret are compared by the text of their schemas.
            return ("?", node.start_byte, node.end_byte, "".join(self.string(node).split())[:400])
        if key in _UNREAD:
            return ("?", node.start_byte, node.end_byte, node.type)
        if key in _AROUND:
            self._around += 1
            try:
                return self.build(node, depth)
            finally:
                self._around -= 1
        return self.build(node, depth)


def _constant(_builder: Builder, node: Node, _depth: int) -> Expr:
    return ("c", node.start_byte, node.end_byte, _CONSTANTS[node.type])


def _string(builder: Builder, node: Node, _depth: int) -> Expr:
    inner = builder.text[node.start_byte + 1 : node.end_byte - 1].decode("utf-8", "replace")
    return ("c", node.start_byte, node.end_byte, unescape(inner))


def _number(builder: Builder, node: Node, _depth: int) -> Expr:
    return ("c", node.start_byte, node.end_byte, number(builder.string(node)))


def _unary(builder: Builder, node: Node, depth: int) -> Expr:
    operand, operator = node.child_by_field_name("argument"), node.child_by_field_name("operator")
    if operand is not None and operator is not None:
        inner = builder.build(operand, depth + 1)
        if inner[0] == "c" and operator.type == "-" and isinstance(inner[3], int | float):
            return ("c", node.start_byte, node.end_byte, -inner[3])
        if inner[0] == "c" and operator.type == "!":
            return ("c", node.start_byte, node.end_byte, not inner[3])
    return ("?", node.start_byte, node.end_byte, node.type)


def _template(builder: Builder, node: Node, depth: int) -> Expr:
    parts: list[Any] = []
    at = node.start_byte + 1
    for child in node.named_children:
        if child.type == "template_substitution":
            if child.start_byte > at:
                parts.append(unescape(builder.text[at : child.start_byte].decode("utf-8", "replace")))
            inner = child.named_children
            parts.append(builder.build(inner[0], depth + 1) if inner else "")
            at = child.end_byte
    if node.end_byte - 1 > at:
        parts.append(unescape(builder.text[at : node.end_byte - 1].decode("utf-8", "replace")))
    if all(isinstance(part, str) for part in parts):
        return ("c", node.start_byte, node.end_byte, "".join(parts))
    return ("t", node.start_byte, node.end_byte, tuple(parts))


def _identifier(builder: Builder, node: Node, _depth: int) -> Expr:
    name = builder.string(node)
    if name == "undefined":
        return ("c", node.start_byte, node.end_byte, None)
    return ("i", node.start_byte, node.end_byte, name)


def _member(builder: Builder, node: Node, depth: int) -> Expr:
    inner, name = node.child_by_field_name("object"), node.child_by_field_name("property")
    if inner is None or name is None:
        return ("?", node.start_byte, node.end_byte, node.type)
    return ("m", node.start_byte, node.end_byte, builder.build(inner, depth + 1), builder.string(name))


def _subscript(builder: Builder, node: Node, depth: int) -> Expr:
    inner, index = node.child_by_field_name("object"), node.child_by_field_name("index")
    if inner is None or index is None:
        return ("?", node.start_byte, node.end_byte, node.type)
    value, at = builder.build(inner, depth + 1), builder.build(index, depth + 1)
    if at[0] == "c":
        return ("m", node.start_byte, node.end_byte, value, str(at[3]))
    return ("x", node.start_byte, node.end_byte, value, at)


def _object(builder: Builder, node: Node, depth: int) -> Expr:
    entries: list[Any] = []
    for child in node.named_children:
        start, end, kind = child.start_byte, child.end_byte, child.type
        if kind == "pair":
            key_node, value_node = child.child_by_field_name("key"), child.child_by_field_name("value")
            if key_node is None or value_node is None:
                continue
            key = _key(builder, key_node, depth)
            entries.append(
                (key, builder.value(key if isinstance(key, str) else None, value_node, depth + 1), start, end)
            )
        elif kind == "shorthand_property_identifier":
            name = builder.string(child)
            entries.append((name, ("i", start, end, name), start, end))
        elif kind == "spread_element":
            inner = child.named_children
            if inner:
                entries.append((None, builder.build(inner[-1], depth + 1), start, end))
        elif kind == "method_definition":
            key_node = child.child_by_field_name("name")
            if key_node is not None:
                entries.append((_key(builder, key_node, depth), builder.literal(child), start, end))
    return ("o", node.start_byte, node.end_byte, tuple(entries))


def _key(builder: Builder, node: Node, depth: int) -> str | Expr:
    if node.type == "string":
        return str(_string(builder, node, depth)[3])
    if node.type == "computed_property_name":
        inner = builder.build(node.named_children[0], depth + 1) if node.named_children else None
        if inner is None:
            return ""
        return str(inner[3]) if inner[0] == "c" else inner
    return builder.string(node)


def _array(builder: Builder, node: Node, depth: int) -> Expr:
    items: list[Expr] = []
    for child in node.named_children:
        if child.type == "spread_element":
            inner = child.named_children
            if inner:
                items.append(("s", child.start_byte, child.end_byte, builder.build(inner[-1], depth + 1)))
        elif child.type != "comment":
            items.append(builder.build(child, depth + 1))
    return ("a", node.start_byte, node.end_byte, tuple(items))


def _binary(builder: Builder, node: Node, depth: int) -> Expr:
    left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    operator = node.child_by_field_name("operator")
    if left is None or right is None or operator is None or operator.type != "+":
        return ("?", node.start_byte, node.end_byte, node.type)
    return ("+", node.start_byte, node.end_byte, builder.build(left, depth + 1), builder.build(right, depth + 1))


def _call(builder: Builder, node: Node, depth: int) -> Expr:
    callee = node.child_by_field_name("function")
    if callee is None:
        return ("?", node.start_byte, node.end_byte, node.type)
    callee = plain(callee)
    name = builder.authoring(callee)
    if name is not None:
        made = builder.on_call(name, node, builder)
        if made is not None:
            return made
    elif callee.type == "member_expression":
        head, _, method = builder.string(callee).partition(".")
        if head == "Object" and method in _OBJECT_CALLS:
            given = tuple(builder.build(argument, depth + 1) for argument in arguments(node))
            return ("k", node.start_byte, node.end_byte, method, given)
    return ("?", node.start_byte, node.end_byte, node.type)


_CONSTANTS: Final[dict[str, Any]] = {"true": True, "false": False, "null": None, "undefined": None}
_MAKERS: Final[dict[str, Callable[[Builder, Node, int], Expr]]] = {
    "true": _constant,
    "false": _constant,
    "null": _constant,
    "undefined": _constant,
    "string": _string,
    "number": _number,
    "unary_expression": _unary,
    "template_string": _template,
    "identifier": _identifier,
    "member_expression": _member,
    "subscript_expression": _subscript,
    "object": _object,
    "array": _array,
    "binary_expression": _binary,
    "call_expression": _call,
}
