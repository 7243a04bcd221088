"""``pikkuConfig``, ``pikkuServices`` and ``pikkuWireServices``: how far their bodies can be taken apart.

Plain data: ``(kind, name, call, sliceable, body, returned, properties, reads)`` as in facts.Factory.
"""

from typing import Any, Final

from tree_sitter import Node

from unitgraph.units.bodies import parameters
from unitgraph.units.expressions import LITERALS, arguments, plain
from unitgraph.units.statements import pattern_names
from unitgraph.units.syntax import captures

_FUNCTIONS: Final = LITERALS | {"function_declaration", "generator_function_declaration"}
_DECLARED: Final = frozenset({"lexical_declaration", "variable_declaration"})
_NAMED: Final = frozenset({"function_declaration", "generator_function_declaration", "class_declaration"})
# Which parameter holds services that are there already.
_GIVEN: Final = {"config": None, "services": 1, "wire-services": 0}


def factory(kind: str, call: Node, text: bytes, suffix: str, refs: Any) -> tuple[Any, ...]:
    """``refs`` are the file's value identifiers, sorted."""
    given = arguments(call)
    function = plain(given[0]) if given else None
    span = (call.start_byte, call.end_byte)
    if function is None or function.type not in LITERALS:
        return (kind, "", span, False, (), None, (), ((call.start_byte, "*"),))
    return plain_factory(kind, function, span, text, suffix, refs)


def plain_factory(
    kind: str, function: Node, span: tuple[int, int], text: bytes, suffix: str, refs: Any
) -> tuple[Any, ...]:
    """A factory that is a function and nothing around it; ``span`` is all of it."""
    body, returned = _body(function, suffix)
    position = _GIVEN[kind]
    taken = parameters(function)
    reads = _reads(function, taken[position], text, refs) if position is not None and len(taken) > position else ()
    if returned is None:
        return (kind, "", span, False, (), None, (), reads)
    statements = tuple(_statement(node, text) for node in body)
    properties = tuple(_property(child, text) for child in returned.named_children if child.type != "comment")
    return (kind, "", span, True, statements, (returned.start_byte, returned.end_byte), properties, reads)


def _body(function: Node, suffix: str) -> tuple[list[Node], Node | None]:
    """The statements before the final ``return``, and the object that it returns; None where that isn't its form."""
    block = function.child_by_field_name("body")
    if block is None:
        return [], None
    if block.type != "statement_block":
        value = plain(block)
        return [], value if value.type == "object" else None
    inner = [child for child in block.named_children if child.type != "comment"]
    if not inner or inner[-1].type != "return_statement" or not inner[-1].named_children:
        return [], None
    last = inner[-1]
    value = plain(next((child for child in last.named_children if child.type != "comment"), last))
    if value.type != "object":
        return [], None
    for found in captures(block, suffix, "(return_statement) @return").get("return", ()):
        if found != last and _function_of(found) == function:
            return [], None
    return inner[:-1], value


def _function_of(node: Node) -> Node | None:
    above = node.parent
    while above is not None and above.type not in _FUNCTIONS:
        above = above.parent
    return above


def _statement(node: Node, text: bytes) -> tuple[Any, ...]:
    declares: list[str] = []
    if node.type in _DECLARED:
        for child in node.named_children:
            pattern = child.child_by_field_name("name") if child.type == "variable_declarator" else None
            if pattern is not None:
                declares.extend(pattern_names(pattern, text))
    elif node.type in _NAMED and (name := node.child_by_field_name("name")) is not None:
        declares.append(text[name.start_byte : name.end_byte].decode("utf-8", "replace"))
    kind = "declaration" if declares else "type" if node.type.startswith(("interface", "type_")) else "effect"
    return (kind, node.start_byte, node.end_byte, tuple(declares), False)


def _property(node: Node, text: bytes) -> tuple[str | None, int, int]:
    key = node.child_by_field_name("key") or node.child_by_field_name("name")
    if node.type == "shorthand_property_identifier":
        key = node
    if key is None or key.type == "computed_property_name":
        return (None, node.start_byte, node.end_byte)
    name = text[key.start_byte : key.end_byte].decode("utf-8", "replace")
    return (name[1:-1] if key.type == "string" else name, node.start_byte, node.end_byte)


def _reads(function: Node, parameter: Node, text: bytes, refs: Any) -> tuple[tuple[int, str], ...]:
    """(offset, service) of what is taken from an object of services; "*" where it goes elsewhere as a whole."""
    pattern = parameter.child_by_field_name("pattern") or parameter
    found: list[tuple[int, str]] = []
    if pattern.type == "object_pattern":
        _pattern_reads(pattern, text, found)
        return tuple(sorted(found))
    name = text[pattern.start_byte : pattern.end_byte].decode("utf-8", "replace")
    root = function
    while root.parent is not None:
        root = root.parent
    for offset, used in refs:
        if used == name and pattern.end_byte <= offset < function.end_byte:
            found.extend(_read(root.descendant_for_byte_range(offset, offset + len(name.encode())), text, offset))
    return tuple(sorted(found))


def _pattern_reads(pattern: Node, text: bytes, found: list[tuple[int, str]]) -> None:
    for child in pattern.named_children:
        key = child.child_by_field_name("key") or child.child_by_field_name("left") or child
        if child.type == "rest_pattern":
            found.append((child.start_byte, "*"))
        elif child.type != "comment":
            name = text[key.start_byte : key.end_byte].decode("utf-8", "replace")
            found.append((child.start_byte, name[1:-1] if key.type == "string" else name))


def _read(node: Node | None, text: bytes, offset: int) -> list[tuple[int, str]]:
    parent = node.parent if node is not None else None
    if parent is not None and parent.type == "member_expression" and parent.child_by_field_name("object") == node:
        member = parent.child_by_field_name("property")
        if member is not None:
            return [(offset, text[member.start_byte : member.end_byte].decode("utf-8", "replace"))]
    if parent is not None and parent.type == "variable_declarator" and parent.child_by_field_name("value") == node:
        pattern = parent.child_by_field_name("name")
        if pattern is not None and pattern.type == "object_pattern":
            inner: list[tuple[int, str]] = []
            _pattern_reads(pattern, text, inner)
            return inner
    return [(offset, "*")]
