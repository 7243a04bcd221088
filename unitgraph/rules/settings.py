"""What the command line and the environment say. The one module that reads the process's environment."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from unitgraph.cache.local import BOUND_BYTES
from unitgraph.providers.base import Refresh
from unitgraph.rules.amounts import size_bytes
from unitgraph.rules.toolchain import user_cache

Variable = Callable[[str], str | None]
"""The value of an environment variable, or None."""


@dataclass(frozen=True, slots=True)
class Run:
    """Who runs this, for the records of a shared cache: ``label`` names the run where a CI system gives it a name,
    ``ref`` what it has checked out."""

    is_ci: bool = False
    label: str = ""
    ref: str = ""


@dataclass(frozen=True, slots=True)
class CacheSettings:
    """What the environment says of the shared cache, before the configuration: ``url`` "off" is none at all, ``key``
    is the private key, or the path of its file."""

    url: str = ""
    tier: str = ""
    key: str = field(default="", repr=False)
    run: Run = Run()
    variable: Variable = field(default=os.environ.get, repr=False, compare=False)


NO_CACHE_SETTINGS: Final = CacheSettings()


@dataclass(frozen=True, slots=True)
class Settings:
    """``cache`` is unitgraph's folder in the user's cache, kept below ``cache_bytes``; ``jobs`` 0 is one a processor;
    ``esbuild`` stands for the toolchain's own; ``local`` builds are run here and shipped nowhere."""

    cache: Path
    provider: str = ""
    environment: str = ""
    sourcemap: bool = False
    jobs: int = 0
    esbuild: Path | None = None
    refresh: Refresh = "units"
    wait_lock_s: float = 0
    shared: CacheSettings = NO_CACHE_SETTINGS
    cache_bytes: int = BOUND_BYTES
    local: bool = False


def settings(
    *, provider: str = "", environment: str = "", sourcemap: bool = False, jobs: int = 0, refresh: Refresh = "units",
    wait_lock_s: float = 0, local: bool = False,
) -> Settings:  # fmt: skip
    """Settings of this process: UNITGRAPH_CACHE, UNITGRAPH_CACHE_… and UNITGRAPH_ESBUILD besides the command line."""
    cache = os.environ.get("UNITGRAPH_CACHE")
    override = os.environ.get("UNITGRAPH_ESBUILD")
    return Settings(
        Path(cache) if cache else user_cache(os.environ), provider, environment, sourcemap, jobs,
        Path(override) if override else None, refresh, wait_lock_s, cache_settings(os.environ), cache_bytes(os.environ),
        local,
    )  # fmt: skip


def cache_bytes(environ: Mapping[str, str]) -> int:
    """How large the cache's folder may become. Raises AmountInvalid."""
    given = environ.get("UNITGRAPH_CACHE_SIZE")
    return size_bytes(given, "UNITGRAPH_CACHE_SIZE") if given else BOUND_BYTES


def cache_settings(environ: Mapping[str, str]) -> CacheSettings:
    """What ``environ`` says of the shared cache."""
    return CacheSettings(
        environ.get("UNITGRAPH_CACHE_URL", "").strip(),
        environ.get("UNITGRAPH_CACHE_TIER", "").strip(),
        environ.get("UNITGRAPH_CACHE_KEY", "").strip(),
        _run(environ),
        environ.get,
    )


_SYSTEMS: Final = (
    ("GITHUB_ACTIONS", "github", ("GITHUB_REPOSITORY", "GITHUB_RUN_ID"), "GITHUB_REF"),
    ("GITLAB_CI", "gitlab", ("CI_PROJECT_PATH", "CI_JOB_ID"), "CI_COMMIT_REF_NAME"),
)
"""The variable that a CI system is known by, what we call it, what names a run, what names the checkout."""


def _run(environ: Mapping[str, str]) -> Run:
    for known_by, system, names, ref in _SYSTEMS:
        if environ.get(known_by):
            label = " ".join((system, *filter(None, map(environ.get, names))))
            return Run(is_ci=True, label=label, ref=environ.get(ref, ""))
    return Run(is_ci=environ.get("CI", "").lower() not in ("", "0", "false"))
