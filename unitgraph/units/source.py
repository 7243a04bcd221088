"""One source file → its facts. Pure: bytes and a suffix in, data out; never raises, whatever the bytes.

Nothing walks the whole tree in Python: identifiers come from a compiled query, calls by name from a search in the
text that is checked against the tree, and expressions are built for what may have to be evaluated only.
"""

from array import array
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from unitgraph.units import syntax
from unitgraph.units.bodies import Body
from unitgraph.units.expressions import Expr
from unitgraph.units.facts import Factory, Import, ImportKind, Property, Span, Statement, StatementKind
from unitgraph.units.reading import Reading


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
        return syntax.Lines(array("I", self._data[9][0]), array("I", self._data[9][1]))

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
    return Facts(Reading(text, suffix).data())
