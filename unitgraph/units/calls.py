"""What code calls by name: functions, workflows, agents, queues, secrets, variables. Knows no wirings."""

import hashlib
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from unitgraph.errors import Place, UnitgraphError
from unitgraph.errors.source import (
    NotConstant,
    NotExposed,
    UnknownAgent,
    UnknownFunction,
    UnknownStep,
    UnknownWorkflow,
)
from unitgraph.units.application import Reads, Step
from unitgraph.units.draft import KINDS_OF_WORKFLOW, Draft
from unitgraph.units.evaluate import Scope, Unreadable
from unitgraph.units.link import Leans

ANY: Final = "*"
_BY_ID: Final = frozenset({"secret", "variable", "queue"})
_STEPS: Final = {"sleep": "sleep", "approval": "approval", "event": "event"}


class Called(NamedTuple):
    """One call: at an offset of its file, of a function, queue, secret or variable; ``name`` None: not constant."""

    offset: int
    kind: str  # "function", "queue", "secret", "variable"
    name: str | None


class Holder(NamedTuple):
    """A function whose code stands in a file."""

    start: int
    end: int
    id: str
    kind: str


@dataclass(frozen=True, slots=True)
class CallsFound:
    """The calls of one file.

    They hold as long as the file and what they lean on do, for the functions of ``roster`` ("" where none is called by
    name) and with those ``holders``. ``invokes`` are (function, whom it calls), ``steps`` (workflow, its next step).
    """

    roster: str
    holders: tuple[Holder, ...]
    leans: Leans
    calls: tuple[Called, ...]
    invokes: tuple[tuple[str, str], ...]
    steps: tuple[tuple[str, Step], ...]
    reads: Reads | None
    problems: tuple[UnitgraphError, ...] = ()


