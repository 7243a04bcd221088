"""How a part of the toolchain gets into the cache: a frozen, verified install beside its place, then one rename.

Bun checks a package's sha512 when it downloads it, but trusts what its own cache holds and a lock entry without a hash
(both tried on 1.4.2). So each install has a cache folder of its own, which ends with it, and a lock entry without a
hash is refused. An optional package that can't be downloaded is only a warning to Bun, and here it is a failure.
"""

import errno
import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from unitgraph.errors import UnitgraphError
from unitgraph.errors.toolchain import (
    BunUnusable,
    ToolchainDamaged,
    ToolchainDiskFull,
    ToolchainInstallFailed,
    ToolchainIntegrity,
    ToolchainOffline,
    ToolchainUnwritable,
)
from unitgraph.rules.toolchain.locate import ESBUILD_VERSION, RECORD, Bun, Toolchain, describe, find

LOCKS: Final = Path(__file__).parent / "locks"
NEEDED_BYTES: Final = {
    "agents": 60 << 20, "build": 24 << 20, "runtime": 12 << 20, "mcp": 20 << 20, "dev": 130 << 20,
    "workers": 390 << 20, "database": 16 << 20,
}  # fmt: skip
TEMPORARY: Final = ".tmp-"
OFFLINE: Final = re.compile(
    r"DNSResolveFailed|ConnectionRefused|ConnectionClosed|ConnectionReset|FailedToOpenSocket|NetworkUnreachable|"
    r"HostUnreachable|Timeout|ENETUNREACH|ECONN\w+|EAI_AGAIN|ENOTFOUND|UnableToConnect"
)

Say = Callable[[str], None]


def lock_digest(folder: Path) -> str:
    """The digest of one part's two lock files, as `locate.PARTS` holds it."""
    content = hashlib.sha256()
    for name in ("package.json", "bun.lock"):
        data = (folder / name).read_bytes()
        content.update(b"%s %d\n" % (name.encode(), len(data)))
        content.update(data)
    return content.hexdigest()[:16]


def install(part: str, cache: Path, *, bun: Bun, say: Say, locks: Path = LOCKS) -> Toolchain:
    """Install the part, or wait until the process that is doing it has."""
    toolchain = describe(part, cache, bun=bun)
    parent = toolchain.path.parent
    try:
        parent.mkdir(parents=True, exist_ok=True)
        with locked(parent / f".{part}.lock", say=say, waiting=f"Waiting for another process to install {part} …"):
            found = find(part, cache, bun=bun)
            if found is not None:
                return found
            _collect(parent, part)
            say(f"Installing the toolchain's part {part} …")
            _install_fresh(toolchain, locks / part)
    except OSError as error:
        raise _of_disk(error, toolchain) from error
    return toolchain


