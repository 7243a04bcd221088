"""Types of functions that call each other in a circle, taken from their schemas and type arguments alone.

The type of such a function can't be asked for with ``typeof``: the checker would need it in order to find it. So what
states the types is copied, with what it refers to, into a module of `.pikku/` where no function is. Knows text and
names; a function that states only one of the two types stays as it is, and needs an annotation where it calls itself.
"""

import json
import posixpath
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from tree_sitter import Language, Node, Parser
from tree_sitter_typescript import language_tsx, language_typescript

from unitgraph.rules.typings_circles import circular
from unitgraph.rules.typings_modules import Modules
from unitgraph.units.application import Application, Function, Ref
from unitgraph.units.facts import ImportKind, Statement, StatementKind

# A function's In, and its Out too: what it returns before the schema has read it.
_SCHEMA = "import('../types/schema.js').InferInput<typeof {0}>"
_WORD = re.compile(r"[^\W\d][\w$]*|\$[\w$]*")


@dataclass(frozen=True, slots=True)
class Detached:
    """Types by function, as seen from the maps' folder, and the modules that they refer to."""

    types: Mapping[str, str]
    modules: Mapping[str, str]


def detached_types(
    application: Application, modules: Modules, read: Callable[[str], bytes], *, out_dir: str
) -> Detached:
    """Types of the functions that stand in a circle of calls and state both their input and output."""
    types: dict[str, str] = {}
    copies: dict[str, _Copy] = {}
    for id_ in sorted(circular(application)):
        function = application.functions[id_]
        stated = _stated(function, read) if isinstance(function.value, Ref) else None
        if stated is None:
            continue
        path = function.place.path
        if path not in copies:
            folder = posixpath.dirname(posixpath.join(out_dir, "recursion", _copied(path)))
            copies[path] = _Copy(path, modules, read(path), folder)
        sides = [copies[path].add(f"{id_}${side}", stated[side]) for side in ("input", "output")]
        place = posixpath.relpath(posixpath.join("recursion", _copied(path)), "project")
        input_, output = (form.format(f"import({json.dumps(place)}).{name}") for name, form in sides)
        types[id_] = f"{{ input: {input_}; output: {output} }}"
    return Detached(types, {f"recursion/{_copied(path)}": copy.render() for path, copy in copies.items()})


@dataclass(frozen=True, slots=True)
class _Stated:
    text: str
    schema: bool


def _stated(function: Function, read: Callable[[str], bytes]) -> dict[str, _Stated] | None:
    """The text that states each of the two types; None where one of them is left to the function's body."""
    text = read(function.place.path)
    schemas = _schemas(function, text)
    stated = {}
    for side, source in (("input", function.input), ("output", function.output)):
        if side in schemas:
            stated[side] = _Stated(schemas[side], schema=True)
        elif source is not None:
            span = source.fragment.span
            stated[side] = _Stated(text[span.start : span.end].decode(), schema=False)
        else:
            return None
    return stated


def _schemas(function: Function, text: bytes) -> dict[str, str]:
    """The values of ``input`` and ``output`` in the object that the authoring call takes."""
    if not (function.has_input_schema or function.has_output_schema):
        return {}
    tree = _parser(function.place.path.endswith("x")).parse(text)
    call = tree.root_node.descendant_for_byte_range(function.span.start, function.span.end)
    while call is not None and call.type != "call_expression":
        call = next((child for child in call.named_children if child.type != "type_arguments"), None)
    arguments = call.child_by_field_name("arguments") if call else None
    options = next((child for child in arguments.named_children if child.type == "object"), None) if arguments else None
    return dict(_pairs(options)) if options else {}


def _pairs(options: Node) -> Iterable[tuple[str, str]]:
    for child in options.named_children:
        if child.type == "shorthand_property_identifier" and _text(child) in ("input", "output"):
            yield _text(child), _text(child)
        elif child.type == "pair":
            key, value = child.child_by_field_name("key"), child.child_by_field_name("value")
            if key and value and _text(key) in ("input", "output"):
                yield _text(key), _text(value)


class _Copy:
    """A module that holds copies of some expressions and types of one source module, and what they refer to."""

    def __init__(self, path: str, modules: Modules, text: bytes, folder: str) -> None:
        self._path = path
        self._modules = modules
        self._text = text
        self._folder = folder
        self._facts = modules.facts[path]
        self._local = [each for each in self._facts.statements
                       if each.kind in (StatementKind.DECLARATION, StatementKind.TYPE)]  # fmt: skip
        self._imported = {local: (imported, each.specifier) for each in self._facts.imports
                          if each.kind is not ImportKind.REEXPORT for imported, local in each.names}  # fmt: skip
        self._imports: dict[str, str] = {}
        self._copied: dict[Statement, str] = {}
        self._added: list[str] = []

    def add(self, name: str, stated: _Stated) -> tuple[str, str]:
        """Copy one side; return the name it is exported by, and the form that makes a type of that."""
        self._follow(stated.text)
        if stated.schema:
            self._added.append(f"export const {name} = {stated.text}")
            return name, _SCHEMA
        self._added.append(f"export type {name} = {stated.text}")
        return name, "{0}"

    def render(self) -> str:
        lines = sorted(self._imports.values())
        copied = [text for _, text in sorted(self._copied.items(), key=lambda item: item[0].span.start)]
        return "\n".join([*lines, *copied, *self._added, ""])

    def _follow(self, text: str) -> None:
        """Bring everything that a word of ``text`` may refer to; a word too many does no harm."""
        for word in dict.fromkeys(_WORD.findall(text)):
            if word in self._imports:
                continue
            if word in self._imported:
                self._imports[word] = _import(word, *self._imported[word], source=self._path, folder=self._folder)
            for statement in self._local:  # a value and a type may have one name
                if word in statement.declares:
                    self._bring(word, statement)

    def _bring(self, word: str, statement: Statement) -> None:
        exported = self._modules.exported_name(Ref(self._path, word))
        if exported is not None:
            specifier = posixpath.relpath(self._path, self._folder)
            self._imports[word] = _import(word, exported, _relative(specifier), source=None, folder=self._folder)
        elif statement not in self._copied:
            self._copied[statement] = text = self._text[statement.span.start : statement.span.end].decode()
            self._follow(text)


def _import(local: str, imported: str, specifier: str, *, source: str | None, folder: str) -> str:
    if source is not None and specifier.startswith("."):
        target = posixpath.normpath(posixpath.join(posixpath.dirname(source), specifier))
        specifier = _relative(posixpath.relpath(target, folder))
    named = local if imported == local else f"{imported} as {local}"
    names = {"default": local, "*": f"* as {local}"}.get(imported, f"{{ {named} }}")
    return f"import {names} from {json.dumps(specifier)}"


def _relative(path: str) -> str:
    return path if path.startswith("../") else f"./{path}"


def _copied(path: str) -> str:
    """Where the copy of a module lies: never above the folder, and always a TypeScript module."""
    stem = re.sub(r"\.[cm]?[jt]sx?$", "", path).replace("../", "up/")
    return f"{stem}.{'tsx' if path.endswith('x') else 'ts'}"


def _text(node: Node) -> str:
    return (node.text or b"").decode()


@lru_cache(maxsize=2)
def _parser(tsx: bool) -> Parser:
    return Parser(Language(language_tsx() if tsx else language_typescript()))
