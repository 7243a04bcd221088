"""An application while it is put together: its functions so far, its problems, and how options are read."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from unitgraph.errors import Place, UnitgraphError
from unitgraph.errors.project import nearest
from unitgraph.errors.source import (
    BadFunctionName,
    DuplicateFunction,
    NotConstant,
    UnknownName,
    UnresolvedName,
    WrongKind,
)
from unitgraph.errors.wiring import BadName
from unitgraph.units import names
from unitgraph.units.application import (
    ANY,
    Agent,
    Expression,
    Function,
    FunctionKind,
    Ref,
    Services,
    Step,
    TypeSource,
)
from unitgraph.units.evaluate import Entry, Evaluator, Scope, Unreadable, describe
from unitgraph.units.expressions import Expr
from unitgraph.units.facts import Span
from unitgraph.units.link import Linker
from unitgraph.units.resolve import ProjectFile

Entries = Mapping[str, Entry]
NO_SERVICES: Final = Services()
NO_OPTIONS: Final[Entries] = MappingProxyType({})
Key = tuple[str, int]
"""An authored function by where it stands: its file, and its place among that file's."""
KINDS_OF_WORKFLOW: Final = frozenset({"workflow", "workflow-graph"})


class Code(NamedTuple):
    """Where a function's code stands; ``name`` tells it from others of its file, without saying where it is."""

    module: str
    name: str
    start: int
    end: int


class Made(NamedTuple):
    """An authored function but for what it calls, which is known when all functions are.

    ``key`` is None for a bare function in a wiring; one that is ``inline`` has its name from the wiring that holds it.
    ``options`` are of agents and of graphs.
    """

    function: Function
    key: Key | None
    exported: bool
    inline: bool
    code: Code | None
    notices: tuple[str, ...]
    options: Entries = NO_OPTIONS


@dataclass(slots=True)
class Making:
    """A function while its options are read."""

    id: str
    kind: FunctionKind
    value: Ref | tuple[Expression, tuple[str, ...]]
    module: str
    place: Place
    span: Span
    services: Services = NO_SERVICES
    code: Code | None = None
    notices: list[str] = field(default_factory=list)
    options: Entries = field(default_factory=dict)
    flags: dict[str, bool] = field(default_factory=dict)
    auth: bool | None = None
    deploy: str | None = None
    tags: tuple[str, ...] = ()
    title: str | None = None
    description: str | None = None
    has_input_schema: bool = False
    input_schema: Expression | None = None
    has_output_schema: bool = False
    input: TypeSource | None = None
    output: TypeSource | None = None
    wire: Services = ANY
    around: bool = True

    def made(self, key: Key | None, *, exported: bool = False, inline: bool = False) -> Made:
        flags = self.flags
        function = Function(
            id=self.id,
            kind=self.kind,
            value=self.value,
            place=self.place,
            span=self.span,
            services=self.services,
            auth=self.auth,
            deploy="server" if self.deploy == "server" else "serverless" if self.deploy == "serverless" else None,
            expose=flags.get("expose", False),
            internal=flags.get("internal", False),
            remote=flags.get("remote", False),
            mcp=flags.get("mcp", False),
            requires_approval=flags.get("requiresApproval", False),
            tags=self.tags,
            title=self.title,
            description=self.description,
            has_input_schema=self.has_input_schema,
            has_output_schema=self.has_output_schema,
            input=self.input,
            output=self.output,
            input_schema=self.input_schema,
            wire=self.wire,
            around=self.around,
        )
        return Made(function, key, exported, inline, self.code, tuple(self.notices), self.options)


