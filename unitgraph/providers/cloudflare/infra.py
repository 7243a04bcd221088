"""Everything the account must hold for a project: as infra.json for people and tools, as a state for the plan. Pure."""

from typing import TYPE_CHECKING, Any, Final

from unitgraph.cache.digest import sha256
from unitgraph.cache.document import render as render_document
from unitgraph.providers.base import Build, Bundle, File, Kind, Resource, State, Target, resource, state_of
from unitgraph.providers.cloudflare import router, wrangler
from unitgraph.providers.cloudflare.bindings import (
    StoreKind,
    binding_name,
    callees,
    cron,
    produces,
    pulls,
    queue_name,
    servers,
    users,
)
from unitgraph.providers.cloudflare.server import files as server_files

if TYPE_CHECKING:
    from unitgraph.units.model import Manifest, Secret, Variable

SIGNED_WITH: Final = "UNITGRAPH_RPC_SECRET"
SIGNED_WITH_IS: Final = "Random text of 16 characters or more, the same for all units, with which they sign their calls"
PULLED_WITH: Final = "CLOUDFLARE_QUEUES_TOKEN"
PULLED_WITH_IS: Final = "An API token with the permission Queues Edit, with which a server takes from queues and adds"
KINDS: Final[dict[StoreKind, Kind]] = {"d1": "database", "r2": "bucket", "kv": "kv"}


def document(manifest: "Manifest", target: Target) -> dict[str, Any]:
    """infra.json. Secrets are names; their values never come here."""
    elsewhere = servers(manifest)
    workers = [unit for unit in manifest.units if unit.name not in elsewhere]
    made: dict[str, Any] = {
        "infraVersion": 1,
        "provider": "cloudflare",
        "project": manifest.project_id,
        "workers": [
            {"name": unit.name, "role": unit.role, "folder": f"units/{unit.name}", "source": unit.source}
            for unit in workers
        ],
        "servers": [
            {
                "name": unit,
                "folder": f"units/{unit}",
                "variable": binding_name(unit),
                "calledBy": sorted(other.name for other in workers if unit in callees(other, manifest)),
            }
            for unit in sorted(elsewhere)
        ],
        "queues": _queues(manifest),
        "crons": [
            {"name": task.name, "schedule": task.schedule, "cron": cron(task.schedule), "unit": task.unit_name}
            | {"runsIn": "server" if task.unit_name in elsewhere else "worker"}
            for task in manifest.scheduled_tasks
        ],
    }
    for kind in KINDS:
        made[kind] = [
            {"name": store.name, "workers": list(names)}
            for store, names in users(workers, manifest).items()
            if store.kind == kind
        ]
    made["secrets"] = _readers(manifest, "secrets")
    made["variables"] = _readers(manifest, "variables")
    made["routes"] = _routes(manifest, target)
    if router.is_needed(manifest):
        made["workers"].append({"name": router.name(manifest), "role": "router", "folder": "router", "source": ""})
    return made


def render(document: dict[str, Any]) -> str:
    return render_document(document)


def state(manifest: "Manifest", build: Build, target: Target) -> State:
    """The same as resources. A Worker's key covers its code and its whole wrangler.toml."""
    made = document(manifest, target)
    resources: list[Resource] = []
    for unit in manifest.units:
        bundle = build.bundles.get(unit.name)
        if unit.target == "server":
            data: dict[str, Any] = dict(server_files(unit, target))
        else:
            data = wrangler.document(unit, manifest, target)
        resources.append(resource("unit", unit.name, data, bundle))
    if router.is_needed(manifest):
        script = router.script(manifest, target.documents).encode()
        code = File(sha256(script), len(script), target.out / "router" / "index.js")
        bundle = Bundle(router.name(manifest), {"index.js": code})
        resources.append(resource("unit", bundle.unit, router.document(manifest, target), bundle))
    resources += [
        resource("queue", queue["name"], {key: queue[key] for key in ("consumer", "deadLetterQueue")})
        for queue in made["queues"]
    ]
    resources += [
        resource("schedule", task["name"], {"schedule": task["schedule"], "unit": task["unit"]})
        for task in made["crons"]
    ]
    for store, kind in KINDS.items():
        resources += [resource(kind, found["name"], {}) for found in made[store]]
    resources += [resource("secret", secret["name"], {"readBy": secret["readBy"]}) for secret in made["secrets"]]
    resources += [
        resource("route", f"{route['method']} {route['route']}", {"unit": route["unit"]}) for route in made["routes"]
    ]
    return state_of(resources)


def _queues(manifest: "Manifest") -> list[dict[str, Any]]:
    """Every queue that somebody adds to or takes from. A consumer that isn't a Worker pulls over HTTP, so that a
    queue has one wherever its function runs."""
    elsewhere = servers(manifest)
    consumers = {queue.name: queue.consumer_unit for queue in manifest.queues}
    dead_letters = {queue.name: queue.settings.dead_letter_queue for queue in manifest.queues}
    producers: dict[str, list[str]] = {name: [] for name in consumers}
    for unit in manifest.units:
        for name in produces(unit, manifest):
            producers.setdefault(name, []).append(unit.name)
    return [
        {
            "name": queue_name(name),
            "queue": name,
            "consumer": consumers.get(name),
            "consumerType": None
            if name not in consumers
            else "http_pull"
            if consumers[name] in elsewhere
            else "worker",
            "producers": sorted(units),
            "deadLetterQueue": queue_name(dead) if (dead := dead_letters.get(name)) else None,
        }
        for name, units in sorted(producers.items())
    ]


def _readers(manifest: "Manifest", what: str) -> list[dict[str, Any]]:
    """Secrets or variables with the units that read them, whether declared or only read."""
    declared: dict[str, Secret | Variable] = (
        {secret.secret_id: secret for secret in manifest.secrets}
        if what == "secrets"
        else {variable.variable_id: variable for variable in manifest.variables}
    )
    readers = {name: {unit.name for unit in manifest.units if name in getattr(unit, what)} for name in declared}
    for unit in manifest.units:
        for name in getattr(unit, what):
            readers.setdefault(name, set()).add(unit.name)
    found = [
        {
            "name": name,
            "displayName": declared[name].display_name if name in declared else name,
            "description": declared[name].description if name in declared else "",
            "readBy": sorted(units),
        }
        for name, units in sorted(readers.items())
    ]
    calls = {unit.name: callees(unit, manifest) for unit in manifest.units}
    talking = sorted({name for caller, called in calls.items() if called for name in (caller, *called)})
    if what == "secrets" and talking:
        found.append(
            {"name": SIGNED_WITH, "displayName": "Calls between units", "description": SIGNED_WITH_IS}
            | {"readBy": talking}
        )
    pulling = sorted(unit.name for unit in manifest.units if unit.target == "server" and pulls(unit, manifest))
    if what == "secrets" and pulling:
        found.append(
            {"name": PULLED_WITH, "displayName": "Queues over HTTP", "description": PULLED_WITH_IS}
            | {"readBy": pulling}
        )
    return found


def _routes(manifest: "Manifest", target: Target) -> list[dict[str, Any]]:
    domain = target.config.cloudflare.domain
    return [
        {"method": method, "route": route, "unit": unit, "domain": domain}
        for method, route, unit in router.table(manifest)
    ]
