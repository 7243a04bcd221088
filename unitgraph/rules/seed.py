"""What a build has learnt of a project's files and units, for a fresh checkout of nearly the same project.

A checkout that holds a change can't take a build over whole; with its seed in the build database it reads and generates
what the change touches, and nothing else. Everything in a seed stands under the SHA-256 of what it was learnt from, so
one that is out of date is only of less use. It decides what is built: only what was built here, or is signed by a
trusted key, is ever believed.
"""

import marshal
import sys
import zlib
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from unitgraph.cache import digest
from unitgraph.cache.key import Component, Key, make
from unitgraph.cache.store import Blob, Made
from unitgraph.rules.action import How, Result
from unitgraph.rules.linked import facts_key
from unitgraph.rules.provenance import learnt_from, origin_of
from unitgraph.rules.tools import code_digest

if TYPE_CHECKING:
    from unitgraph.rules.engine import Engine

NAME: Final = "seed"
_FILE: Final = "seed.z"
_LARGEST: Final = 1 << 29       # bytes once it is unpacked
_KINDS: Final = ("codegen:", "bundle:")


def keep(engine: "Engine", results: Mapping[str, Result], inputs: Mapping[str, str]) -> None:
    """Puts the seed of a finished build into the cache, over the last one. ``inputs``: path → SHA-256."""
    origin = origin_of(results, engine.database, engine.cache)
    if origin is None or not any(result.how is How.RAN for result in results.values()):
        return
    learnt = _facts(engine, inputs), _stripped(engine, results, inputs), _actions(results)
    text = zlib.compress(marshal.dumps(learnt), 1)
    blob = Blob(digest.sha256(text), len(text))
    engine.cache.keep(_key(engine).digest, NAME, Made({_FILE: blob}, {}, origin), {blob.digest: text})


def sow(engine: "Engine", files: Mapping[str, bytes]) -> bool:
    """Puts what the cache has of a seed into the build database; ``files`` are the project's: path → content."""
    key = _key(engine).digest
    made = engine.cache.look_up([key], trusted_only=True).get(key)
    blob = made.outputs.get(_FILE) if made else None
    text = engine.cache.fetch([blob]).get(blob.digest) if blob else None
    if made is None or text is None:
        return False
    facts, stripped, actions = marshal.loads(_unpacked(text))  # noqa: S302 - built here, or signed by a trusted key
    learnt_from(engine.database, made.origin)
    local = {digest.sha256(data): digest.local(data) for data in files.values()}
    for _, _, outputs, found in actions:
        local.update((mark, found["local"][path]) for path, mark in outputs.items())
    engine.database.save_facts(
        (facts_key(suffix, local[mark]), data) for (suffix, mark), data in facts.items() if mark in local
    )
    engine.database.save_stripped(
        (f"{salt}{suffix}{local[mark]}", name) for (salt, suffix, mark), name in stripped.items() if mark in local
    )
    engine.database.save_actions(
        (name, Key(name.partition(":")[0], key, ()), outputs, {**found, "origin": made.origin, "placed": False})
        for name, key, outputs, found in actions
    )
    return True


def _key(engine: "Engine") -> Key:
    return make(
        NAME,
        [
            Component("tool", "unitgraph", code_digest()),
            Component("tool", "python", f"{sys.version_info[0]}.{sys.version_info[1]}"),
            *(Component("tool", name, version) for name, version in engine.tools.versions.items()),
            Component("option", "provider", engine.provider.name),
            Component("option", "project", engine.project.name),
        ],
    )


def _facts(engine: "Engine", inputs: Mapping[str, str]) -> dict[tuple[str, str], bytes]:
    keys = {
        facts_key(PurePosixPath(path).suffix, engine.memo.digest(path)): (PurePosixPath(path).suffix, inputs[path])
        for path in engine.workspace.facts
        if path in inputs
    }
    return {keys[key]: data for key, data in engine.database.facts(keys).items()}


def _stripped(
    engine: "Engine", results: Mapping[str, Result], inputs: Mapping[str, str]
) -> dict[tuple[str, str, str], str]:
    generated = {
        engine.codegen.path(path): mark
        for result in results.values()
        if result.name.startswith("codegen:")
        for path, mark in result.outputs.items()
    }
    found = {}
    for salt, path, name in engine.stripped():
        mark = generated.get(path) or inputs.get(path)
        if mark is not None:
            found[salt, PurePosixPath(path).suffix, mark] = name
    return found


def _actions(results: Mapping[str, Result]) -> list[tuple[str, str, dict[str, str], dict[str, Any]]]:
    return [
        (name, result.key.digest, dict(result.outputs), _plain(result.facts))
        for name, result in sorted(results.items())
        if name.startswith(_KINDS) and result.key is not None
    ]


def _plain(value: Any) -> Any:
    """The same of kinds that marshal knows."""
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items() if name not in ("origin", "placed")}
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value


def _unpacked(text: bytes) -> bytes:
    unpacker = zlib.decompressobj()
    data = unpacker.decompress(text, _LARGEST)
    if not unpacker.eof:
        raise ValueError("a seed is cut, or larger than any project's")
    return data
