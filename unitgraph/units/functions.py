"""Authored functions: which there are, how they are called, and what their options say. Knows no wirings."""

import posixpath
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, cast

from unitgraph.errors import Place
from unitgraph.errors.source import (
    FunctionBodyMissing,
    FunctionExportedTwice,
    FunctionUnnamed,
    MissingArgument,
    NotAFunction,
    UnknownName,
    WrongKind,
)
from unitgraph.units import names
from unitgraph.units.application import Expression, Fragment, FunctionKind, Ref, Services, TypeSource
from unitgraph.units.draft import Code, Draft, Key, Making
from unitgraph.units.evaluate import Scope, Unreadable, describe
from unitgraph.units.expressions import Expr
from unitgraph.units.facts import Span
from unitgraph.units.link import Linker


class Unmade(NamedTuple):
    """A function that its file doesn't export: its place among that file's, its id if it has a name, and its call."""

    number: int
    id: str | None
    place: Place
    call: str


FLAGS: Final = ("expose", "internal", "remote", "mcp", "requiresApproval")
_AROUND: Final = frozenset({"middleware", "permissions"})
BODILESS: Final = frozenset({"agent", "workflow-graph"})


Inline = str | Callable[[], str] | None
"""What a function without a name is called, worked out when there is one."""


class Functions:
    """The authored functions of one file, each made when it is first asked for; ``elsewhere`` is asked for the ids of
    those of other files. Of all files together none is its own.
    """

    def __init__(self, draft: Draft, own: str | None, elsewhere: Callable[[Key], str | None]) -> None:
        self._draft = draft
        self._own = own
        self._elsewhere = elsewhere
        self._made: dict[Key, str | None] = {}
        self.wired: dict[Key, None] = {}    # those that have a name and that wirings hold

    def collect(self, module: str) -> None:
        """Makes the functions that a file exports."""
        linker = self._draft.linker
        for index, record in enumerate(self._draft.facts[module].functions):
            local = record[1]
            if local is not None and (exported := linker.exported_as(module, local)):
                named = sorted(name for name in exported if name != "default")
                if len(named) > 1:
                    place = self._draft.place(module, record[2])
                    self._draft.report(FunctionExportedTwice(place, named[0], named[1]))
                self.make((module, index), exported=True)

    def make(self, key: Key, *, exported: bool = False) -> str | None:
        """The id of a function of this file that has a name, which is made now if it wasn't."""
        if key in self._made:
            return self._made[key]
        module, index = key
        record = self._draft.facts[module].functions[index]
        local = str(record[1])
        name = _name(self._draft.linker, module, local)
        made = self._made[key] = self._make(key, record, name, Ref(module, local), exported=exported)
        if made is not None:
            self._draft.named[key] = made
        return made

    def unmade(self, module: str) -> tuple[Unmade, ...]:
        """The functions of a file that it doesn't export; wirings hold them, or nobody does."""
        draft = self._draft
        return tuple(
            Unmade(
                index, _name(draft.linker, module, record[1]) if record[1] is not None else None,
                draft.place(module, record[2]), record[6],
            )
            for index, record in enumerate(draft.facts[module].functions)
            if record[1] is None or not draft.linker.exported_as(module, record[1])
        )  # fmt: skip

    def held(self, scope: Scope, what: str, inline: Inline) -> str | None:
        """The id of the function that a wiring names or holds; ``inline`` is the name of one without a name."""
        draft = self._draft
        key = self._by_name(scope)
        if key is not None:
            return self._named(key)
        try:
            settled = draft.evaluator.settle(scope)
        except Unreadable as error:
            if error.why in _NOT_FUNCTIONS:
                draft.report(NotAFunction(draft.at(scope), what, error.why.removeprefix("it is ")))
            else:
                draft.unreadable(error, what, scope)
            return None
        kind = settled.expr[0]
        if kind == "f":
            found = self._authored(settled, inline)
        elif kind == "l":
            found = self._literal(settled, inline)
        elif kind == "o" and "func" in (entries := draft.entries(settled, what) or {}):
            return self.held(entries["func"].value, what, inline)
        else:
            draft.report(NotAFunction(draft.at(scope), what, describe(settled)))
            return None
        return found

    def is_named(self, scope: Scope) -> bool:
        """Whether it is the name of a function, and nothing that has to be looked into."""
        return self._by_name(scope) is not None

    def _by_name(self, scope: Scope) -> Key | None:
        """The function that an identifier names, found without looking into the text of the file that has it."""
        if scope.expr[0] != "i" or scope.expr[3] in scope.env.values:
            return None
        linker = self._draft.linker
        bound = linker.binding(scope.module, scope.expr[3])
        if not isinstance(bound, Ref):
            return None
        index = linker.function(bound)
        if index is None or linker.authored(bound.module)[index].local is None:
            return None
        return bound.module, index

    def _named(self, key: Key) -> str | None:
        self.wired[key] = None
        return self.make(key) if key[0] == self._own else self._elsewhere(key)

    def _authored(self, settled: Scope, inline: Inline) -> str | None:
        module, index = key = (settled.module, settled.expr[3])
        record = self._draft.facts[module].functions[index]
        if record[1] is not None:
            return self._named(key)
        if key in self._made:
            return self._made[key]
        if inline is None:
            self._made[key] = None
            self._draft.report(FunctionUnnamed(self._draft.place(module, record[2]), record[6]))
            return None
        value: tuple[Expression, tuple[str, ...]] = (self._draft.expression(settled), ())
        made = self._made[key] = self._make(key, record, _called(inline), value, inline=True)
        return made

    def _literal(self, settled: Scope, inline: Inline) -> str | None:
        """A bare function in a wiring."""
        draft = self._draft
        if inline is None or settled.expr[3] < 0:
            draft.report(NotAFunction(draft.at(settled), "This", "a function without a name"))
            return None
        span = Span(settled.expr[1], settled.expr[2])
        inline = _called(inline)
        making = Making(
            inline, "func", (draft.expression(settled), ()), settled.module, draft.at(settled), span,
        )  # fmt: skip
        self._take_body(making, settled, ())
        other = draft.functions.get(inline)
        if other is not None and other.function.place == making.place:
            return inline
        return draft.add(making.made(None, inline=True))

    def _make(
        self, key: Key, record: Any, name: str, value: Ref | tuple[Expression, tuple[str, ...]], *,
        exported: bool = False, inline: bool = False,
    ) -> str | None:  # fmt: skip
        kind, _, start, end, argument, types, call = record
        draft = self._draft
        module = key[0]
        making = Making(
            name, cast("FunctionKind", kind), value, module, draft.place(module, start), Span(start, end)
        )  # fmt: skip
        if argument is None:
            draft.report(MissingArgument(making.place, call))
            return None
        self._read(making, Scope(module, argument), types, call)
        return draft.add(making.made(key, exported=exported, inline=inline))

    def _read(self, making: Making, argument: Scope, types: Any, call: str) -> None:
        draft = self._draft
        if argument.expr[0] == "l":
            making.around = False
            self._take_body(making, argument, types)
            return
        settled = self._handler(making, argument, types)
        if settled is None:
            making.around = making.code is None     # a function that is declared elsewhere is no object with options
            return
        if settled.expr[0] == "l":
            making.around = False
            self._take_body(making, settled, types)
            return
        if (
            settled.expr[0] != "o"
            or making.kind in BODILESS
            or any(type(each[0]) is not str for each in settled.expr[3])
        ):
            entries = draft.entries(settled, f"The options of {call}")
            if entries is None:
                return
            making.options = entries
            options = {key: entry.value for key, entry in entries.items()}
        else:
            options = {key: Scope(settled.module, value, settled.env) for key, value, _, _ in settled.expr[3]}
        self._options(making, options, call)
        func = options.get("func")
        if func is None:
            if making.kind not in BODILESS:
                draft.report(FunctionBodyMissing(making.place, making.id))
            self._take_types(making, None, making.module, types)
            return
        if func.expr[0] == "l":
            self._take_body(making, func, types)
            return
        body = self._handler(making, func, types)
        if body is not None:
            if body.expr[0] == "l":
                self._take_body(making, body, types)
            else:
                draft.report(NotAFunction(draft.at(func), f"'func' of {making.id}", describe(body)))

    def _handler(self, making: Making, scope: Scope, types: Any) -> Scope | None:
        """What an argument settles to; None where it was a function declared elsewhere, taken in here."""
        draft = self._draft
        signature = self._signature(scope)
        if signature is not None:
            module, name, body = signature
            if body is None:
                making.services = Services(frozenset(), escapes=True)
            else:
                self._take(making, module, name, body)
            self._take_types(making, body, module, types)
            return None
        try:
            return draft.evaluator.settle(scope)
        except Unreadable as error:
            if error.name is not None:
                draft.report(UnknownName(draft.at(scope), error.name))
            else:
                making.services = Services(frozenset(), escapes=True)
                self._take_types(making, None, making.module, types)
                making.notices.append(
                    f"{making.id} ({making.place}) gets every service: its code can't be read, since {error.why}."
                )
            return None

    def _signature(self, scope: Scope) -> tuple[str, str, Any] | None:
        """The top-level function that an identifier means: its file, its name, and what it takes, if that is known."""
        draft = self._draft
        if scope.expr[0] == "i" and scope.expr[3] not in scope.env.values:
            bound = draft.linker.binding(scope.module, scope.expr[3])
        elif scope.expr[0] == "m":
            try:
                settled = draft.evaluator.settle(scope)
            except Unreadable:
                return None
            bound = Ref(settled.module, str(settled.expr[3])) if settled.expr[0] == "d" else None
        else:
            return None
        if not isinstance(bound, Ref) or bound.name == "*":
            return None
        facts = draft.facts.get(bound.module)
        if facts is None or bound.name in facts.constants:
            return None
        return bound.module, bound.name, facts.signatures.get(bound.name)

    def _take_body(self, making: Making, scope: Scope, types: Any) -> None:
        number = scope.expr[3]
        body = self._draft.facts[scope.module].bodies[number]
        self._take(making, scope.module, str(number), body)
        self._take_types(making, body, scope.module, types)

    def _take(self, making: Making, module: str, name: str, body: Any) -> None:
        start, end, services, escapes, wires, wires_escape, *_ = body
        making.wire = Services(frozenset(wires), wires_escape)
        making.code = Code(module, name, start, end)
        named = frozenset(services)
        if making.kind == "workflow":
            named -= {"workflow", "rpc"}
        making.services = Services(named, escapes)
        if escapes:
            making.notices.append(
                f"{making.id} ({making.place}) passes its services on as a whole: it gets all of them."
            )

    def _take_types(self, making: Making, body: Any, module: str, types: Any) -> None:
        """Where no schema is given: the type arguments, or else the handler's own annotations."""
        if not making.has_input_schema:
            making.input = _type(making.module, types, 0) or _type(module, (body[6],) if body else (), 0)
        if not making.has_output_schema:
            making.output = _type(making.module, types, 1) or _type(module, (body[7],) if body else (), 0)

    def _options(self, making: Making, options: Mapping[str, Scope], call: str) -> None:
        draft = self._draft
        making.around = not _AROUND.isdisjoint(options)
        for key, scope in options.items():
            if key in FLAGS:
                if draft.boolean(scope, f"'{key}' of {call}"):
                    making.flags[key] = True
            elif key == "tags":
                making.tags = draft.words(scope, f"'tags' of {call}")
            elif key == "auth":
                auth = draft.quiet(scope)
                making.auth = auth if isinstance(auth, bool) else None
            elif key == "deploy":
                making.deploy = draft.string(scope, f"'deploy' of {call}")
                if making.deploy not in (None, "serverless", "server"):
                    found, expected = repr(making.deploy), "'serverless' or 'server'"
                    draft.report(WrongKind(draft.at(scope), f"'deploy' of {call}", expected=expected, found=found))
            elif key == "title":
                making.title = _text(draft.quiet(scope))
            elif key == "description":
                making.description = _text(draft.quiet(scope))
            elif key == "input":
                making.has_input_schema = _is_given(scope.expr)
                making.input_schema = draft.expression(scope) if making.has_input_schema else None
            elif key == "output":
                making.has_output_schema = _is_given(scope.expr)


