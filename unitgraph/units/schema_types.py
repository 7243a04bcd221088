"""TypeScript types → schemas: derives what a type says about data, across the files of the project.

Knows the part of the type language that describes data. What it doesn't know is Underivable where the whole type
depends on it, and taken as unknown, with a note, where only a member, an item or a value does.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from tree_sitter import Node

from unitgraph.errors import Place
from unitgraph.units import schema as s
from unitgraph.units import syntax
from unitgraph.units.application import TypeSource
from unitgraph.units.expressions import plain, unescape
from unitgraph.units.facts import Import, ImportKind, StatementKind
from unitgraph.units.resolve import Package, ProjectFile, Resolver, Runtime
from unitgraph.units.schema_utilities import UTILITIES, NotApplicable, fits, lookup, object_of
from unitgraph.units.source import Facts, read_facts
from unitgraph.units.sources import DECLARATIONS

_DEEPEST: Final = 60
_LARGEST: Final = 5_000
_PREFIX: Final = b"type $ = "
_KINDS: Final[Mapping[str, s.Schema]] = {
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
_GLOBALS: Final[Mapping[str, s.Schema]] = {
    "Date": s.Plain("date"), "Object": s.Plain("object"), "bigint": s.Plain("bigint"),
}  # fmt: skip
_FRAGMENTS: Final[Mapping[str, str]] = {
    "string": "[\\s\\S]*", "number": "-?\\d+(?:\\.\\d+)?", "bigint": "-?\\d+", "boolean": "(?:true|false)",
}  # fmt: skip
_SPECIAL: Final = re.compile(r"[\\^$.*+?()[\]{}|/]")


class _No(Exception):
    def __init__(self, reason: str, where: "_Text", node: Node) -> None:
        super().__init__(reason)
        self.note = s.Underivable(reason, where.place(node))


@dataclass(frozen=True, slots=True)
class _Text:
    """Parsed text of a file: ``shift`` leads from its offsets to the file's."""

    module: str
    text: bytes
    shift: int
    position: Callable[[str, int], tuple[int, int]]
    types: Mapping[str, s.Schema] = field(default_factory=dict)

    def of(self, node: Node) -> str:
        return self.text[node.start_byte : node.end_byte].decode("utf-8", "replace")

    def place(self, node: Node) -> Place:
        return Place(self.module, *self.position(self.module, node.start_byte + self.shift))


class Deriver:
    """Derives schemas in one analysed project; ``read`` gives a file's bytes."""

    def __init__(self, facts: Mapping[str, Facts], resolver: Resolver, read: Callable[[str], bytes]) -> None:
        self._facts = dict(facts)
        self._resolver = resolver
        self._read = read
        self._texts: dict[str, bytes] = {}

    def derive(self, source: TypeSource) -> s.Derived | s.Underivable:
        """What the type says of data. Never raises for what a type is, only for a file that can't be read."""
        fragment = source.fragment
        module = fragment.module
        text = self.text(module)[fragment.span.start : fragment.span.end].lstrip(b": ")
        shift = fragment.span.end - len(text) - len(_PREFIX)
        parsed = _Text(module, _PREFIX + text, shift, self.position)
        tree = syntax.parse(parsed.text, ".ts")
        alias = next((node for node in tree.root_node.named_children if node.type == "type_alias_declaration"), None)
        value = alias.child_by_field_name("value") if alias is not None else None
        if value is None or tree.root_node.has_error:
            start = self.position(module, shift + len(_PREFIX))
            return s.Underivable("its syntax is not understood", Place(module, *start))
        work = _Derivation(self, module)
        try:
            schema = work.type(value, parsed)
        except _No as no:
            return no.note
        except RecursionError:
            return s.Underivable("it is nested too deeply", parsed.place(value))
        return work.derived(schema)

    def text(self, module: str) -> bytes:
        if module not in self._texts:
            self._texts[module] = self._read(module)
        return self._texts[module]

    def facts(self, module: str) -> Facts:
        if module not in self._facts:
            suffix = ".ts" if module.endswith(DECLARATIONS) else "." + module.rpartition(".")[2]
            self._facts[module] = read_facts(self.text(module), suffix)
        return self._facts[module]

    def position(self, module: str, offset: int) -> tuple[int, int]:
        return syntax.lines(self.text(module)).position(max(offset, 0))

    def resolve(self, module: str, specifier: str) -> str | None:
        """The file of the project that a specifier leads to."""
        found = self._resolver.resolve(module, specifier)
        return found.path if isinstance(found, ProjectFile) else None

    def whose(self, module: str, specifier: str) -> str:
        """What a specifier means that leads to no file of the project, for a sentence."""
        found = self._resolver.resolve(module, specifier)
        if isinstance(found, Package):
            return f"the package {found.name!r}"
        return "the runtime" if isinstance(found, Runtime) else repr(specifier)


