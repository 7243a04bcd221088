"""Which wirings, middleware and permissions belong to which unit. Knows the application, generates nothing."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from functools import cached_property
from typing import Final

from unitgraph.errors import Place
from unitgraph.rules import workflows
from unitgraph.rules.gateways import GATEWAYS
from unitgraph.units import agent_routes
from unitgraph.units.application import (
    Application,
    ChannelWiring,
    Declared,
    Expression,
    Function,
    HttpWiring,
    QueueWiring,
    Ref,
    ScheduleWiring,
    ScopedWiring,
    TriggerWiring,
)
from unitgraph.units.gateways import Errand, errands
from unitgraph.units.model import Manifest, McpEndpoint, Unit
from unitgraph.units.scopes import applies
from unitgraph.units.workflow_routes import is_workflow
from unitgraph.units.workflow_routes import routes as workflow_routes

_NOWHERE: Final = Place("", 0, 0)


class Wirings:
    """An application's wirings by function, and the modules that a unit's entry is made from."""

    def __init__(self, application: Application, manifest: Manifest, keys: frozenset[str] = frozenset()) -> None:
        self.application = application
        self.manifest = manifest
        self._keys = keys

    @cached_property
    def http(self) -> Mapping[str, list[HttpWiring]]:
        """Function → its routes, in the order of the manifest."""
        found: defaultdict[str, list[HttpWiring]] = defaultdict(list)
        for wiring in self.application.http:
            found[wiring.function].append(wiring)
        return found

    def functions(self, unit: Unit) -> list[Function]:
        return [self.application.functions[name] for name in unit.function_ids]

    def elsewhere(self, units: Collection[Unit]) -> frozenset[str]:
        """The services of a server that units take which aren't in it: topics, too, where Workers hold channels."""
        if all(unit.target != "server" for unit in units):
            return frozenset()
        own = {unit.name for unit in units}
        others = [unit for unit in self.manifest.units if unit.name not in own]
        found = {each.source_service_name for unit in others for each in unit.services}
        found |= {name for unit in others for function in self.functions(unit) for name in function.services.names}
        return frozenset(found | {"eventHub"} if any(unit.role == "channel" for unit in others) else found)

    def routes(self, unit: Unit) -> list[HttpWiring]:
        return [wiring for name in unit.function_ids for wiring in self.http.get(name, ())]

    def agents(self, unit: Unit) -> Iterator[Function]:
        return (function for function in self.functions(unit) if function.agent is not None)

    def agent_routes(self, unit: Unit) -> Iterator[tuple[str, agent_routes.AgentRoute]]:
        """Where the unit's agents answer without being wired, each with its function."""
        for function in self.agents(unit):
            if function.agent is not None:
                yield from ((function.id, route) for route in agent_routes.routes(function.agent.name))

    def called(self, name: str, *, from_elsewhere: bool = False) -> tuple[str, ...]:
        """The ids under which a function is called, at all or by other units: an agent has some besides its own."""
        function = self.application.functions.get(name)
        is_agent = function is not None and function.agent is not None
        return agent_routes.functions(name, from_elsewhere=from_elsewhere) if is_agent else (name,)

    def tools(self, agent: Function) -> list[Function]:
        """The functions, and the agents, that an agent may call."""
        return [self.application.functions[name] for name in agent.invokes]

    def queues(self, unit: Unit) -> list[QueueWiring]:
        own = set(unit.function_ids)
        return [wiring for wiring in self.application.queues if wiring.function in own]

    def tasks(self, unit: Unit) -> list[ScheduleWiring]:
        own = set(unit.function_ids)
        return [wiring for wiring in self.application.schedules if wiring.function in own]

    @cached_property
    def _errands(self) -> Mapping[str, list[Errand]]:
        found: defaultdict[str, list[Errand]] = defaultdict(list)
        for errand in errands(self.application):
            if errand.wire is None or errand.wire == "graph" or errand.wire in GATEWAYS:
                found[errand.function].append(errand)
        return found

    def errands(self, unit: Unit) -> list[Errand]:
        """The ways in which gateways reach the unit's functions."""
        return [errand for name in unit.function_ids for errand in self._errands.get(name, ())]

    def channels(self, unit: Unit) -> list[ChannelWiring]:
        """Those whose gateway the unit is."""
        if "channel" not in GATEWAYS:
            return []
        names = {channel.name for channel in self.manifest.channels if channel.unit_name == unit.name}
        return [wiring for wiring in self.application.channels if wiring.name in names]

    def _mcp(self, unit: Unit) -> list[McpEndpoint]:
        """The MCP server that is in the unit."""
        found = (each for each in self.manifest.mcp_endpoints if each.unit_name == unit.name)
        return [each for each in found if "mcp" in GATEWAYS]

    def triggers(self, unit: Unit) -> list[TriggerWiring]:
        """Those whose function, or whose source, is in the unit."""
        own = set(unit.function_ids)
        return [wiring for wiring in self.application.triggers if wiring.function in own]

    def jobs(self, unit: Unit) -> list[QueueWiring | ScheduleWiring | TriggerWiring]:
        return [*self.queues(unit), *self.tasks(unit), *self.triggers(unit)]

    def options(self, unit: Unit) -> list[Expression]:
        """What the unit's wirings say that is needed at run time, routes' own first."""
        found = [option for wiring in self.routes(unit) for option in wiring.options]
        found += [wiring.options for wiring in self.jobs(unit) if wiring.options is not None]
        found += [option for errand in self.errands(unit) for option in errand.options]
        found += [function.agent.options for function in self.agents(unit) if function.agent is not None]
        return found + [wiring.options for wiring in self.channels(unit)]

    def scoped(self, unit: Unit) -> list[ScopedWiring]:
        """The middleware and permissions that may apply to the unit: by tag, or by a pattern that meets a route."""
        routes = self.routes(unit)
        channels = self.channels(unit)
        tags = {tag for function in self.functions(unit) for tag in function.tags}
        tags.update(tag for wiring in (*routes, *self.jobs(unit), *self.errands(unit)) for tag in wiring.tags)
        paths = [wiring.route for wiring in routes] + [each.route for each in self._mcp(unit)]
        own = [function.id for function in self.functions(unit) if is_workflow(function)]
        paths += [route for _, route, _ in workflow_routes(own)]
        tags.update(tag for channel in channels for tag in channel.tags)
        paths += [channel.route for channel in channels]
        paths += [route.route for _, route in self.agent_routes(unit)]
        return [one for one in self.application.scoped if applies(one.kind, one.scope, tags, paths)]

    def modules(self, unit: Unit) -> set[str]:
        """The files whose text, or what they lead to, decides what is generated for the unit."""
        application = self.application
        refs = [application.config, application.services, application.wire_services]
        found = {ref.module for ref in refs if ref is not None}
        for function in self.functions(unit):
            found |= {function.value.module} if isinstance(function.value, Ref) else _modules(function.value[0])
        for option in self.options(unit):
            found |= _modules(option)
        # what is constant of them is in the entry as well
        found |= {wiring.place.path for wiring in (*self.jobs(unit), *self.channels(unit))}
        found |= {errand.module for errand in self.errands(unit) if errand.module}
        for wiring in application.mcp if self._mcp(unit) else ():
            found |= {wiring.place.path, application.functions[wiring.function].place.path}
        found |= {tool.place.path for function in self.agents(unit) for tool in self.tools(function)}
        # their schemas say what people don't see of a run
        found |= {application.functions[name].place.path for name in workflows.known(application, unit)}
        for scoped in self.scoped(unit):
            found |= _modules(scoped.value)
        for declared in (*self.secrets(unit), *self.variables(unit)):
            found |= _modules(declared.schema) if declared.schema is not None else set()
        return found

    def secrets(self, unit: Unit) -> list[Declared]:
        """What the unit reads, with what is said of it where something is; keys of models only where they are said."""
        known = self._secrets
        needed = [name for name in unit.secrets if name in known or name not in self._keys]
        return [known.get(name) or Declared(name, name, name, "", _NOWHERE) for name in needed]

    def variables(self, unit: Unit) -> list[Declared]:
        """Those that are declared: another may be missing."""
        return [self._variables[name] for name in unit.variables if name in self._variables]

    @cached_property
    def _secrets(self) -> Mapping[str, Declared]:
        return {each.id: each for each in self.application.secrets}

    @cached_property
    def _variables(self) -> Mapping[str, Declared]:
        return {each.id: each for each in self.application.variables}


def _modules(expression: Expression) -> set[str]:
    return {expression.fragment.module, *(fragment.module for _, fragment in expression.bindings)}