def id_of(linker: Linker, key: Key) -> str | None:
    """The id of another file's function by name; None where it is sure not to become one."""
    module, index = key
    _, local, has_argument = linker.authored(module)[index]
    if local is None or not has_argument:
        return None
    name = _name(linker, module, local)
    return name if names.is_function_name(name) else None


def _name(linker: Linker, module: str, local: str) -> str:
    """What a function is called: its export's name."""
    named = sorted(name for name in linker.exported_as(module, local) if name != "default")
    if named:
        return local if local in named else named[0]
    return _stem(module) if local == "default" else local


def _called(inline: str | Callable[[], str]) -> str:
    return inline if isinstance(inline, str) else inline()


def _is_given(expr: Expr) -> bool:
    return not (expr[0] == "?" and expr[3] == "undefined")


def _type(module: str, types: Any, index: int) -> TypeSource | None:
    if index >= len(types) or types[index] is None:
        return None
    start, end = types[index]
    return TypeSource(Fragment(module, Span(start, end)))


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _stem(module: str) -> str:
    """The name of a file's anonymous default export: ``src/get-book.functions.ts`` → getBook."""
    name = posixpath.basename(module).partition(".")[0]
    if name == "index":
        name = posixpath.basename(posixpath.dirname(module)) or name
    head, *rest = re.split(r"[^A-Za-z0-9]+", name)
    return (head or "default") + "".join(part[:1].upper() + part[1:] for part in rest)


_NOT_FUNCTIONS: Final = frozenset({"it is the result of a call", "it is made by 'new'", "it is a regular expression"})
