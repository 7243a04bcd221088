"""The text of ``doit info``, in the reference's layout: rows after two spaces, routes after four. Those that
every agent has are left out.
"""

from collections.abc import Iterable, Sequence

from unitgraph.units import agent_routes
from unitgraph.units.application import Application
from unitgraph.units.model import FetchHandler, Manifest, Unit


def describe(manifest: Manifest, application: Application | None = None) -> str:
    """Sections that would be empty are left out; ``application`` adds what was noticed on the way."""
    sections = [
        [f"Project: {manifest.project_id}"],
        _section(
            "Units", (line for unit in manifest.units for line in _unit(unit, manifest)), count=len(manifest.units)
        ),
        _section("Queues", (f"{queue.name} -> {queue.consumer_unit}" for queue in manifest.queues)),
        _section(
            "Scheduled Tasks",
            (f"{task.name} {task.schedule} -> {task.unit_name}" for task in manifest.scheduled_tasks),
        ),
        _section("Channels", (f"{each.name} {each.route} -> {each.unit_name}" for each in manifest.channels)),
        _section("Agents", (_agent(each.name, each.model, each.unit_name) for each in manifest.agents)),
        _section("MCP", _mcp(manifest)),
        _section(
            "Workflows", (_workflow(each.name, len(each.steps), each.orchestrator_unit) for each in manifest.workflows)
        ),
        _section("Required Secrets", (secret.secret_id for secret in manifest.secrets)),
        _section("Required Variables", (variable.variable_id for variable in manifest.variables)),
        _section("Secrets Read by Names Known at Run Time", manifest.unresolved_secret_reads),
        _section("Notices", application.notices if application is not None else ()),
    ]
    return "\n\n".join("\n".join(lines) for lines in sections if lines) + "\n"


def _section(title: str, rows: Iterable[str], *, count: int | None = None) -> list[str]:
    lines = list(rows)
    total = len(lines) if count is None else count
    return [f"{title} ({total}):", *(f"  {line}" for line in lines)] if total else []


def _unit(unit: Unit, manifest: Manifest) -> list[str]:
    functions: Sequence[str] = unit.function_ids
    if unit.role == "channel":
        functions = [
            name for channel in manifest.channels if channel.unit_name == unit.name for name in channel.function_ids
        ]
    elif unit.role == "mcp":
        endpoints = [each for each in manifest.mcp_endpoints if each.unit_name == unit.name]
        functions = sorted(
            {
                name
                for each in endpoints
                for name in (*each.tool_function_ids, *each.resource_function_ids, *each.prompt_function_ids)
            }
        )
    kind = "server" if unit.target == "server" else unit.role
    lines = [f"{kind} {unit.name} [{', '.join(functions)}]"]
    for handler in unit.handlers:
        if isinstance(handler, FetchHandler):
            known = {each.route for agent in manifest.agents for each in agent_routes.routes(agent.name)}
            lines.extend(f"  {route.method} {route.route}" for route in handler.routes if route.route not in known)
    return lines


def _agent(name: str, model: str | None, unit: str) -> str:
    return f"{name} {model} -> {unit}" if model else f"{name} -> {unit}"


def _mcp(manifest: Manifest) -> Iterable[str]:
    for endpoint in manifest.mcp_endpoints:
        parts = (("tool", endpoint.tool_function_ids), ("resource", endpoint.resource_function_ids))
        for kind, names in (*parts, ("prompt", endpoint.prompt_function_ids)):
            for name in names:
                yield f"{kind} {name} -> {endpoint.unit_name}"


def _workflow(name: str, steps: int, unit: str) -> str:
    return f"{name} {steps} step{'' if steps == 1 else 's'} -> {unit}"
