"""A file's top level: its statements, the modules that it names, and what it exports. Knows syntax, no meanings.

Everything is plain data: an import is ``(kind, specifier, names, type names, statement, string, line, column,
written as type)``, a statement ``(kind, start, end, declares, exported)``.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from tree_sitter import Node

from unitgraph.units.expressions import plain, unescape

_TYPES: Final = frozenset(
    {"interface_declaration", "type_alias_declaration", "ambient_declaration", "function_signature"}
)
_DECLARATIONS: Final = frozenset(
    {
        "lexical_declaration", "variable_declaration", "function_declaration", "generator_function_declaration",
        "class_declaration", "abstract_class_declaration", "enum_declaration", "module", "internal_module",
        "import_alias",
    }
)  # fmt: skip
_VARIABLES: Final = frozenset({"lexical_declaration", "variable_declaration"})
_SKIPPED: Final = frozenset({"comment", "empty_statement", "hash_bang_line", "ERROR", "html_comment"})


@dataclass(slots=True)
class Top:
    """One top-level statement with its declaration, if it has one. ``default``: the value of ``export default``."""

    kind: str
    node: Node
    declaration: Node | None
    declares: tuple[str, ...]
    exported: bool
    default: Node | None = None

    def data(self) -> tuple[Any, ...]:
        return (self.kind, self.node.start_byte, self.node.end_byte, self.declares, self.exported)


@dataclass(slots=True)
class TopLevel:
    statements: list[Top] = field(default_factory=list)
    imports: list[tuple[Any, ...]] = field(default_factory=list)
    exports: list[tuple[str, str]] = field(default_factory=list)
    type_exports: list[str] = field(default_factory=list)
    listed: list[tuple[int, str]] = field(default_factory=list)  # names used by export lists


def top_level(root: Node, text: bytes) -> TopLevel:
    found = TopLevel()
    reader = _Reader(text, found)
    for node in root.named_children:
        if node.type not in _SKIPPED:
            reader.read(node)
    return found


class _Reader:
    def __init__(self, text: bytes, found: TopLevel) -> None:
        self._text = text
        self._found = found

    def _string(self, node: Node) -> str:
        return self._text[node.start_byte : node.end_byte].decode("utf-8", "replace")

    def read(self, node: Node) -> None:
        kind = node.type
        if kind == "import_statement":
            self._import(node)
        elif kind == "export_statement":
            self._export(node)
        elif kind in _TYPES:
            self._add(Top("type", node, None, self._names(node), exported=False))
        elif kind in _DECLARATIONS:
            self._add(Top("declaration", node, node, self._names(node), exported=False))
        elif kind == "expression_statement" and (inner := _first(node)) is not None and inner.type == "internal_module":
            self._add(Top("declaration", node, inner, self._names(inner), exported=False))
        else:
            self._add(Top("effect", node, None, (), exported=False))

    def _add(self, top: Top) -> None:
        self._found.statements.append(top)

    def _export(self, node: Node) -> None:
        source = node.child_by_field_name("source")
        if source is not None:
            self._reexport(node, source)
            return
        declaration = node.child_by_field_name("declaration")
        value = node.child_by_field_name("value")
        is_default = any(child.type == "default" for child in node.children[:3])
        if declaration is not None:
            self._exported_declaration(node, declaration, is_default=is_default)
        elif value is not None:
            self._default(node, value)
        elif (clause := _child(node, "export_clause")) is not None:
            self._list(node, clause)
        else:
            inner = _first(node)  # export = x
            if inner is not None:
                self._default(node, inner)

    def _exported_declaration(self, node: Node, declaration: Node, *, is_default: bool) -> None:
        names = self._names(declaration)
        if declaration.type in _TYPES:
            self._add(Top("type", node, None, names, exported=True))
            self._found.type_exports.extend(("default",) if is_default else names)
            return
        declares = names or ("default",)
        self._add(Top("declaration", node, declaration, declares, exported=True))
        if is_default:
            self._found.exports.append(("default", declares[0]))
        else:
            self._found.exports.extend((name, name) for name in names)

    def _default(self, node: Node, value: Node) -> None:
        inner = plain(value)
        if inner.type == "identifier":
            name = self._string(inner)
            self._add(Top("export-list", node, None, (), exported=True))
            self._found.exports.append(("default", name))
            self._found.listed.append((inner.start_byte, name))
        else:
            self._add(Top("declaration", node, None, ("default",), exported=True, default=value))
            self._found.exports.append(("default", "default"))

    def _list(self, node: Node, clause: Node) -> None:
        types_only = _has(node, "type")
        for name, alias, is_type, where in self._specifiers(clause):
            if types_only or is_type:
                self._found.type_exports.append(alias)
            else:
                self._found.exports.append((alias, name))
                self._found.listed.append((where, name))
        self._add(Top("type" if types_only else "export-list", node, None, (), exported=True))

    def _reexport(self, node: Node, source: Node) -> None:
        types_only = _has(node, "type")
        names: tuple[tuple[str, str], ...]
        type_names: frozenset[str] | tuple[str, ...] = ()
        clause, space = _child(node, "export_clause"), _child(node, "namespace_export")
        if clause is not None:
            listed = list(self._specifiers(clause))
            names = tuple((name, alias) for name, alias, _, _ in listed)
            type_names = tuple(alias for _, alias, is_type, _ in listed if is_type or types_only)
        elif space is not None:
            inner = _first(space)
            names = (("*", self._name(inner) if inner is not None else "*"),)
        else:
            # The grammar doesn't know ``export type *``; it was overwritten before parsing.
            types_only = types_only or b"type" in self._text[node.start_byte : source.start_byte].split(b"*")[0]
            names = (("*", "*"),)
        if types_only and not type_names:
            type_names = tuple(alias for _, alias in names)
        self._note("type" if types_only and clause is None else "reexport", node, source, names, type_names, types_only)
        self._add(Top("reexport", node, None, (), exported=True))

    def _import(self, node: Node) -> None:
        required = _child(node, "import_require_clause")
        source = node.child_by_field_name("source")
        if required is not None:
            source = required.child_by_field_name("source")
        if source is None:
            return
        types_only = any(child.type in ("type", "typeof") for child in node.children[:2])
        names: list[tuple[str, str]] = []
        type_names: list[str] = []
        if required is not None:
            inner = _first(required)
            names = [("default", self._string(inner))] if inner is not None else []
        clause = _child(node, "import_clause")
        for child in clause.named_children if clause is not None else ():
            if child.type == "identifier":
                names.append(("default", self._string(child)))
            elif child.type == "namespace_import" and (inner := _first(child)) is not None:
                names.append(("*", self._string(inner)))
            elif child.type == "named_imports":
                for name, alias, is_type, _ in self._specifiers(child):
                    names.append((name, alias))
                    if is_type:
                        type_names.append(alias)
        kind = "require" if required is not None else "value" if clause is not None else "effect"
        if types_only:
            kind, type_names = "type", [local for _, local in names]
        self._note(kind, node, source, tuple(names), tuple(type_names), types_only)
        declares = tuple(local for _, local in names) if required is not None else ()
        self._add(Top("import", node, None, declares, exported=False))

    def _note(
        self, kind: str, node: Node, source: Node, names: tuple[tuple[str, str], ...], type_names: Any, written: bool
    ) -> None:
        specifier = unescape(self._string(source)[1:-1])
        row, column = source.start_point
        self._found.imports.append(
            (
                kind, specifier, names, tuple(type_names), (node.start_byte, node.end_byte),
                (source.start_byte, source.end_byte), row + 1, column + 1, written,
            )
        )  # fmt: skip

    def _specifiers(self, clause: Node) -> Iterator[tuple[str, str, bool, int]]:
        for child in clause.named_children:
            name = child.child_by_field_name("name")
            if name is not None:
                alias = child.child_by_field_name("alias")
                is_type = any(part.type in ("type", "typeof") for part in child.children[:1])
                yield self._name(name), self._name(alias or name), is_type, name.start_byte

    def _name(self, node: Node) -> str:
        text = self._string(node)
        return unescape(text[1:-1]) if node.type == "string" else text

    def _names(self, declaration: Node) -> tuple[str, ...]:
        """The names that a declaration binds."""
        if declaration.type in _VARIABLES:
            names: list[str] = []
            for child in declaration.named_children:
                pattern = child.child_by_field_name("name") if child.type == "variable_declarator" else None
                if pattern is not None:
                    names.extend(pattern_names(pattern, self._text))
            return tuple(names)
        if declaration.type == "ambient_declaration":
            return tuple(name for child in declaration.named_children for name in self._names(child))
        named = declaration.child_by_field_name("name")
        if named is None and declaration.type == "import_alias":
            named = _first(declaration)
        if named is None or named.type == "string":
            return ()
        return (self._string(named).partition(".")[0],)


def pattern_names(pattern: Node, text: bytes) -> list[str]:
    """The names that a binding pattern binds, in order."""
    names: list[str] = []
    pending = [pattern]
    while pending:
        node = pending.pop()
        kind = node.type
        if kind in ("identifier", "shorthand_property_identifier_pattern"):
            names.append(text[node.start_byte : node.end_byte].decode("utf-8", "replace"))
        elif kind in ("object_assignment_pattern", "assignment_pattern"):
            left = node.child_by_field_name("left")
            if left is not None:
                pending.append(left)
        elif kind == "pair_pattern":
            value = node.child_by_field_name("value")
            if value is not None:
                pending.append(value)
        elif kind in ("object_pattern", "array_pattern", "rest_pattern"):
            pending.extend(reversed(node.named_children))
    return names


def _first(node: Node) -> Node | None:
    return next((child for child in node.named_children if child.type != "comment"), None)


def _child(node: Node, kind: str) -> Node | None:
    return next((child for child in node.named_children if child.type == kind), None)


def _has(node: Node, kind: str) -> bool:
    return any(child.type == kind for child in node.children[:2])
