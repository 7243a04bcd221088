"""Function literals: the services that they take, and what a file's code calls by name. Knows one file.

A body is ``(start, end, services, escapes, wires, wires escape, input type, output type)``; types are spans or None.
A call is ``(offset, kind, name, second)``, in the order of the text: kind "invoke", "exposed", "workflow", "agent",
"do", "sleep", "approval", "event", "queue", "secret" or "variable"; name and second are expressions or None.
"""

import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Any, Final

from tree_sitter import Node

from unitgraph.units.expressions import LITERALS, Builder, Expr, arguments, plain

Body = tuple[Any, ...]
Call = tuple[Any, ...]

_CALL: Final = re.compile(
    rb"(?<![\w$])([\w$]++|\))\s*+[!?]?\s*\.\s*(invoke|remote|exposed|startWorkflow|do|sleep|approval|waitForEvent|add|addBulk"
    rb"|getSecret|getSecretJSON|hasSecret|get|getJSON|has|run|stream|resume|approve)\s*[(<?]"
)
# method → (the service that it belongs to; None: its name says enough, kind)
_METHODS: Final[dict[str, tuple[str | None, str]]] = {
    "invoke": ("rpc", "invoke"),
    "remote": ("rpc", "invoke"),
    "exposed": ("rpc", "exposed"),
    "startWorkflow": ("rpc", "workflow"),
    "do": ("workflow", "do"),
    "sleep": ("workflow", "sleep"),
    "approval": ("workflow", "approval"),
    "waitForEvent": ("workflow", "event"),
    "add": ("queueService", "queue"),
    "addBulk": ("queueService", "queue"),
    "getSecret": (None, "secret"),
    "getSecretJSON": (None, "secret"),
    "hasSecret": (None, "secret"),
    "get": ("variables", "variable"),
    "getJSON": ("variables", "variable"),
    "has": ("variables", "variable"),
    "run": ("agent", "agent"),
    "stream": ("agent", "agent"),
    "resume": ("agent", "agent-run"),
    "approve": ("agent", "agent-run"),
}
# Options of a step that name a function which undoes it.
_UNDO: Final = frozenset({"onError", "compensate"})
_PARAMETERS: Final = frozenset({"required_parameter", "optional_parameter"})


