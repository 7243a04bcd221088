"""One source file → its facts. Pure: bytes and a suffix in, data out; never raises, whatever the bytes.

Nothing walks the whole tree in Python: identifiers come from a compiled query, calls by name from a search in the
text that is checked against the tree, and expressions are built for what may have to be evaluated only.
"""

import re
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, Final

from tree_sitter import Node, Tree

from unitgraph.units import authoring, syntax
from unitgraph.units.bodies import Bodies, Body, parameters
from unitgraph.units.expressions import LITERALS, Builder, Expr, arguments, plain
from unitgraph.units.factories import factory
from unitgraph.units.facts import Factory, Import, ImportKind, Property, Span, Statement, StatementKind
from unitgraph.units.loops import WiringReader
from unitgraph.units.statements import Top, TopLevel, top_level

VERSION: Final = "1"
"""Changes with the meaning of what ``to_data`` gives: part of the key under which facts are kept."""

_IDENTIFIERS: Final = """
(identifier) @name
(shorthand_property_identifier) @name
(assignment_expression left: (object_pattern (shorthand_property_identifier_pattern) @name))
(type_query) @type
(nested_type_identifier) @type
"""
_DEFERRED: Final = re.compile(rb"\b(import|require)\s*\(")
_JSX: Final = frozenset({".tsx", ".jsx", ".js"})
_PRAGMA: Final = re.compile(rb"@jsx(?:Frag)?\s+([A-Za-z_$][\w$]*)")
_SCRIPTS: Final = frozenset({".js", ".jsx", ".mjs", ".cjs"})
_FUNCTIONS: Final = frozenset({"function_declaration", "generator_function_declaration"})


class Facts:
    """What one file says. Made from plain data, and each part decoded when it is first asked for.

    Besides the parts of ``facts.py``: ``functions``, ``bodies``, ``helpers``, ``wirings``, ``constants``, ``calls`` and
    ``reads`` are plain tuples as read_facts describes them.
    """

    def __init__(self, data: Sequence[Any]) -> None:
        self._data = data

    def to_data(self) -> tuple[Any, ...]:
        return tuple(self._data)

    @classmethod
    def from_data(cls, data: Sequence[Any]) -> "Facts":
        return cls(data)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Facts) and self.to_data() == other.to_data()

    def __hash__(self) -> int:
        return hash(self.to_data()[:2])

    @property
    def is_application(self) -> bool:
        """Whether the file holds authored functions, wirings, factories or what stands around functions."""
        return bool(self._data[0])

    @property
    def raw_imports(self) -> Sequence[Any]:
        """Imports as data: (kind, specifier, names, type names, …)."""
        return self._data[1]  # type: ignore[no-any-return]

    @property
    def specifiers(self) -> Sequence[str]:
        """Every module that the file names, types included, each once."""
        return self._data[2]  # type: ignore[no-any-return]

    @cached_property
    def imports(self) -> tuple[Import, ...]:
        return tuple(
            Import(ImportKind(kind), specifier, tuple(map(tuple, names)), frozenset(types), Span(*at), Span(*string))
            for kind, specifier, names, types, at, string, _, _, _ in self._data[1]
        )

    @cached_property
    def statements(self) -> tuple[Statement, ...]:
        return tuple(
            Statement(StatementKind(kind), Span(start, end), tuple(declares), exported)
            for kind, start, end, declares, exported in self._data[3]
        )

    @property
    def raw_statements(self) -> Sequence[Any]:
        return self._data[3]  # type: ignore[no-any-return]

    @cached_property
    def refs(self) -> tuple[tuple[int, str], ...]:
        names, offsets, indices = self._data[4]
        decoded = [names[index] for index in array("I", indices)]
        return tuple(zip(array("I", offsets), decoded, strict=True))

    @cached_property
    def exports(self) -> tuple[tuple[str, str], ...]:
        return tuple((exported, local) for exported, local in self._data[5])

    @cached_property
    def type_exports(self) -> frozenset[str]:
        return frozenset(self._data[6])

    @cached_property
    def factories(self) -> tuple[Factory, ...]:
        return tuple(
            Factory(
                kind, name, Span(*call), sliceable, tuple(_statement(each) for each in body),
                Span(*returned) if returned else None,
                tuple(Property(key, Span(start, end)) for key, start, end in properties),
                tuple((offset, service) for offset, service in reads),
            )
            for kind, name, call, sliceable, body, returned, properties, reads in self._data[7]
        )  # fmt: skip

    @property
    def problems(self) -> Sequence[Any]:
        """(code, offset, detail): "syntax", "encoding", "misplaced", "alias"."""
        return self._data[8]  # type: ignore[no-any-return]

    @cached_property
    def lines(self) -> syntax.Lines:
        return syntax.Lines(tuple(array("I", self._data[9][0])), tuple(array("I", self._data[9][1])))

    @property
    def functions(self) -> Sequence[Any]:
        """(kind, local name | None, start, end, argument | None, type arguments, authoring name, certain)."""
        return self._data[10]  # type: ignore[no-any-return]

    @property
    def bodies(self) -> Sequence[Any]:
        """Function literals, see bodies.py; expressions refer to them by index."""
        return self._data[11]  # type: ignore[no-any-return]

    @property
    def helpers(self) -> Sequence[Any]:
        """(start, end, services, escapes)."""
        return self._data[12]  # type: ignore[no-any-return]

    @property
    def wirings(self) -> Sequence[Any]:
        """(name, start, end, arguments, loops), see loops.py."""
        return self._data[13]  # type: ignore[no-any-return]

    @property
    def constants(self) -> Mapping[str, Expr]:
        return self._data[14]  # type: ignore[no-any-return]

    @property
    def signatures(self) -> Mapping[str, Body]:
        """Top-level functions by local name: what they take, as bodies.py has it."""
        return self._data[15]  # type: ignore[no-any-return]

    @property
    def calls(self) -> Sequence[Any]:
        """(offset, kind, name, second, undo), see bodies.py; sorted."""
        return self._data[16]  # type: ignore[no-any-return]

    @property
    def doubtful(self) -> Mapping[str, tuple[str, str]]:
        """Local name → (authoring name, specifier) of what is imported from somewhere else than the runtime."""
        return self._data[17]  # type: ignore[no-any-return]

    @property
    def uses(self) -> Sequence[Sequence[str]]:
        """By statement, the names of the top level that it uses; of application modules only."""
        return self._data[18]  # type: ignore[no-any-return]


