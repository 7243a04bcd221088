"""Scripts for web pages: a file and what it imports as one module that browsers run, by the toolchain's esbuild.

For tasks of a ``dodo.py``. The project's generated client is ours as it ships, so that a page can be made before the
first build has written `.pikku/`. Knows nothing of units.
"""

import os
import sys
from pathlib import Path
from typing import Final

from unitgraph.errors.build import PageFailed
from unitgraph.rules import esbuild
from unitgraph.rules.settings import settings
from unitgraph.rules.tools import RUNTIME, Tools

CLIENT: Final = RUNTIME / "client"
"""The code of the client: a page that imports it changes with it."""

_OPTIONS: Final = (
    "--bundle", "--minify", "--format=esm", "--platform=browser", "--target=es2022", "--charset=utf8",
    "--legal-comments=none", f"--alias:#pikku/client={CLIENT / 'index.js'}",
)  # fmt: skip


def script(entry: str | os.PathLike[str]) -> str:
    """The module that ``entry`` becomes; the same text on every machine. Raises PageFailed."""
    path = Path(entry).resolve()
    chosen = settings()
    tools = Tools(chosen.cache, _say, chosen.esbuild)
    built = esbuild.build(tools.esbuild(), {"page": str(path)}, _OPTIONS, root=path.parent)
    if built.errors:
        raise PageFailed(str(entry), built.errors[0].text, built.errors[0].place)
    return built.outputs["page.js"].decode()


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
