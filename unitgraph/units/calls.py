"""What code calls by name: functions, workflows, agents, queues, secrets, variables. Knows no wirings."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from unitgraph.errors import Place
from unitgraph.errors.source import (
    NotConstant,
    NotExposed,
    UnknownAgent,
    UnknownFunction,
    UnknownStep,
    UnknownWorkflow,
)
from unitgraph.units.application import Reads, Step
from unitgraph.units.draft import KINDS_OF_WORKFLOW, Draft, Making
from unitgraph.units.evaluate import Scope, Unreadable

ANY: Final = "*"
_STEPS: Final = {"sleep": "sleep", "approval": "approval", "event": "event"}


@dataclass(frozen=True, slots=True)
class Called:
    """One call: at an offset of its file, of a function, queue, secret or variable; ``name`` None: not constant."""

    offset: int
    kind: str  # "function", "queue", "secret", "variable"
    name: str | None


class Calls:
    """The calls of all files, resolved once all functions are known."""

    def __init__(self, draft: Draft, agents: Mapping[str, str]) -> None:
        self._draft = draft
        self._agents = agents  # agent's name → function id
        self.resolved: dict[str, tuple[Called, ...]] = {}

    def resolve(self) -> None:
        bodies: dict[str, list[Making]] = {}
        for making in self._draft.functions.values():
            if making.body is not None:
                bodies.setdefault(making.body[0], []).append(making)
        for module, facts in self._draft.facts.items():
            if not facts.calls:
                continue
            strict = facts.is_application
            holders = sorted(bodies.get(module, ()), key=lambda making: making.body or ("", 0, 0))
            found: list[Called] = []
            for call in facts.calls:
                holder = _holder(holders, call[0])
                found.extend(self._call(module, call, holder, strict=strict))
            self.resolved[module] = tuple(found)
            self._tell(found, holders)

    def reads(self) -> dict[str, Reads]:
        """What each file reads by id."""
        made: dict[str, Reads] = {}
        for module, calls in self.resolved.items():
            found: dict[str, set[str]] = {"secret": set(), "variable": set()}
            unresolved: list[Place] = []
            for called in calls:
                if called.kind in found:
                    if called.name is None:
                        unresolved.append(self._draft.place(module, called.offset))
                    else:
                        found[called.kind].add(called.name)
            if found["secret"] or found["variable"] or unresolved:
                made[module] = Reads(frozenset(found["secret"]), frozenset(found["variable"]), tuple(unresolved))
        return made

    def _tell(self, calls: Iterable[Called], holders: list[Making]) -> None:
        for called in calls:
            if called.kind == "function" and called.name is not None:
                holder = _holder(holders, called.offset)
                if holder is not None:
                    holder.invokes[called.name] = None

    def _call(self, module: str, call: Any, holder: Making | None, *, strict: bool) -> Iterable[Called]:
        offset, kind, name, second, undo = call
        scope = Scope(module, name) if name is not None else None
        if kind in ("secret", "variable", "queue"):
            value = self._draft.quiet(scope) if scope is not None else None
            yield Called(offset, kind, value if isinstance(value, str) else None)
        elif kind == "do":
            if holder is not None and holder.kind == "workflow":
                yield from self._do(module, offset, holder, scope, second, undo)
        elif kind in _STEPS:
            if holder is not None and holder.kind == "workflow" and scope is not None:
                label = self._label(scope)
                holder.steps.append(Step(label, _KIND[kind]))
        elif strict or holder is not None:
            yield from self._invoked(offset, kind, scope)

    def _invoked(self, offset: int, kind: str, scope: Scope | None) -> Iterable[Called]:
        if scope is None:
            return
        draft = self._draft
        if kind == "exposed":
            yield from self._exposed(offset, scope)
            return
        try:
            value = draft.evaluator.constant(scope)
        except Unreadable as error:
            draft.report(NotConstant(draft.at(scope), f"The name that rpc.{_METHOD[kind]} calls", error.why))
            return
        name = self._named(kind, str(value), scope)
        if name is not None:
            yield Called(offset, "function", name)

    def _named(self, kind: str, name: str, scope: Scope) -> str | None:
        draft = self._draft
        place = draft.at(scope)
        if kind == "agent":
            if name in self._agents:
                return self._agents[name]
            draft.report(UnknownAgent(place, name, draft.near(name, self._agents)))
        elif kind == "workflow":
            workflows = [each.id for each in draft.functions.values() if each.kind in KINDS_OF_WORKFLOW]
            if name in workflows:
                return name
            draft.report(UnknownWorkflow(place, name, draft.near(name, workflows)))
        elif name in draft.functions:
            return name
        else:
            draft.report(UnknownFunction(place, f"rpc.{_METHOD[kind]}", name, draft.near(name)))
        return None

    def _exposed(self, offset: int, scope: Scope) -> Iterable[Called]:
        """By a name that is only known at run time, any exposed function may be meant."""
        draft = self._draft
        value = draft.quiet(scope)
        if not isinstance(value, str):
            for making in draft.functions.values():
                if making.flags.get("expose"):
                    yield Called(offset, "function", making.id)
            return
        making_or_none = draft.functions.get(value)
        if making_or_none is None:
            draft.report(UnknownFunction(draft.at(scope), "rpc.exposed", value, draft.near(value)))
        elif not making_or_none.flags.get("expose"):
            draft.report(NotExposed(draft.at(scope), value))
        else:
            yield Called(offset, "function", value)

    def _do(
        self, module: str, offset: int, holder: Making, scope: Scope | None, second: Any, undo: Any
    ) -> Iterable[Called]:
        if scope is None:
            return
        draft = self._draft
        label = self._label(scope)
        if undo is not None:
            name = self._step_function(label, Scope(module, undo))
            if name is not None:
                yield Called(offset, "function", name)
        if second is None or second[0] == "l":
            holder.steps.append(Step(label, "inline"))
            return
        target = Scope(module, second)
        try:
            settled = draft.evaluator.settle(target)
        except Unreadable as error:
            if second[0] == "i" and error.name is not None:
                # A function of the workflow's own, declared inside it.
                holder.steps.append(Step(label, "inline"))
            else:
                draft.report(NotConstant(draft.at(target), f"What the step {label!r} calls", error.why))
            return
        if settled.expr[0] in ("l", "d"):
            holder.steps.append(Step(label, "inline"))
            return
        name = self._step_function(label, target)
        if name is not None:
            holder.steps.append(Step(label, "rpc", name))
            yield Called(offset, "function", name)

    def _step_function(self, label: str, scope: Scope) -> str | None:
        draft = self._draft
        try:
            settled = draft.evaluator.settle(scope)
        except Unreadable as error:
            draft.report(NotConstant(draft.at(scope), f"What the step {label!r} calls", error.why))
            return None
        if settled.expr[0] == "f":
            return draft.named.get((settled.module, settled.expr[3]))
        if settled.expr[0] == "c" and isinstance(settled.expr[3], str):
            name = settled.expr[3]
            if name in draft.functions:
                return name
            draft.report(UnknownStep(draft.at(scope), label, name, draft.near(name)))
        else:
            draft.report(NotConstant(draft.at(scope), f"What the step {label!r} calls", "it is no name"))
        return None

    def _label(self, scope: Scope) -> str:
        """A step's name; where it is made at run time, the parts that are known with "*" between them."""
        value = self._draft.quiet(scope)
        if isinstance(value, str):
            return value
        if scope.expr[0] == "t":
            return "".join(part if isinstance(part, str) else "*" for part in scope.expr[3])
        return "*"


def _holder(holders: list[Making], offset: int) -> Making | None:
    """The innermost function around an offset."""
    position = bisect_left(holders, offset + 1, key=lambda making: making.body[1] if making.body else 0) - 1
    while position >= 0:
        body = holders[position].body
        if body is not None and body[1] <= offset < body[2]:
            return holders[position]
        position -= 1
    return None


_KIND: Final[dict[str, Any]] = {"sleep": "sleep", "approval": "approval", "event": "event"}
_METHOD: Final = {"invoke": "invoke", "workflow": "startWorkflow", "agent": "agent.run", "exposed": "exposed"}