def _statement(data: Sequence[Any]) -> Statement:
    kind, start, end, declares, exported = data
    return Statement(StatementKind(kind), Span(start, end), tuple(declares), exported)


def read_facts(text: bytes, suffix: str) -> Facts:
    """The facts of a file's text; ``suffix`` (".ts") chooses the grammar."""
    tree = syntax.parse(text, suffix)
    return _Reading(tree, text, suffix).facts()


class _Reading:
    """The reading of one file."""

    def __init__(self, tree: Tree, text: bytes, suffix: str) -> None:
        self.tree, self.text, self.suffix = tree, text, suffix
        self.root = tree.root_node
        self.top: TopLevel = top_level(self.root, text)
        self.refs = self._identifiers()
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

    def facts(self) -> Facts:
        wirings = WiringReader(self.builder, self.consumed)
        for top in self.top.statements:
            if top.kind == "declaration":
                self._declaration(top)
            elif top.kind == "effect" and self.names_any and wirings.read(top.node):
                top.kind = "wiring"
        self._leftovers()
        self._named_helpers()
        calls = sorted((*self.bodies.calls(self.builder), *self.reads), key=lambda call: call[0])
        refs = self._outside_parameters()
        imports = self._imports(refs)
        mistakes = [("syntax", offset, detail) for offset, detail in syntax.mistakes(self.tree, self.suffix)]
        if mistakes:
            # What stands elsewhere in a broken file would be guesses.
            self.problems = list(mistakes)
        self._encoding()
        is_application = bool(self.functions or wirings.wirings or self.factories or self.helpers)
        placed = is_application or bool(calls) or bool(self.problems)
        lines = syntax.lines(self.text) if placed else syntax.Lines((0,), ())
        return Facts(
            (
                is_application,
                imports,
                tuple(dict.fromkeys(each[1] for each in imports)),
                tuple(top.data() for top in self.top.statements),
                _packed(refs),
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
                self._uses(refs) if is_application else (),
            )
        )

    @property
    def names_any(self) -> bool:
        return bool(self.names or self.builder.spaces)

    # names

    def _identifiers(self) -> list[tuple[int, str]]:
        found = syntax.captures(self.root, self.suffix, _IDENTIFIERS)
        text = self.text
        named = {(node.start_byte, node.end_byte) for node in found.get("name", ())}
        skipped = [(node.start_byte, node.end_byte) for node in found.get("type", ())]
        for top in self.top.statements:
            if top.kind in ("import", "reexport", "export-list") or (top.kind == "type" and not top.declares):
                skipped.append((top.node.start_byte, top.node.end_byte))
        kept = _without(sorted(named), sorted(skipped)) if skipped else sorted(named)
        refs = [(start, text[start:end].decode("utf-8", "replace")) for start, end in kept]
        more = (*self.top.listed, *self._elements())
        return sorted((*refs, *more)) if more else refs

    def _elements(self) -> list[tuple[int, str]]:
        """What JSX calls where it is written the classic way: ``React``, or what a pragma names instead."""
        if self.suffix not in _JSX or not (b"</" in self.text or b"/>" in self.text):
            return []
        pragmas = {found[1].decode() for found in _PRAGMA.finditer(self.text)} or {"React"}
        found = syntax.captures(self.root, self.suffix, "(jsx_opening_element) @e (jsx_self_closing_element) @e").get("e", ())
        return [(node.start_byte, name) for node in found for name in sorted(pragmas)]

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

    def _outside_parameters(self) -> list[tuple[int, str]]:
        """The refs without those that mean a function's parameter."""
        if not self.bodies.bound:
            return self.refs
        top = {name for each in self.top.statements for name in each.declares}
        top.update(local for each in self.top.imports for _, local in each[2])
        hidden = [(start, end, names & top) for start, end, names in self.bodies.bound if names & top]
        if not hidden:
            return self.refs
        return [
            (offset, name)
            for offset, name in self.refs
            if not any(start <= offset < end and name in names for start, end, names in hidden)
        ]

    def _uses(self, refs: Sequence[tuple[int, str]]) -> tuple[tuple[str, ...], ...]:
        """The names of the top level that each statement uses."""
        top = {name for each in self.top.statements for name in each.declares}
        top.update(local for each in self.top.imports for _, local in each[2])
        found: list[tuple[str, ...]] = []
        for each in self.top.statements:
            names: tuple[str, ...] = ()
            if each.kind in ("declaration", "effect"):
                low = bisect_left(refs, (each.node.start_byte, ""))
                high = bisect_left(refs, (each.node.end_byte, ""), low)
                names = tuple(dict.fromkeys(name for _, name in refs[low:high] if name in top and name not in each.declares))
            found.append(names)
        return tuple(found)

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
            if callee != node and not (node.type == "import" and callee is not None and callee.start_byte == node.start_byte):
                continue
            given = arguments(call)
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
        elif kind in _FUNCTIONS:
            self._signature(top.declares[0], declaration)
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
        return ("?", start, end, "call_expression")

    def _function(self, name: str, node: Node, builder: Builder) -> Expr:
        index = len(self.functions)
        record: list[Any] = [authoring.FUNCTIONS[name], None, node.start_byte, node.end_byte, None, (), name]
        self.functions.append(record)
        types = node.child_by_field_name("type_arguments")
        if types is not None:
            record[5] = tuple((each.start_byte, each.end_byte) for each in types.named_children if each.type != "comment")
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
        for given in arguments(node)[:1]:
            built = self.builder.build(given)
            if built[0] == "o":
                keys = {entry[0]: entry[1] for entry in built[3]}
                expr = keys.get("secretId", None if "key" in keys else expr)
        if expr is not None:
            self.reads.append((node.start_byte, "secret", expr, None, None))

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
        if is_call and call is not None and name in (authoring.HELPERS | authoring.READERS.keys()):
            self.builder.size = 0
            self._on_call(name, call, self.builder)
        elif name in authoring.READERS or (name in authoring.HELPERS | authoring.WRAPPERS and is_call):
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


def _packed(refs: Sequence[tuple[int, str]]) -> tuple[tuple[str, ...], bytes, bytes]:
    """Refs in little room: each name once, offsets and indices as 32-bit numbers."""
    index: dict[str, int] = {}
    indices = array("I", (index.setdefault(name, len(index)) for _, name in refs))
    return tuple(index), array("I", (offset for offset, _ in refs)).tobytes(), indices.tobytes()
