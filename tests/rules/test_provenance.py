"""A build database that stands on what is no longer believed is an empty one."""

from pathlib import Path

import pytest

from unitgraph.cache.key import Key
from unitgraph.cache.local import LocalCache
from unitgraph.cache.store import BUILT
from unitgraph.cache.tier import signed_by
from unitgraph.rules.action import How, Result
from unitgraph.rules.database import Database
from unitgraph.rules.provenance import learnt_from, open_database, origin_of

SIGNED = signed_by("1" * 64)


def opened(root: Path, *believed: str, generation: int = 0) -> Database:
    cache = LocalCache(root / "cache", reads=(BUILT, *believed))
    return open_database(root / "build.db", "cloudflare", cache, generation)


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    """A database with one finished action, learnt on the word of a key."""
    database = opened(tmp_path, SIGNED)
    learnt_from(database, SIGNED)
    database.save_action("bundle:a", Key("bundle", "k", ()), {"index.js": "d"}, {})
    database.save_facts([("digest", b"facts")])
    database.close()
    return tmp_path


@pytest.mark.parametrize(
    ("believed", "generation", "kept"),
    [((SIGNED,), 0, True), ((), 0, False), ((SIGNED,), 1, False), ((signed_by("2" * 64),), 0, False)],
    ids=["as it was", "nobody", "another generation", "another key"],
)
def test_what_was_learnt_goes_with_the_key_and_the_generation(
    filled: Path, believed: tuple[str, ...], generation: int, kept: bool
) -> None:
    for _ in range(2):
        database = opened(filled, *believed, generation=generation)
        assert ("bundle:a" in database.records()) is kept
        assert (database.facts(["digest"]) != {}) is kept
        database.close()


def test_what_was_built_here_alone_stays(tmp_path: Path) -> None:
    database = opened(tmp_path, SIGNED)
    learnt_from(database, BUILT)
    database.save_action("bundle:a", Key("bundle", "k", ()), {"index.js": "d"}, {})
    database.close()
    database = opened(tmp_path)
    assert "bundle:a" in database.records()
    database.close()


def test_a_build_is_of_the_origin_of_its_results_and_of_what_it_has_learnt(tmp_path: Path) -> None:
    cache = LocalCache(tmp_path / "cache", reads=(BUILT, SIGNED))
    database = opened(tmp_path, SIGNED)
    built = {"bundle:a": Result("bundle:a", How.RAN)}
    assert origin_of(built, database, cache) == BUILT
    mixed = {**built, "bundle:b": Result("bundle:b", How.CACHED, origin="untrusted:shared")}
    assert origin_of(mixed, database, cache) == "untrusted:shared"
    learnt_from(database, SIGNED)
    assert origin_of(built, database, cache) == SIGNED
    other = {**built, "bundle:b": Result("bundle:b", How.CACHED, origin=signed_by("2" * 64))}
    assert origin_of(other, database, cache) is None
    database.close()