@dataclass(frozen=True, slots=True)
class _Found:
    """A declaration, parsed: interfaces may be several."""

    nodes: tuple[Node, ...]
    texts: tuple[_Text, ...]


class _Derivation:
    """One type's way to a schema."""

    def __init__(self, deriver: Deriver, module: str) -> None:
        self._deriver = deriver
        self._files = {module}
        self._notes: dict[s.Underivable, None] = {}
        self._open: dict[tuple[str, str, tuple[s.Schema, ...]], str] = {}
        self._done: dict[tuple[str, str, tuple[s.Schema, ...]], s.Schema] = {}
        self._definitions: dict[str, s.Schema] = {}
        self._recursive: set[str] = set()
        self._names: set[str] = set()
        self._depth = 0
        self._size = 0

    def derived(self, schema: s.Schema) -> s.Derived:
        """Definitions that are only referred to from each other are left out."""
        needed: dict[str, s.Schema] = {}
        pending = [schema]
        while pending:
            for part in s.parts(pending.pop()):
                if isinstance(part, s.Reference) and part.name not in needed:
                    needed[part.name] = self._definitions[part.name]
                    pending.append(needed[part.name])
        return s.Derived(schema, tuple(sorted(needed.items())), tuple(self._notes), frozenset(self._files))

    def type(self, node: Node, text: _Text) -> s.Schema:
        self._size += 1
        if self._depth > _DEEPEST or self._size > _LARGEST:
            raise _No("it is too large or nested too deeply", text, node)
        self._depth += 1
        try:
            handler = _TYPES.get(node.type)
            if handler is None:
                raise _No(f"{_WHAT.get(node.type, f'`{text.of(node)[:40]}`')} is not derived", text, node)
            return handler(self, node, text)
        except NotApplicable as error:
            raise _No(str(error), text, node) from None
        finally:
            self._depth -= 1

    def lenient(self, node: Node, text: _Text) -> s.Schema | None:
        """The type of a part; None, with a note, where it can't be derived."""
        try:
            return self.type(node, text)
        except _No as no:
            self._notes.setdefault(no.note)
            return None

    # forms

    def predefined_type(self, node: Node, text: _Text) -> s.Schema:
        name = text.of(node)
        if name not in _KINDS:
            raise _No(f"{name!r} is no data", text, node)
        return _KINDS[name]

    def literal_type(self, node: Node, text: _Text) -> s.Schema:
        inner = node.named_children[0] if node.named_children else node
        if inner.type == "string":
            return s.Literal(_string(inner, text))
        source = text.of(node).replace("_", "")
        if source in ("true", "false"):
            return s.Literal(source == "true")
        if source in _KINDS:
            return _KINDS[source]
        if source.endswith("n"):
            return s.Plain("bigint")
        try:
            return s.Literal(_number(source))
        except ValueError:
            raise _No(f"the literal {source!r} is not understood", text, node) from None

    def inner_type(self, node: Node, text: _Text) -> s.Schema:
        return self.type(_only(node), text)

    def array_type(self, node: Node, text: _Text) -> s.Schema:
        return s.Array(self.lenient(_only(node), text) or s.UNKNOWN)

    def tuple_type(self, node: Node, text: _Text) -> s.Schema:
        items: list[s.Schema] = []
        rest: s.Schema | None = None
        optional = 0
        for child in _named(node):
            kind, inner = child.type, child
            if child.type in ("required_parameter", "optional_parameter"):
                annotation = child.child_by_field_name("type")
                if annotation is None:
                    raise _No("a tuple's item has no type", text, child)
                is_rest = child.named_children[0].type == "rest_pattern"
                kind = "rest_type" if is_rest else "optional_type" if kind == "optional_parameter" else "item"
                inner = _only(annotation)
            elif child.type in ("rest_type", "optional_type"):
                inner = _only(child)
            if kind == "rest_type":
                spread = self.type(inner, text)
                if not isinstance(spread, s.Array) or rest is not None:
                    raise _No("only an array can be spread in a tuple here", text, child)
                rest = spread.item
                continue
            optional += kind == "optional_type"
            items.append(self.lenient(inner, text) or s.UNKNOWN)
        return s.Tuple(tuple(items), rest, optional)

    def union_type(self, node: Node, text: _Text) -> s.Schema:
        return s.union(self.type(child, text) for child in _named(node))

    def intersection_type(self, node: Node, text: _Text) -> s.Schema:
        members = [self.type(child, text) for child in _named(node)]
        members = [member for member in members if member != s.UNKNOWN]
        if not members:
            return s.UNKNOWN
        objects = [member for member in members if isinstance(member, s.Object)]
        if len(objects) == len(members):
            return _merge(objects)
        # `string & { __brand: 'Id' }` is a string to whoever sends it.
        scalars = [m for m in members if isinstance(m, s.Plain | s.Literal | s.Pattern) and m != s.Plain("object")]
        if len(scalars) == 1 and all(isinstance(member, s.Object) for member in members if member not in scalars):
            return scalars[0]
        flat = tuple(dict.fromkeys(members))
        return flat[0] if len(flat) == 1 else s.Intersection(flat)

    def object_type(self, node: Node, text: _Text) -> s.Schema:
        found: dict[str, s.Property] = {}
        rest: s.Schema | None = None
        key: s.Schema = s.Plain("string")
        for child in _named(node):
            if child.type == "property_signature":
                entry = self._property(child, text)
                found[entry.name] = entry
            elif child.type == "index_signature":
                clause = next((inner for inner in child.named_children if inner.type == "mapped_type_clause"), None)
                if clause is not None:
                    return self._mapped(child, clause, text)
                index = child.child_by_field_name("index_type")
                key = self.type(index, text) if index is not None else key
                value = child.child_by_field_name("type")
                rest = (self.lenient(_only(value), text) if value is not None else None) or s.UNKNOWN
            elif child.type == "method_signature":
                self._notes.setdefault(s.Underivable("a function is no data", text.place(child)))
            else:
                raise _No("a function is no data", text, child)
        if rest is not None and not found:
            return s.Record(s.Plain("string") if key == s.Plain("number") else key, rest)
        return s.Object(tuple(found.values()), rest)

    def _property(self, node: Node, text: _Text) -> s.Property:
        name = node.child_by_field_name("name")
        annotation = node.child_by_field_name("type")
        if name is None or name.type == "computed_property_name":
            raise _No("a computed key is not derived", text, node)
        key = _string(name, text) if name.type == "string" else text.of(name)
        optional = any(child.type == "?" for child in node.children)
        schema = self.lenient(_only(annotation), text) if annotation is not None else s.UNKNOWN
        return s.Property(key, schema or s.UNKNOWN, optional or schema is None)

    def _mapped(self, node: Node, clause: Node, text: _Text) -> s.Schema:
        parts = _named(clause)
        annotation = node.child_by_field_name("type")
        if len(parts) != 2 or annotation is None:
            raise _No("this mapped type is not derived", text, node)
        name, keys = text.of(parts[0]), self.type(parts[1], text)
        optional = annotation.type == "opting_type_annotation"
        if keys == s.Plain("string"):
            return s.Record(keys, self.type(_only(annotation), replace(text, types={**text.types, name: keys})))
        found: list[s.Property] = []
        for member in s.members(keys):
            if not isinstance(member, s.Literal):
                raise _No("a mapped type over other keys than texts is not derived", text, node)
            inner = replace(text, types={**text.types, name: member})
            found.append(s.Property(str(member.value), self.type(_only(annotation), inner), optional))
        return s.Object(tuple(found))

    def template_type(self, node: Node, text: _Text) -> s.Schema:
        regex = ""
        for child in node.named_children:
            if child.type != "template_type":
                regex += _escaped(unescape(text.of(child)))
                continue
            inner = self.type(_only(child), text)
            choices = [_fragment(member) for member in s.members(inner)]
            if None in choices:
                raise _No("this part of a template is not derived", text, child)
            regex += choices[0] or "" if len(choices) == 1 else f"(?:{'|'.join(choice or '' for choice in choices)})"
        return s.Pattern(regex)

    def keys_type(self, node: Node, text: _Text) -> s.Schema:
        target = object_of(self._whole(self.type(_only(node), text)))
        return s.union(s.Literal(entry.name) for entry in target.properties)

    def lookup_type(self, node: Node, text: _Text) -> s.Schema:
        first, index = _named(node)[:2]
        return lookup(self._whole(self.type(first, text)), self.type(index, text))

    def query_type(self, node: Node, text: _Text) -> s.Schema:
        """``typeof STATES`` of a constant written ``as const``."""
        target = _only(node)
        if target.type != "identifier":
            raise _No("`typeof` of this is not derived", text, node)
        found = self._find(text.module, text.of(target), set())
        node_, where = (found.nodes[0], found.texts[0]) if found is not None else (None, text)
        if node_ is None or node_.type != "variable_declarator":
            raise _No(f"`typeof {text.of(target)}` is derived of a constant `as const` only", text, node)
        value = node_.child_by_field_name("value")
        assert value is not None, "a declarator is found by its value"
        return self._constant(plain(value), where)

    def _constant(self, node: Node, text: _Text) -> s.Schema:
        if node.type == "string":
            return s.Literal(_string(node, text))
        if node.type in ("true", "false"):
            return s.Literal(node.type == "true")
        if node.type in ("number", "unary_expression"):
            return s.Literal(_number(text.of(node).replace("_", "")))
        if node.type == "null":
            return s.NULL
        if node.type == "array":
            return s.Tuple(tuple(self._constant(plain(child), text) for child in _named(node)))
        if node.type == "object":
            found: list[s.Property] = []
            for child in _named(node):
                key, value = child.child_by_field_name("key"), child.child_by_field_name("value")
                if child.type != "pair" or key is None or value is None:
                    raise _No("this constant is not derived", text, child)
                name = _string(key, text) if key.type == "string" else text.of(key)
                found.append(s.Property(name, self._constant(plain(value), text)))
            return s.Object(tuple(found))
        raise _No("this constant is not derived", text, node)

    # names

    def name_type(self, node: Node, text: _Text) -> s.Schema:
        return self._named(text.of(node), (), node, text)

    def generic_type(self, node: Node, text: _Text) -> s.Schema:
        name, given = node.child_by_field_name("name"), node.child_by_field_name("type_arguments")
        if name is None or given is None:
            raise _No("this type is not understood", text, node)
        outside = self._outside(text.module, text.of(name).partition(".")[0])
        if outside is not None and text.of(name) not in text.types:
            raise _No(outside, text, node)
        if name.type == "nested_type_identifier":
            return self.nested_type(name, text, tuple(self.type(each, text) for each in _named(given)))
        written = text.of(name)
        if written in ("Array", "ReadonlyArray") and len(_named(given)) == 1:
            return s.Array(self.lenient(_named(given)[0], text) or s.UNKNOWN)
        arguments = tuple(self.type(each, text) for each in _named(given))
        return self._named(written, arguments, node, text)

    def nested_type(self, node: Node, text: _Text, arguments: tuple[s.Schema, ...] = ()) -> s.Schema:
        """``Colour.Red`` of an enum, ``types.Book`` of a namespace import."""
        space, name = text.of(node.named_children[0]), text.of(node.named_children[-1])
        for entry in self._imports(text.module):
            if ("*", space) in entry.names:
                module = self._deriver.resolve(text.module, entry.specifier)
                found = self._exported(module, name, set()) if module is not None else None
                if module is None:
                    whose = self._deriver.whose(text.module, entry.specifier)
                    raise _No(f"{space!r} comes from {whose}", text, node)
                if found is not None:
                    return self._instance(found, name, arguments)
        found = self._find(text.module, space, set())
        if found is not None and found.nodes[0].type == "enum_declaration":
            choices = dict(_enum(found.nodes[0], found.texts[0]))
            if name in choices:
                return s.Literal(choices[name])
        outside = self._outside(text.module, space)
        raise _No(outside or f"{text.of(node)!r} is not derived", text, node)

    def _named(self, name: str, arguments: tuple[s.Schema, ...], node: Node, text: _Text) -> s.Schema:
        if name in text.types:
            return text.types[name]
        found = self._find(text.module, name, set())
        if found is not None:
            return self._instance(found, name, arguments)
        if name in UTILITIES:
            return UTILITIES[name](*(self._whole(argument) for argument in arguments))
        if name in _GLOBALS:
            return _GLOBALS[name]
        raise _No(self._outside(text.module, name) or f"{name!r} is no type of the project", text, node)

    def _outside(self, module: str, name: str) -> str | None:
        for entry in self._imports(module):
            named = any(local == name for _, local in entry.names)
            if named and self._deriver.resolve(module, entry.specifier) is None:
                return f"{name!r} comes from {self._deriver.whose(module, entry.specifier)}"
        return None

    def _whole(self, schema: s.Schema) -> s.Schema:
        """What a reference means, for those who look inside; a type that isn't finished can't be looked into."""
        if isinstance(schema, s.Reference):
            if schema.name not in self._definitions:
                raise NotApplicable("it refers to itself in a way that is not derived")
            return self._definitions[schema.name]
        return schema

    def _instance(self, found: _Found, name: str, arguments: tuple[s.Schema, ...]) -> s.Schema:
        """A declared type with its arguments; recursive ones become definitions."""
        where = found.texts[0]
        self._files.add(where.module)
        key = (where.module, f"{name}@{found.nodes[0].start_byte + where.shift}", arguments)
        if key in self._done:
            return self._done[key]
        if key in self._open:
            self._recursive.add(self._open[key])
            return s.Reference(self._open[key])
        unique = self._unique(name)
        self._open[key] = unique
        try:
            schema = self._declared(found, arguments)
        finally:
            del self._open[key]
        if unique in self._recursive:
            self._definitions[unique] = schema
            schema = s.Reference(unique)
        else:
            self._names.discard(unique)
        # What refers to a type that is still open is that type's only.
        if not self._open:
            self._done[key] = schema
        return schema

    def _unique(self, name: str) -> str:
        number = 1
        unique = name
        while unique in self._names:
            number += 1
            unique = f"{name}{number}"
        self._names.add(unique)
        return unique

    def _declared(self, found: _Found, arguments: tuple[s.Schema, ...]) -> s.Schema:
        node, text = found.nodes[0], found.texts[0]
        if node.type == "enum_declaration":
            return s.union(s.Literal(value) for _, value in _enum(node, text))
        if node.type == "type_alias_declaration":
            value = node.child_by_field_name("value")
            if value is None:
                raise _No("this type is not understood", text, node)
            return self.type(value, self._bound(node, text, arguments))
        if node.type == "interface_declaration":
            objects = [
                self._interface(part, self._bound(part, where, arguments))
                for part, where in zip(found.nodes, found.texts, strict=True)
            ]
            return objects[0] if len(objects) == 1 else _merge([object_of(each) for each in objects])
        raise _No(f"{_WHAT.get(node.type, 'this declaration')} is not derived", text, node)

    def _interface(self, node: Node, text: _Text) -> s.Schema:
        bases: list[s.Object] = []
        for clause in node.named_children:
            if clause.type == "extends_type_clause":
                bases += [object_of(self._whole(self.type(base, text))) for base in _named(clause)]
        body = node.child_by_field_name("body")
        if body is None:
            raise _No("this interface is not understood", text, node)
        own = self.object_type(body, text)
        return own if not bases else _merge([*bases, _as_object(own)])

    def _bound(self, node: Node, text: _Text, arguments: tuple[s.Schema, ...]) -> _Text:
        parameters = node.child_by_field_name("type_parameters")
        types: dict[str, s.Schema] = {}
        for index, parameter in enumerate(_named(parameters) if parameters is not None else ()):
            name = parameter.child_by_field_name("name") or parameter.named_children[0]
            default = parameter.child_by_field_name("value")
            inner = replace(text, types={**types})
            if index < len(arguments):
                types[text.of(name)] = arguments[index]
            elif default is not None:
                types[text.of(name)] = self.type(_only(default) if default.type == "default_type" else default, inner)
            else:
                raise _No(f"the type argument {text.of(name)!r} is missing", text, parameter)
        return replace(text, types=types)

    # where names are declared

    def _find(self, module: str, name: str, seen: set[tuple[str, str]]) -> _Found | None:
        """A type, an enum or a constant by its local name in a file, there or where it is imported from."""
        if (module, name) in seen:
            return None
        seen.add((module, name))
        found = self._local(module, name)
        if found is not None:
            return found
        for entry in self._imports(module):
            for imported, local in entry.names:
                if local == name and imported != "*":
                    target = self._deriver.resolve(module, entry.specifier)
                    return self._exported(target, imported, seen) if target is not None else None
        return None

    def _exported(self, module: str, name: str, seen: set[tuple[str, str]]) -> _Found | None:
        self._files.add(module)
        facts = self._deriver.facts(module)
        local = next((local for exported, local in facts.exports if exported == name), None)
        local = local or self._renamed(module, name) or self._default(module, name)
        found = self._find(module, local or name, seen)
        if found is not None:
            return found
        stars: list[str] = []
        for entry in facts.imports:
            if entry.kind is not ImportKind.REEXPORT and entry.kind is not ImportKind.TYPE:
                continue
            target = self._deriver.resolve(module, entry.specifier)
            for imported, exported in entry.names if target is not None else ():
                if exported == name and imported != "*" and target is not None and entry.kind is ImportKind.REEXPORT:
                    return self._exported(target, imported, seen)
                if (imported, exported) == ("*", "*") and target is not None:
                    stars.append(target)
        for target in stars:
            if (target, f"*{name}") not in seen:
                seen.add((target, f"*{name}"))
                found = self._exported(target, name, seen)
                if found is not None:
                    return found
        return None

    def _renamed(self, module: str, name: str) -> str | None:
        """The local name behind ``export type { Local as Name }``, which facts don't keep."""
        text = self._deriver.text(module)
        for statement in self._deriver.facts(module).statements:
            if statement.kind in (StatementKind.TYPE, StatementKind.EXPORT_LIST) and not statement.declares:
                source = text[statement.span.start : statement.span.end].decode("utf-8", "replace")
                found = re.search(rf"([A-Za-z_$][\w$]*)\s+as\s+{re.escape(name)}(?![\w$])", source)
                if found is not None:
                    return found[1]
        return None

    def _default(self, module: str, name: str) -> str | None:
        if name != "default":
            return None
        text = self._deriver.text(module)
        for statement in self._deriver.facts(module).statements:
            if statement.exported and statement.declares and statement.kind is StatementKind.TYPE:
                is_default = re.match(rb"export\s+default\b", text[statement.span.start : statement.span.end])
                if is_default:
                    return statement.declares[0]
        return None

    def _imports(self, module: str) -> Iterable[Import]:
        return (e for e in self._deriver.facts(module).imports if e.kind in (ImportKind.TYPE, ImportKind.VALUE))

    def _local(self, module: str, name: str) -> _Found | None:
        nodes: list[Node] = []
        texts: list[_Text] = []
        source = self._deriver.text(module)
        for statement in self._deriver.facts(module).statements:
            if name in statement.declares and statement.kind in (StatementKind.TYPE, StatementKind.DECLARATION):
                part = source[statement.span.start : statement.span.end]
                text = _Text(module, part, statement.span.start, self._deriver.position)
                for node in _declarations(syntax.parse(part, ".ts").root_node):
                    named = node.child_by_field_name("name")
                    if named is not None and text.of(named) == name:
                        nodes.append(node)
                        texts.append(text)
        return _Found(tuple(nodes), tuple(texts)) if nodes else None


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


