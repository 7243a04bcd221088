"""A project's migrations: SQL files in the folder ``migrations``, in the order of their names. Knows no database.

They are for the built-in service ``db``; a project that makes its own has its own way, too.
"""

import hashlib
import re
from typing import Final

from unitgraph.errors import Place, Problems, UnitgraphError
from unitgraph.errors.project import BadMigration
from unitgraph.units.model import Dialect, Migration
from unitgraph.units.sources import Sources

FOLDER: Final = "migrations"
_NAME: Final = re.compile(r"[0-9A-Za-z][\w.-]{0,200}?(?:\.(?P<only>sqlite|postgres))?\.sql")


def read_migrations(sources: Sources) -> tuple[Migration, ...]:
    """All of them; raises Problems with everything that is wrong. What isn't SQL in the folder is nobody's."""
    found: list[Migration] = []
    problems: list[UnitgraphError] = []
    if not sources.is_folder(FOLDER):
        return ()
    for name in sorted(name for name in sources.names(FOLDER) if name.endswith(".sql")):
        path = f"{FOLDER}/{name}"
        form = _NAME.fullmatch(name)
        if form is None:
            why = "its name holds more than letters, digits, '.', '_' and '-'"
            problems.append(BadMigration(Place(path, 1, 1), why))
            continue
        data = sources.read(path)
        try:
            data.decode("utf-8")
        except UnicodeDecodeError:
            problems.append(BadMigration(Place(path, 1, 1), "it isn't UTF-8"))
            continue
        only: Dialect | None = "sqlite" if form["only"] == "sqlite" else "postgres" if form["only"] else None
        found.append(Migration(name, f"sha256:{hashlib.sha256(data).hexdigest()}", only))
    if problems:
        raise Problems(problems)
    return tuple(found)
