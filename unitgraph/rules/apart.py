"""The runtime in bundles of its own, beside those of a project that imports it: an edit then bundles the project alone.

For a process that is built again and again and shipped nowhere. Its bundles import the runtime by its public names,
which a tsconfig beside them leads to files (https://bun.com/docs/runtime/modules#path-re-mapping). Knows these names
and esbuild's output, runs nothing.
"""

import posixpath
from collections.abc import Iterable, Mapping
from typing import Any, Final

FOLDER: Final = "runtime"
CHUNKS: Final = f"{FOLDER}/chunks/[name]-[hash]"
_INDEX: Final = "index"

Places = Mapping[str, str]
"""Name → the folder of the runtime that it means, as in ``aliases.json``."""


def externals(places: Places) -> tuple[str, ...]:
    """Esbuild's options that leave the runtime to be found where the bundle runs."""
    return tuple(f"--external:{name}{more}" for name in sorted(places) for more in ("", "/*"))


def paths(places: Places) -> dict[str, list[str]]:
    """What a tsconfig says of where the runtime is."""
    found: dict[str, list[str]] = {}
    for name, place in sorted(places.items()):
        found[name] = [f"./{_file(place, '')}.js"]
        found[f"{name}/*"] = [f"./{_file(place, '*')}.js"]
    return found


def imported(metafile: Mapping[str, Any], places: Places) -> frozenset[str]:
    """The names by which inputs import the runtime."""
    edges = (edge for each in metafile["inputs"].values() for edge in each["imports"] if edge.get("external"))
    return frozenset(edge["path"] for edge in edges if _name(edge["path"], places) is not None)


def entries(names: Iterable[str], places: Places, folder: str) -> dict[str, str]:
    """Output name → what it is made of, below the runtime's own folder, for all of these names."""
    found: dict[str, str] = {}
    for specifier in sorted(names):
        name = _name(specifier, places)
        if name is not None:
            file = _file(places[name], specifier[len(name) + 1 :])
            found[file] = posixpath.normpath(posixpath.join(folder, places[name], specifier[len(name) + 1 :]))
    return found


def _name(specifier: str, places: Places) -> str | None:
    return next((name for name in places if specifier == name or specifier.startswith(f"{name}/")), None)


def _file(place: str, rest: str) -> str:
    path = posixpath.normpath(posixpath.join(FOLDER, place, rest))
    return path if path != FOLDER else f"{FOLDER}/{_INDEX}"
