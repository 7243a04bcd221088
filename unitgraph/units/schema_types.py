"""TypeScript types → schemas: derives what a type says about data, across the files of the project.

Knows the project's files; ``schema_forms`` knows what types mean, ``schema_names`` where they are declared.
"""

from collections.abc import Callable, Mapping
from typing import Final

from tree_sitter import Node

from unitgraph.errors import Place
from unitgraph.units import schema as s
from unitgraph.units import syntax
from unitgraph.units.application import TypeSource
from unitgraph.units.resolve import Package, ProjectFile, Resolver, Runtime
from unitgraph.units.schema_forms import Derivation
from unitgraph.units.schema_names import Text
from unitgraph.units.schema_parts import No
from unitgraph.units.source import Facts, read_facts
from unitgraph.units.sources import DECLARATIONS

_PREFIX: Final = b"type $ = "
Foreign = Callable[[Node, Text], s.Foreign | None]
"""What a generic type of a library means; None: nobody knows."""


def _nothing(_node: Node, _text: Text) -> None:
    return None


class Deriver:
    """Derives schemas in one analysed project; ``read`` gives a file's bytes.

    ``foreign`` may say what a type of a library's means, such as ``z.infer<typeof Book>``.
    """

    def __init__(
        self, facts: Mapping[str, Facts], resolver: Resolver, read: Callable[[str], bytes], *,
        foreign: Foreign | None = None,
    ) -> None:  # fmt: skip
        self._facts = dict(facts)
        self._resolver = resolver
        self._read = read
        self._texts: dict[str, bytes] = {}
        self.foreign = foreign or _nothing

    def derive(self, source: TypeSource) -> s.Derived | s.Underivable:
        """What the type says of data. Never raises for what a type is, only for a file that can't be read."""
        fragment = source.fragment
        module = fragment.module
        text = self.text(module)[fragment.span.start : fragment.span.end].lstrip(b": ")
        shift = fragment.span.end - len(text) - len(_PREFIX)
        parsed = Text(module, _PREFIX + text, shift, self.position)
        tree = syntax.parse(parsed.text, ".ts")
        alias = next((node for node in tree.root_node.named_children if node.type == "type_alias_declaration"), None)
        value = alias.child_by_field_name("value") if alias is not None else None
        if value is None or tree.root_node.has_error:
            start = self.position(module, shift + len(_PREFIX))
            return s.Underivable("its syntax is not understood", Place(module, *start))
        work = Derivation(self, module)
        try:
            schema = work.type(value, parsed)
        except No as no:
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
