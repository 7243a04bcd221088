"""The sources of triggers that a process starts, as its main lists them. Knows wirings; generates no text."""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from unitgraph.rules.names import Names
    from unitgraph.rules.wirings import Wirings
    from unitgraph.units.model import Unit

Source = tuple[Mapping[str, object], str | None]
"""What is said of a source, and the local name of the options that hold its input."""


def sources(
    units: Collection["Unit"], wirings: "Wirings", names: "Names", unit_of: Mapping[str, str], told: list[str]
) -> tuple[Source, ...]:
    """Those whose functions are in the process, too; ``told`` hears of the others."""
    targets = {wiring.name: wiring for wiring in wirings.application.triggers if not wiring.source}
    own = {name for unit in units for name in unit.function_ids}
    found: list[Source] = []
    for unit in units:
        for source in wirings.triggers(unit):
            if not source.source:
                continue
            target = targets[source.name]
            if target.function in own:
                said = {"name": source.name, "source": source.function, "target": target.function}
                options = names.expression(source.options) if source.options is not None else None
                found.append(({**said, "tags": list(target.tags)}, options))
            else:
                told.append(
                    f"The source of the trigger {source.name} isn't started in {unit.name}: {target.function}, which "
                    f"it calls, is in {unit_of[target.function]}, and a server can't call a Worker."
                )
    return tuple(found)
