"""What the command line and the environment say. The one module that reads the process's environment."""

import os
from dataclasses import dataclass
from pathlib import Path

from unitgraph.providers.base import Refresh
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
    refresh: Refresh = "units"
    wait_lock_s: float = 0


def settings(
    *, provider: str = "", environment: str = "", sourcemap: bool = False, jobs: int = 0, refresh: Refresh = "units",
    wait_lock_s: float = 0,
) -> Settings:  # fmt: skip
    """Settings of this process: UNITGRAPH_CACHE and UNITGRAPH_ESBUILD besides what the command line says."""
    cache = os.environ.get("UNITGRAPH_CACHE")
    override = os.environ.get("UNITGRAPH_ESBUILD")
    return Settings(
        Path(cache) if cache else user_cache(os.environ), provider, environment, sourcemap, jobs,
        Path(override) if override else None, refresh, wait_lock_s,
    )  # fmt: skip
