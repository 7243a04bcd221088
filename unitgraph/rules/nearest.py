"""The nearest build that a cache knows of: what this one's keys have otherwise, where this machine has built none yet.

A full build that made something leaves a document under its commit, and under a name for the last build of all. It is
looked for only when somebody asks why, and believed in words alone: whoever it is from, nothing is built from it.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from typing import TYPE_CHECKING, Final

from unitgraph.cache import digest
from unitgraph.cache.key import Component, make
from unitgraph.cache.store import Blob, Made, Traffic
from unitgraph.providers.base import digest_of_files
from unitgraph.rules import git
from unitgraph.rules.action import How
from unitgraph.rules.ingredients import origin_of
from unitgraph.rules.known_build import LARGEST_BYTES, KnownBuild, decode, encode, short
from unitgraph.rules.reasons import Node, is_generated, mark

if TYPE_CHECKING:
    from unitgraph.rules.engine import Built, Engine

NAME: Final = "components"
_DOCUMENT: Final = "components.json.z"
_LAST: Final = "last"
_COMMITS: Final = 20        # back from the one that is checked out
_FETCHED: Final = 3         # at most, for one bundle


def publish(engine: "Engine", built: "Built", commit: str | None) -> None:
    """Puts what ``built`` was made of into the cache, where anything was made; that it can't is no fault."""
    if engine.settings.sourcemap or all(result.how is not How.RAN for result in built.results.values()):
        return
    data = encode(_known(engine, built, commit or ""))
    if len(data) > LARGEST_BYTES:
        return
    blob = Blob(digest.sha256(data), len(data))
    for name in (commit, _LAST) if commit else (_LAST,):
        with suppress(OSError):
            engine.cache.keep(_key(engine, name), NAME, Made({_DOCUMENT: blob}, {}), {blob.digest: data})


class Nearest:
    """What this machine's database knows, and after it the documents that the cache holds, nearest first.

    The cache is asked when the first of them is needed, and each is fetched when those before it don't serve.
    """

    def __init__(self, engine: "Engine") -> None:
        self._engine = engine
        self._documents: list[KnownBuild] = []
        self._blobs: Iterator[Blob] | None = None
        self._nodes: dict[str, Node] = {}

    def node(self, name: str) -> Node | None:
        """What a component is made of, as reasons.py asks for it."""
        known = self._nodes.get(name)
        if known is None:
            told = (*(build.node for build in self._documents), self._engine.database.node)
            known = next((found for find in told if (found := find(name)) is not None), None)
            if known is not None:
                self._nodes[name] = known
        return known

    def made(self, unit: str, bundle: str) -> tuple[Component, ...] | None:
        """What the key was made of that gave ``unit`` the bundle with this digest, here or in a build near by."""
        own = self._engine.database.made(unit, bundle)
        near = (build.made(unit, bundle) for build in islice(self.builds(), _FETCHED))
        return own or next((found for found in near if found), None)

    def builds(self) -> Iterator[KnownBuild]:
        yield from tuple(self._documents)
        while (found := self._next()) is not None:
            yield found

    def build(self) -> KnownBuild | None:
        """The nearest one."""
        return next(self.builds(), None)

    def _next(self) -> KnownBuild | None:
        cache = self._engine.cache
        with _uncounted(cache.traffic):
            if self._blobs is None:
                self._blobs = iter(self._look_up())
            for blob in self._blobs:
                data = cache.fetch([blob]).get(blob.digest)
                try:
                    found = decode(data) if data is not None else None
                except ValueError:
                    continue
                if found is not None:
                    self._documents.append(found)
                    return found
        return None

    def _look_up(self) -> list[Blob]:
        commits = git.ancestors(self._engine.project.root, _COMMITS)
        keys = [_key(self._engine, name) for name in (*commits, _LAST)]
        made = self._engine.cache.look_up(keys)
        blobs = (made[key].outputs.get(_DOCUMENT) for key in keys if key in made)
        return list(dict.fromkeys(blob for blob in blobs if blob is not None and blob.size <= LARGEST_BYTES))


def since(known: KnownBuild) -> str:
    """A build as people know it."""
    ref = known.ref.removeprefix("refs/").removeprefix("heads/")
    if not known.commit:
        return "the last build"
    return f"commit {known.commit[:7]}{f' ({ref})' if ref else ''}"


def _known(engine: "Engine", built: "Built", commit: str) -> KnownBuild:
    results = {name: result for name, result in built.results.items() if name.startswith("bundle:") and result.key}
    actions: dict[str, tuple[str, tuple[Component, ...]]] = {}
    entries: dict[str, str] = {}
    nodes: dict[str, Node] = {}
    for name, result in results.items():
        assert result.key is not None, "others were left out"
        actions[name] = mark(result.key.digest), result.key.components
        codegen = built.results.get(f"codegen:{name.partition(':')[2]}")
        if codegen is not None and codegen.key is not None:
            origin, below = origin_of(codegen.key)
            nodes.update((mark(node), short(found)) for node, found in below.items())
            origin = mark(origin)
            entries.update((mark(part.digest), origin) for part in result.key.components if is_generated(part))
    wanted = [mark(name) for name in {part.digest for _, parts in actions.values() for part in parts}]
    wanted += [child for node in nodes.values() for child in node.get("children", ())]
    _descend(engine, wanted, nodes)
    digests = {unit: bundle.digest for unit, bundle in built.build.bundles.items()}
    bundles = {unit: (mark(found), f"bundle:{unit}") for unit, found in digests.items()}
    if engine.is_process:
        (name,) = results
        bundles = {unit: (found, name) for unit, (found, _) in bundles.items()}
        bundles[engine.project.name] = mark(digest_of_files(built.build.files())), name
    ref = engine.settings.shared.run.ref or git.head(engine.project.root).ref
    return KnownBuild(commit, ref, actions, bundles, nodes, entries)


def _descend(engine: "Engine", wanted: list[str], nodes: dict[str, Node]) -> None:
    """Adds to ``nodes`` what is below ``wanted``."""
    written = {mark(name): text for name, text in engine.nodes()}
    seen: set[str] = set()
    while wanted:
        name = wanted.pop()
        if name in seen:
            continue
        seen.add(name)
        text = written.get(name)
        found = json.loads(text) if text is not None else engine.database.node(name) if ":" in name else None
        if found is not None:
            nodes[name] = short(found)
            wanted += nodes[name].get("children", ())
            wanted += [each for _, each in nodes[name].get("packages", ())]


def _key(engine: "Engine", name: str) -> str:
    parts = [
        Component("option", "project", engine.project.name),
        Component("option", "provider", engine.provider.name),
        Component("option", "of", name),
    ]
    return make(NAME, parts).digest


@contextmanager
def _uncounted(traffic: Traffic) -> Iterator[None]:
    """Questions about a build are none of its hits and misses."""
    local, remote, missing = traffic.local, traffic.remote, traffic.missed
    try:
        yield
    finally:
        traffic.local, traffic.remote, traffic.missed = local, remote, missing