class Calls:
    """Resolves what the code of files calls, once all functions are known. ``agents``: an agent's name → function.

    ``roster`` is the digest of all that calls by name are resolved by: which functions there are, and which of them
    have their code in another file than they stand in.
    """

    def __init__(self, draft: Draft, agents: Mapping[str, str]) -> None:
        self._draft = draft
        self._agents = agents
        self._steps: list[tuple[str, Step]] = []
        self._holders: dict[str, list[Holder]] = {}
        known: list[tuple[Any, ...]] = []
        for name, made in sorted(draft.functions.items(), key=lambda item: item[0]):
            kind, code = made.function.kind, made.code
            if code is not None:
                self._holders.setdefault(code.module, []).append(Holder(code.start, code.end, name, kind))
            apart = code is not None and code.module != made.function.place.path
            known.append((name, kind, made.function.expose, code[:2] if code is not None and apart else None))
        named = repr((known, sorted(draft.named.items()), sorted(agents.items())))
        self.roster = hashlib.sha256(named.encode()).hexdigest()

    def holders(self, module: str) -> tuple[Holder, ...]:
        """The functions whose code stands in a file, in the order of its text."""
        return tuple(sorted(self._holders.get(module, ())))

    def holds(self, module: str, found: CallsFound) -> bool:
        """Whether what was found in a file before would be found again."""
        return found.roster == "" or (found.roster == self.roster and found.holders == self.holders(module))

    def find(self, module: str) -> CallsFound:
        draft = self._draft
        draft.linker.begin()
        facts = draft.facts[module]
        holders = self.holders(module)
        self._steps = []
        before = len(draft.problems)
        calls: list[Called] = []
        for call in facts.calls:
            calls.extend(self._call(module, call, _holder(holders, call[0]), strict=facts.is_application))
        invokes = {
            (holder.id, called.name): None
            for called in calls
            if called.kind == "function" and called.name is not None
            and (holder := _holder(holders, called.offset)) is not None
        }  # fmt: skip
        reads = self._reads(module, calls)
        roster = "" if all(call[1] in _BY_ID for call in facts.calls) else self.roster
        return CallsFound(
            roster, holders, draft.linker.leans(module), tuple(calls), tuple(invokes), tuple(self._steps), reads,
            tuple(draft.problems[before:]),
        )  # fmt: skip

    def _reads(self, module: str, calls: Iterable[Called]) -> Reads | None:
        """What a file reads by id."""
        found: dict[str, set[str]] = {"secret": set(), "variable": set()}
        unresolved: list[Place] = []
        for called in calls:
            if called.kind in found:
                if called.name is None:
                    unresolved.append(self._draft.place(module, called.offset))
                else:
                    found[called.kind].add(called.name)
        if not found["secret"] and not found["variable"] and not unresolved:
            return None
        return Reads(frozenset(found["secret"]), frozenset(found["variable"]), tuple(unresolved))

    def _call(self, module: str, call: Any, holder: Holder | None, *, strict: bool) -> Iterable[Called]:
        offset, kind, name, second, undo = call
        scope = Scope(module, name) if name is not None else None
        if kind in _BY_ID:
            value = self._draft.quiet(scope) if scope is not None else None
            yield Called(offset, kind, value if isinstance(value, str) else None)
        elif kind == "do":
            if holder is not None and holder.kind == "workflow":
                yield from self._do(module, offset, holder, scope, second, undo)
        elif kind in _STEPS:
            if holder is not None and holder.kind == "workflow" and scope is not None:
                label = self._label(scope)
                self._steps.append((holder.id, Step(label, _KIND[kind])))
        elif strict or holder is not None:
            yield from self._invoked(offset, kind, scope)

    def _invoked(self, offset: int, kind: str, scope: Scope | None) -> Iterable[Called]:
        if scope is None:
            return
        draft = self._draft
        if kind == "exposed":
            yield from self._exposed(offset, scope)
            return
        if kind == "agent-run":     # only its id says whose run it is
            yield from (Called(offset, "function", name) for name in sorted(self._agents.values()))
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
            workflows = [name for name, each in draft.functions.items() if each.function.kind in KINDS_OF_WORKFLOW]
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
            for name, made in sorted(draft.functions.items(), key=lambda item: item[0]):
                if made.function.expose:
                    yield Called(offset, "function", name)
            return
        found = draft.functions.get(value)
        if found is None:
            draft.report(UnknownFunction(draft.at(scope), "rpc.exposed", value, draft.near(value)))
        elif not found.function.expose:
            draft.report(NotExposed(draft.at(scope), value))
        else:
            yield Called(offset, "function", value)

    def _do(
        self, module: str, offset: int, holder: Holder, scope: Scope | None, second: Any, undo: tuple[Any, ...]
    ) -> Iterable[Called]:
        if scope is None:
            return
        draft = self._draft
        label = self._label(scope)
        for one in undo:
            if one[0] == "i" and self._is_inline(Scope(module, one)):
                continue
            name = self._step_function(label, Scope(module, one))
            if name is not None:
                yield Called(offset, "function", name)
        if second is None or second[0] == "l":
            self._steps.append((holder.id, Step(label, "inline")))
            return
        target = Scope(module, second)
        try:
            settled = draft.evaluator.settle(target)
        except Unreadable as error:
            if second[0] == "i" and error.name is not None:
                # A function of the workflow's own, declared inside it.
                self._steps.append((holder.id, Step(label, "inline")))
            else:
                draft.report(NotConstant(draft.at(target), f"What the step {label!r} calls", error.why))
            return
        if settled.expr[0] in ("l", "d"):
            self._steps.append((holder.id, Step(label, "inline")))
            return
        name = self._step_function(label, target)
        if name is not None:
            self._steps.append((holder.id, Step(label, "rpc", name)))
            yield Called(offset, "function", name)

    def _is_inline(self, scope: Scope) -> bool:
        """Whether a name stands for code of the workflow's own, not for a function of the project."""
        try:
            return self._draft.evaluator.settle(scope).expr[0] in ("l", "d")
        except Unreadable as error:
            return error.name is not None

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


def _holder(holders: Sequence[Holder], offset: int) -> Holder | None:
    """The innermost function around an offset."""
    position = bisect_left(holders, offset + 1, key=lambda holder: holder.start) - 1
    while position >= 0:
        if holders[position].start <= offset < holders[position].end:
            return holders[position]
        position -= 1
    return None


_KIND: Final[dict[str, Any]] = {"sleep": "sleep", "approval": "approval", "event": "event"}
_METHOD: Final = {"invoke": "invoke", "workflow": "startWorkflow", "agent": "agent.run", "exposed": "exposed"}
