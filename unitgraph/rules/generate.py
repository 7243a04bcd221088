"""Units to generated text: an entry, the slices that it imports, a main for a process. Reads sources, writes nothing.

Knows slices and entries; keys, folders and freshness are the rule's.
"""

import dataclasses
import posixpath
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType

from unitgraph.providers.base import Provider
from unitgraph.providers.cloudflare.bindings import holder_binding, objects, produces, queue_name
from unitgraph.rules import agents, builtins, command_lines, triggers, workflows
from unitgraph.rules import entry as text
from unitgraph.rules.errands_entry import errands_of
from unitgraph.rules.gateways import GATEWAYS, held
from unitgraph.rules.inputs import Inputs
from unitgraph.rules.main_routes import main_routes
from unitgraph.rules.names import Names
from unitgraph.rules.pieces import Uses
from unitgraph.rules.platform_entry import platform_of
from unitgraph.rules.settings_entry import schemas, settings_of
from unitgraph.rules.wirings import Wirings
from unitgraph.rules.workers import workers
from unitgraph.rules.workspace import Workspace
from unitgraph.units import agent_routes, workflow_routes
from unitgraph.units.application import CliWiring, Expression, Function, QueueWiring, Ref, ScheduleWiring
from unitgraph.units.gateways import dispatched
from unitgraph.units.model import Unit
from unitgraph.units.provided import made_by
from unitgraph.units.queues import WORKFLOW_QUEUES
from unitgraph.units.slice import InPlace, Roots, Sliced, SlicePlan, Target, Verbatim
from unitgraph.units.slice_plan import Slicer
from unitgraph.units.slice_text import render_slice

SLICES = "slices"

Recalled = Callable[[str, Unit, Names, Callable[[], bytes], list[str]], bytes]
"""The text of a unit's file by a path: written, and then notices are told, if it isn't known."""


@dataclass
class Generated:
    """``files``: path below the generated folder → text; ``entries``: output name → file; ``modules`` and ``packages``
    (name, importer) are what the files import from the project; ``origins``: slice → the source that it is cut from;
    ``sources``: what was read."""

    files: dict[str, bytes] = field(default_factory=dict)
    entries: dict[str, str] = field(default_factory=dict)
    modules: set[str] = field(default_factory=set)
    packages: set[tuple[str, str]] = field(default_factory=set)
    origins: dict[str, str] = field(default_factory=dict)
    sources: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)


