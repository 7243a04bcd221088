"""Statements that only wire: calls, ``for … of`` and ``.forEach`` over constants, blocks. Knows syntax only.

A wiring is ``(name, start, end, arguments, loops)``, a loop ``(pattern, its text, offset, iterable)``,
a pattern ``("id", name)``, ``("o", ((key, pattern), …))`` or ``("a", (pattern | None, …))``.
"""

from typing import Any, Final

from tree_sitter import Node

from unitgraph.units import authoring
from unitgraph.units.bodies import parameters
from unitgraph.units.expressions import LITERALS, Builder, arguments, plain

Loop = tuple[Any, ...]
_DEEPEST: Final = 12


class WiringReader:
    """Reads the statements of one file that only wire; ``consumed`` are the offsets of the calls that it understood."""

    def __init__(self, builder: Builder, consumed: set[int]) -> None:
        self._builder = builder
        self._consumed = consumed
        self.wirings: list[tuple[Any, ...]] = []

    def read(self, node: Node, loops: tuple[Loop, ...] = ()) -> bool:
        """Whether a statement holds wirings and nothing else; they are then noted."""
        if len(loops) > _DEEPEST:
            return False
        kind = node.type
        if kind == "expression_statement":
            inner = next((child for child in node.named_children if child.type != "comment"), None)
            return inner is not None and self._expression(inner, loops)
        if kind == "statement_block":
            statements = [child for child in node.named_children if child.type not in ("comment", "empty_statement")]
            done = [self.read(child, loops) for child in statements]
            return bool(done) and all(done)
        if kind == "for_in_statement":
            return self._for(node, loops)
        return False

    def _expression(self, node: Node, loops: tuple[Loop, ...]) -> bool:
        node = plain(node)
        while node.type == "await_expression" or (node.type == "unary_expression" and node.children[0].type == "void"):
            inner = node.named_children
            if not inner:
                return False
            node = plain(inner[0])
        if node.type != "call_expression":
            return False
        callee = node.child_by_field_name("function")
        if callee is None:
            return False
        callee = plain(callee)
        name = self._builder.authoring(callee)
        if name is not None and name in authoring.WIRINGS:
            self._consumed.add(callee.start_byte)
            self._builder.size = 0
            given = tuple(self._argument(name, each) for each in arguments(node))
            self.wirings.append((name, node.start_byte, node.end_byte, given, loops))
            return True
        if name is not None and name in authoring.STANDING:
            self._builder.size = 0
            self.wirings.append((name, node.start_byte, node.end_byte, (self._builder.build(node),), loops))
            return True
        return self._for_each(node, callee, loops)

    def _argument(self, name: str, node: Node) -> Any:
        key = None
        if name.startswith("add"):
            key = "middleware" if name.endswith("Middleware") else "permissions"
        return self._builder.value(key, node, 0)

    def _for_each(self, call: Node, callee: Node, loops: tuple[Loop, ...]) -> bool:
        if callee.type != "member_expression":
            return False
        over, method = callee.child_by_field_name("object"), callee.child_by_field_name("property")
        given = arguments(call)
        if over is None or method is None or self._builder.string(method) != "forEach" or len(given) != 1:
            return False
        function = plain(given[0])
        body = function.child_by_field_name("body") if function.type in LITERALS else None
        if body is None:
            return False
        taken = parameters(function)
        pattern = (taken[0].child_by_field_name("pattern") or taken[0]) if taken else None
        loop = self._loop(pattern, over)
        if body.type == "statement_block":
            return self.read(body, (*loops, loop))
        return self._expression(body, (*loops, loop))

    def _for(self, node: Node, loops: tuple[Loop, ...]) -> bool:
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        body, word = node.child_by_field_name("body"), node.child_by_field_name("operator")
        if left is None or right is None or body is None or word is None or word.type != "of":
            return False
        return self.read(body, (*loops, self._loop(left, right)))

    def _loop(self, pattern: Node | None, over: Node) -> Loop:
        self._builder.size = 0
        iterable = self._builder.build(over)
        if pattern is None:
            return (("id", ""), "", over.start_byte, iterable)
        return (self._pattern(pattern, 0), self._builder.string(pattern), over.start_byte, iterable)

    def _pattern(self, node: Node, depth: int) -> tuple[Any, ...]:
        kind = node.type
        if kind in ("identifier", "shorthand_property_identifier_pattern"):
            return ("id", self._builder.string(node))
        if kind in ("object_assignment_pattern", "assignment_pattern") and (left := node.child_by_field_name("left")):
            return self._pattern(left, depth)
        if depth < _DEEPEST and kind == "object_pattern":
            return ("o", tuple(self._member(child, depth) for child in node.named_children if child.type != "comment"))
        if depth < _DEEPEST and kind == "array_pattern":
            return ("a", tuple(self._pattern(child, depth + 1) for child in node.named_children))
        return ("id", "")

    def _member(self, node: Node, depth: int) -> tuple[str, tuple[Any, ...]]:
        key, value = node.child_by_field_name("key"), node.child_by_field_name("value")
        if key is not None and value is not None:
            return (self._builder.string(key), self._pattern(value, depth + 1))
        pattern = self._pattern(node, depth + 1)
        return (str(pattern[1]) if pattern[0] == "id" else "", pattern)
