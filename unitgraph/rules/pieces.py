"""Which pieces of the runtime a unit that stands alone has a use for. Knows what is known of its functions and wirings.

What isn't known for sure counts as used. In a process all units share all pieces, and nobody asks.
"""

import re
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Final

from unitgraph.rules.entry import Entry
from unitgraph.units.application import Expression, Function

if TYPE_CHECKING:
    from unitgraph.units.facts import Factory
    from unitgraph.units.slice import SlicePlan

PROMISED: Final = frozenset({"jwt", "queueService", "eventHub", "db", "kv", "storage", "rateLimits"})
"""The services that say so where they aren't there, as core/promised.ts has them."""

PIECES: Final = (
    "around", "body", "byPath", "checkedFields", "checks", "exchange", "merge", "noRpc", "outputs", "owned", "patterns",
    "preflight", "promised", "secrets",
)  # fmt: skip
"""Everything that the runtime's ``pieces.ts`` exports: names that an entry keeps free for them."""

_FIXED: Final = re.compile(r"/|(?:/[\w.~-]+)+")
_BODILESS: Final = frozenset({"GET", "HEAD"})


class Uses:
    """What one unit uses. ``entry`` is all of its entry but the pieces, ``options`` are those of its wirings,
    ``factories`` the project's."""

    def __init__(
        self, entry: Entry, functions: Collection[Function], options: Collection[Expression], plan: "SlicePlan",
        factories: "Collection[Factory]",
    ) -> None:  # fmt: skip
        self._entry = entry
        self._functions = functions
        self._plan = plan
        self._factories = factories
        self._has_options = not all(option.is_constant for option in options)
        self._lends = bool(entry.agents or entry.errands or entry.gateways or entry.workflows)

    def pieces(self) -> tuple[str, ...]:
        used = set(self._used())
        return tuple(name for name in PIECES if name in used)

    def _used(self) -> Iterator[str]:
        entry = self._entry
        if self._has_around:
            yield "around"
        if self._lends or self._has_options or self._has_input:
            yield "checks"
        if self._lends or any(function.has_output_schema for function in self._functions):
            yield "outputs"
        if entry.wire_services:
            yield "owned"
        if self._shows("rpc") and not entry.calls:
            yield "noRpc"
        if self._has_around or entry.builtins or self._takes({"secrets"}):
            yield "secrets"
        if self._has_around or self._takes(PROMISED):
            yield "promised"
        if entry.http is not None or any(gateway.make == "mcp" for gateway in entry.gateways):
            yield from self._of_requests()

    def _of_requests(self) -> Iterator[str]:
        entry = self._entry
        routes = entry.http.routes if entry.http is not None else ()
        scoped = entry.http is not None and (entry.http.middleware or entry.http.permissions)
        exposes = any(function.expose for function in self._functions)
        if self._has_around:
            yield "preflight"
        if self._shows("http") or self._has_options or any(route.sse for route in routes):
            yield "exchange"
        if entry.gateways or exposes or any(route.method not in _BODILESS for route in routes):
            yield "body"
        if entry.gateways or scoped:
            yield "byPath"
        if self._has_options:
            yield "checkedFields"
        if not all(_FIXED.fullmatch(route.route) for route in routes):
            yield from ("patterns", "merge")

    @property
    def _has_around(self) -> bool:
        entry = self._entry
        scoped = entry.http is not None and (entry.http.middleware or entry.http.permissions)
        own = any(function.around for function in self._functions)
        return bool(self._lends or entry.middleware or entry.permissions or scoped or own or self._has_options)

    @property
    def _has_input(self) -> bool:
        derived = any(each.coerce or each.input not in (None, "nothing") for each in self._entry.functions)
        return derived or any(function.has_input_schema for function in self._functions)

    def _shows(self, name: str) -> bool:
        """Whether somebody may look at a part of the wire: functions, or what stands around them and gets it whole."""
        taken = (function.wire for function in self._functions)
        own = any(wire.escapes or name in wire.names for wire in taken)
        return own or self._has_around or bool(self._entry.wire_services)

    def _takes(self, services: Collection[str]) -> bool:
        """Whether one of these services may be taken, by functions or by what makes other services."""
        plan, entry = self._plan, self._entry
        makers = [each for each in self._factories if each.kind == "services"] if entry.services else []
        is_open = any(not each.sliceable or any(name == "*" for _, name in each.reads) for each in makers)
        all_taken = self._lends or plan.all_services or is_open or bool(entry.wire_services)
        return all_taken or not (plan.services | plan.existing).isdisjoint(services)
