"""Where a type is declared: in the file that names it, or where that imports it from, through barrels and renames.

Knows declarations and exports, not what a type means.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from tree_sitter import Node

from unitgraph.errors import Place
from unitgraph.units import syntax
from unitgraph.units.facts import Import, ImportKind, StatementKind
from unitgraph.units.schema import Foreign, Schema
from unitgraph.units.source import Facts


@dataclass(frozen=True, slots=True)
class Text:
    """Parsed text of a file: ``shift`` leads from its offsets to the file's."""

    module: str
    text: bytes
    shift: int
    position: Callable[[str, int], tuple[int, int]]
    types: Mapping[str, Schema] = field(default_factory=dict)

    def of(self, node: Node) -> str:
        return self.text[node.start_byte : node.end_byte].decode("utf-8", "replace")

    def place(self, node: Node) -> Place:
        return Place(self.module, *self.position(self.module, node.start_byte + self.shift))


@dataclass(frozen=True, slots=True)
class Found:
    """A declaration, parsed: interfaces may be several, and a constant may have a type's name."""

    nodes: tuple[Node, ...]
    texts: tuple[Text, ...]

    @property
    def types(self) -> "Found":
        """Without the constant, where there is a type beside it."""
        kept = [pair for pair in zip(self.nodes, self.texts, strict=True) if pair[0].type != "variable_declarator"]
        return Found(*zip(*kept, strict=True)) if kept else self

    @property
    def value(self) -> tuple[Node, Text] | None:
        """What the constant is made of."""
        for node, text in zip(self.nodes, self.texts, strict=True):
            value = node.child_by_field_name("value")
            if node.type == "variable_declarator" and value is not None:
                return value, text
        return None


class Readable(Protocol):
    """The project, as far as types are looked for in it."""

    def text(self, module: str) -> bytes: ...
    def facts(self, module: str) -> Facts: ...
    def position(self, module: str, offset: int) -> tuple[int, int]: ...
    def resolve(self, module: str, specifier: str) -> str | None: ...
    def whose(self, module: str, specifier: str) -> str: ...
    @property
    def foreign(self) -> Callable[[Node, Text], Foreign | None]: ...


class Names:
    """``files`` are all that were looked into."""

    def __init__(self, project: Readable, module: str) -> None:
        self._project = project
        self.files = {module}

    def outside(self, module: str, name: str) -> str | None:
        for entry in self.imports(module):
            named = any(local == name for _, local in entry.names)
            if named and self._project.resolve(module, entry.specifier) is None:
                return f"{name!r} comes from {self._project.whose(module, entry.specifier)}"
        return None

    def find(self, module: str, name: str, seen: set[tuple[str, str]]) -> Found | None:
        """A type, an enum or a constant by its local name in a file, there or where it is imported from."""
        if (module, name) in seen:
            return None
        seen.add((module, name))
        found = self._local(module, name)
        if found is not None:
            return found
        for entry in self.imports(module):
            for imported, local in entry.names:
                if local == name and imported != "*":
                    target = self._project.resolve(module, entry.specifier)
                    return self.exported(target, imported, seen) if target is not None else None
        return None

    def exported(self, module: str, name: str, seen: set[tuple[str, str]]) -> Found | None:
        self.files.add(module)
        facts = self._project.facts(module)
        local = next((local for exported, local in facts.exports if exported == name), None)
        local = local or self._renamed(module, name) or self._default(module, name)
        found = self.find(module, local or name, seen)
        if found is not None:
            return found
        stars: list[str] = []
        for entry in facts.imports:
            if entry.kind is not ImportKind.REEXPORT and entry.kind is not ImportKind.TYPE:
                continue
            target = self._project.resolve(module, entry.specifier)
            for imported, exported in entry.names if target is not None else ():
                if exported == name and imported != "*" and target is not None and entry.kind is ImportKind.REEXPORT:
                    return self.exported(target, imported, seen)
                if (imported, exported) == ("*", "*") and target is not None:
                    stars.append(target)
        for target in stars:
            if (target, f"*{name}") not in seen:
                seen.add((target, f"*{name}"))
                found = self.exported(target, name, seen)
                if found is not None:
                    return found
        return None

    def _renamed(self, module: str, name: str) -> str | None:
        """The local name behind ``export type { Local as Name }``, which facts don't keep."""
        text = self._project.text(module)
        for statement in self._project.facts(module).statements:
            if statement.kind in (StatementKind.TYPE, StatementKind.EXPORT_LIST) and not statement.declares:
                source = text[statement.span.start : statement.span.end].decode("utf-8", "replace")
                found = re.search(rf"([A-Za-z_$][\w$]*)\s+as\s+{re.escape(name)}(?![\w$])", source)
                if found is not None:
                    return found[1]
        return None

    def _default(self, module: str, name: str) -> str | None:
        if name != "default":
            return None
        text = self._project.text(module)
        for statement in self._project.facts(module).statements:
            if statement.exported and statement.declares and statement.kind is StatementKind.TYPE:
                is_default = re.match(rb"export\s+default\b", text[statement.span.start : statement.span.end])
                if is_default:
                    return statement.declares[0]
        return None

    def imports(self, module: str) -> Iterable[Import]:
        return (e for e in self._project.facts(module).imports if e.kind in (ImportKind.TYPE, ImportKind.VALUE))

    def _local(self, module: str, name: str) -> Found | None:
        nodes: list[Node] = []
        texts: list[Text] = []
        source = self._project.text(module)
        for statement in self._project.facts(module).statements:
            if name in statement.declares and statement.kind in (StatementKind.TYPE, StatementKind.DECLARATION):
                part = source[statement.span.start : statement.span.end]
                text = Text(module, part, statement.span.start, self._project.position)
                for node in _declarations(syntax.parse(part, ".ts").root_node):
                    named = node.child_by_field_name("name")
                    if named is not None and text.of(named) == name:
                        nodes.append(node)
                        texts.append(text)
        return Found(tuple(nodes), tuple(texts)) if nodes else None


_DECLARED: Final = frozenset(
    {"type_alias_declaration", "interface_declaration", "enum_declaration", "class_declaration"}
)
_WRAPPERS: Final = frozenset({"export_statement", "ambient_declaration", "program", "lexical_declaration"})


def _declarations(node: Node) -> Iterator[Node]:
    for child in node.named_children:
        if child.type in _DECLARED or (child.type == "variable_declarator" and child.child_by_field_name("value")):
            yield child
        elif child.type in _WRAPPERS:
            yield from _declarations(child)
