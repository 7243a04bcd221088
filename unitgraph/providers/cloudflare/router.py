"""The Worker in front: sends each request to the Worker that serves its route. Pure.

Cloudflare gives a path to one Worker, whatever the method, and has no wildcard inside a path; ``GET /books/:id`` and
``PUT /books/:id`` are two units. So one Worker takes the domain and calls the others through service bindings.
"""

import json
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from unitgraph.providers.base import Target
from unitgraph.providers.cloudflare import wrangler
from unitgraph.providers.cloudflare.bindings import binding_name, servers
from unitgraph.units.workflow_routes import routes

if TYPE_CHECKING:
    from unitgraph.units.model import Manifest

SEGMENT: Final = re.compile(r":(?P<name>\w+)(?:\{(?P<pattern>.*)\})?(?P<optional>\?)?")


def table(manifest: "Manifest") -> tuple[tuple[str, str, str], ...]:
    """(method, route, unit) of everything that answers HTTP, the most specific route first."""
    found = {
        (route.method.upper(), route.route, unit.name)
        for unit in manifest.units
        for handler in unit.handlers
        if handler.type == "fetch"
        for route in handler.routes
    }
    built = {unit.name for unit in manifest.units}
    found |= {("GET", one.route, one.unit_name) for one in manifest.channels if one.route and one.unit_name in built}
    found |= {("POST", one.route, one.unit_name) for one in manifest.mcp_endpoints if one.unit_name in built}
    found |= {
        (method, route, workflow.orchestrator_unit)
        for workflow in manifest.workflows
        if workflow.orchestrator_unit in built
        for method, route, _ in routes((workflow.function_id,))
    }
    return tuple(sorted(found, key=lambda row: (_specificity(row[1]), row[1], row)))


def holders(manifest: "Manifest") -> list[str]:
    """The units with runs of workflows: together they answer who looks after those."""
    built = {unit.name for unit in manifest.units}
    return sorted({one.orchestrator_unit for one in manifest.workflows if one.orchestrator_unit in built})


def is_needed(manifest: "Manifest") -> bool:
    return bool(table(manifest))


def name(manifest: "Manifest") -> str:
    """``<project>-router``, or a longer name where a unit is called that."""
    taken = {unit.name for unit in manifest.units}
    candidate = f"{manifest.project_id}-router"
    while candidate in taken:
        candidate = candidate.removesuffix("-router") + "-http-router"
    return candidate


@cache
def pattern(route: str) -> str:
    """The regular expression of a route, the same in JavaScript: ``/books/:id`` → ``^/books/(?:[^/]+)$``."""
    made = ""
    *inner, last = normalise(route).removeprefix("/").split("/")
    for segment in inner:
        made += "/[^/]+" if segment == "*" else _pattern_of(segment)
    return f"^{made}{'(?:/.*)?' if last == '*' else _pattern_of(last)}$"


def normalise(route: str) -> str:
    """A route as it stands in the URL of a request, without a slash at its end."""
    ascii_only = re.sub(r"[^\x00-\x7f]+", lambda match: quote(match[0]), "/" + route.lstrip("/"))
    return ascii_only.removesuffix("/") or "/"


def _pattern_of(segment: str) -> str:
    parameter = SEGMENT.fullmatch(segment)
    if parameter is None:
        return "/" + re.sub(r"[.*+?^${}()|\[\]\\]", r"\\\g<0>", segment)
    one = f"/(?:{parameter['pattern'] or '[^/]+'})"
    return f"(?:{one})?" if parameter["optional"] else one


def script(manifest: "Manifest", documents: Mapping[str, str]) -> str:
    """The router's module: the table, and what it answers with itself, in front of the code in ``router.js``."""
    rows = [[method, pattern(route), binding_name(unit)] for method, route, unit in table(manifest)]
    lines = ",\n".join(f"  {json.dumps(row, ensure_ascii=False)}" for row in rows)
    code = files("unitgraph.providers.cloudflare").joinpath("router.js").read_text("utf-8")
    managers = json.dumps([binding_name(unit) for unit in holders(manifest)])
    texts = json.dumps(dict(sorted(documents.items())), ensure_ascii=False)
    known = f"const managers = {managers}\nconst documents = {texts}\n"
    return f"const project = {json.dumps(manifest.project_id)}\nconst routes = [\n{lines},\n]\n{known}{code}"


def document(manifest: "Manifest", target: Target) -> dict[str, Any]:
    """The router's configuration: bindings to what answers HTTP, and the domain."""
    options = target.config.cloudflare
    elsewhere = servers(manifest)
    reached = sorted({unit for _method, _route, unit in table(manifest)} | set(holders(manifest)))
    made = wrangler.base(name(manifest), target) | {"workers_dev": options.workers_dev}
    made["services"] = [{"binding": binding_name(unit), "service": unit} for unit in reached if unit not in elsewhere]
    made["vars"] = {
        binding_name(unit): target.variables[binding_name(unit)]
        for unit in reached
        if unit in elsewhere and binding_name(unit) in target.variables
    }
    if options.domain:
        made["routes"] = [{"pattern": options.domain, "custom_domain": True}]
    return wrangler.without_empty(made)


@cache
def _specificity(route: str) -> tuple[int, ...]:
    """Sorts fixed segments before parameters, those with a pattern before those without, and wildcards last.

    The runtime's server has the same order (``bySpecificity`` in runtime/http/path.ts).
    """
    ranks = []
    for segment in normalise(route).split("/"):
        parameter = SEGMENT.fullmatch(segment)
        if segment == "*":
            ranks.append(4)
        elif parameter is None:
            ranks.append(0)
        elif parameter["optional"]:
            ranks.append(3)
        else:
            ranks.append(1 if parameter["pattern"] else 2)
    return tuple(ranks)