class Generator:
    """Generates for one provider. ``binding`` names the binding of a unit; ``keep_lines``: for source maps."""

    def __init__(
        self, workspace: Workspace, provider: Provider, slicer: Slicer, wirings: Wirings, binding: Callable[[str], str],
        *, keep_lines: bool = False, recalled: Recalled = lambda _path, _unit, _names, write, _told: write(),
    ) -> None:  # fmt: skip
        self._workspace = workspace
        self._provider = provider
        self._slicer = slicer
        self._wirings = wirings
        self._binding = binding
        self._units = {name: unit.name for unit in workspace.manifest.units for name in unit.function_ids}
        self._inputs = Inputs(workspace)
        self._tools = agents.Inputs(workspace)
        self._factories = [each for _, each in workspace.analysis.reach.factories]
        self._made_by_project = made_by(self._factories)
        self._keep_lines = keep_lines
        self._recalled = recalled
        self._told: list[str] = []

    def unit(self, unit: Unit) -> Generated:
        """A unit that stands alone: a worker, or the merged server with a main of its own."""
        if unit.target == "server":
            return self._server(unit)
        services = self._services([unit])
        plan = self._slicer.plan(self._roots([unit], services))
        made = self._slices(plan)
        path = f"units/{unit.name}.ts"
        entry = self._entry(unit, Names(self._specifier, plan, path, self._inputs), with_services=True)
        uses = Uses(entry, self._wirings.functions(unit), self._wirings.options(unit), plan, self._factories)
        made.files[path] = text.render_worker(dataclasses.replace(entry, pieces=uses.pieces()), self._provider.name)
        made.entries[f"{unit.name}/index"] = path
        return self._with_notices(made)

    def process(self, units: Iterable[Unit], documents: Mapping[str, bytes] = MappingProxyType({})) -> Generated:
        """All units for one process, with its main; ``documents`` are texts that it answers with, by route."""
        units = list(units)
        commands = tuple(command_lines.options(self._wirings.application))
        plan = self._slicer.plan(self._roots(units, self._services(units), commands))
        made = self._slices(plan)
        self._members(made, units, plan)
        if commands:
            names = Names(self._specifier, plan, "programs.ts", self._inputs)
            made.files["programs.ts"] = text.render_programs(command_lines.programs(self._workspace, names))
        made.entries |= {f"units/{unit.name}/index": f"units/{unit.name}.ts" for unit in units}
        places = {route: f"documents/{number}.ts" for number, route in enumerate(sorted(documents))}
        made.files |= {place: text.render_document(documents[route]) for route, place in places.items()}
        specifiers = {route: f"./{place}" for route, place in places.items()}
        made.files["main.ts"] = text.render_main(
            self._main(units, plan, "main.ts", has_programs=bool(commands)), specifiers
        )
        made.entries["main"] = "main.ts"
        return self._with_notices(made)

    def client(self, program: CliWiring) -> Generated:
        """The program that runs another one's commands where the application is deployed."""
        path = f"clients/{program.program}.ts"
        plan = self._slicer.plan(Roots(values=tuple(dict.fromkeys(command_lines.shown(program)))))
        made = self._slices(plan)
        names = Names(self._specifier, plan, path, self._inputs)
        made.files[path] = text.render_client(command_lines.client(self._workspace, names, program))
        made.entries[program.program] = path
        return made

    def _server(self, unit: Unit) -> Generated:
        plan = self._slicer.plan(self._roots([unit], self._services([unit])))
        made = self._slices(plan)
        self._members(made, [unit], plan)
        path = f"servers/{unit.name}.ts"
        made.files[path] = text.render_main(self._main([unit], plan, path))
        made.entries[f"{unit.name}/index"] = path
        return self._with_notices(made)

    def _with_notices(self, made: Generated) -> Generated:
        """Takes over what was met on the way."""
        made.notices += self._told
        self._told = []
        return made

    def _members(self, made: Generated, units: Collection[Unit], plan: SlicePlan) -> None:
        for unit in units:
            path = f"units/{unit.name}.ts"
            names = Names(self._specifier, plan, path, self._inputs)
            made.files[path] = self._recalled(path, unit, names, partial(self._member, unit, names), self._told)

    def _member(self, unit: Unit, names: Names) -> bytes:
        return text.render_unit(self._entry(unit, names, with_services=False))

    def _services(self, units: Iterable[Unit]) -> tuple[frozenset[str], bool]:
        taken = [function.services for unit in units for function in self._wirings.functions(unit)]
        return frozenset(name for one in taken for name in one.names), any(one.escapes for one in taken)

    def _roots(
        self, units: Iterable[Unit], services: tuple[frozenset[str], bool], more: Iterable[Expression] = ()
    ) -> Roots:
        refs: list[Ref] = []    # the factories are asked for by ``services``, so that they are cut to them
        values: list[Expression] = []
        for unit in units:
            for function in self._wirings.functions(unit):
                if function.agent is not None:
                    continue    # of which nothing but options is asked for
                if isinstance(function.value, Ref):
                    refs.append(function.value)
                else:
                    values.append(function.value[0])
            values += self._wirings.options(unit)
            tools = (tool for each in self._wirings.agents(unit) for tool in self._wirings.tools(each))
            values += filter(None, map(self._tools.expression, tools))
            values += [scoped.value for scoped in self._wirings.scoped(unit)]
        values += schemas(units, self._wirings)
        values += more
        return Roots(
            refs=tuple(dict.fromkeys(refs)), values=tuple(dict.fromkeys(values)), services=services[0],
            all_services=services[1],
        )  # fmt: skip

    def _slices(self, plan: SlicePlan) -> Generated:
        made = Generated(notices=list(plan.notices))
        for module, request in plan.modules.items():
            path = f"{SLICES}/{request.path}"
            source = self._workspace.project.sources.read(module)
            repoint = partial(self._specifier, importer=path, plan=plan)
            made.files[path] = render_slice(
                source, self._workspace.facts[module], request, repoint, keep_lines=self._keep_lines
            ).encode()
            made.origins[path] = module
            made.sources.append(module)
        made.modules = {*plan.direct.files, *plan.direct.assets}
        made.packages = {(package.name, importer) for package, importer in plan.direct.packages}
        made.packages |= builtins.packages(self._workspace, plan, self._made_by_project)
        return made

    def _specifier(self, target: Target, importer: str, plan: SlicePlan) -> str:
        """How a generated file names what it imports: relative paths within the checkout, everything else as it is."""
        match target:
            case Verbatim(specifier):
                return specifier
            case Sliced(module):
                path = f"{SLICES}/{plan.modules[module].path}"
                relative = posixpath.relpath(path, posixpath.dirname(importer) or ".")
            case InPlace(path):
                depth = importer.count("/")
                relative = posixpath.normpath(posixpath.join(*[".."] * (depth + 3), path))
        return relative if relative.startswith(".") else f"./{relative}"

    def _entry(self, unit: Unit, names: Names, *, with_services: bool) -> text.Entry:
        functions = self._wirings.functions(unit)
        services = self._service_names(names) if with_services else {}
        return text.Entry(
            project=self._workspace.project.name,
            unit=unit.name,
            functions=tuple(self._function(each, names) for each in functions if each.agent is None),
            agents=agents.agents_in(self._wirings, unit, self._workspace, names, self._tools),
            asks=tuple(agents.asked(self._wirings, functions)),
            http=self._http(unit, names),
            middleware=self._tagged(unit, "tag-middleware", names),
            permissions=self._tagged(unit, "tag-permission", names),
            remote=tuple(self._remote(unit, functions)) if with_services else (),
            errands=errands_of(unit, self._wirings, names),
            gateways=tuple(GATEWAYS[role](unit, self._wirings, names) for role in held(unit, self._workspace.manifest)),
            objects=self._objects(unit) if with_services else (),
            workflows=workflows.entry(self._wirings.application, unit, lambda: self._tools.schemas),
            tells_spans=self._workspace.project.config.deploy.has_collector,
            starts=workflows.starts(self._wirings.application, functions),
            is_called=unit.is_called,
            calls=unit.role != "function" or bool(unit.depends_on) or any(each.invokes for each in functions),
            sockets=holder_binding(unit.name) if with_services and unit.role == "channel" else None,
            required=tuple(sorted(names.plan.services)),
            queues=tuple(self._queue(wiring, names) for wiring in self._wirings.queues(unit)),
            tasks=tuple(self._task(wiring, names) for wiring in self._wirings.tasks(unit)),
            platform=platform_of(unit, self._wirings, self._provider.name, self._told) if with_services else None,
            builtins=names.builtins(builtins.alone(self._given((unit,), names.plan))) if with_services else (),
            settings=settings_of((unit,), self._wirings, names) if with_services else None,
            imports=names.imports(),
            pieces=(),
            **services,
        )

    def _objects(self, unit: Unit) -> tuple[text.EntryObject, ...]:
        kinds = objects(unit, self._workspace.manifest)
        return tuple(text.EntryObject(kind.class_name, kind.specifier) for kind in kinds)

    def _given(self, units: Collection[Unit], plan: SlicePlan, queues: tuple[str, ...] = ()) -> builtins.Given:
        has_agents = any(True for unit in units for _ in self._wirings.agents(unit))
        taken = builtins.taken(plan, self._made_by_project, has_agents=has_agents)
        own = {each["name"]: each["version"] for each in self._main_workflows(units)}
        elsewhere = self._wirings.elsewhere(units)
        return builtins.given(self._workspace, units, taken, queues, elsewhere=elsewhere, workflows=own)

    def _queue(self, wiring: QueueWiring, names: Names) -> text.EntryQueue:
        settings = wiring.settings.document()
        retries = {key: settings[key] for key in ("maxRetries", "retryDelayMs", "backoff", "timeoutMs")}
        return text.EntryQueue(wiring.queue, wiring.function, _options(wiring, names), retries)

    def _task(self, wiring: ScheduleWiring, names: Names) -> text.EntryTask:
        return text.EntryTask(wiring.name, wiring.schedule, wiring.function, _options(wiring, names))

    def _service_names(self, names: Names) -> dict[str, str | None]:
        application = self._wirings.application
        chosen = {
            "config": application.config, "services": application.services, "wire_services": application.wire_services,
        }  # fmt: skip
        return {role: names.of(ref) if ref is not None and names.has(ref) else None for role, ref in chosen.items()}

    def _function(self, function: Function, names: Names) -> text.EntryFunction:
        derived = self._inputs.derive(function)
        self._told += derived.notices
        source = derived.source
        if derived.source:
            names.use("valibot", "*", "v")
        elif derived.is_nothing:
            source = names.use("unitgraph/nothing", "nothing", "nothing")
        return text.EntryFunction(
            function.id, names.value(function), source, derived.coerce, function.expose,
            workflow_routes.is_workflow(function),
        )  # fmt: skip

    def _http(self, unit: Unit, names: Names) -> text.EntryHttp | None:
        routes = self._wirings.routes(unit)
        own = workflows.in_unit(self._wirings.application, unit)
        functions = self._wirings.functions(unit)
        if not routes and not own and not any(each.expose or each.agent is not None for each in functions):
            return None
        scoped = self._wirings.scoped(unit)
        return text.EntryHttp(
            tuple(
                text.EntryRoute(
                    wiring.method, wiring.route, wiring.function, wiring.sse,
                    tuple(names.expression(option) for option in wiring.options),
                )
                for wiring in routes
            )
            + tuple(
                text.EntryRoute(method, route, called, called.endswith(" stream"), ())
                for method, route, called in workflow_routes.routes(own)
            )
            + tuple(
                text.EntryRoute(route.method, route.route, agent_routes.called(name, route), route.sse, ())
                for name, route in self._wirings.agent_routes(unit)
            ),
            tuple((one.scope, names.expression(one.value)) for one in scoped if one.kind == "http-middleware"),
            tuple((one.scope, names.expression(one.value)) for one in scoped if one.kind == "http-permission"),
        )  # fmt: skip

    def _tagged(self, unit: Unit, kind: str, names: Names) -> tuple[tuple[str, tuple[str, ...]], ...]:
        found: dict[str, list[str]] = {}
        for scoped in self._wirings.scoped(unit):
            if scoped.kind == kind:
                found.setdefault(scoped.scope, []).append(names.expression(scoped.value))
        return tuple((tag, tuple(values)) for tag, values in sorted(found.items()))

    def _remote(self, unit: Unit, functions: Collection[Function]) -> Iterable[text.Remote]:
        own = set(unit.function_ids)
        called = {name for function in functions for name in function.invokes}
        for name in sorted(called.union(dispatched(unit.name, self._workspace.manifest)) - own):
            if name in self._units:
                for each in self._wirings.called(name, from_elsewhere=True):
                    yield text.Remote(each, self._units[name], self._binding(self._units[name]))

    def _main(
        self, units: Collection[Unit], plan: SlicePlan, path: str, *, has_programs: bool = False
    ) -> text.Main:
        names = Names(self._specifier, plan, path, self._inputs)
        services = self._service_names(names)
        queues = self._queue_names(units)
        given = self._given(units, plan, queues)
        self._told += builtins.out_of_reach(given, next(iter(units)).name)
        has_mcp = any("mcp" in held(unit, self._workspace.manifest) for unit in units)
        up = "./" if "/" not in path else "../"
        return text.Main(
            project=self._workspace.project.name,
            routes=tuple(route for unit in units for route in main_routes(unit, self._wirings)),
            units=tuple(
                text.MainUnit(
                    unit.name,
                    tuple(each for name in unit.function_ids for each in self._wirings.called(name)),
                    f"{up}units/{unit.name}.ts",
                )
                for unit in units
            ),
            required=tuple(sorted(plan.services)),
            settings=settings_of(units, self._wirings, names),
            queues=queues,
            pulled={} if self._provider.isolation == "process" else {name: queue_name(name) for name in queues},
            workers=tuple(workers(units, self._wirings, self._provider.isolation)),
            tasks=tuple(
                {"name": task.name, "schedule": task.schedule, "unit": unit.name, "missed": task.missed}
                | {"overlap": task.overlap}
                for unit in units
                for task in self._wirings.tasks(unit)
            ),
            workflows=tuple(self._main_workflows(units)),
            triggers=triggers.sources(units, self._wirings, names, self._units, self._told),
            builtins=names.builtins(builtins.of_process(given)),
            has_channels=any(self._wirings.channels(unit) for unit in units),
            has_hub=builtins.takes_hub(given) or has_mcp,
            has_messages=has_mcp,
            has_programs=has_programs,
            imports=names.imports(),
            **services,
        )

    def _main_workflows(self, units: Collection[Unit]) -> Iterable[Mapping[str, str]]:
        functions = self._wirings.application.functions
        for unit in units:
            for name in workflows.in_unit(self._wirings.application, unit):
                yield {"name": name, "unit": unit.name, "version": workflows.version(functions[name])}

    def _queue_names(self, units: Collection[Unit]) -> tuple[str, ...]:
        """Every queue of the project; in a server beside queues of its provider's, those that it uses."""
        manifest = self._workspace.manifest
        added = {name for unit in units for name in produces(unit, manifest)}
        if self._provider.isolation != "process":
            return tuple(sorted(added.union(wiring.queue for unit in units for wiring in self._wirings.queues(unit))))
        return tuple(sorted(added.union(queue.name for queue in manifest.queues).difference(WORKFLOW_QUEUES)))


def _options(wiring: QueueWiring | ScheduleWiring, names: Names) -> str | None:
    return names.expression(wiring.options) if wiring.options is not None else None
