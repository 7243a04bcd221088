"""The tools of a build and what they contribute to keys: esbuild, the runtime, the templates, and our own modules.

Knows where they are, and builds nothing with them. A tool is installed when it is first needed, not before.
"""

import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from threading import Lock
from typing import Final

from unitgraph.cache import digest
from unitgraph.rules import esbuild, toolchain, unnamed
from unitgraph.rules.toolchain.locate import ESBUILD_VERSION, PARTS

_HERE: Final = Path(os.path.realpath(__file__)).parent      # bundlers know files by their real paths
RUNTIME: Final = _HERE.parent / "runtime"
TEMPLATES: Final = _HERE / "templates"

# Our own modules that an action's output depends on: a release, or an edit, that changes one gives other keys.
_BUNDLER: Final = (
    "apart.py", "bundle.py", "bundler.py", "chunks.py", "esbuild.py", "sandbox.py", "sourcemap.py", "strip.py",
    "unnamed.py",
)  # fmt: skip
_GENERATOR: Final = (
    "agents.py", "builtins.py", "codegen.py", "command_lines.py", "entry.py", "errands_entry.py",
    "gateway_channel.py", "gateway_mcp.py", "gateways.py", "generate.py", "inputs.py", "main_routes.py", "names.py",
    "pieces.py", "platform_entry.py", "recall.py", "settings_entry.py", "triggers.py", "wirings.py", "workers.py",
    "workflows.py", "../providers/cloudflare/bindings.py",
)  # fmt: skip


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

    def modules(self, parts: Iterable[str] = ()) -> tuple[Path, ...]:
        """The folders with the npm packages that the runtime imports; ``parts`` are those that only some units need."""
        return tuple(self.part(name).modules for name in ("runtime", *parts))

    @cached_property
    def prepared(self) -> Path:
        """The folder with the runtime as bundles take it, real path: as the toolchain, there for all projects.

        In this user's own cache where the toolchain is another's, who has not prepared it.
        """
        name = f"prepared-{digest.of([self.versions['runtime'], self.versions['bundler']])[:16]}"
        with self._lock:
            try:
                place = unnamed.prepared(RUNTIME, self.cache / "toolchain" / name)
            except PermissionError:
                place = unnamed.prepared(RUNTIME, self.cache / name)
        return Path(os.path.realpath(place))

    def aliases(self, *, as_written: bool) -> Mapping[str, str]:
        """Module name → absolute path, for every name that means the runtime; as its sources stand, or prepared."""
        folder = RUNTIME if as_written else self.prepared
        return {name: str(folder / place) for name, place in places().items()}

    @cached_property
    def versions(self) -> Mapping[str, str]:
        """Tool → what it is, the same on every machine."""
        return {
            "bundler": files_digest(_BUNDLER),
            "esbuild": esbuild.version(self.override) if self.override else ESBUILD_VERSION,
            "runtime": tree_digest(RUNTIME, (".ts", ".js", ".json", ".css", ".html")),
            "runtime-packages": PARTS["runtime"],
            "agents-packages": PARTS["agents"],
            "mcp-packages": PARTS["mcp"],
        }

    @cached_property
    def templates(self) -> str:
        return tree_digest(TEMPLATES, (".j2",))

    @cached_property
    def generator(self) -> str:
        """What turns a unit into an entry and slices: our analysis, and our writing of them."""
        return digest.of([analyzer_digest(), files_digest(_GENERATOR)])

    @cached_property
    def typings(self) -> str:
        """What writes the generated types."""
        return files_digest(sorted(path.name for path in _HERE.glob("typings*.py")))


@cache
def places() -> Mapping[str, str]:
    """Every name that means the runtime, with the folder or module of it that it means."""
    table: dict[str, str] = json.loads((RUNTIME / "aliases.json").read_bytes())
    return table


@cache
def analyzer_digest() -> str:
    """The digest of what reads sources: the same facts and the same application, if it is the same."""
    return tree_digest(RUNTIME.parent / "units", (".py",))


def files_digest(names: Iterable[str]) -> str:
    """The digest of modules of ours that stand beside this one."""
    return digest.of([(name, digest.sha256((_HERE / name).read_bytes())) for name in names])


@cache
def code_digest() -> str:
    """The digest of our own code: what a project's analysis depends on besides the project."""
    return tree_digest(RUNTIME.parent, ("",))


def tree_digest(folder: Path, suffixes: tuple[str, ...]) -> str:
    """The digest of a folder of ours: names and contents of the files with one of ``suffixes``."""
    found = []
    start = len(f"{folder}/")
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in ("node_modules", "__pycache__"))
        for name in names:
            if name.endswith(suffixes):
                full = f"{parent}/{name}"
                with open(full, "rb") as file:
                    found.append((full[start:].replace(os.sep, "/"), digest.sha256(file.read())))
    return digest.of(sorted(found))
