"""Agents in an entry: what each may call, with whose models, and which ones a unit's functions ask."""

import re
from collections.abc import Collection, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Final

from unitgraph.rules.entry import EntryAgent, EntryTool, literal
from unitgraph.units.application import Expression, Function
from unitgraph.units.model_providers import meant, providers
from unitgraph.units.openapi_schemas import Schemas, Told
from unitgraph.units.workflow_routes import is_workflow

if TYPE_CHECKING:
    from unitgraph.rules.names import Names
    from unitgraph.rules.wirings import Wirings
    from unitgraph.rules.workspace import Workspace
    from unitgraph.units.model import Unit

_LONGEST: Final = 64


def keys(workspace: "Workspace") -> frozenset[str]:
    """The secrets that nothing but models of agents needs: without one a process starts, and its agents say so."""
    reads = {name for each in workspace.analysis.application.reads.values() for name in each.secrets}
    found = providers(workspace.project.config.deploy).values()
    return frozenset(each.api_key for each in found if each.api_key is not None) - reads


class Inputs:
    """What models are told of the tools' inputs: JSON Schema, as far as sources say it, else the schema itself."""

    def __init__(self, workspace: "Workspace") -> None:
        self._workspace = workspace
        self._told: dict[str, Told] = {}

    def written(self, tool: Function) -> str | None:
        """JSON Schema as JavaScript; None where sources don't say it."""
        told = self._of(tool)
        said = told.json if not told.notes or tool.input_schema is None else None
        # models fill in objects, and nothing else
        if said is None or said.get("type") != "object":
            return None
        return literal({**said, "$defs": told.definitions} if told.definitions else said)

    def expression(self, tool: Function) -> Expression | None:
        """The function's schema, for what is only known at run time."""
        return tool.input_schema if self.written(tool) is None else None

    def _of(self, tool: Function) -> Told:
        if tool.id not in self._told:
            self._told[tool.id] = self.schemas.told(tool, "input")
        return self._told[tool.id]

    @cached_property
    def schemas(self) -> Schemas:
        workspace = self._workspace
        return Schemas(workspace.facts, workspace.resolver, workspace.project.sources.read)


def agents_in(
    wirings: "Wirings", unit: "Unit", workspace: "Workspace", names: "Names", inputs: Inputs
) -> tuple[EntryAgent, ...]:
    """The unit's agents, with what their entry imports."""
    known = providers(workspace.project.config.deploy)
    found = []
    for function in wirings.agents(unit):
        if function.agent is None:
            continue
        asked_of = []
        for provider in meant(function.agent.model, known):
            protocol = names.use(f"unitgraph/agent/{provider.protocol}", provider.protocol, provider.protocol)
            settings = {"name": provider.name, "baseURLVariable": provider.address}
            settings |= {"baseURL": provider.base_url} if provider.base_url else {}
            settings |= {"apiKey": provider.api_key} if provider.api_key else {}
            asked_of.append((provider.name, protocol, settings))
        tools = tuple(_tools(wirings, function, names, inputs))
        options = names.expression(function.agent.options)
        found.append(EntryAgent(function.agent.name, function.id, options, tools, tuple(asked_of)))
    return tuple(found)


def asked(wirings: "Wirings", functions: Collection[Function]) -> Iterator[tuple[str, str]]:
    """The agents that functions call by name; what an agent calls itself are its tools."""
    called = {name for function in functions if function.agent is None for name in function.invokes}
    for name in sorted(called):
        agent = wirings.application.functions[name].agent
        if agent is not None:
            yield agent.name, name


def _tools(wirings: "Wirings", agent: Function, names: "Names", inputs: Inputs) -> Iterator[EntryTool]:
    taken: set[str] = set()
    for tool in wirings.tools(agent):
        name = _name(tool.agent.name if tool.agent is not None else tool.id, taken)
        taken.add(name)
        known = inputs.expression(tool)
        schema = names.expression(known) if known is not None else inputs.written(tool)
        description = tool.description or tool.title
        is_agent = tool.agent is not None
        yield EntryTool(name, tool.id, description, schema, tool.requires_approval, is_agent, is_workflow(tool))


def _name(name: str, taken: Collection[str]) -> str:
    """A tool's name as every provider takes it."""
    base = re.sub(r"[^A-Za-z0-9_-]", "_", name)[: _LONGEST - 3]
    candidate, number = base, 1
    while candidate in taken:
        number += 1
        candidate = f"{base}_{number}"
    return candidate
