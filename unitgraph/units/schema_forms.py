"""The forms of TypeScript types, each with the schema that it means.

Knows the part of the type language that describes data. What it doesn't know is Underivable where the whole type
depends on it, and taken as unknown, with a note, where only a member, an item or a value does.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from tree_sitter import Node

from unitgraph.units import schema as s
from unitgraph.units.expressions import plain, unescape
from unitgraph.units.schema_names import Found, Names, Readable, Text
from unitgraph.units.schema_parts import (
    GLOBALS,
    KINDS,
    RUNTIME,
    WHAT,
    No,
    constant,
    enum_members,
    escaped,
    fragment,
    is_secret,
    named,
    number_of,
    only,
    string_of,
)
from unitgraph.units.schema_utilities import UTILITIES, NotApplicable, as_object, lookup, merge, object_of

_DEEPEST: Final = 60
_LARGEST: Final = 5_000


class Derivation:
    """One type's way to a schema."""

    def __init__(self, project: Readable, module: str) -> None:
        self._project = project
        self._names = Names(project, module)
        self._notes: dict[s.Underivable, None] = {}
        self._open: dict[tuple[str, str, tuple[s.Schema, ...]], str] = {}
        self._done: dict[tuple[str, str, tuple[s.Schema, ...]], s.Schema] = {}
        self._definitions: dict[str, s.Schema] = {}
        self._recursive: set[str] = set()
        self._taken: set[str] = set()
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
        return s.Derived(schema, tuple(sorted(needed.items())), tuple(self._notes), frozenset(self._names.files))

    def type(self, node: Node, text: Text) -> s.Schema:
        self._size += 1
        if self._depth > _DEEPEST or self._size > _LARGEST:
            raise No("it is too large or nested too deeply", text, node)
        self._depth += 1
        try:
            handler = _TYPES.get(node.type)
            if handler is None:
                raise No(f"{WHAT.get(node.type, f'`{text.of(node)[:40]}`')} is not derived", text, node)
            return handler(self, node, text)
        except NotApplicable as error:
            raise No(str(error), text, node) from None
        finally:
            self._depth -= 1

    def lenient(self, node: Node, text: Text) -> s.Schema | None:
        """The type of a part; None, with a note, where it can't be derived."""
        try:
            return self.type(node, text)
        except No as no:
            self._notes.setdefault(no.note)
            return None

    def predefined_type(self, node: Node, text: Text) -> s.Schema:
        name = text.of(node)
        if name not in KINDS:
            raise No(f"{name!r} is no data", text, node)
        return KINDS[name]

    def literal_type(self, node: Node, text: Text) -> s.Schema:
        inner = node.named_children[0] if node.named_children else node
        if inner.type == "string":
            return s.Literal(string_of(inner, text))
        source = text.of(node).replace("_", "")
        if source in ("true", "false"):
            return s.Literal(source == "true")
        if source in KINDS:
            return KINDS[source]
        if source.endswith("n"):
            return s.Plain("bigint")
        try:
            return s.Literal(number_of(source))
        except ValueError:
            raise No(f"the literal {source!r} is not understood", text, node) from None

    def inner_type(self, node: Node, text: Text) -> s.Schema:
        return self.type(only(node), text)

    def array_type(self, node: Node, text: Text) -> s.Schema:
        return s.Array(self.lenient(only(node), text) or s.UNKNOWN)

    def tuple_type(self, node: Node, text: Text) -> s.Schema:
        items: list[s.Schema] = []
        rest: s.Schema | None = None
        optional = 0
        for child in named(node):
            kind, inner = child.type, child
            if child.type in ("required_parameter", "optional_parameter"):
                annotation = child.child_by_field_name("type")
                if annotation is None:
                    raise No("a tuple's item has no type", text, child)
                is_rest = child.named_children[0].type == "rest_pattern"
                kind = "rest_type" if is_rest else "optional_type" if kind == "optional_parameter" else "item"
                inner = only(annotation)
            elif child.type in ("rest_type", "optional_type"):
                inner = only(child)
            if kind == "rest_type":
                spread = self.type(inner, text)
                if not isinstance(spread, s.Array) or rest is not None:
                    raise No("only an array can be spread in a tuple here", text, child)
                rest = spread.item
                continue
            optional += kind == "optional_type"
            items.append(self.lenient(inner, text) or s.UNKNOWN)
        return s.Tuple(tuple(items), rest, optional)

    def union_type(self, node: Node, text: Text) -> s.Schema:
        return s.union(self.type(child, text) for child in named(node))

    def intersection_type(self, node: Node, text: Text) -> s.Schema:
        members = [self.type(child, text) for child in named(node)]
        members = [member for member in members if member != s.UNKNOWN]
        if not members:
            return s.UNKNOWN
        objects = [member for member in members if isinstance(member, s.Object)]
        if len(objects) == len(members):
            return merge(objects)
        # `string & { __brand: 'Id' }` is a string to whoever sends it.
        scalars = [m for m in members if isinstance(m, s.Plain | s.Literal | s.Pattern) and m != s.Plain("object")]
        if len(scalars) == 1 and all(isinstance(member, s.Object) for member in members if member not in scalars):
            return scalars[0]
        flat = tuple(dict.fromkeys(members))
        return flat[0] if len(flat) == 1 else s.Intersection(flat)

    def object_type(self, node: Node, text: Text) -> s.Schema:
        found: dict[str, s.Property] = {}
        rest: s.Schema | None = None
        key: s.Schema = s.Plain("string")
        for child in named(node):
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
                rest = (self.lenient(only(value), text) if value is not None else None) or s.UNKNOWN
            elif child.type == "method_signature":
                self._notes.setdefault(s.Underivable("a function is no data", text.place(child)))
            else:
                raise No("a function is no data", text, child)
        if rest is not None and not found:
            return s.Record(s.Plain("string") if key == s.Plain("number") else key, rest)
        return s.Object(tuple(found.values()), rest)

    def _property(self, node: Node, text: Text) -> s.Property:
        name = node.child_by_field_name("name")
        annotation = node.child_by_field_name("type")
        if name is None or name.type == "computed_property_name":
            raise No("a computed key is not derived", text, node)
        key = string_of(name, text) if name.type == "string" else text.of(name)
        optional = any(child.type == "?" for child in node.children)
        schema = self.lenient(only(annotation), text) if annotation is not None else s.UNKNOWN
        return s.Property(key, schema or s.UNKNOWN, optional or schema is None, is_secret(node, text))

    def _mapped(self, node: Node, clause: Node, text: Text) -> s.Schema:
        parts = named(clause)
        annotation = node.child_by_field_name("type")
        if len(parts) != 2 or annotation is None:
            raise No("this mapped type is not derived", text, node)
        name, keys = text.of(parts[0]), self.type(parts[1], text)
        optional = annotation.type == "opting_type_annotation"
        if keys == s.Plain("string"):
            return s.Record(keys, self.type(only(annotation), replace(text, types={**text.types, name: keys})))
        found: list[s.Property] = []
        for member in s.members(keys):
            if not isinstance(member, s.Literal):
                raise No("a mapped type over other keys than texts is not derived", text, node)
            inner = replace(text, types={**text.types, name: member})
            found.append(s.Property(str(member.value), self.type(only(annotation), inner), optional))
        return s.Object(tuple(found))

    def template_type(self, node: Node, text: Text) -> s.Schema:
        regex = ""
        for child in node.named_children:
            if child.type != "template_type":
                regex += escaped(unescape(text.of(child)))
                continue
            inner = self.type(only(child), text)
            choices = [fragment(member) for member in s.members(inner)]
            if None in choices:
                raise No("this part of a template is not derived", text, child)
            regex += choices[0] or "" if len(choices) == 1 else f"(?:{'|'.join(choice or '' for choice in choices)})"
        return s.Pattern(regex)

    def keys_type(self, node: Node, text: Text) -> s.Schema:
        return s.union(s.Literal(each.name) for each in object_of(self._whole(self.type(only(node), text))).properties)

    def lookup_type(self, node: Node, text: Text) -> s.Schema:
        first, index = named(node)[:2]
        return lookup(self._whole(self.type(first, text)), self.type(index, text))

    def query_type(self, node: Node, text: Text) -> s.Schema:
        """``typeof STATES`` of a constant written ``as const``."""
        target = only(node)
        if target.type != "identifier":
            raise No("`typeof` of this is not derived", text, node)
        found = self._names.find(text.module, text.of(target), set())
        value = found.value if found is not None else None
        if value is None:
            raise No(f"`typeof {text.of(target)}` is derived of a constant `as const` only", text, node)
        return constant(plain(value[0]), value[1])

    def name_type(self, node: Node, text: Text) -> s.Schema:
        return self._named(text.of(node), (), node, text)

    def generic_type(self, node: Node, text: Text) -> s.Schema:
        name, given = node.child_by_field_name("name"), node.child_by_field_name("type_arguments")
        if name is None or given is None:
            raise No("this type is not understood", text, node)
        outside = self._names.outside(text.module, text.of(name).partition(".")[0])
        if outside is not None and text.of(name) not in text.types:
            foreign = self._project.foreign(node, text)
            if foreign is None:
                raise No(outside, text, node)
            return foreign
        if name.type == "nested_type_identifier":
            return self.nested_type(name, text, tuple(self.type(each, text) for each in named(given)))
        written = text.of(name)
        if written in ("Array", "ReadonlyArray") and len(named(given)) == 1:
            return s.Array(self.lenient(named(given)[0], text) or s.UNKNOWN)
        arguments = tuple(self.type(each, text) for each in named(given))
        return self._named(written, arguments, node, text)

    def nested_type(self, node: Node, text: Text, arguments: tuple[s.Schema, ...] = ()) -> s.Schema:
        """``Colour.Red`` of an enum, ``types.Book`` of a namespace import."""
        space, name = text.of(node.named_children[0]), text.of(node.named_children[-1])
        for entry in self._names.imports(text.module):
            if ("*", space) in entry.names:
                module = self._project.resolve(text.module, entry.specifier)
                found = self._names.exported(module, name, set()) if module is not None else None
                if module is None:
                    whose = self._project.whose(text.module, entry.specifier)
                    raise No(f"{space!r} comes from {whose}", text, node)
                if found is not None:
                    return self._instance(found.types, name, arguments)
        found = self._names.find(text.module, space, set())
        if found is not None and found.nodes[0].type == "enum_declaration":
            choices = dict(enum_members(found.nodes[0], found.texts[0]))
            if name in choices:
                return s.Literal(choices[name])
        outside = self._names.outside(text.module, space)
        raise No(outside or f"{text.of(node)!r} is not derived", text, node)

    def _named(self, name: str, arguments: tuple[s.Schema, ...], node: Node, text: Text) -> s.Schema:
        if name in text.types:
            return text.types[name]
        found = self._names.find(text.module, name, set())
        if found is not None:
            return self._instance(found.types, name, arguments)
        if name in UTILITIES:
            return UTILITIES[name](*(self._whole(argument) for argument in arguments))
        if name in GLOBALS:
            return GLOBALS[name]
        outside = self._names.outside(text.module, name) or f"{name!r} is no type of the project"
        if name in RUNTIME and outside.endswith("the runtime"):
            return RUNTIME[name]
        raise No(outside, text, node)

    def _whole(self, schema: s.Schema) -> s.Schema:
        """What a reference means, for those who look inside; a type that isn't finished can't be looked into."""
        if isinstance(schema, s.Reference):
            if schema.name not in self._definitions:
                raise NotApplicable("it refers to itself in a way that is not derived")
            return self._definitions[schema.name]
        return schema

    def _instance(self, found: Found, name: str, arguments: tuple[s.Schema, ...]) -> s.Schema:
        """A declared type with its arguments; recursive ones become definitions."""
        where = found.texts[0]
        self._names.files.add(where.module)
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
            self._taken.discard(unique)
        # What refers to a type that is still open is that type's only.
        if not self._open:
            self._done[key] = schema
        return schema

    def _unique(self, name: str) -> str:
        number = 1
        unique = name
        while unique in self._taken:
            number += 1
            unique = f"{name}{number}"
        self._taken.add(unique)
        return unique

    def _declared(self, found: Found, arguments: tuple[s.Schema, ...]) -> s.Schema:
        node, text = found.nodes[0], found.texts[0]
        if node.type == "enum_declaration":
            return s.union(s.Literal(value) for _, value in enum_members(node, text))
        if node.type == "type_alias_declaration":
            value = node.child_by_field_name("value")
            if value is None:
                raise No("this type is not understood", text, node)
            return self.type(value, self._bound(node, text, arguments))
        if node.type == "interface_declaration":
            objects = [
                self._interface(part, self._bound(part, where, arguments))
                for part, where in zip(found.nodes, found.texts, strict=True)
            ]
            return objects[0] if len(objects) == 1 else merge([object_of(each) for each in objects])
        raise No(f"{WHAT.get(node.type, 'this declaration')} is not derived", text, node)

    def _interface(self, node: Node, text: Text) -> s.Schema:
        bases: list[s.Object] = []
        for clause in node.named_children:
            if clause.type == "extends_type_clause":
                bases += [object_of(self._whole(self.type(base, text))) for base in named(clause)]
        body = node.child_by_field_name("body")
        if body is None:
            raise No("this interface is not understood", text, node)
        own = self.object_type(body, text)
        return own if not bases else merge([*bases, as_object(own)])

    def _bound(self, node: Node, text: Text, arguments: tuple[s.Schema, ...]) -> Text:
        parameters = node.child_by_field_name("type_parameters")
        types: dict[str, s.Schema] = {}
        for index, parameter in enumerate(named(parameters) if parameters is not None else ()):
            name = parameter.child_by_field_name("name") or parameter.named_children[0]
            default = parameter.child_by_field_name("value")
            inner = replace(text, types={**types})
            if index < len(arguments):
                types[text.of(name)] = arguments[index]
            elif default is not None:
                types[text.of(name)] = self.type(only(default) if default.type == "default_type" else default, inner)
            else:
                raise No(f"the type argument {text.of(name)!r} is missing", text, parameter)
        return replace(text, types=types)


_TYPES: Final[Mapping[str, Callable[[Derivation, Node, Text], s.Schema]]] = {
    "predefined_type": Derivation.predefined_type,
    "literal_type": Derivation.literal_type,
    "parenthesized_type": Derivation.inner_type,
    "readonly_type": Derivation.inner_type,
    "array_type": Derivation.array_type,
    "tuple_type": Derivation.tuple_type,
    "union_type": Derivation.union_type,
    "intersection_type": Derivation.intersection_type,
    "object_type": Derivation.object_type,
    "template_literal_type": Derivation.template_type,
    "index_type_query": Derivation.keys_type,
    "lookup_type": Derivation.lookup_type,
    "type_query": Derivation.query_type,
    "type_identifier": Derivation.name_type,
    "generic_type": Derivation.generic_type,
    "nested_type_identifier": Derivation.nested_type,
}
