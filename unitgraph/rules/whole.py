"""A build as one result: what a fresh checkout of a project that some machine has built needs to know, in one look-up.

The key holds the project's sources, settings and lockfile, the provider, and our own code. What else the build read
stands in the result, and is compared with the checkout before anything of it is believed: other files, the names
in folders (a file that isn't there decides where an import leads), versions of installed packages.
So a checkout of an unchanged project reads no TypeScript and starts no bundler.
"""

import os
import posixpath
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from unitgraph.cache import digest
from unitgraph.cache.key import Component, Key, make
from unitgraph.cache.store import Blob, Made
from unitgraph.rules import client_rule, openapi_document
from unitgraph.rules.action import How, Result, Work
from unitgraph.rules.memo import settled
from unitgraph.rules.provenance import origin_of
from unitgraph.rules.tools import code_digest
from unitgraph.rules.whole_document import Outcome, Whole, decode, encode
from unitgraph.units import jsontext
from unitgraph.units.config import FILE
from unitgraph.units.lockfile import MANAGERS
from unitgraph.units.project import Project

if TYPE_CHECKING:
    from unitgraph.rules.engine import Engine

NAME: Final = "project"
_DOCUMENT: Final = "project.json.z"
_LOCKFILES: Final = tuple(name for manager in MANAGERS.values() for name in manager.lockfiles)
_DECIDING: Final = frozenset({"package.json", "pnpm-workspace.yaml", *_LOCKFILES})
_PACKAGE: Final = re.compile(r"^(?P<place>(?:.*/)?node_modules/(?:@[^/]+/)?[^/]+)(?:/|$)")


@dataclass(frozen=True, slots=True)
class Recalled:
    """What another build of the same project came to. ``read`` are the files that it stood on; ``origin`` is where
    this machine has it from."""

    whole: Whole
    origin: str
    results: Mapping[str, Result]
    read: tuple[str, ...]


def texts_of(project: Project) -> dict[str, bytes]:
    """The files whose content is in the key."""
    return {path: project.sources.read(path) for path in _keyed(project)}


def key_of(engine: "Engine") -> Key:
    """The key of a build of exactly this project."""
    return _key(engine, {path: digest.sha256(text) for path, text in texts_of(engine.project).items()})


def recall(engine: "Engine", texts: Mapping[str, bytes], *, trusted_only: bool) -> Recalled | None:
    """The build of exactly this project, where a cache holds it; its bundles are known by digest and not placed."""
    began = time.monotonic()
    project = engine.project
    files = {path: digest.sha256(text) for path, text in texts.items()}
    key = _key(engine, files)
    made = engine.cache.look_up([key.digest], trusted_only=trusted_only).get(key.digest)
    if made is None or _DOCUMENT not in made.outputs:
        return None
    data = engine.cache.fetch(made.outputs.values())
    if any(blob.digest not in data for blob in made.outputs.values()):
        return None
    try:
        whole = decode(data[made.outputs[_DOCUMENT].digest])
    except ValueError:
        return None
    if not _holds(project, whole, files):
        return None
    written = {path: data[blob.digest] for path, blob in made.outputs.items() if path != _DOCUMENT}
    engine.outputs.place({path: written.pop(path) for path in (openapi_document.NAME,) if path in written})
    for program, client in client_rule.places(engine).items():
        text = written.pop(_client(program), None)
        client.outputs.place({client.name: text} if text is not None else {})
    engine.typings_outputs.place(written)
    work = Work(began, time.monotonic(), NAME)
    results = {name: _result(name, each, made.origin, work) for name, each in whole.results.items()}
    return Recalled(whole, made.origin, results, (*whole.inputs, *files))


def keep(
    engine: "Engine", results: Mapping[str, Result], notices: tuple[str, ...], inputs: Mapping[str, str]
) -> None:
    """Puts a finished build into the cache, unless it stood on what another checkout doesn't have."""
    project = engine.project
    packages = _packages(engine)
    origin = origin_of(results, engine.database, engine.cache)
    if packages is None or origin is None or engine.imports.unpinned:
        return
    keyed = set(_keyed(project))
    key = _key(engine, {path: inputs[path] for path in keyed})
    held = engine.cache.look_up([key.digest], near=True).get(key.digest)
    if held is not None and held.origin in (origin, engine.cache.own):
        return
    whole = Whole(
        {path: mark for path, mark in inputs.items() if path not in keyed},
        {folder: _names(project, folder) for folder in _folders(project)},
        packages,
        engine.manifest,
        notices,
        {name: _outcome(result) for name, result in results.items() if name.startswith("bundle:")},
    )
    document = encode(whole)
    interface = [(results[rule], folder) for rule, folder in _interface(engine) if rule in results]
    data = {path: (folder / path).read_bytes() for result, folder in interface for path in result.outputs}
    if any(digest.sha256(data[path]) != mark for result, _ in interface for path, mark in result.outputs.items()):
        return
    for program, client in client_rule.places(engine).items():
        made = results.get(f"{client_rule.KIND}:{program}")
        text = (project.root / client.outputs.path(client.name)).read_bytes() if made is not None else b""
        if made is None or digest.sha256(text) != made.outputs.get(client.name):
            return
        data[_client(program)] = text
    contents = {_DOCUMENT: document, **data}
    blobs = {path: Blob(digest.sha256(text), len(text)) for path, text in contents.items()}
    named = {blobs[path].digest: text for path, text in contents.items()}
    engine.cache.keep(key.digest, NAME, Made(blobs, {}, origin), named)


