"""Values of expressions, found without running anything: constants and objects of them, across files.

A *scope* is an expression with its file and its loop variables. ``settle`` follows names until it is at a constant,
an object, an array or a function; what can't be followed raises ``Unreadable``, which names the place and the reason.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from unitgraph.units.application import External, Fragment, Ref
from unitgraph.units.expressions import Expr
from unitgraph.units.facts import Span
from unitgraph.units.link import Linker

DEEPEST: Final = 100


@dataclass(frozen=True, slots=True)
class Env:
    """Loop variables: their values, and how a slice binds them again (None: it can't)."""

    values: dict[str, "Scope | None"] = field(default_factory=dict)
    bindings: tuple[tuple[str, Fragment | None], ...] = ()

    @property
    def unbound(self) -> frozenset[str]:
        """The variables whose values stand nowhere as text."""
        return frozenset(name for name, fragment in self.bindings if fragment is None)


NOTHING: Final = Env()


class Scope(NamedTuple):
    module: str
    expr: Expr
    env: Env = NOTHING

    @property
    def kind(self) -> str:
        return str(self.expr[0])

    @property
    def fragment(self) -> Fragment:
        return Fragment(self.module, Span(self.expr[1], self.expr[2]))


class Entry(NamedTuple):
    """A property: its value, its span, and whether it stands in the object's own text."""

    value: Scope
    start: int
    end: int
    own: bool


class Unreadable(Exception):
    """Why an expression has no value that is known; ``name`` is set where nothing has that name."""

    def __init__(self, scope: Scope, why: str, *, name: str | None = None) -> None:
        super().__init__(why)
        self.scope = scope
        self.why = why
        self.name = name


class Evaluator:
    def __init__(self, linker: Linker) -> None:
        self.linker = linker

    def settle(self, scope: Scope, depth: int = 0) -> Scope:
        """The scope at which a constant, an object, an array, a function or a namespace ("n") stands."""
        while True:
            kind = scope.expr[0]
            if kind in ("c", "o", "a", "A", "f", "l", "n", "d"):
                return scope
            depth += 1
            if depth > DEEPEST:
                raise Unreadable(scope, "it refers to itself")
            if kind == "i":
                scope = self._name(scope)
            elif kind == "m":
                scope = self._member(scope, str(scope.expr[4]), depth)
            elif kind == "x":
                index = self.constant(Scope(scope.module, scope.expr[4], scope.env), depth)
                scope = self._member(scope, _key(index), depth)
            elif kind in ("t", "+"):
                value = self.constant(scope, depth)
                return Scope(scope.module, ("c", scope.expr[1], scope.expr[2], value), scope.env)
            elif kind == "w":
                if not scope.expr[4]:
                    raise Unreadable(scope, f"{scope.expr[3]} has no argument")
                scope = Scope(scope.module, scope.expr[4][0], scope.env)
            elif kind == "k":
                scope = self._object_call(scope, depth)
            else:
                raise Unreadable(scope, _WHY.get(str(scope.expr[3]), "it is the result of code"))

    def constant(self, scope: Scope, depth: int = 0) -> Any:
        """The value of a string, number, boolean or null."""
        kind = scope.expr[0]
        if kind == "c":
            return scope.expr[3]
        if depth > DEEPEST:
            raise Unreadable(scope, "it refers to itself")
        if kind == "t":
            parts = (
                part if isinstance(part, str) else _key(self.constant(Scope(scope.module, part, scope.env), depth + 1))
                for part in scope.expr[3]
            )
            return "".join(parts)
        if kind == "+":
            left = self.constant(Scope(scope.module, scope.expr[3], scope.env), depth + 1)
            right = self.constant(Scope(scope.module, scope.expr[4], scope.env), depth + 1)
            if isinstance(left, str) or isinstance(right, str):
                return _key(left) + _key(right)
            if _is_number(left) and _is_number(right):
                return left + right
            raise Unreadable(scope, "these can't be added")
        settled = self.settle(scope, depth + 1)
        if settled.expr[0] == "c":
            return settled.expr[3]
        raise Unreadable(scope, f"it is {describe(settled)}")

    def entries(self, scope: Scope, depth: int = 0) -> dict[str, Entry]:
        """The properties of an object, spreads included; the last one of a name counts."""
        found: dict[str, Entry] = {}
        for key, value, start, end in scope.expr[3]:
            inner = Scope(scope.module, value, scope.env)
            if key is None:
                spread = self.settle(inner, depth + 1)
                if spread.expr[0] == "c" and not spread.expr[3]:
                    continue
                if spread.expr[0] != "o":
                    raise Unreadable(inner, f"what is spread is {describe(spread)}")
                if depth > DEEPEST:
                    raise Unreadable(inner, "it refers to itself")
                for name, entry in self.entries(spread, depth + 1).items():
                    found[name] = entry._replace(own=False)
            elif isinstance(key, str):
                found[key] = Entry(inner, start, end, own=True)
            else:
                found[_key(self.constant(Scope(scope.module, key, scope.env), depth + 1))] = Entry(
                    inner, start, end, own=True
                )
        return found

    def items(self, scope: Scope, depth: int = 0) -> list[Scope]:
        """The elements of an array, spreads included."""
        if scope.expr[0] == "A":
            return list(scope.expr[3])
        found: list[Scope] = []
        for item in scope.expr[3]:
            inner = Scope(scope.module, item, scope.env)
            if item[0] == "s":
                spread = self.settle(Scope(scope.module, item[3], scope.env), depth + 1)
                if spread.expr[0] not in ("a", "A") or depth > DEEPEST:
                    raise Unreadable(inner, f"what is spread is {describe(spread)}")
                found.extend(self.items(spread, depth + 1))
            else:
                found.append(inner)
        return found

    def expanded(self, module: str, loops: tuple[Any, ...]) -> Iterator[Env]:
        """The loop variables of every round of nested loops."""
        yield from self._rounds(module, loops, NOTHING)

    def _rounds(self, module: str, loops: tuple[Any, ...], env: Env) -> Iterator[Env]:
        if not loops:
            yield env
            return
        pattern, text, offset, iterable = loops[0]
        over = Scope(module, iterable, env)
        array = self.settle(over)
        if array.expr[0] not in ("a", "A"):
            raise Unreadable(over._replace(expr=(iterable[0], offset, *iterable[2:])), f"it is {describe(array)}")
        for item in self.items(array):
            values = dict(env.values)
            self._bind(pattern, item, values)
            yield from self._rounds(module, loops[1:], Env(values, (*env.bindings, *_bindings(pattern, text, item))))

    def _bind(self, pattern: Any, value: Scope | None, values: dict[str, Scope | None]) -> None:
        kind = pattern[0]
        if kind == "id":
            if pattern[1]:
                values[pattern[1]] = value
            return
        settled = self._maybe(value)
        if kind == "o":
            entries = self.entries(settled) if settled is not None and settled.expr[0] == "o" else {}
            for key, inner in pattern[1]:
                entry = entries.get(key)
                self._bind(inner, entry.value if entry is not None else None, values)
        else:
            items = self.items(settled) if settled is not None and settled.expr[0] in ("a", "A") else []
            for index, inner in enumerate(pattern[1]):
                self._bind(inner, items[index] if index < len(items) else None, values)

    def _maybe(self, scope: Scope | None) -> Scope | None:
        try:
            return self.settle(scope) if scope is not None else None
        except Unreadable:
            return None

    def _name(self, scope: Scope) -> Scope:
        name = str(scope.expr[3])
        if name in scope.env.values:
            value = scope.env.values[name]
            if value is None:
                return Scope(scope.module, ("c", scope.expr[1], scope.expr[2], None), scope.env)
            return value
        bound = self.linker.binding(scope.module, name)
        if bound is None:
            if name in _GLOBALS:
                raise Unreadable(scope, f"{name} is only known at run time")
            raise Unreadable(scope, f"{name} isn't declared at the top level", name=name)
        return self._bound(scope, bound)

    def _bound(self, scope: Scope, bound: Ref | External) -> Scope:
        if isinstance(bound, External):
            raise Unreadable(scope, f"{bound.name} comes from {bound.specifier!r}")
        if bound.name == "*":
            return Scope(bound.module, ("n", 0, 0))
        facts = self.linker.facts.get(bound.module)
        expr = facts.constants.get(bound.name) if facts is not None else None
        if expr is None:
            return Scope(bound.module, ("d", 0, 0, bound.name))
        return Scope(bound.module, expr)

    def _member(self, scope: Scope, name: str, depth: int) -> Scope:
        inner = Scope(scope.module, scope.expr[3], scope.env)
        base = self.settle(inner, depth + 1)
        kind = base.expr[0]
        if kind == "n":
            bound = self.linker.exported(base.module, name)
            if bound is None:
                raise Unreadable(scope, f"{base.module} exports no {name!r}")
            return self._bound(scope, bound)
        if kind == "o":
            entry = self.entries(base).get(name)
            if entry is None:
                raise Unreadable(scope, f"the object has no {name!r}")
            return entry.value
        if kind in ("a", "A") and name.isdecimal():
            items = self.items(base)
            if int(name) < len(items):
                return items[int(name)]
        raise Unreadable(scope, f"{name!r} is taken from {describe(base)}")

    def _object_call(self, scope: Scope, depth: int) -> Scope:
        _, start, end, method, given = scope.expr
        if not given:
            raise Unreadable(scope, f"Object.{method} has no argument")
        inner = Scope(scope.module, given[0], scope.env)
        if method == "freeze":
            return inner
        base = self.settle(inner, depth + 1)
        if base.expr[0] != "o" or method == "fromEntries":
            raise Unreadable(scope, "it is the result of code")
        made: list[Scope] = []
        for key, entry in self.entries(base).items():
            name = Scope(scope.module, ("c", start, end, key))
            pair = Scope(scope.module, ("A", start, end, (name, entry.value)))
            made.append({"keys": name, "values": entry.value}.get(method, pair))
        return Scope(scope.module, ("A", start, end, tuple(made)), scope.env)


def _bindings(pattern: Any, text: str, item: Scope) -> list[tuple[str, Fragment | None]]:
    """How a slice binds a round's variables; of a pair of Object.entries only the value stands in the source."""
    if item.expr[0] != "A":
        return [(text, item.fragment)]
    if pattern[0] != "a":
        return [(name, None) for name in _variables(pattern)]
    found: list[tuple[str, Fragment | None]] = []
    for inner, value in zip(pattern[1], item.expr[3], strict=False):
        if value.expr[1:3] == item.expr[1:3]:
            found.extend((name, None) for name in _variables(inner))
        else:
            found.append((_written(inner), value.fragment))
    return found


def _variables(pattern: Any) -> list[str]:
    if pattern[0] == "id":
        return [pattern[1]] if pattern[1] else []
    inner = [each[1] for each in pattern[1]] if pattern[0] == "o" else pattern[1]
    return [name for each in inner for name in _variables(each)]


def _written(pattern: Any) -> str:
    """A pattern as TypeScript."""
    if pattern[0] == "id":
        return pattern[1] or "_"
    if pattern[0] == "a":
        return f"[{', '.join(_written(each) for each in pattern[1])}]"
    return f"{{ {', '.join(f'{key}: {_written(each)}' for key, each in pattern[1])} }}"


def describe(scope: Scope) -> str:
    """What stands there, in words."""
    kind = scope.expr[0]
    if kind == "c":
        value = scope.expr[3]
        if value is None:
            return "null or undefined"
        if isinstance(value, bool):
            return "true" if value else "false"
        return f"the string {value!r}" if isinstance(value, str) else f"the number {value}"
    return _KINDS.get(kind, "something else")


def _key(value: Any) -> str:
    """A constant as JavaScript would write it into a string."""
    if value is None:
        return "undefined"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_GLOBALS: Final = frozenset(
    {"process", "globalThis", "import", "Bun", "Deno", "env", "console", "Math", "Date", "JSON"}
)
_KINDS: Final = {
    "o": "an object",
    "a": "an array",
    "A": "an array",
    "f": "an authored function",
    "l": "a function",
    "n": "a module",
    "d": "a function or class",
}
_WHY: Final = {
    "call_expression": "it is the result of a call",
    "new_expression": "it is made by 'new'",
    "await_expression": "it is awaited",
    "ternary_expression": "it depends on a condition",
    "binary_expression": "it is computed",
    "let": "it is declared with 'let' or 'var', and could be changed",
    "too large": "it is too large to be read",
    "this": "it depends on 'this'",
    "regex": "it is a regular expression",
}
