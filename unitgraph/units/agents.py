"""Agents and workflow graphs: what their options name. Knows functions, no wirings."""

from collections.abc import Mapping
from typing import Final

from unitgraph.errors.source import (
    MalformedModel,
    MissingOption,
    SubAgentCycle,
    UnknownModelProvider,
    UnknownNode,
    UnknownStep,
    UnknownSubAgent,
    UnknownTool,
    WrongKind,
)
from unitgraph.errors.wiring import DuplicateAgent
from unitgraph.units.application import Agent, Expression, Step
from unitgraph.units.draft import Draft, Made
from unitgraph.units.evaluate import Entry, Scope, Unreadable, describe
from unitgraph.units.facts import Span
from unitgraph.units.functions import Functions
from unitgraph.units.model_providers import ModelProvider

_ELSEWHERE: Final = frozenset({"tools", "agents", "subAgents"})
"""Options that hold other units' functions."""


class Agents:
    def __init__(self, draft: Draft, functions: Functions, providers: Mapping[str, ModelProvider]) -> None:
        self._draft = draft
        self._providers = providers
        self._functions = functions
        self.names: dict[str, str] = {}  # agent's name → function id

    def name(self) -> None:
        """Finds out what the agents are called, which others then refer to."""
        draft = self._draft
        for made in list(draft.functions.values()):
            if made.function.kind != "agent" or made.function.id in self.names.values():
                continue
            entry = made.options.get("name")
            if entry is None:
                draft.report(MissingOption(made.function.place, "pikkuAIAgent", "name"))
                continue
            name = draft.name(entry.value, "an agent")
            if name is None:
                continue
            if name in self.names:
                other = draft.functions[self.names[name]]
                first, second = sorted((made.function.place, other.function.place))
                draft.report(DuplicateAgent(second, name, first))
                continue
            self.names[name] = made.function.id

    def read(self) -> None:
        """Tools, sub-agents and models; then circles of sub-agents."""
        for name, function in list(self.names.items()):
            made = self._draft.functions[function]
            tools = self._tools(made, name)
            subs = self._sub_agents(made, name)
            model = made.options.get("model")
            if model is None:
                self._draft.report(MissingOption(made.function.place, "pikkuAIAgent", "model"))
            value = self._model(model.value) if model is not None else None
            self._draft.agents[function] = Agent(name, value, tools, subs, self._options(made))
            self._draft.invokes[function].update(dict.fromkeys((*tools, *(self.names[sub] for sub in subs))))
        self._circles()

    def _model(self, scope: Scope) -> str | None:
        """``provider/name``, where it is constant."""
        value = self._draft.quiet(scope)
        if not isinstance(value, str):
            return None
        provider, slash, name = value.partition("/")
        if not slash or not provider or not name:
            self._draft.report(MalformedModel(self._draft.at(scope), value))
        elif provider not in self._providers:
            self._draft.report(UnknownModelProvider(self._draft.at(scope), value, self._providers))
        return value

    def _options(self, made: Made) -> Expression:
        draft = self._draft
        assert made.key is not None     # an agent is made by a call, which stands somewhere
        module, index = made.key
        written = draft.evaluator.settle(Scope(module, draft.facts[module].functions[index][4]))
        omitted = [
            Span(entry.start, entry.end)
            for key, entry in made.options.items()
            if entry.own and key in _ELSEWHERE
        ]
        return draft.expression(written, omitted)

    def _tools(self, made: Made, name: str) -> tuple[str, ...]:
        draft = self._draft
        entry = made.options.get("tools")
        found: dict[str, None] = {}
        for item in (draft.items(entry.value, "'tools' of pikkuAIAgent") or ()) if entry is not None else ():
            settled = self._settled(item)
            tool: str | None = None
            if settled is not None and settled.expr[0] == "f":
                tool = self._functions.held(item, f"A tool of the agent {name!r}", None)
                if tool is None:
                    continue
            elif settled is not None and settled.expr[0] == "c" and settled.expr[3] in draft.functions:
                tool = str(settled.expr[3])
            if tool is None:
                draft.report(UnknownTool(draft.at(item), name, describe(settled) if settled else "not to be read"))
            else:
                found[tool] = None
        return tuple(found)

    def _sub_agents(self, made: Made, name: str) -> tuple[str, ...]:
        draft = self._draft
        ids = {function: agent for agent, function in self.names.items()}
        found: dict[str, None] = {}
        for key in ("agents", "subAgents"):
            entry = made.options.get(key)
            for item in (draft.items(entry.value, f"'{key}' of pikkuAIAgent") or ()) if entry is not None else ():
                settled = self._settled(item)
                sub: str | None = None
                if settled is not None and settled.expr[0] == "f":
                    function = draft.named.get((settled.module, settled.expr[3]))
                    sub = ids.get(function) if function is not None else None
                elif settled is not None and settled.expr[0] == "c" and settled.expr[3] in self.names:
                    sub = str(settled.expr[3])
                if sub is None:
                    draft.report(
                        UnknownSubAgent(draft.at(item), name, describe(settled) if settled else "not to be read")
                    )
                else:
                    found[sub] = None
        return tuple(found)

    def _settled(self, scope: Scope) -> Scope | None:
        try:
            return self._draft.evaluator.settle(scope)
        except Unreadable:
            return None

    def _circles(self) -> None:
        draft = self._draft
        subs = {
            name: draft.agents[function].sub_agents for name, function in self.names.items() if function in draft.agents
        }
        done: set[str] = set()
        for start in sorted(subs):
            chain: list[str] = []
            pending: list[tuple[str, int]] = [(start, 0)]
            while pending:
                name, depth = pending.pop()
                del chain[depth:]
                if name in chain:
                    circle = chain[chain.index(name) :]
                    if not done & set(circle):
                        place = draft.functions[self.names[min(circle)]].function.place
                        draft.report(SubAgentCycle(place, " → ".join((*circle, name))))
                    done.update(circle)
                elif name not in done:
                    chain.append(name)
                    pending.extend((sub, depth + 1) for sub in subs.get(name, ()))
            done.update(chain)


