"""Source maps that name the project's own files, and nothing of the machine. Knows the format (ECMA-426) only."""

import json
import os
import posixpath
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote

_PLAIN: Final = "/:@!$&'()*+,;=~"       # besides letters, digits and "-._": what a path in a URL may hold as it is


def settle(text: bytes, folder: Path, root: Path) -> bytes:
    """The map with its sources relative to ``root``, where they were relative to the ``folder`` it was made in; they
    are paths from then on, and URLs before."""
    document = json.loads(text)
    sources = [os.path.normpath(os.path.join(folder, unquote(source))) for source in document["sources"]]
    document["sources"] = [os.path.relpath(source, root).replace(os.sep, "/") for source in sources]
    return _render(document)


def rename(text: bytes, root: Path, origins: Mapping[str, str], folders: Mapping[Path, str]) -> bytes:
    """The map with generated files under their origins, and files in one of ``folders`` under that folder's name; its
    sources are URLs again."""
    document = json.loads(text)
    named = (_name(source, root, origins, folders) for source in document["sources"])
    document["sources"] = [quote(name, safe=_PLAIN) for name in named]
    return _render(document)


def _name(source: str, root: Path, origins: Mapping[str, str], folders: Mapping[Path, str]) -> str:
    if source in origins:
        return origins[source] or f"unitgraph:///{posixpath.basename(source)}"
    full = os.path.normpath(os.path.join(root, source))
    for folder, name in folders.items():
        if full.startswith(f"{folder}{os.sep}"):
            return name + os.path.relpath(full, folder).replace(os.sep, "/")
    return f"node_modules/{source.rpartition('node_modules/')[2]}" if "node_modules/" in source else source


def _render(document: object) -> bytes:
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
