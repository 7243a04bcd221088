"""The tools of a build and what they contribute to keys: esbuild, the runtime and the templates.

Knows where they are; runs none of them. A tool is installed when it is first needed, not before.
"""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from threading import Lock
from typing import Final

from unitgraph.cache import digest
from unitgraph.rules import toolchain
from unitgraph.rules.toolchain.locate import ESBUILD_VERSION, PARTS

RUNTIME: Final = Path(__file__).parent.parent / "runtime"
TEMPLATES: Final = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Tools:
    """``cache`` is unitgraph's folder in the user's cache; ``override`` stands for its esbuild where it is given."""

    cache: Path
    say: Callable[[str], None]
    override: Path | None = None
    _installed: dict[str, toolchain.Toolchain] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def part(self, name: str) -> toolchain.Toolchain:
        """A part of the toolchain, installed now where it is missing."""
        with self._lock:
            if name not in self._installed:
                self._installed[name] = toolchain.ensure(name, self.cache, say=self.say)
            return self._installed[name]

    def esbuild(self) -> Path:
        return self.override or self.part("build").esbuild

    def installed(self) -> list[Path]:
        """The executables that this process has had a need for."""
        if self.override:
            return [self.override]
        return [self._installed["build"].esbuild] if "build" in self._installed else []

    def modules(self) -> Path:
        """The folder with the npm packages that the runtime imports."""
        return self.part("runtime").modules

    @cached_property
    def aliases(self) -> Mapping[str, str]:
        """Module name → absolute path, for every name that means the runtime."""
        table = json.loads((RUNTIME / "aliases.json").read_bytes())
        return {name: str(RUNTIME / place) for name, place in table.items()}

    @cached_property
    def versions(self) -> Mapping[str, str]:
        """Tool → what it is, the same on every machine."""
        return {
            "esbuild": ESBUILD_VERSION,
            "runtime": tree_digest(RUNTIME, (".ts", ".json")),
            "runtime-packages": PARTS["runtime"],
        }

    @cached_property
    def templates(self) -> str:
        return tree_digest(TEMPLATES, (".j2",))


@cache
def code_digest() -> str:
    """The digest of our own code: what a project's analysis depends on besides the project."""
    return tree_digest(RUNTIME.parent, ("",))


def tree_digest(folder: Path, suffixes: tuple[str, ...]) -> str:
    """The digest of a folder of ours: names and contents of the files with one of ``suffixes``."""
    found = []
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in ("node_modules", "__pycache__"))
        for name in names:
            if name.endswith(suffixes):
                path = Path(parent, name)
                found.append((path.relative_to(folder).as_posix(), digest.sha256(path.read_bytes())))
    return digest.of(sorted(found))
