"""What a checkout's results and memories stand on: whose word it is, and whether that is still taken.

The build database outlives the settings that it was filled under. What it has learnt from others goes with the key that
vouched for it, and with the generation of the cache.
"""

from collections.abc import Mapping
from pathlib import Path

from unitgraph.cache.store import Cache
from unitgraph.cache.tier import together
from unitgraph.rules.action import Result
from unitgraph.rules.database import Database

_GENERATION = "generation:"


def open_database(path: Path, scope: str, cache: Cache, generation: int) -> Database:
    """The build database; an empty one where it stands on what this build no longer believes."""
    database = Database(path, scope)
    known = database.stands_on()
    here = f"{_GENERATION}{generation}"
    if here not in known:
        if known:
            database.clear()
        database.save_stands_on([here])
    elif not all(cache.believes(source, trusted_only=True) for source in known - {here}):
        database.clear()
        database.save_stands_on([here])
    return database


def learnt_from(database: Database, origin: str) -> None:
    """Notes that what is put into the database next is on the word of ``origin``."""
    database.save_stands_on([origin])


def origin_of(results: Mapping[str, Result], database: Database, cache: Cache) -> str | None:
    """Where what a build has made as a whole is from; None where no single tier says so."""
    learnt = (source for source in database.stands_on() if not source.startswith(_GENERATION))
    return together([*(result.origin for result in results.values()), *learnt], cache.own)