def _enum(node: Node, text: _Text) -> Iterator[tuple[str, str | int | float]]:
    """The members of an enum; a computed one has no value that could be checked."""
    body = node.child_by_field_name("body")
    following: int | float = 0
    for child in _named(body) if body is not None else ():
        value: str | int | float = following
        name = child
        if child.type == "enum_assignment":
            name, given = child.named_children[0], plain(child.named_children[-1])
            if given.type == "string":
                value = _string(given, text)
            else:
                try:
                    value = _number(text.of(given).replace("_", ""))
                except ValueError:
                    raise _No("an enum with a computed member is not derived", text, child) from None
        if not isinstance(value, str):
            following = value + 1
        yield (_string(name, text) if name.type == "string" else text.of(name)), value


def _merge(objects: Iterable[s.Object]) -> s.Object:
    """One object with the members of all; where two have a member, both hold."""
    found: dict[str, s.Property] = {}
    rest: s.Schema | None = None
    for each in objects:
        rest = each.rest or rest
        for entry in each.properties:
            known = found.get(entry.name)
            if known is None or known.schema in (entry.schema, s.UNKNOWN):
                found[entry.name] = entry
            else:
                both = s.Intersection((known.schema, entry.schema))
                narrower = entry.schema if _narrows(entry.schema, known.schema) else both
                found[entry.name] = s.Property(entry.name, narrower, known.optional and entry.optional)
    return s.Object(tuple(found.values()), rest)


