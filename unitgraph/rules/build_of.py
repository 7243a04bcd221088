"""The bundles of a build, from how its actions ended. Knows where a bundle's files are, and reads none of them."""

from collections.abc import Mapping
from pathlib import Path
from typing import cast

from unitgraph.providers.base import Build, Bundle, File
from unitgraph.rules.action import How, Result


def build_of(results: Mapping[str, Result], out: Path, *, is_process: bool) -> Build:
    """What was made, below ``out``; of a process, files that belong to no single unit as well."""
    bundles: dict[str, dict[str, File]] = {}
    shared: dict[str, File] = {}
    for result in results.values():
        kind, _, subject = result.name.partition(":")
        if kind != "bundle" or result.how is How.FAILED:
            continue
        sizes = cast("Mapping[str, int]", result.facts["sizes"])
        for name, sha256 in result.outputs.items():
            full = name if is_process else f"units/{subject}/{name}"
            file = File(sha256, sizes[name], out / full)
            if full.startswith("units/"):
                _, unit, rest = full.split("/", 2)
                bundles.setdefault(unit, {})[rest] = file
            else:
                shared[full] = file
    return Build({unit: Bundle(unit, files) for unit, files in bundles.items()}, shared)
