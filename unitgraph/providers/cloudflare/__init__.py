"""Cloudflare Workers: a Worker a unit, with a wrangler.toml each, and a router in front of them.

This version makes the build output and uploads nothing: nothing is known to be deployed, and `apply` says so.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from unitgraph.errors.provider import CloudflareUploadUnavailable, OptionNotAvailable
from unitgraph.providers.base import Build, EsbuildOptions, Isolation, Outcome, Say, State, Target
from unitgraph.providers.cloudflare import classes, infra, router, server, wrangler
from unitgraph.providers.cloudflare.bindings import MIGRATIONS, of_d1
from unitgraph.providers.cloudflare.nodejs import BUILTINS

if TYPE_CHECKING:
    from unitgraph.providers.plan import Plan
    from unitgraph.units.model import Manifest

name: Final = "cloudflare"
isolation: Final[Isolation] = "unit"
needs: Final[tuple[str, ...]] = ()
esbuild_options: Final = EsbuildOptions(
    platform="browser",
    conditions=("workerd", "worker", "browser", "module"),
    main_fields=("browser", "module", "main"),
    externals=("node:*", "cloudflare:*"),
    target="es2024",
    aliases={builtin: f"node:{builtin}" for builtin in BUILTINS},
    define={"process.env.NODE_ENV": '"production"', "global": "globalThis"},
)

NOTE: Final = "Nothing is known to be deployed: uploading to Cloudflare isn't part of this version."


def files(manifest: "Manifest", target: Target) -> Mapping[str, bytes]:
    """A wrangler.toml a Worker, what the merged server unit needs to run elsewhere, the router, and infra.json."""
    if target.config.cloudflare.dispatch_namespace:
        raise OptionNotAvailable("cloudflare.dispatchNamespace")
    made: dict[str, bytes] = {}
    for unit in manifest.units:
        folder = f"units/{unit.name}"
        if unit.target == "server":
            for file, text in server.files(unit, target).items():
                made[f"{folder}/{file}"] = text.encode()
        else:
            made[f"{folder}/wrangler.toml"] = wrangler.render(wrangler.document(unit, manifest, target)).encode()
    if router.is_needed(manifest):
        made["router/index.js"] = router.script(manifest, target.documents).encode()
        made["router/wrangler.toml"] = wrangler.render(router.document(manifest, target)).encode()
    for migration in of_d1(manifest):
        made[f"{MIGRATIONS}/{migration.name}"] = target.migrations[migration.name].encode()
    kept = classes.render(manifest, target.objects)
    if kept:
        made[classes.FILE] = kept.encode()
    made["infra.json"] = infra.render(infra.document(manifest, target)).encode()
    return made


def desired(manifest: "Manifest", build: Build, target: Target) -> State:
    """Workers with all their metadata, and everything they are bound to."""
    return infra.state(manifest, build, target)


def deployed(target: Target) -> State:  # noqa: ARG001 - the Protocol's
    """Nothing, said as such."""
    return State(note=NOTE)


def notes(manifest: "Manifest", target: Target) -> list[str]:
    """What is to be done by people before Workers are deployed."""
    return classes.notes(manifest, target.objects, f".deploy/{name}")


def watched(target: Target) -> tuple[Path, ...]:  # noqa: ARG001 - the Protocol's
    """Nothing: there is no state to read yet."""
    return ()


def apply(plan: "Plan", manifest: "Manifest", build: Build, target: Target, *, say: Say) -> Outcome:  # noqa: ARG001
    """Raise CloudflareUploadUnavailable, which says what to do instead."""
    raise CloudflareUploadUnavailable(target.out, units=build.bundles)