class Bodies:
    """The function literals and calls of one file; ``refs`` are its value identifiers, sorted."""

    def __init__(self, root: Node, text: bytes, refs: Sequence[tuple[int, str]]) -> None:
        self.root = root
        self.text = text
        self.refs = refs
        self.renamed: dict[str, str] = {}
        # Stretches in which names are parameters, and so not those of the file: (start, end, names).
        self.bound: list[tuple[int, int, frozenset[str]]] = []

    def body(self, node: Node) -> Body:
        """What a function literal takes."""
        given = parameters(node)
        services, escapes = self._taken(node, given[0] if given else None)
        wires, wires_escape = self._taken(node, given[2] if len(given) > 2 else None)
        wires_escape = wires_escape or self._takes_unnamed(node, given)
        data = given[1].child_by_field_name("type") if len(given) > 1 else None
        returned = node.child_by_field_name("return_type")
        types = (_annotation(data), _annotation(returned))
        return (node.start_byte, node.end_byte, services, escapes, wires, wires_escape, *types)

    def _takes_unnamed(self, node: Node, given: Sequence[Node]) -> bool:
        """Whether it may take what none of its parameters names."""
        patterns = (each.child_by_field_name("pattern") for each in given[:3])
        has_rest = any(pattern is not None and pattern.type == "rest_pattern" for pattern in patterns)
        return has_rest or b"arguments" in self.text[node.start_byte : node.end_byte]

    def calls(self, builder: Builder) -> tuple[Call, ...]:
        """Everything that is called by name, wherever it stands in the file."""
        found: list[Call] = []
        for match in _CALL.finditer(self.text):
            method = match[2].decode()
            service, kind = _METHODS[method]
            receiver = match[1].decode("utf-8", "replace")
            if service is not None and self.renamed.get(receiver, receiver) != service:
                continue
            node = self.root.descendant_for_byte_range(match.start(2), match.end(2))
            call = _called(node)
            if call is None:
                continue
            given = arguments(call)
            found.append(self._call(kind, call.start_byte, given, builder))
        return tuple(found)

    def _call(self, kind: str, offset: int, given: list[Node], builder: Builder) -> Call:
        builder.size = 0
        name = builder.build(given[0]) if given else None
        second: Expr | None = None
        undo: tuple[Expr, ...] = ()
        if kind == "do" and len(given) > 1:
            what = plain(given[1])
            inline = what.type in LITERALS
            second = ("l", what.start_byte, what.end_byte, -1) if inline else builder.build(what)
            options = plain(given[-1])
            if len(given) > (2 if inline else 3) and options.type == "object":
                built = builder.build(options)
                undo = tuple(entry[1] for entry in built[3] if entry[0] in _UNDO and entry[1][0] != "l")
        return (offset, kind, name, second, undo)

    def _taken(self, function: Node, parameter: Node | None) -> tuple[tuple[str, ...], bool]:
        """The members that a function takes from an object that it is given, and whether the object escapes."""
        pattern = parameter.child_by_field_name("pattern") if parameter is not None else None
        if pattern is None and parameter is not None and parameter.type == "identifier":
            pattern = parameter
        if pattern is None:
            return (), False
        if pattern.type == "object_pattern":
            names, escapes, locals_ = self.members(pattern)
            self.bound.append((function.start_byte, function.end_byte, locals_))
            return names, escapes
        if pattern.type != "identifier":
            return (), pattern.type != "this"
        return self._used(function, pattern)

    def _used(self, function: Node, pattern: Node) -> tuple[tuple[str, ...], bool]:
        name = self.text[pattern.start_byte : pattern.end_byte].decode("utf-8", "replace")
        self.bound.append((function.start_byte, function.end_byte, frozenset((name,))))
        names: set[str] = set()
        escapes = False
        low = bisect_left(self.refs, (pattern.end_byte, ""))
        high = bisect_left(self.refs, (function.end_byte, ""), low)
        for offset, used in self.refs[low:high]:
            if used != name:
                continue
            taken = self._taken_at(offset, len(name.encode()))
            if taken is None:
                escapes = True
            else:
                names.update(taken)
        return tuple(sorted(names)), escapes

    def _taken_at(self, offset: int, length: int) -> Iterable[str] | None:
        """What is taken from the object named at an offset; None where it goes elsewhere as a whole."""
        node = self.root.descendant_for_byte_range(offset, offset + length)
        parent = node.parent if node is not None else None
        if node is None or parent is None:
            return None
        if parent.type == "member_expression" and parent.child_by_field_name("object") == node:
            member = parent.child_by_field_name("property")
            return None if member is None else (self._string(member),)
        if parent.type == "subscript_expression" and parent.child_by_field_name("object") == node:
            index = parent.child_by_field_name("index")
            return (self._string(index)[1:-1],) if index is not None and index.type == "string" else None
        if parent.type == "variable_declarator" and parent.child_by_field_name("value") == node:
            pattern = parent.child_by_field_name("name")
            if pattern is not None and pattern.type == "object_pattern":
                names, escapes, _ = self.members(pattern)
                return None if escapes else names
        return None

    def members(self, pattern: Node) -> tuple[tuple[str, ...], bool, frozenset[str]]:
        """(members, whether a rest takes the others, local names) of an object pattern."""
        names: list[str] = []
        locals_: set[str] = set()
        escapes = False
        for child in pattern.named_children:
            kind = child.type
            if kind == "shorthand_property_identifier_pattern":
                names.append(self._string(child))
                locals_.add(names[-1])
            elif kind == "object_assignment_pattern":
                left = child.child_by_field_name("left")
                if left is not None:
                    names.append(self._string(left))
                    locals_.add(names[-1])
            elif kind == "pair_pattern":
                self._pair(child, names, locals_)
            elif kind == "rest_pattern":
                escapes = True
        return tuple(names), escapes, frozenset(locals_)

    def _pair(self, pair: Node, names: list[str], locals_: set[str]) -> None:
        key, value = pair.child_by_field_name("key"), pair.child_by_field_name("value")
        if key is None or value is None:
            return
        name = self._string(key)
        if key.type == "string":
            name = name[1:-1]
        names.append(name)
        if value.type == "assignment_pattern":
            value = value.child_by_field_name("left") or value
        if value.type == "identifier":
            local = self._string(value)
            locals_.add(local)
            self.renamed[local] = name

    def _string(self, node: Node) -> str:
        return self.text[node.start_byte : node.end_byte].decode("utf-8", "replace")


def parameters(function: Node) -> list[Node]:
    """A function's parameters without ``this``."""
    single = function.child_by_field_name("parameter")
    if single is not None:
        return [single]
    given = function.child_by_field_name("parameters")
    if given is None:
        return []
    found = [child for child in given.named_children if child.type in _PARAMETERS]
    if found:
        first = found[0].child_by_field_name("pattern")
        if first is not None and first.type == "this":
            return found[1:]
    return found


def _annotation(node: Node | None) -> tuple[int, int] | None:
    """The span of the type in ``: Type``."""
    if node is None or node.type != "type_annotation" or not node.named_children:
        return None
    inner = node.named_children[-1]
    return (inner.start_byte, inner.end_byte)


def _called(node: Node | None) -> Node | None:
    """The call whose method's name a node is."""
    if node is None or node.type != "property_identifier":
        return None
    member = node.parent
    call = member.parent if member is not None else None
    # The grammar reads ``await a.b<T>(c)`` as a call of ``await a.b``.
    while call is not None and call.type in ("non_null_expression", "await_expression") and member is not None:
        call = call.parent
    if call is None or member is None or call.type != "call_expression":
        return None
    function = call.child_by_field_name("function")
    return call if function is not None and function.end_byte == member.end_byte else None