def _install_fresh(toolchain: Toolchain, lock: Path) -> None:
    parent, part = toolchain.path.parent, toolchain.part
    refuse_unhashed(part, (lock / "bun.lock").read_text("utf-8"))
    temporary = Path(tempfile.mkdtemp(prefix=f"{TEMPORARY}{part}-", dir=parent))
    try:
        for name in ("package.json", "bun.lock"):
            shutil.copyfile(lock / name, temporary / name)
        said = run_bun(toolchain.bun, temporary, cache=temporary / ".bun-cache")
        _judge(toolchain, temporary, *said)
        shutil.rmtree(temporary / ".bun-cache", ignore_errors=True)
        record = {"part": part, "bun": toolchain.bun_version, "executables": _executables(temporary)}
        with open(temporary / RECORD, "w", encoding="utf-8") as file:
            json.dump(record, file, indent=1, sort_keys=True)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o755)
        if toolchain.path.exists():  # damaged, else find() had returned it
            shutil.rmtree(toolchain.path)
        temporary.rename(toolchain.path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def run_bun(bun: Path, folder: Path, *, cache: Path | None = None) -> tuple[int, str]:
    """Run a frozen install without scripts; its status and what it complained about."""
    command = [str(bun), "install", "--frozen-lockfile", "--ignore-scripts", "--no-progress", "--no-summary"]
    if cache is not None:
        command += ["--cache-dir", str(cache), "--linker", "hoisted"]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace", check=False)
    except OSError as error:
        if error.errno in {errno.ENOENT, errno.EACCES, errno.ENOEXEC, errno.EPERM}:
            raise BunUnusable(bun, detail=error.strerror or str(error)) from error
        raise
    if done.returncode < 0 and not done.stderr.strip():
        raise BunUnusable(bun, detail=f"it was ended by signal {-done.returncode}")
    return done.returncode, " ".join(done.stderr.split())[:600]


def _judge(toolchain: Toolchain, folder: Path, status: int, said: str) -> None:
    """Raise the error that fits unless everything the lock pins has come."""
    part = toolchain.part
    missing = part == "build" and not (folder / "node_modules" / "@esbuild" / toolchain.platform).exists()
    if status == 0 and not missing and "tarball" not in said:
        if part == "build":
            _check_esbuild(toolchain, folder)
        return
    if "IntegrityCheckFailed" in said or "Integrity check failed" in said:
        raise ToolchainIntegrity(part, detail=said)
    if "ENOSPC" in said or shutil.disk_usage(folder).free < 1 << 20:
        raise ToolchainDiskFull(part, folder=folder.parent, needed_bytes=NEEDED_BYTES[part])
    if OFFLINE.search(said):
        raise ToolchainOffline(part, detail=said)
    raise ToolchainInstallFailed(part, status=status, detail=said or "it said nothing")


def _check_esbuild(toolchain: Toolchain, folder: Path) -> None:
    esbuild = folder / toolchain.esbuild.relative_to(toolchain.path)
    try:
        done = subprocess.run([str(esbuild), "--version"], capture_output=True, text=True, check=False)
    except OSError as error:
        raise ToolchainIntegrity("build", detail=f"esbuild doesn't run: {error}") from error
    if done.stdout.strip() != ESBUILD_VERSION:
        raise ToolchainIntegrity("build", detail=f"esbuild says it is {done.stdout.strip()!r}, not {ESBUILD_VERSION}")


def refuse_unhashed(part: str, lock: str) -> None:
    """Bun installs an entry whose hash is empty without a word."""
    for line in lock.splitlines():
        entry = re.match(r'\s+"([^"]+)": \["', line)
        if entry and not re.search(r'"sha512-[A-Za-z0-9+/]{86}=="\],?$', line):
            raise ToolchainIntegrity(part, detail=f"the lock has no sha512 for {entry[1]}")


def verify(toolchain: Toolchain) -> None:
    """Compare every executable file with what was recorded after the install."""
    recorded = json.loads((toolchain.path / RECORD).read_text("utf-8"))["executables"]
    present = _executables(toolchain.path)
    changed = [path for path in recorded.keys() | present.keys() if recorded.get(path) != present.get(path)]
    if changed:
        raise ToolchainDamaged(toolchain.path, paths=changed)


def _executables(folder: Path) -> dict[str, str]:
    """Relative path → sha256 of each file that has the executable bit."""
    found = {}
    for where, _folders, names in os.walk(folder / "node_modules"):
        for name in names:
            path = os.path.join(where, name)
            if os.access(path, os.X_OK) and not os.path.islink(path):
                with open(path, "rb") as file:
                    digest = hashlib.file_digest(file, "sha256").hexdigest()
                found[Path(path).relative_to(folder).as_posix()] = digest
    return found


def _collect(parent: Path, part: str) -> None:
    """Remove what killed installs left; the part's lock is held, so nobody is using it."""
    for left in parent.glob(f"{TEMPORARY}{part}-*"):
        shutil.rmtree(left, ignore_errors=True)


def _of_disk(error: OSError, toolchain: Toolchain) -> UnitgraphError | OSError:
    folder = toolchain.path.parent
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return ToolchainDiskFull(toolchain.part, folder=folder, needed_bytes=NEEDED_BYTES[toolchain.part])
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST}:
        return ToolchainUnwritable(folder, detail=error.strerror or str(error))
    return error


@contextmanager
def locked(path: Path, *, say: Say, waiting: str) -> Iterator[None]:
    """Hold an exclusive lock on ``path``; the kernel gives it up when the process ends, however it ends."""
    import fcntl  # noqa: PLC0415 - not there on every platform, and the paths that need no lock work there

    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(waiting)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
