"""What a build writes besides bundles: the provider's own files and the manifest. Made anew when what they say moved.

A provider's files are a function of the manifest and the target, so an edit inside a function leaves them as they are.
"""

import sys
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from unitgraph import __version__
from unitgraph.cache import digest
from unitgraph.cache.document import render
from unitgraph.cache.key import Component, Key, make
from unitgraph.providers.base import Provider, Target
from unitgraph.rules.database import Database, Record
from unitgraph.rules.openapi_rule import with_documents
from unitgraph.rules.outputs import Outputs
from unitgraph.rules.tools import tree_digest
from unitgraph.units.config import CacheConfig
from unitgraph.units.migrations import FOLDER
from unitgraph.units.model import Manifest
from unitgraph.units.project import Project

if TYPE_CHECKING:
    from unitgraph.rules.engine import Engine

NAME: Final = "files"
_OBJECTS: Final = "durable-objects.json"
_PROVIDERS: Final = Path(__file__).parent.parent / "providers"


def objects_of(project: Project) -> str:
    """What the project has written down of its Durable Objects."""
    sources = project.sources
    return sources.read(_OBJECTS).decode("utf-8", "replace") if sources.is_file(_OBJECTS) else ""


def place_for(engine: "Engine", last: Record | None) -> Collection[str]:
    """Brings the files of an engine's build up to date, once its units are built or known, and returns their names."""
    return place(
        engine.provider, _with_migrations(engine, with_documents(engine)), engine.manifest, engine.runnable,
        outputs=engine.outputs, database=engine.database, last=last,
    )  # fmt: skip


def _with_migrations(engine: "Engine", target: Target) -> Target:
    """The target with the texts of the project's migrations, for a provider that writes them."""
    read = engine.project.sources.read
    texts = {each.name: read(f"{FOLDER}/{each.name}").decode() for each in engine.manifest.migrations}
    return replace(target, migrations=texts) if texts else target


def place(
    provider: Provider, target: Target, manifest: Manifest, runnable: Manifest, *, outputs: Outputs,
    database: Database, last: Record | None,
) -> Collection[str]:  # fmt: skip
    """Brings the files up to date and returns their names; ``runnable`` is the manifest with the units that are built.

    ``last`` is the record of the files that are there. Those of a provider from elsewhere are made each time.
    """
    key = _key(provider, target, manifest, runnable)
    if key is not None and last is not None and last.key == key.digest and outputs.intact(last):
        return last.outputs.keys()
    files = {**provider.files(runnable, target), "manifest.json": render(manifest.document()).encode()}
    outputs.place(files)
    if key is not None:
        marks = {name: digest.local(data) for name, data in files.items()}
        database.save_action(NAME, key, marks, {"local": marks})
    return files.keys()


def _key(provider: Provider, target: Target, manifest: Manifest, runnable: Manifest) -> Key | None:
    """The key; None for code that we can't tell the digest of."""
    module = sys.modules.get(getattr(provider, "__name__", ""))
    if module is None or not str(module.__file__).startswith(f"{_PROVIDERS}/"):
        return None
    left_out = sorted(manifest.unit_names - runnable.unit_names)
    return make(
        NAME,
        [
            Component("tool", "unitgraph", __version__),
            Component("tool", "providers", tree_digest(_PROVIDERS, (".py", ".js", ".j2"))),
            Component("option", "target", digest.local(repr(_said(target)).encode())),
            Component("unit", "manifest", digest.local(repr((manifest, left_out)).encode())),
        ],
    )


def _said(target: Target) -> Target:
    """The target without what is in no file that a provider writes: where things stand on this machine, how it was
    asked, which caches and other environments there are."""
    tools = {name: replace(tool, path=Path()) for name, tool in target.tools.items()}
    config = replace(target.config, cache=CacheConfig(), environments={}, default_provider=None, providers={})
    return replace(target, root=Path(), out=Path(), tools=tools, config=config, refresh="units", wait_lock_s=0)
