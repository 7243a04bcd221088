"""The functions of a channel: which are called as a client comes and goes, and which for what message."""

from collections.abc import Iterator
from typing import Final, Literal

from unitgraph.errors.wiring import BadName
from unitgraph.units import names
from unitgraph.units.application import ChannelCall, Expression
from unitgraph.units.draft import Draft, Entries
from unitgraph.units.evaluate import Scope, Unreadable
from unitgraph.units.facts import Span
from unitgraph.units.functions import Functions

_LIFE: Final[tuple[tuple[str, Literal["connect", "disconnect", "message"]], ...]] = (
    ("onConnect", "connect"), ("onDisconnect", "disconnect"), ("onMessage", "message"),
)  # fmt: skip
_STATIC: Final = frozenset(
    ("name", "route", "onMessageWiring", "title", "summary", "description", *(key for key, _ in _LIFE))
)
"""Options that the gateway doesn't need at run time: they are in its entry."""
_AROUND: Final = frozenset(("auth", "permissions", "middleware", "tags"))
"""Options that functions' units need, since a call is made under them."""


class Channel:
    """Reads what one channel calls. ``name`` is None where it couldn't be read."""

    def __init__(self, draft: Draft, functions: Functions, entries: Entries, name: str | None) -> None:
        self._draft = draft
        self._functions = functions
        self._entries = entries
        self._name = name

    def calls(self) -> tuple[ChannelCall, ...]:
        """All that could be read, in the order of the source; what is wrong is told to the draft."""
        return (*self._life(), *self._messages())

    def _life(self) -> Iterator[ChannelCall]:
        for key, kind in _LIFE:
            entry = self._entries.get(key)
            if entry is None or _is_nothing(self._draft, entry.value):
                continue
            inline = f"{self._name}-{kind}" if self._name else None
            function = self._functions.held(entry.value, f"'{key}' of wireChannel", inline)
            if function is not None:
                yield ChannelCall(kind, function, self._own(entry.value) if kind == "message" else None)

    def _messages(self) -> Iterator[ChannelCall]:
        draft = self._draft
        if "onMessageWiring" not in self._entries:
            return
        wiring = draft.entries(self._entries["onMessageWiring"].value, "'onMessageWiring' of wireChannel")
        for routing, values in (wiring or {}).items():
            if not names.is_name(routing):
                draft.report(BadName(draft.at(values.value), "A routing property", routing))
                continue
            for value, message in (draft.entries(values.value, f"'{routing}' of 'onMessageWiring'") or {}).items():
                inline = names.kebab(f"{self._name} {value}") if self._name else None
                function = self._functions.held(message.value, f"the function of {routing} {value!r}", inline)
                if function is not None:
                    yield ChannelCall("message", function, self._own(message.value), routing, value)

    def _own(self, scope: Scope) -> Expression | None:
        """What is said of a message besides its function: ``{ func, auth, … }``."""
        draft = self._draft
        if self._functions.is_named(scope):
            return None
        try:
            settled = draft.evaluator.settle(scope)
            entries = draft.evaluator.entries(settled) if settled.expr[0] == "o" else {}
        except Unreadable:      # told already, where its function was looked for
            return None
        return around_messages(draft, settled, entries)


def around_messages(draft: Draft, settled: Scope, entries: Entries) -> Expression | None:
    """The part of the options that stands around calls."""
    if entries.keys().isdisjoint(_AROUND):
        return None
    return draft.expression(settled, _spans(entries, entries.keys() - _AROUND))


def at_the_gateway(entries: Entries) -> list[Span]:
    """The spans of what the gateway has no use for."""
    return _spans(entries, _STATIC)


def _spans(entries: Entries, keys: frozenset[str] | set[str]) -> list[Span]:
    return [Span(entry.start, entry.end) for key, entry in entries.items() if entry.own and key in keys]


def _is_nothing(draft: Draft, scope: Scope) -> bool:
    return scope.expr[0] == "c" and draft.quiet(scope) is None