class Draft:
    """What is found in one file, or in all of them together."""

    def __init__(self, linker: Linker) -> None:
        self.linker = linker
        self.facts = linker.facts
        self.evaluator = Evaluator(linker)
        self.problems: list[UnitgraphError] = []
        self.notices: list[str] = []
        self.functions: dict[str, Made] = {}
        self.named: dict[Key, str] = {}
        self.invokes: defaultdict[str, dict[str, None]] = defaultdict(dict)
        self.steps: defaultdict[str, list[Step]] = defaultdict(list)
        self.agents: dict[str, Agent] = {}

    # places and problems

    def place(self, module: str, offset: int) -> Place:
        facts = self.facts.get(module)
        line, column = facts.lines.position(offset) if facts is not None else (1, 1)
        return Place(module, line, column)

    def at(self, scope: Scope) -> Place:
        return self.place(scope.module, scope.expr[1])

    def report(self, problem: UnitgraphError) -> None:
        self.problems.append(problem)

    def unreadable(self, error: Unreadable, what: str, fallback: Scope) -> None:
        """Reports what couldn't be read, at its own place where that is in a source."""
        scope = error.scope if error.scope.expr[2] else fallback
        if error.name is not None:
            specifier = self._importing(scope.module, error.name)
            if specifier is None:
                self.report(UnknownName(self.at(scope), error.name))
            else:
                self._not_exported(scope, error.name, *specifier)
        else:
            self.report(NotConstant(self.at(scope), what, error.why))

    def _importing(self, module: str, local: str) -> tuple[str, str] | None:
        for kind, specifier, imported_names, *_ in self.facts[module].raw_imports:
            for imported, name in imported_names:
                if name == local and kind in ("value", "type", "require"):
                    return specifier, imported
        return None

    def _not_exported(self, scope: Scope, local: str, specifier: str, imported: str) -> None:
        target = self.linker.resolve(scope.module, specifier)
        if isinstance(target, ProjectFile):
            near = nearest(imported, self.linker.names(target.path))
            self.report(UnresolvedName(self.at(scope), imported, specifier, near))
        elif any(local == name for each in self.facts[scope.module].raw_imports if each[8] for _, name in each[2]):
            self.report(UnknownName(self.at(scope), local))

    # options

    def settled(self, scope: Scope, what: str) -> Scope | None:
        try:
            return self.evaluator.settle(scope)
        except Unreadable as error:
            self.unreadable(error, what, scope)
            return None

    def entries(self, scope: Scope, what: str) -> dict[str, Entry] | None:
        """An object's properties; None, and a problem, where it isn't one that can be read."""
        settled = self.settled(scope, what)
        if settled is None:
            return None
        if settled.expr[0] != "o":
            self.report(WrongKind(self.at(scope), what, expected="an object", found=describe(settled)))
            return None
        try:
            return self.evaluator.entries(settled)
        except Unreadable as error:
            self.unreadable(error, what, scope)
            return None

    def string(self, scope: Scope, what: str) -> str | None:
        """A constant string; None, and a problem, where it isn't one."""
        if scope.expr[0] == "c" and type(scope.expr[3]) is str:
            return str(scope.expr[3])
        settled = self.settled(scope, what)
        if settled is None:
            return None
        if settled.expr[0] == "c" and isinstance(settled.expr[3], str):
            return settled.expr[3]
        self.report(WrongKind(self.at(scope), what, expected="a string", found=describe(settled)))
        return None

    def quiet(self, scope: Scope) -> Any:
        """A constant where there is one; None otherwise. For what only people read."""
        if scope.expr[0] == "c":
            return scope.expr[3]
        try:
            return self.evaluator.constant(scope)
        except Unreadable:
            return None

    def flag(self, entries: Entries, key: str, call: str) -> bool | None:
        """A boolean option; None where it isn't given."""
        entry = entries.get(key)
        return self.boolean(entry.value, f"'{key}' of {call}") if entry is not None else None

    def boolean(self, scope: Scope, what: str) -> bool | None:
        """A constant boolean; None where it is none, and a problem if it is something else."""
        if scope.expr[0] == "c" and type(scope.expr[3]) is bool:
            return bool(scope.expr[3])
        settled = self.settled(scope, what)
        if settled is None or (settled.expr[0] == "c" and settled.expr[3] is None):
            return None
        if settled.expr[0] == "c" and isinstance(settled.expr[3], bool):
            return settled.expr[3]
        self.report(WrongKind(self.at(scope), what, expected="true or false", found=describe(settled)))
        return None

    def strings(self, entries: Entries, key: str, call: str) -> tuple[str, ...]:
        """An option that is an array of constant strings."""
        entry = entries.get(key)
        return self.words(entry.value, f"'{key}' of {call}") if entry is not None else ()

    def words(self, scope: Scope, what: str) -> tuple[str, ...]:
        """An array of constant strings."""
        found = (self.string(item, f"an element of {what}") for item in self.items(scope, what) or ())
        return tuple(each for each in found if each is not None)

    def items(self, scope: Scope, what: str) -> list[Scope] | None:
        settled = self.settled(scope, what)
        if settled is None or (settled.expr[0] == "c" and settled.expr[3] is None):
            return None
        if settled.expr[0] not in ("a", "A"):
            self.report(WrongKind(self.at(scope), what, expected="an array", found=describe(settled)))
            return None
        try:
            return self.evaluator.items(settled)
        except Unreadable as error:
            self.unreadable(error, what, scope)
            return None

    def name(self, scope: Scope, what: str) -> str | None:
        """A constant string that may stand in a shell, a TOML file and a URL."""
        found = self.string(scope, f"the name of {what}")
        if found is not None and not names.is_name(found):
            self.report(BadName(self.at(scope), what.partition(" ")[2].capitalize() or what, found))
            return None
        return found

    # expressions for slices

    def expression(self, scope: Scope, omit: Iterable[Span] = ()) -> Expression:
        """A scope's text as something that a slice can export."""
        omitted = tuple(sorted(omit, key=lambda span: span.start))
        fragment = scope.fragment
        used = self._mentioned(scope, omitted) if scope.env.bindings else ()
        if not used:
            return Expression(fragment, (), omitted, _is_constant(scope.expr, omitted))
        if not scope.env.unbound.isdisjoint(used):
            why = "it uses the keys of a loop over Object.entries or Object.keys at run time"
            self.report(NotConstant(self.at(scope), "This wiring", why))
        bindings = tuple((text, value) for text, value in scope.env.bindings if value is not None)
        return Expression(fragment, bindings, omitted)

    def _mentioned(self, scope: Scope, omitted: tuple[Span, ...]) -> set[str]:
        """The loop variables that text uses outside the omitted spans."""
        start, end = scope.expr[1], scope.expr[2]
        return {
            name
            for offset, name in self.facts[scope.module].refs
            if start <= offset < end
            and name in scope.env.values
            and not any(span.start <= offset < span.end for span in omitted)
        }

    # functions

    def add(self, made: Made) -> str | None:
        """Takes a function in; None, and a problem, where its name is taken or can't be one."""
        function = made.function
        if not names.is_function_name(function.id):
            self.report(BadFunctionName(function.place, function.id))
            return None
        other = self.functions.get(function.id)
        if other is not None:
            first, second = sorted((function.place, other.function.place))
            self.report(DuplicateFunction(second, function.id, first))
            return None
        self.functions[function.id] = made
        return function.id

    def finished(self, made: Made) -> Function:
        """The function with what is known once all are."""
        function = made.function
        name = function.id
        if name not in self.invokes and name not in self.steps and name not in self.agents:
            return function
        return function._replace(
            invokes=tuple(sorted(self.invokes.get(name, ()))), steps=tuple(self.steps.get(name, ())),
            agent=self.agents.get(name),
        )  # fmt: skip

    def near(self, name: str, known: Iterable[str] | None = None) -> str | None:
        return nearest(name, self.functions if known is None else known)


def _is_constant(expr: Expr, omitted: tuple[Span, ...]) -> bool:
    """Whether an object without the omitted properties holds nothing but constants."""
    if expr[0] != "o":
        return False
    gone = {span.start for span in omitted}
    return all(start in gone or _names_nothing(value) for _, value, start, _ in expr[3])


def _names_nothing(expr: Expr) -> bool:
    return expr[0] == "c" or (expr[0] == "a" and all(map(_names_nothing, expr[3])))
