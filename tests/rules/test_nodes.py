"""What the build database knows of the parts of keys: found by the beginning of a digest, and bounded."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from unitgraph.cache.key import Component, make
from unitgraph.providers.base import Reason
from unitgraph.rules.database import Database
from unitgraph.rules.ingredients import entries
from unitgraph.rules.reasons import FIRST, LAST, compare, mark

ENTRY = ".deploy/cloudflare/gen/units/shop.ts"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(tmp_path / "build.db")
    yield made
    made.close()


def test_a_node_is_found_by_all_of_its_digest_and_by_the_beginning(database: Database) -> None:
    name = "0123456789abcdef" * 4
    database.save_nodes([(name, '{"files": []}'), ("0123456789abcdee" * 4, "{}"), ("lock:" + name, '{"pins": []}')])
    assert database.node(name) == database.node(mark(name)) == {"files": []}
    assert database.node(mark("lock:" + name)) == {"pins": []}
    assert database.node("1123456789abcdef") is None
    assert database.without_node([name, "f" * 64]) == {"f" * 64}


def test_what_is_known_stays_unless_it_is_replaced(database: Database) -> None:
    database.save_nodes([("a", '{"files": [1]}')])
    database.save_nodes([("a", '{"files": [2]}')])
    assert database.node("a") == {"files": [1]}
    database.replace_nodes([("a", '{"files": [3]}')])
    assert database.node("a") == {"files": [3]}


def test_words_are_forgotten_where_there_are_too_many_and_only_in_a_large_file(database: Database) -> None:
    database.save_nodes((f"{number:064x}", "{}") for number in range(50))
    database.save_made([("shop", "sha256:1", [Component("tool", "esbuild", "1")])])
    database.bound_nodes(10)
    assert database.node(f"{7:064x}") == {}
    database.bound_nodes(10, free_bytes=0)
    assert database.node(f"{7:064x}") is None
    assert database.made("shop", "sha256:1"), "of these there are few"



def files(database: Database, **marks: str) -> Component:
    """A closure of these files."""
    name = make("closure", [Component("source", path, found) for path, found in marks.items()]).digest
    text = ",".join(f'["{path}.ts", "{found * 64}"]' for path, found in marks.items())
    database.save_nodes([(name, f'{{"files": [{text}], "packages": [], "children": []}}')])
    return Component("closure", "wiring.ts", name)


def test_between_two_outcomes_only_what_moved_in_between_is_blamed(database: Database) -> None:
    """An entry came out as A, again as A after an edit of ``other``, and as B after one of ``wiring``."""
    steps = [
        (files(database, wiring="1", other="1"), "a", True),
        (files(database, wiring="1", other="2"), "a", False),
        (files(database, wiring="2", other="2"), "b", True),
        (files(database, wiring="2", other="3"), "b", False),
    ]
    for closure, entry, is_new in steps:
        codegen = make("codegen", [closure])
        made = make("bundle", [Component("generated", ENTRY, entry * 64)])
        database.replace_nodes(entries(codegen, made, is_new=is_new))
    old, new = ([Component("generated", ENTRY, entry * 64)] for entry in "ab")
    assert compare(database.node, old, new) == (Reason("source-changed", "wiring.ts", "changed"),)
    assert database.node(FIRST + "a" * 64) != database.node(LAST + "a" * 64)


def test_a_closure_of_which_nothing_is_known_is_still_named(database: Database) -> None:
    old, new = Component("closure", "src/a.ts", "1" * 64), Component("closure", "src/a.ts", "2" * 64)
    assert compare(database.node, [old], [new]) == (Reason("source-changed", "src/a.ts", "it changed, or what it imports"),)
    assert compare(database.node, [], [new]) == (Reason("source-changed", "src/a.ts", "new in the closure"),)
    assert compare(database.node, [old], []) == (Reason("source-changed", "src/a.ts", "no longer part of it (closure)"),)
