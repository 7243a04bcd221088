"""One executable with all units in it, in a folder of releases; the embedded default, which needs no account.

The executable is Bun's runtime with the built units (bytecode of them, too). Measured for a project of 60 small units
with Hono, zod and jose: 84 MB, made in 0.25 s, listening 6 ms after its start; a Node single executable is 126 MB and
starts in 61 to 179 ms. The same units give the same bytes in every folder.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from unitgraph.providers.base import Build, EsbuildOptions, Isolation, Outcome, Say, State, Target
from unitgraph.providers.standalone import release

if TYPE_CHECKING:
    from unitgraph.providers.plan import Plan
    from unitgraph.units.model import Manifest

name: Final = "standalone"
isolation: Final[Isolation] = "process"
needs: Final[tuple[str, ...]] = ()
esbuild_options: Final = EsbuildOptions(
    platform="node",
    conditions=("bun", "node", "module"),
    main_fields=("module", "main"),
    externals=("bun", "bun:*"),
    target="esnext",
    define={"process.env.NODE_ENV": '"production"'},
)


def files(manifest: "Manifest", target: Target) -> Mapping[str, bytes]:
    """infra.json: what the process must be given, which is secrets and variables in its environment."""
    return {"infra.json": release.infra(manifest, target)}


def desired(manifest: "Manifest", build: Build, target: Target) -> State:
    """Every unit, and the one executable that holds them."""
    return release.desired(manifest, build, target)


def deployed(target: Target) -> State:
    """What the current release says it holds, after looking at whether it is still what was put there."""
    from unitgraph.providers.standalone import place  # noqa: PLC0415 - reading a state needs no more than this

    return place.deployed(place.of(target), target.refresh)


def watched(target: Target) -> tuple[Path, ...]:
    """The folder of releases, which may be another than the build output."""
    from unitgraph.providers.standalone import place  # noqa: PLC0415 - as above

    return (place.of(target).output,)


def apply(plan: "Plan", manifest: "Manifest", build: Build, target: Target, *, say: Say) -> Outcome:
    """Make the release and put it in place, whole or not at all."""
    from unitgraph.providers.standalone import shipment  # noqa: PLC0415 - starts processes, which plan never does

    return shipment.apply(plan, manifest, build, target, say=say)
