"""The sizes of bundles as they were last built, for ``info``. Reads the build database; builds nothing."""

from collections.abc import Mapping
from typing import cast

from unitgraph.rules.amounts import size_text
from unitgraph.rules.engine import Engine


def built_sizes(engine: Engine) -> str:
    """A section that lists the last built size of each unit; nothing where nothing was built."""
    rows: dict[str, int] = {}
    for name, record in engine.database.records().items():
        kind, _, subject = name.partition(":")
        if kind != "bundle":
            continue
        for path, count in cast("Mapping[str, int]", record.facts.get("sizes", {})).items():
            unit = path.split("/")[1] if path.startswith("units/") else subject
            if unit in engine.units and not path.endswith(".map"):
                rows[unit] = rows.get(unit, 0) + count
    if not rows:
        return ""
    lines = [f"  {unit} {size_text(count)}" for unit, count in sorted(rows.items())]
    return "\n".join(["", f"Bundles ({len(rows)}):", *lines]) + "\n"