def _narrows(new: s.Schema, old: s.Schema) -> bool:
    """Whether every choice of the new schema is one of the old."""
    if set(s.members(new)) <= set(s.members(old)):
        return True
    return all(fits(member, s.members(old)) for member in s.members(new))


def _as_object(schema: s.Schema) -> s.Object:
    return s.Object((), schema.value) if isinstance(schema, s.Record) else object_of(schema)


def _named(node: Node) -> list[Node]:
    return [child for child in node.named_children if child.type != "comment"]


def _only(node: Node) -> Node:
    return next(child for child in node.named_children if child.type != "comment")


def _string(node: Node, text: _Text) -> str:
    return unescape(text.of(node)[1:-1])


def _number(source: str) -> int | float:
    text = source.replace(" ", "")
    sign, digits = (-1, text[1:]) if text.startswith("-") else (1, text.removeprefix("+"))
    return sign * (int(digits, 0) if re.fullmatch(r"0[xXoObB][\da-fA-F]+|\d+", digits) else float(digits))


def _fragment(schema: s.Schema) -> str | None:
    match schema:
        case s.Plain(kind):
            return _FRAGMENTS.get(kind)
        case s.Literal(bool() as value):
            return str(value).lower()
        case s.Literal(value):
            return _escaped(str(value))
        case s.Pattern(regex):
            return regex
        case _:
            return None