def read_graphs(draft: Draft, functions: Functions) -> None:
    """The nodes of every workflow graph."""
    for made in list(draft.functions.values()):
        if made.function.kind == "workflow-graph":
            _graph(draft, functions, made)


def _graph(draft: Draft, functions: Functions, made: Made) -> None:
    if "nodes" not in made.options:
        draft.report(MissingOption(made.function.place, "pikkuWorkflowGraph", "nodes"))
        return
    nodes = draft.entries(made.options["nodes"].value, "'nodes' of pikkuWorkflowGraph")
    if nodes is None:
        return
    for node, entry in nodes.items():
        function = _node(draft, functions, node, entry)
        if function is not None:
            draft.steps[made.function.id].append(Step(node, "rpc", function))
            draft.invokes[made.function.id][function] = None
    config = made.options.get("config")
    if config is not None:
        _config(draft, config.value, nodes)


def _node(draft: Draft, functions: Functions, node: str, entry: Entry) -> str | None:
    settled = draft.settled(entry.value, f"The node {node!r}")
    if settled is None:
        return None
    if settled.expr[0] == "c" and isinstance(settled.expr[3], str):
        name = settled.expr[3]
        if name in draft.functions:
            return name
        draft.report(UnknownStep(draft.at(entry.value), node, name, draft.near(name)))
        return None
    return functions.held(entry.value, f"The node {node!r}", None)


def _config(draft: Draft, config: Scope, nodes: Mapping[str, Entry]) -> None:
    for node, options in (draft.entries(config, "'config' of pikkuWorkflowGraph") or {}).items():
        if node not in nodes:
            draft.report(UnknownNode(draft.at(options.value), node, draft.near(node, nodes)))
        inner = draft.entries(options.value, f"The node {node!r}") or {}
        for key in ("next", "onError"):
            if key in inner:
                _next(draft, inner[key].value, nodes, 0)


def _next(draft: Draft, scope: Scope, nodes: Mapping[str, Entry], depth: int) -> None:
    settled = draft.settled(scope, "A node that follows")
    if settled is None or depth > 3:
        return
    if settled.expr[0] == "o":
        for entry in (draft.entries(settled, "The nodes that follow") or {}).values():
            _next(draft, entry.value, nodes, depth + 1)
    elif settled.expr[0] in ("a", "A"):
        for item in draft.items(settled, "The nodes that follow") or ():
            _next(draft, item, nodes, depth + 1)
    elif settled.expr[0] == "c" and isinstance(settled.expr[3], str):
        if settled.expr[3] not in nodes:
            draft.report(UnknownNode(draft.at(scope), settled.expr[3], draft.near(settled.expr[3], nodes)))
    elif not (settled.expr[0] == "c" and settled.expr[3] is None):
        draft.report(
            WrongKind(draft.at(scope), "A node that follows", expected="a node's name", found=describe(settled))
        )
