"""One Worker's configuration as data and as wrangler.toml. Pure.

https://developers.cloudflare.com/workers/wrangler/configuration/
"""

from typing import TYPE_CHECKING, Any, Final

import tomli_w

from unitgraph.providers.base import Target
from unitgraph.providers.cloudflare import classes
from unitgraph.providers.cloudflare.bindings import (
    MIGRATIONS,
    RUNS,
    StoreKind,
    binding_name,
    bound_objects,
    callees,
    most_batches,
    objects,
    of_d1,
    produces,
    queue_binding,
    queue_name,
    resource_name,
    schedules,
    servers,
    stores,
)

if TYPE_CHECKING:
    from unitgraph.units.model import Manifest, Queue, Unit

COMPATIBILITY_DATE: Final = "2026-07-01"
FLAGS: Final = ("nodejs_compat", "enable_request_signal", "request_signal_passthrough")
"""Node's modules, and a request's signal that aborts when its client has gone, also behind the router."""

HEADER: Final = "# Written by unitgraph; the next build writes it again.\n"
TABLES: Final[dict[StoreKind, tuple[str, str | None]]] = {
    "d1": ("d1_databases", "database_name"),
    "r2": ("r2_buckets", "bucket_name"),
    "kv": ("kv_namespaces", None),
}
"""Kind → (table, key of the name). wrangler looks up or creates what has no id."""


def document(unit: "Unit", manifest: "Manifest", target: Target) -> dict[str, Any]:
    """Everything that wrangler must know of a unit's Worker. It answers bindings only: the router is the way in."""
    made = base(unit.name, target) | {"workers_dev": False, "preview_urls": False}
    elsewhere = servers(manifest)
    made["services"] = [
        {"binding": binding_name(other), "service": other}
        for other in callees(unit, manifest)
        if other not in elsewhere
    ]
    made["queues"] = {
        "producers": [
            {"binding": queue_binding(queue), "queue": queue_name(queue)} for queue in produces(unit, manifest)
        ],
        "consumers": [_consumer(queue) for queue in manifest.queues if queue.consumer_unit == unit.name],
    }
    kinds = objects(unit, manifest)
    made["durable_objects"] = {
        "bindings": [
            {"name": kind.binding, "class_name": kind.class_name}
            | ({"script_name": kind.script} if kind.script is not None else {})
            for kind in (*kinds, *bound_objects(unit, manifest))
        ]
    }
    made["migrations"] = [step.migration() for step in classes.grown(unit, manifest, classes.read(target.objects))]
    made["triggers"] = {"crons": list(schedules(unit))}
    migrated = resource_name(manifest.project_id, "db") if of_d1(manifest) else None
    for store in stores(unit, manifest):
        table, name = TABLES[store.kind]
        said = {"binding": store.binding} | ({name: store.name} if name else {})
        if store.name == migrated:
            said["migrations_dir"] = f"../../{MIGRATIONS}"
        made.setdefault(table, []).append(said)
    kept = target.config.cloudflare.secrets_store
    of_spans = {name for name in (*target.variables, *kept) if name.startswith("OTEL_")} if RUNS in kinds else set()
    read = {*unit.variables, *server_variables(unit, manifest), *(of_spans - kept.keys())}
    made["vars"] = {name: target.variables[name] for name in sorted(read & target.variables.keys())}
    made["secrets_store_secrets"] = [
        _stored(secret, kept[secret]) for secret in sorted({*unit.secrets, *of_spans} & kept.keys())
    ]
    return without_empty(made)


def _stored(secret: str, place: str) -> dict[str, str]:
    store, _, name = place.partition("/")
    return {"binding": secret, "store_id": store, "secret_name": name or secret}


def _consumer(queue: "Queue") -> dict[str, Any]:
    """The worker decides what becomes of a job; these hold where a Worker ends before it could."""
    settings = queue.settings
    made: dict[str, Any] = {
        "queue": queue_name(queue.name),
        "max_batch_size": settings.batch_size,
        "max_batch_timeout": settings.batch_timeout_s,
        "max_retries": settings.max_retries,
        "retry_delay": -(-settings.retry_delay_ms // 1000),
    }
    if settings.dead_letter_queue is not None:
        made["dead_letter_queue"] = queue_name(settings.dead_letter_queue)
    if (most := most_batches(settings)) is not None:
        made["max_concurrency"] = most
    return made


def base(name: str, target: Target) -> dict[str, Any]:
    """What every Worker of the project has."""
    options = target.config.cloudflare
    made: dict[str, Any] = {
        "name": name,
        "main": "index.js",
        "compatibility_date": options.compatibility_date or COMPATIBILITY_DATE,
        "compatibility_flags": list(dict.fromkeys([*FLAGS, *options.compatibility_flags])),
        "no_bundle": True,
        "observability": {"enabled": options.observability},
    }
    if options.account_id:
        made["account_id"] = options.account_id
    if options.logpush:
        made["logpush"] = True
    if options.placement != "off":
        made["placement"] = {"mode": options.placement}
    return made


def server_variables(unit: "Unit", manifest: "Manifest") -> tuple[str, ...]:
    """Variables that hold the URLs of the servers a unit calls, under the name a service binding would have."""
    return tuple(binding_name(other) for other in callees(unit, manifest) if other in servers(manifest))


def without_empty(document: dict[str, Any]) -> dict[str, Any]:
    """The document without tables and lists that say nothing."""
    kept: dict[str, Any] = {}
    for key, value in document.items():
        tidy = without_empty(value) if isinstance(value, dict) else value
        if tidy not in ({}, []):
            kept[key] = tidy
    return kept


def render(document: dict[str, Any]) -> str:
    return HEADER + tomli_w.dumps(document)
