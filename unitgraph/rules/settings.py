"""What the command line and the environment say. The one module that reads the process's environment."""

import os
from dataclasses import dataclass
from pathlib import Path

from unitgraph.rules.toolchain import user_cache


@dataclass(frozen=True, slots=True)
class Settings:
    """``cache`` is unitgraph's folder in the user's cache; ``jobs`` 0 is one a processor; ``esbuild`` stands for the
    toolchain's own."""

    cache: Path
    provider: str = ""
    environment: str = ""
    sourcemap: bool = False
    jobs: int = 0
    esbuild: Path | None = None


def settings(*, provider: str = "", environment: str = "", sourcemap: bool = False, jobs: int = 0) -> Settings:
    """Settings of this process: UNITGRAPH_CACHE and UNITGRAPH_ESBUILD besides what the command line says."""
    cache = os.environ.get("UNITGRAPH_CACHE")
    override = os.environ.get("UNITGRAPH_ESBUILD")
    return Settings(
        Path(cache) if cache else user_cache(os.environ), provider, environment, sourcemap, jobs,
        Path(override) if override else None,
    )  # fmt: skip