def _escaped(text: str) -> str:
    return _SPECIAL.sub(lambda found: f"\\{found[0]}", text).replace("\n", "\\n")


_WHAT: Final[Mapping[str, str]] = {
    "conditional_type": "a conditional type",
    "function_type": "a function",
    "constructor_type": "a constructor",
    "class_declaration": "a class",
    "this_type": "`this`",
    "infer_type": "`infer`",
    "type_predicate": "a type predicate",
}
_TYPES: Final[Mapping[str, Callable[[_Derivation, Node, _Text], s.Schema]]] = {
    "predefined_type": _Derivation.predefined_type,
    "literal_type": _Derivation.literal_type,
    "parenthesized_type": _Derivation.inner_type,
    "readonly_type": _Derivation.inner_type,
    "array_type": _Derivation.array_type,
    "tuple_type": _Derivation.tuple_type,
    "union_type": _Derivation.union_type,
    "intersection_type": _Derivation.intersection_type,
    "object_type": _Derivation.object_type,
    "template_literal_type": _Derivation.template_type,
    "index_type_query": _Derivation.keys_type,
    "lookup_type": _Derivation.lookup_type,
    "type_query": _Derivation.query_type,
    "type_identifier": _Derivation.name_type,
    "generic_type": _Derivation.generic_type,
    "nested_type_identifier": _Derivation.nested_type,
}
