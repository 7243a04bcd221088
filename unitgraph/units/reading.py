"""The reading of one file: its tree → the data that facts are made of. Knows what names are for, no other file."""

import re
from array import array
from collections.abc import Iterable
from typing import Any, Final

from tree_sitter import Node

from unitgraph.units import authoring, syntax, uses
from unitgraph.units.bodies import Bodies, Body, parameters
from unitgraph.units.expressions import LITERALS, Builder, Expr, arguments, plain
from unitgraph.units.factories import factory, plain_factory
from unitgraph.units.loops import WiringReader
from unitgraph.units.statements import Top, TopLevel, top_level

_DEFERRED: Final = re.compile(rb"\b(import|require)\s*\(")
_SCRIPTS: Final = frozenset({".js", ".jsx", ".mjs", ".cjs"})
_FUNCTIONS: Final = frozenset({"function_declaration", "generator_function_declaration"})


class Reading:
    """The reading of one file."""

    def __init__(self, text: bytes, suffix: str) -> None:
        self.tree, self.text, self.suffix = syntax.parse(text, suffix), text, suffix
        self.root = self.tree.root_node
        self.top: TopLevel = top_level(self.root, text)
        self.refs = uses.identifiers(self.root, text, suffix, self.top)
        self.bodies = Bodies(self.root, text, self.refs)
        self.names: dict[str, str] = {}
        self.doubtful: dict[str, tuple[str, str]] = {}
        spaces = self._authoring_names()
        self.builder = Builder(text, self.names, spaces, self._on_call, self._on_literal)
        self.consumed: set[int] = set()
        self.literals: list[Body] = []
        self.helpers: list[Any] = []
        self.functions: list[list[Any]] = []
        self.factories: list[tuple[Any, ...]] = []
        self.reads: list[tuple[Any, ...]] = []
        self.constants: dict[str, Expr] = {}
        self.signatures: dict[str, Body] = {}
        self.problems: list[tuple[str, int, str]] = []
        self._bound_to: str | None = None

    def data(self) -> tuple[Any, ...]:
        """What ``source.Facts`` is made from, in its order."""
        wirings = WiringReader(self.builder, self.consumed)
        for top in self.top.statements:
            if top.kind == "declaration":
                self._declaration(top)
            elif top.kind == "effect" and self.names_any and wirings.read(top.node):
                top.kind = "wiring"
        self._leftovers()
        self._named_helpers()
        calls = sorted((*self.bodies.calls(self.builder), *self.reads), key=lambda call: call[0])
        refs = uses.outside_parameters(self.refs, self.bodies.bound, self.top)
        imports = self._imports(refs)
        mistakes = [("syntax", offset, detail) for offset, detail in syntax.mistakes(self.tree, self.suffix)]
        if mistakes:
            # What stands elsewhere in a broken file would be guesses.
            self.problems = list(mistakes)
        self._encoding()
        is_application = bool(self.functions or wirings.wirings or self.factories or self.helpers)
        placed = is_application or bool(calls) or bool(self.problems)
        lines = syntax.lines(self.text) if placed else syntax.Lines((0,), ())
        return (
            is_application,
            imports,
            tuple(dict.fromkeys(each[1] for each in imports)),
            tuple(top.data() for top in self.top.statements),
            uses.packed(refs),
            tuple(self.top.exports),
            tuple(self.top.type_exports),
            tuple(self.factories),
            tuple(self.problems),
            (array("I", lines.starts).tobytes(), array("I", lines.wide).tobytes()),
            tuple(tuple(each) for each in self.functions),
            tuple(self.literals),
            tuple(tuple(each) for each in self.helpers),
            tuple(wirings.wirings),
            self.constants,
            self.signatures,
            tuple(calls),
            self.doubtful,
            uses.by_statement(refs, self.top) if is_application else (),
        )

    @property
    def names_any(self) -> bool:
        return bool(self.names or self.builder.spaces)

    # names

    def _authoring_names(self) -> frozenset[str]:
        spaces: set[str] = set()
        for kind, specifier, names, types, *_ in self.top.imports:
            if kind not in ("value", "require"):
                continue
            certain = authoring.is_runtime(specifier)
            for imported, local in names:
                if local in types:
                    continue
                if certain and (imported == "*" or kind == "require"):
                    spaces.add(local)
                elif certain and imported in authoring.NAMES:
                    self.names[local] = imported
                elif not certain and authoring.is_unmistakable(imported):
                    self.names[local] = imported
                    self.doubtful[local] = (imported, specifier)
        return frozenset(spaces)

    def _imports(self, refs: Iterable[tuple[int, str]]) -> tuple[Any, ...]:
        used = {name for _, name in refs}
        found: list[tuple[Any, ...]] = []
        for each in self.top.imports:
            kind, specifier, names, types, *rest = each
            if kind == "value" and names and self.suffix not in _SCRIPTS:
                types = tuple(local for _, local in names if local in types or local not in used)
                kind = "type" if len(types) == len(names) else kind
            elif kind == "value" and not names and self.suffix not in _SCRIPTS:
                kind = "effect"
            found.append((kind, specifier, names, types, *rest))
        found.extend(self._deferred())
        return tuple(found)

    def _deferred(self) -> Iterable[tuple[Any, ...]]:
        for match in _DEFERRED.finditer(self.text):
            node = self.root.named_descendant_for_byte_range(match.start(1), match.end(1))
            call = node.parent if node is not None else None
            if node is None or call is None or call.type != "call_expression" or _in_type(call):
                continue
            callee = call.child_by_field_name("function")
            if callee != node and not (
                node.type == "import" and callee is not None and callee.start_byte == node.start_byte
            ):
                continue
            given = arguments(call)
            if given and _is_computed_path(given[0]):
                self.problems.append(("computed", given[0].start_byte, str(match[1], "ascii")))
            if not given or given[0].type not in ("string", "template_string"):
                continue
            expr = self.builder.build(given[0])
            if expr[0] == "c":
                row, column = given[0].start_point
                kind = "dynamic" if match[1] == b"import" else "require"
                at, string = (call.start_byte, call.end_byte), (given[0].start_byte, given[0].end_byte)
                yield (kind, str(expr[3]), (), (), at, string, row + 1, column + 1, False)

    # declarations

    def _declaration(self, top: Top) -> None:
        if top.default is not None:
            self._initialiser("default", top.default, constant=True)
            return
        declaration = top.declaration
        if declaration is None:
            return
        kind = declaration.type
        if kind in ("lexical_declaration", "variable_declaration"):
            constant = kind == "lexical_declaration" and declaration.children[0].type == "const"
            for child in declaration.named_children:
                name, value = child.child_by_field_name("name"), child.child_by_field_name("value")
                if name is not None and value is not None and name.type == "identifier":
                    self._initialiser(self.builder.string(name), value, constant=constant)
                    if top.exported and constant and plain(value).type in LITERALS:
                        self._plain_factory(self.builder.string(name), plain(value), child)
        elif kind in _FUNCTIONS:
            self._signature(top.declares[0], declaration)
            if top.exported:
                self._plain_factory(top.declares[0], declaration, None)
        elif kind == "enum_declaration":
            self._enum(top.declares[0], declaration)

    def _initialiser(self, name: str, node: Node, *, constant: bool) -> None:
        value = plain(node)
        if value.type in LITERALS:
            self._signature(name, value)
            return
        self.builder.size = 0
        before = len(self.functions)
        self._bound_to = name
        expr = self.builder.build(value)
        self._bound_to = None
        if expr[0] == "f" and len(self.functions) > before and expr[3] == before:
            self.functions[before][1] = name
        if not constant and expr[0] != "f":
            expr = ("?", expr[1], expr[2], "let")
        self.constants[name] = expr

    def _plain_factory(self, name: str, function: Node, declarator: Node | None) -> None:
        """Services or configuration by a function of the documented name, with no call around it."""
        kind = authoring.PLAIN_FACTORIES.get(name)
        said = declarator.child_by_field_name("type") if declarator is not None else None
        typed = said is not None and any(each in self.builder.string(said) for each in authoring.FACTORY_TYPES)
        if kind is None or (name in authoring.ORDINARY and not typed):
            return
        span = (function.start_byte, function.end_byte)
        made = plain_factory(kind, function, span, self.text, self.suffix, self.refs)
        self.factories.append((made[0], name, *made[2:]))

    def _signature(self, name: str, function: Node) -> None:
        given = parameters(function)
        if given:
            pattern = given[0].child_by_field_name("pattern")
            if self.names_any or (pattern is not None and pattern.type == "object_pattern"):
                self.signatures[name] = self.bodies.body(function)

    def _enum(self, name: str, node: Node) -> None:
        body = node.child_by_field_name("body")
        entries: list[Any] = []
        count: int | None = 0
        for child in body.named_children if body is not None else ():
            if child.type == "enum_assignment":
                key, value = child.child_by_field_name("name"), child.child_by_field_name("value")
                expr = self.builder.build(value) if value is not None else None
                if key is None or expr is None:
                    continue
                count = expr[3] + 1 if expr[0] == "c" and isinstance(expr[3], int) else None
                label = self.builder.string(key)
                label = label[1:-1] if key.type == "string" else label
                entries.append((label, expr, child.start_byte, child.end_byte))
            elif child.type == "property_identifier" and count is not None:
                expr = ("c", child.start_byte, child.end_byte, count)
                entries.append((self.builder.string(child), expr, child.start_byte, child.end_byte))
                count += 1
        self.constants[name] = ("o", node.start_byte, node.end_byte, tuple(entries))

    # authoring calls

    def _on_literal(self, node: Node, around: bool) -> int:
        if not self.names_any:
            return -1
        body = self.bodies.body(node)
        if around:
            self.helpers.append((body[0], body[1], body[2], body[3]))
            return -1
        self.literals.append(body)
        return len(self.literals) - 1

    def _on_call(self, name: str, node: Node, builder: Builder) -> Expr | None:
        callee = node.child_by_field_name("function")
        offset = plain(callee).start_byte if callee is not None else node.start_byte
        start, end = node.start_byte, node.end_byte
        bound, self._bound_to = self._bound_to, None
        if name in authoring.FUNCTIONS:
            self.consumed.add(offset)
            return self._function(name, node, builder)
        if name in authoring.WRAPPERS:
            self.consumed.add(offset)
            return ("w", start, end, name, tuple(builder.build(each, 1) for each in arguments(node)))
        if name in authoring.HELPERS:
            self.consumed.add(offset)
            self._helper(node)
        elif name in authoring.FACTORIES and bound is not None:
            self.consumed.add(offset)
            made = factory(authoring.FACTORIES[name], node, self.text, self.suffix, self.refs)
            self.factories.append((made[0], bound, *made[2:]))
        elif name in authoring.READERS:
            self.consumed.add(offset)
            self._reader(name, node)
        elif name in authoring.TAKERS:
            self.consumed.add(offset)
            self.helpers.append([node.start_byte, node.end_byte, authoring.TAKERS[name], False])
        return ("?", start, end, "call_expression")

    def _function(self, name: str, node: Node, builder: Builder) -> Expr:
        index = len(self.functions)
        record: list[Any] = [authoring.FUNCTIONS[name], None, node.start_byte, node.end_byte, None, (), name]
        self.functions.append(record)
        types = node.child_by_field_name("type_arguments")
        if types is not None:
            record[5] = tuple(
                (each.start_byte, each.end_byte) for each in types.named_children if each.type != "comment"
            )
        given = arguments(node)
        if given:
            record[4] = builder.build(given[0], 1)
        return ("f", node.start_byte, node.end_byte, index)

    def _helper(self, node: Node) -> None:
        """Middleware, a permission, a renderer: what it takes. One that is named is looked up at the end."""
        given = arguments(node)
        function = plain(given[0]) if given else None
        if function is not None and function.type == "object":
            pairs = [child for child in function.named_children if child.child_by_field_name("key") is not None]
            named = [pair for pair in pairs if self.builder.string(pair.child_by_field_name("key") or pair) == "func"]
            values = [value for pair in named if (value := pair.child_by_field_name("value")) is not None]
            methods = [child for child in function.named_children if child.type == "method_definition"]
            function = plain((values or methods or [function])[0])
        span = [node.start_byte, node.end_byte]
        if function is None:
            self.helpers.append([*span, (), False])
        elif function.type in LITERALS:
            body = self.bodies.body(function)
            self.helpers.append([*span, body[2], body[3]])
        else:
            self.helpers.append([*span, self.builder.string(function), True])

    def _named_helpers(self) -> None:
        for helper in self.helpers:
            if isinstance(helper[2], str):
                body = self.signatures.get(helper[2])
                helper[2], helper[3] = (body[2], body[3]) if body is not None else ((), True)

    def _reader(self, name: str, node: Node) -> None:
        """Middleware of the runtime that reads a secret."""
        default = authoring.READERS[name]
        expr: Expr | None = ("c", node.start_byte, node.end_byte, default) if default is not None else None
        previous: Expr | None = None
        for given in arguments(node)[:1]:
            built = self.builder.build(given)
            if built[0] == "o":
                keys = {entry[0]: entry[1] for entry in built[3]}
                expr = keys.get("secretId", None if "key" in keys else expr)
                previous = keys.get("previousSecretId")
        for each in (expr, previous):
            if each is not None:
                self.reads.append((node.start_byte, "secret", each, None, None))

    def _leftovers(self) -> None:
        """Authoring calls outside the places that are understood: helpers anywhere, the rest is a mistake."""
        spaces = self.builder.spaces
        for offset, name in self.refs if self.names_any else ():
            if offset in self.consumed or (name not in self.names and name not in spaces):
                continue
            node = self.root.descendant_for_byte_range(offset, offset + len(name.encode()))
            if node is None or node.type != "identifier":
                continue
            callee = node
            if name in spaces:
                if node.parent is None or node.parent.type != "member_expression":
                    continue
                callee = node.parent
            known = self.builder.authoring(callee)
            if known is not None:
                self._leftover(known, callee, offset)

    def _leftover(self, name: str, callee: Node, offset: int) -> None:
        call = callee.parent
        while call is not None and call.type in ("instantiation_expression", "non_null_expression"):
            call = call.parent
        is_call = call is not None and call.type == "call_expression" and _is_callee(callee, call)
        if is_call and call is not None and name in (authoring.HELPERS | authoring.READ):
            self.builder.size = 0
            self._on_call(name, call, self.builder)
        elif name in authoring.READ or (name in authoring.HELPERS | authoring.WRAPPERS and is_call):
            return
        else:
            self.problems.append(("misplaced" if is_call else "alias", offset, name))

    def _encoding(self) -> None:
        try:
            self.text.decode("utf-8")
        except UnicodeDecodeError as error:
            self.problems.insert(0, ("encoding", error.start, f"0x{self.text[error.start]:02x}"))


def _is_callee(callee: Node, call: Node) -> bool:
    function = call.child_by_field_name("function")
    return function is not None and function.start_byte <= callee.start_byte and callee.end_byte <= function.end_byte


def _in_type(node: Node) -> bool:
    return node.parent is not None and node.parent.type in ("type_query", "member_expression") and _queried(node)


def _queried(node: Node) -> bool:
    above = node.parent
    while above is not None and above.type in ("member_expression", "subscript_expression", "instantiation_expression"):
        above = above.parent
    return above is not None and above.type == "type_query"


def _is_computed_path(node: Node) -> bool:
    """Whether a specifier is a relative path with parts that only running the code would give: a bundler takes every
    file that might be meant, and those can't be told here."""
    first = node
    while first.type == "binary_expression":
        left = first.child_by_field_name("left")
        if left is None:
            return False
        first = left
    text = first.text or b""
    is_computed = first is not node or any(child.type == "template_substitution" for child in node.named_children)
    return is_computed and first.type in ("string", "template_string") and text[1:2] == b"."
