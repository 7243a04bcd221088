"""The application → the manifest: a unit each, with its handlers, its needs and the units that it calls.

Pure. Every queue, schedule, channel, agent, workflow and trigger source ends up in some unit.
"""

import dataclasses
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from unitgraph.units import agent_routes
from unitgraph.units.analyze import Analysis
from unitgraph.units.application import (
    Application,
    ChannelWiring,
    Declared,
    Function,
    HttpWiring,
    QueueWiring,
    Ref,
    ScheduleWiring,
    ScopedWiring,
    TriggerWiring,
)
from unitgraph.units.capabilities import capability
from unitgraph.units.gateways import Errand, errands
from unitgraph.units.mcp import ROUTE as MCP_ROUTE
from unitgraph.units.migrations import read_migrations
from unitgraph.units.model import (
    MANIFEST_VERSION,
    AgentEntry,
    Channel,
    FetchHandler,
    Handler,
    Manifest,
    McpEndpoint,
    Queue,
    QueueHandler,
    Route,
    ScheduledHandler,
    ScheduledTask,
    Secret,
    Service,
    Unit,
    Variable,
    Workflow,
    WorkflowStep,
)
from unitgraph.units.model_providers import meant, providers
from unitgraph.units.placement import Placed, Placement, place
from unitgraph.units.project import Project
from unitgraph.units.provided import made_by
from unitgraph.units.queues import WORKFLOW_QUEUES
from unitgraph.units.reached import Reached, Root, together
from unitgraph.units.scopes import applies
from unitgraph.units.workflow_routes import is_workflow
from unitgraph.units.workflow_routes import routes as workflow_routes

# What a role needs besides what its code takes: (service, capability) as if its code took it.
_ROLE_SERVICES: Final[Mapping[str, tuple[Service, ...]]] = {
    "agent": (Service("ai-model", "aiModel"), Service("ai-storage", "aiStorage")),
    "workflow": (Service("queue", "queueService"), Service("workflow-state", "workflowState")),
}


@dataclass(frozen=True, slots=True)
class _Wired:
    """What is wired to one function."""

    routes: tuple[Route, ...]
    queues: tuple[str, ...]
    schedules: tuple[tuple[str, str], ...]
    tags: tuple[str, ...]


def split(analysis: Analysis, project: Project) -> Manifest:
    """The units of an application without problems."""
    return _Split(analysis, project).manifest()


