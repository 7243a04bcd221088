"""What the components of keys are made of, one level down, kept in the build database so that ``why`` can descend.

A pinned package is what a lockfile says of all that it needs; a generated file is what its codegen action read. Knows
the rules' keys and the database, and decides nothing: without any of this there are fewer words for what moved.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from unitgraph.cache import digest
from unitgraph.cache.key import Component, Key
from unitgraph.providers.base import digest_of_files
from unitgraph.rules.action import How, Result
from unitgraph.rules.bundle import PROCESS
from unitgraph.rules.reasons import FIRST, LAST, is_generated

if TYPE_CHECKING:
    from unitgraph.rules.engine import Engine

_MOST: Final = 200_000      # nodes; a project of 1,000 units has 5,000, and an edit of what all import makes 3,000 new
Row = tuple[str, str]
"""A node as the database has it: its name and JSON."""


def save(engine: "Engine", results: Mapping[str, Result]) -> None:
    """Keeps what the keys of these results were made of."""
    engine.database.bound_nodes(_MOST)
    save_known(engine)
    engine.database.replace_nodes(row for result in results.values() for row in _rows(result, results))
    engine.database.save_made(_bundles(engine, results))


def save_known(engine: "Engine") -> None:
    """Keeps what every key so far was made of, but for generated files."""
    engine.database.save_nodes(engine.nodes())
    new = engine.database.without_node(engine.imports.digests)
    told = ((mark, engine.imports.made_of(mark)) for mark in new)
    engine.database.save_nodes((mark, json.dumps(node)) for mark, node in told if node is not None)


def entries(codegen: Key, bundle: Key, *, is_new: bool) -> Iterator[Row]:
    """What the bundle's generated files came from. Where the bundle is not new they came out as they were before, and
    so keep what they were first made of: what moved between two of them is then the least that it can have been."""
    origin, nodes = origin_of(codegen)
    yield from ((name, json.dumps(node)) for name, node in nodes.items())
    pointer = json.dumps({"children": [origin]})
    for part in filter(is_generated, bundle.components):
        yield f"{LAST}{part.digest}", pointer
        if is_new:
            yield f"{FIRST}{part.digest}", pointer


def origin_of(codegen: Key) -> tuple[str, dict[str, dict[str, Any]]]:
    """What a codegen action's key was made of: a node's name, and that node with the one of the tools, which all such
    actions share."""
    tools = [[part.name, part.digest] for part in codegen.components if part.kind == "tool"]
    shared = f"tools:{digest.sha256(repr(tools).encode())}"
    below = [part.digest for part in codegen.components if part.kind == "closure"]
    origin = f"gen:{codegen.digest}"
    return origin, {origin: {"children": [*dict.fromkeys(below), shared]}, shared: {"tools": tools}}


def _bundles(engine: "Engine", results: Mapping[str, Result]) -> Iterator[tuple[str, str, Iterable[Component]]]:
    """What each new bundle was made of, so that a later plan can say what moved since it was shipped."""
    new = {name: result for name, result in results.items() if result.how in (How.RAN, How.CACHED) and result.key}
    made = engine.described(new)
    digests = {unit: bundle.digest for unit, bundle in made.bundles.items()}
    if engine.is_process and digests:
        digests[engine.project.name] = digest_of_files(made.files())
    for unit, found in digests.items():
        key = new[f"bundle:{PROCESS if engine.is_process else unit}"].key
        if key is not None:
            yield unit, found, key.components


def _rows(result: Result, results: Mapping[str, Result]) -> Iterable[Row]:
    kind, _, subject = result.name.partition(":")
    bundle = results.get(f"bundle:{subject}")
    if kind != "codegen" or result.how is not How.RAN or result.key is None or bundle is None or bundle.key is None:
        return ()
    return entries(result.key, bundle.key, is_new=bundle.how is not How.FRESH)
