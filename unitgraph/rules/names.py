"""The imports of one generated file and the local names that they get, without clashes. Knows slices, no wirings."""

from collections.abc import Callable, Hashable, Iterable
from typing import Final, cast

from unitgraph.rules import builtins, pieces
from unitgraph.rules import entry as text
from unitgraph.rules.inputs import Inputs
from unitgraph.rules.recall import Asked
from unitgraph.units.application import Expression, Function, Ref, TypeSource
from unitgraph.units.schema import Derived
from unitgraph.units.slice import Sliced, SlicePlan, Target

Specify = Callable[[Target, str, SlicePlan], str]
"""How the file at a path names what it imports."""


_NOTHING: Final = object()


class Names:
    """The imports of one generated file and the local names that they get, without clashes.

    ``answers`` are what the plan has said so far, by what it was asked.
    """

    def __init__(self, specifier: Specify, plan: SlicePlan, path: str, inputs: Inputs) -> None:
        self._specifier = specifier
        self.plan = plan
        self._path = path
        self._inputs = inputs
        self.answers: dict[Asked, object] = {}
        self._wanted: dict[tuple[str, str], str] = {}
        self._taken = {
            "worker", "unit", "serve", "http", "sse", "remote", "v", "nothing", "queue", "schedule", "events",
            "consumer", "scheduled", "queues", "schedules", "settings", "jobs", "clock", "errands", "channel", "mcp",
            "channelWire", "mcpWire", "describe", "workflow", "workflows", "starts", "graphWire",
            "flows", "triggers", "sources", "sockets", "createSockets", "hub", "createHub", "agent", "agents",
            "agentWire", "openai", "anthropic", "commandLine", "client", *builtins.LOCALS, *pieces.PIECES,
        }  # fmt: skip

    def use(self, specifier: str, name: str, local: str) -> str:
        self._wanted[(specifier, name)] = local
        self._taken.add(local)
        return local

    def builtins(self, wanted: Iterable[text.Builtin]) -> tuple[text.Builtin, ...]:
        """The same, with what they import."""
        made = tuple(wanted)
        for specifier, name in dict.fromkeys(each for service in made for each in service.imports):
            self.use(specifier, name, name)
        return made

    def has(self, ref: Ref) -> bool:
        """Whether the plan keeps anything of a top-level binding."""
        self._ask("export", ref)
        return ref in self.plan.exports

    def of(self, ref: Ref) -> str:
        """The local name of a top-level binding."""
        self._ask("export", ref)
        return self._local(*self.plan.exports[ref], hint=ref.name)

    def expression(self, expression: Expression) -> str:
        self._ask("value", expression)
        target, name = self.plan.values[expression]
        return self._local(target, name, hint=name)

    def value(self, function: Function) -> str:
        """A function's value: its own binding, or the way to it inside a wiring's options."""
        if isinstance(function.value, Ref):
            return self.of(function.value)
        expression, steps = function.value
        return self.expression(expression) + "".join(f"[{text.literal(step)}]" for step in steps)

    def derived(self, source: TypeSource) -> Derived | None:
        """What a type says of data, where it says anything."""
        return self._inputs.derived(source)

    def imports(self) -> tuple[text.Imported, ...]:
        return text.imports_of((specifier, name, local) for (specifier, name), local in self._wanted.items())

    def answer(self, asked: Asked) -> object:
        """What the plan says now."""
        kind, what = asked
        if kind == "export":
            return self.plan.exports.get(cast("Ref", what), _NOTHING)
        if kind == "value":
            return self.plan.values.get(cast("Expression", what), _NOTHING)
        if isinstance(what, Sliced) and what.module not in self.plan.modules:
            return _NOTHING
        return self._specifier(cast("Target", what), self._path, self.plan)

    def _ask(self, kind: str, what: Hashable) -> None:
        if (kind, what) not in self.answers:
            self.answers[(kind, what)] = self.answer((kind, what))

    def _local(self, target: Target, name: str, *, hint: str) -> str:
        self._ask("module", target)
        specifier = self._specifier(target, self._path, self.plan)
        known = self._wanted.get((specifier, name))
        if known is not None:
            return known
        base = hint if hint not in ("default", "*") else "value"
        local = base
        number = 1
        while local in self._taken:
            number += 1
            local = f"{base}_{number}"
        return self.use(specifier, name, local)