class _Split:
    def __init__(self, analysis: Analysis, project: Project) -> None:
        self._application: Application = analysis.application
        self._project = project.name
        self._providers = providers(project.config.deploy)
        own = made_by(factory for _, factory in analysis.reach.factories)
        has_database = "kysely" in project.package.dependencies and "db" not in own
        self._migrations = read_migrations(project.sources) if has_database else ()
        self._http: defaultdict[str, list[HttpWiring]] = defaultdict(list)
        for wiring in self._application.http:
            self._http[wiring.function].append(wiring)
        self._jobs: defaultdict[str, list[QueueWiring | ScheduleWiring | TriggerWiring]] = defaultdict(list)
        for queue in self._application.queues:
            self._jobs[queue.function].append(queue)
        for task in self._application.schedules:
            self._jobs[task.function].append(task)
        for trigger in self._application.triggers:
            self._jobs[trigger.function].append(trigger)
        self._errands: defaultdict[str, list[Errand]] = defaultdict(list)
        for errand in errands(self._application):
            self._errands[errand.function].append(errand)
        self._reach = analysis.reach
        self._reached = {name: self._behind(function) for name, function in self._application.functions.items()}
        services = {name: frozenset(reached.services) for name, reached in self._reached.items()}
        self._placement: Placement = place(
            self._application, project.name, analysis.units, project.config.deploy, services
        )
        self._wired = self._wirings()
        self._brought: dict[tuple[frozenset[str], frozenset[str]], tuple[Service, ...]] = {}

    def manifest(self) -> Manifest:
        application, unit_of = self._application, self._placement.unit_of
        units = [self._unit(placed) for placed in self._placement.units]
        server = self._server()
        if server is not None:
            units.append(server)
        called = {name for unit in units for name in unit.depends_on}
        units = self._with_holders([dataclasses.replace(unit, is_called=unit.name in called) for unit in units])
        return Manifest(
            project_id=self._project,
            manifest_version=MANIFEST_VERSION,
            units=tuple(sorted(units, key=lambda unit: unit.name)),
            queues=tuple(sorted(self._queues(), key=lambda queue: (queue.name, queue.consumer_unit))),
            scheduled_tasks=tuple(
                ScheduledTask(
                    wiring.name, wiring.schedule, unit_of[wiring.function], wiring.function, wiring.missed,
                    wiring.overlap,
                )
                for wiring in application.schedules
            ),
            channels=tuple(
                Channel(
                    wiring.name, wiring.route, self._gateway("channel", wiring.name), tuple(sorted(wiring.functions))
                )
                for wiring in application.channels
            ),
            agents=tuple(sorted(self._agents(), key=lambda agent: agent.name)),
            mcp_endpoints=self._mcp(),
            workflows=tuple(self._workflow(each) for each in application.functions.values() if is_workflow(each)),
            secrets=tuple(Secret(*each) for each in self._declared(application.secrets, "secrets")),
            variables=tuple(Variable(*each) for each in self._declared(application.variables, "variables")),
            migrations=self._migrations,
            unresolved_secret_reads=tuple(
                sorted(
                    (
                        f"{found.path}:{found.line}"
                        for reads in application.reads.values()
                        for found in reads.unresolved
                    ),
                    key=lambda text: (text.rpartition(":")[0], int(text.rpartition(":")[2])),
                )
            ),
        )

    # units

    def _behind(self, function: Function) -> Reached:
        """What a function's code, its routes' options and what stands around it lead to."""
        roots: list[Root] = [function.value if isinstance(function.value, Ref) else function.value[0]]
        routes = self._http[function.id]
        for wiring in routes:
            roots.extend(wiring.options)
        jobs = self._jobs[function.id]
        roots.extend(wiring.options for wiring in jobs if wiring.options is not None)
        sent = self._errands[function.id]
        roots.extend(option for errand in sent for option in errand.options)
        tags = {*function.tags, *(tag for wiring in (*routes, *jobs, *sent) for tag in wiring.tags)}
        paths = [wiring.route for wiring in routes]
        if is_workflow(function):
            paths += [route for _, route, _ in workflow_routes((function.id,))]
        roots.extend(scoped.value for scoped in self._around(paths, tags))
        reached = self._reach.of(roots, function.services.names, escapes=function.services.escapes)
        if function.invokes:
            reached = reached | Reached(functions=frozenset(function.invokes))
        return reached | self._models(function) if function.agent is not None else reached

    def _models(self, function: Function) -> Reached:
        """What asking an agent's model takes."""
        agent = function.agent
        asked = tuple(meant(agent.model, self._providers)) if agent is not None else ()
        return Reached(
            secrets=frozenset(each.api_key for each in asked if each.api_key),
            variables=frozenset(each.address for each in asked),
        )

    def _around(self, paths: Collection[str], tags: set[str]) -> Iterable[ScopedWiring]:
        return (
            scoped for scoped in self._application.scoped if applies(scoped.kind, scoped.scope, tags, paths)
        )

    def _unit(self, placed: Placed) -> Unit:
        functions = (placed.function,) if placed.function is not None else ()
        depends = set(self._dispatched(placed))
        return self._made(placed.name, placed, functions, depends, "serverless")

    def _server(self) -> Unit | None:
        placement = self._placement
        application = self._application
        if not placement.merged and not placement.gateways_merged:
            return None
        if not placement.merged and not application.channels and not application.mcp:
            return None
        functions = tuple(sorted(placement.merged))
        first = application.functions[functions[0]].place if functions else application.channels[0].place
        placed = Placed(placement.server, "function", "server", None, first, "the server")
        depends: set[str] = set()
        if placement.gateways_merged:
            depends.update(name for channel in application.channels for name in channel.functions)
            depends.update(wiring.function for wiring in application.mcp)
        targets = {wiring.name: wiring.function for wiring in application.triggers if not wiring.source}
        depends.update(targets[each.name] for each in application.triggers if each.source and each.name in targets)
        return self._made(placement.server, placed, functions, depends, "server")

    def _with_holders(self, units: list[Unit]) -> list[Unit]:
        """Tells those that take the event hub who holds what it publishes to. A server has all that it holds itself."""
        taking = {name for name, reached in self._reached.items() if "eventHub" in reached.services}
        streaming = {wiring.function for wiring in self._application.http if wiring.sse}
        holders = tuple(
            sorted(
                unit.name
                for unit in units
                if unit.role == "channel"
                or (unit.target == "serverless" and not taking.isdisjoint(streaming.intersection(unit.function_ids)))
            )
        )
        return [
            dataclasses.replace(unit, channel_holders=holders)
            if holders and not taking.isdisjoint(unit.function_ids)
            else unit
            for unit in units
        ]

    def _made(self, name: str, placed: Placed, functions: tuple[str, ...], depends: set[str], target: str) -> Unit:
        behind = [self._reached[function] for function in functions]
        if placed.role == "channel":
            behind += [self._around_opening(each) for each in self._application.channels if each.name == placed.subject]
        is_merged = target == "server" and self._placement.gateways_merged
        if is_merged:
            behind += map(self._around_opening, self._application.channels)
        if self._application.mcp and (placed.role == "mcp" or is_merged):
            behind.append(self._reach.of([one.value for one in self._around((MCP_ROUTE,), set())], frozenset()))
        reached = together(behind)
        roles = {placed.role, *(_role(self._application.functions[function]) for function in functions)}
        services = self._services(reached.services, frozenset(roles & _ROLE_SERVICES.keys()))
        unit_of = self._placement.unit_of
        units = {unit_of[function] for function in (*depends, *reached.functions) if function in unit_of}
        queues = reached.queues
        if not queues and "queueService" in reached.services:
            queues = frozenset(("*",))      # it goes where nobody sees what it is asked for
        tags = {tag for function in functions for tag in self._wired[function].tags}
        return Unit(
            name=name,
            role=placed.role,
            target="server" if target == "server" else "serverless",
            function_ids=functions,
            services=services,
            depends_on=tuple(sorted(units - {name})),
            handlers=self._handlers(placed, functions),
            secrets=tuple(sorted(reached.secrets)),
            variables=tuple(sorted(reached.variables)),
            tags=tuple(sorted(tags)),
            source=f"{placed.place.path}:{placed.place.line}",
            queue_producers=tuple(sorted(queues)),
        )

    def _around_opening(self, channel: ChannelWiring) -> Reached:
        """What stands around the opening of a channel, which is a request."""
        roots: list[Root] = [channel.options]
        roots.extend(
            scoped.value
            for scoped in self._application.scoped
            if applies(scoped.kind, scoped.scope, channel.tags, (channel.route,))
        )
        return self._reach.of(roots, frozenset())

    def _services(self, names: frozenset[str], roles: frozenset[str]) -> tuple[Service, ...]:
        """What a provider has to bring for services of these names and for a unit in these roles."""
        known = self._brought.get((names, roles))
        if known is None:
            found = {Service(brought, name) for name in names if (brought := capability(name))}
            found.update(service for role in roles for service in _ROLE_SERVICES[role])
            known = self._brought[names, roles] = tuple(sorted(found))
        return known

    def _dispatched(self, placed: Placed) -> Iterable[str]:
        """The functions that a gateway calls."""
        if placed.role == "channel":
            return [
                name for each in self._application.channels if each.name == placed.subject for name in each.functions
            ]
        if placed.role == "mcp":
            return [wiring.function for wiring in self._application.mcp]
        return []

    def _handlers(self, placed: Placed, functions: tuple[str, ...]) -> tuple[Handler, ...]:
        wired = [self._wired[function] for function in functions]
        routes = tuple(sorted(route for each in wired for route in each.routes))
        handlers: list[Handler] = []
        if routes or placed.role in ("channel", "mcp", "agent"):
            handlers.append(FetchHandler(routes))
        queues = {queue for each in wired for queue in each.queues}
        if any(is_workflow(self._application.functions[function]) for function in functions):
            queues.update(WORKFLOW_QUEUES)
        handlers.extend(QueueHandler(queue) for queue in sorted(queues))
        tasks = sorted(task for each in wired for task in each.schedules)
        handlers.extend(ScheduledHandler(schedule, name) for name, schedule in tasks)
        return tuple(handlers)

    def _wirings(self) -> Mapping[str, _Wired]:
        application = self._application
        queues: defaultdict[str, list[str]] = defaultdict(list)
        for queue in application.queues:
            queues[queue.function].append(queue.queue)
        schedules: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
        for task in application.schedules:
            schedules[task.function].append((task.name, task.schedule))
        made: dict[str, _Wired] = {}
        for name, function in application.functions.items():
            http = self._http[name]
            routes = [Route(wiring.route, wiring.method, name) for wiring in http]
            if function.expose:
                routes.append(Route(f"/rpc/{name}", "POST", name))
            if function.agent is not None:
                routes += [Route(each.route, each.method, name) for each in agent_routes.routes(function.agent.name)]
            tags = {*function.tags, *(tag for wiring in (*http, *self._jobs[name]) for tag in wiring.tags)}
            made[name] = _Wired(
                tuple(sorted(set(routes))), tuple(queues[name]), tuple(schedules[name]), tuple(sorted(tags))
            )
        return made

    # lists

    def _gateway(self, role: str, subject: str) -> str:
        """The unit of a channel or of the MCP server."""
        if self._placement.gateways_merged:
            return self._placement.server
        return next(unit.name for unit in self._placement.units if unit.role == role and unit.subject == subject)

    def _queues(self) -> Iterable[Queue]:
        unit_of = self._placement.unit_of
        for wiring in self._application.queues:
            yield Queue(wiring.queue, unit_of[wiring.function], wiring.function, wiring.settings)
        for function in self._application.functions.values():
            if is_workflow(function):
                for name in WORKFLOW_QUEUES:
                    yield Queue(name, unit_of[function.id], function.id)

    def _agents(self) -> Iterable[AgentEntry]:
        for function in self._application.functions.values():
            agent = function.agent
            if agent is not None:
                unit = self._placement.unit_of[function.id]
                tools, subs = tuple(sorted(agent.tools)), tuple(sorted(agent.sub_agents))
                yield AgentEntry(agent.name, unit, agent.model, tools, subs)

    def _mcp(self) -> tuple[McpEndpoint, ...]:
        if not self._application.mcp:
            return ()
        by_kind: defaultdict[str, set[str]] = defaultdict(set)
        for wiring in self._application.mcp:
            by_kind[wiring.kind].add(wiring.function)
        tools, resources, prompts = (tuple(sorted(by_kind[kind])) for kind in ("tool", "resource", "prompt"))
        return (McpEndpoint(self._gateway("mcp", "mcp"), MCP_ROUTE, tools, resources, prompts),)

    def _workflow(self, function: Function) -> Workflow:
        unit_of = self._placement.unit_of
        steps = tuple(
            WorkflowStep(step.name, step.kind, step.function, unit_of.get(step.function) if step.function else None)
            for step in function.steps
        )
        return Workflow(function.id, function.id, unit_of[function.id], steps)

    def _declared(self, declared: tuple[Declared, ...], what: str) -> list[tuple[str, str, str]]:
        """What is declared, and what is only read."""
        found = {each.id: (each.id, each.display_name, each.description) for each in declared}
        for reads in self._application.reads.values():
            for name in getattr(reads, what):
                found.setdefault(name, (name, name, ""))
        addresses = {each.address for each in self._providers.values()}     # which need not be given
        for reached in self._reached.values():
            for name in getattr(reached, what) - addresses:
                found.setdefault(name, (name, name, ""))
        return [found[name] for name in sorted(found)]


def _role(function: Function) -> str:
    """The role whose services a function needs wherever it runs."""
    return "workflow" if is_workflow(function) else "agent" if function.agent is not None else "function"