def _interface(engine: "Engine") -> Iterable[tuple[str, Path]]:
    """The rules whose outputs say what there is, and where these are."""
    root = engine.project.root
    return ("typings", root / engine.project.sources.out_dir), (openapi_document.KIND, engine.target.out)


def _client(program: str) -> str:
    """Under which name a program's client is kept."""
    return f"clients/{program}"


def _key(engine: "Engine", files: Mapping[str, str]) -> Key:
    return make(
        NAME,
        [
            Component("tool", "unitgraph", code_digest()),
            *(Component("tool", name, version) for name, version in engine.tools.versions.items()),
            Component("option", "provider", engine.provider.name),
            Component("option", "environment", engine.settings.environment),
            Component("option", "project", engine.project.name),
            *(Component("source", path, mark) for path, mark in files.items()),
        ],
    )


def _keyed(project: Project) -> list[str]:
    """The files whose content is in the key: every source, and what says how they are read."""
    places = {FILE, "package.json", posixpath.normpath(project.config.tsconfig or "tsconfig.json")}
    places |= {posixpath.normpath(posixpath.join(project.workspace.root, name)) for name in _LOCKFILES}
    return sorted({*project.sources.files(), *(path for path in places if project.sources.is_file(path))})


def inputs_of(engine: "Engine") -> dict[str, str] | None:
    """SHA-256 of every file that the build read; None where one has moved since, or may have."""
    project, memo = engine.project, engine.memo
    found: dict[str, str] = {}
    for path in memo.paths():
        if _is_ours(project, path) or _PACKAGE.match(path):
            continue
        try:
            data = (project.root / path).read_bytes()
        except OSError:
            return None
        if digest.local(data) != memo.digest(path):
            return None
        found[path] = digest.sha256(data)
    for path in (*_keyed(project), *map(posixpath.normpath, project.sources.looked_at)):
        full = project.root / path
        if path in found or _PACKAGE.match(path) or _is_ours(project, path) or not full.is_file():
            continue
        if not settled(full.stat(), engine.opened_ns):
            return None
        found[path] = digest.sha256(full.read_bytes())
    return None if any(os.path.isabs(path) for path in found) else found


def _packages(engine: "Engine") -> dict[str, str] | None:
    """Place → version of every package whose files were looked into; None where one isn't as the lockfile has it."""
    project = engine.project
    places = {found["place"] for path in (*engine.memo.paths(), *project.sources.looked_at) for found in _match(path)}
    places |= engine.imports.places()
    versions: dict[str, str] = {}
    for place in places:
        version = _version(project, place)
        if version is None:
            continue
        folder, _, name = place.rpartition("node_modules/")
        pinned = project.lock.entry(name, folder.rstrip("/")) if project.lock else None
        if pinned is None or pinned.source is not None or pinned.version != version:
            return None
        versions[place] = version
    return versions


def _match(path: str) -> Iterator[re.Match[str]]:
    found = _PACKAGE.match(path)
    if found:
        yield found


def _version(project: Project, place: str) -> str | None:
    """The installed version; None where nothing is installed, or a link into the workspace."""
    path = os.path.join(project.root, place)
    if os.path.islink(path):
        return None
    try:
        found = jsontext.parse_lenient(Path(path, "package.json").read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return str(found.get("version")) if isinstance(found, dict) else None


def _holds(project: Project, whole: Whole, known: Mapping[str, str | None]) -> bool:
    """Whether everything else that the build stood on is here as it was there."""
    return (
        all((known[path] if path in known else _sha256(project, path)) == mark for path, mark in whole.inputs.items())
        and all(_names(project, folder) == mark for folder, mark in whole.folders.items())
        and all(_version(project, place) in (None, version) for place, version in whole.packages.items())
    )


def _folders(project: Project) -> Iterable[str]:
    """Folders of the project that were listed; those of packages are the lockfile's."""
    return [
        path for path in project.sources.looked_at
        if not _PACKAGE.match(f"{path}/") and not path.endswith("node_modules") and not _is_ours(project, path)
        and path not in project.sources.read_files
    ]  # fmt: skip


def _names(project: Project, folder: str) -> str:
    """The digest of the names in a folder, without hidden ones, our output and installed packages.

    Of a folder around the project only what says how packages are found there: a checkout's neighbours don't count.
    """
    names = [name for name in project.sources.names(folder) if name[0] != "." and name != "node_modules"]
    if set(folder.split("/")) == {".."}:
        names = [name for name in names if name in _DECIDING]
    return digest.sha256("\0".join(sorted(names)).encode())


def _is_ours(project: Project, path: str) -> bool:
    return path.startswith((".deploy/", f"{project.sources.out_dir}/"))


def _sha256(project: Project, path: str) -> str | None:
    try:
        return digest.sha256(Path(project.root, path).read_bytes())
    except OSError:
        return None


def _outcome(result: Result) -> Outcome:
    assert result.key is not None, "a build that is kept has no failures"
    sizes = cast("Mapping[str, int]", result.facts["sizes"])
    facts = {name: value for name, value in result.facts.items() if name not in ("origin", "placed")}
    return Outcome(result.key.digest, {path: (mark, sizes[path]) for path, mark in result.outputs.items()}, facts)


def _result(name: str, outcome: Outcome, origin: str, work: Work) -> Result:
    outputs = {path: mark for path, (mark, _) in outcome.outputs.items()}
    facts = {**outcome.facts, "origin": origin, "placed": False}
    key = Key("bundle", outcome.key, ())
    return Result(name, How.CACHED, key, outputs, facts, work=work, origin=origin, placed=False)
