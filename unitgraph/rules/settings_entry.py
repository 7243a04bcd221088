"""The secrets and variables of units as an entry has them checked: by id, with the schema where one is given."""

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from unitgraph.rules.entry import Setting, Settings
from unitgraph.units.application import Declared, Expression
from unitgraph.units.model import Unit

if TYPE_CHECKING:
    from unitgraph.rules.names import Names
    from unitgraph.rules.wirings import Wirings


def schemas(units: Iterable[Unit], wirings: "Wirings") -> list[Expression]:
    """What the units' slices must hold for it."""
    found = [each for unit in units for each in (*wirings.secrets(unit), *wirings.variables(unit))]
    return [declared.schema for declared in found if declared.schema is not None]


def settings_of(units: Collection[Unit], wirings: "Wirings", names: "Names") -> Settings | None:
    """Every secret that is read, and the variables that are declared; None where there are none."""
    secrets = {each.id: each for unit in units for each in wirings.secrets(unit)}
    variables = {each.id: each for unit in units for each in wirings.variables(unit)}
    if not secrets and not variables:
        return None
    names.use("unitgraph/settings", "settings", "settings")
    return Settings(_settings(secrets, names), _settings(variables, names))


def _settings(found: dict[str, Declared], names: "Names") -> tuple[Setting, ...]:
    return tuple(
        Setting(name, names.expression(each.schema) if each.schema is not None else None)
        for name, each in sorted(found.items())
    )
