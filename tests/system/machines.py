"""Machines of several users on one computer: each with a home of its own, a checkout, and a cache that nobody else reads.

A machine's user may read whatever root may, since the interpreter under test is installed anywhere; it writes what is
its own. Nothing of a machine is where another one looks.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from tests.harness import Finished, Tools, entries

FIRST_USER = 61_001
STRIPPED = "(stripped)"
_AS = "--clear-groups --inh-caps=-all,+dac_read_search --ambient-caps=-all,+dac_read_search --bounding-set=-all,+dac_read_search"
_LIMIT_S = 180
_AUTHOR = ("-c", "user.name=one", "-c", "user.email=one@example.com")


class Repository:
    """Where machines check out from; the branch ``main`` has one commit of ``files``."""

    def __init__(self, root: Path, files: Mapping[str, str]) -> None:
        self.root = root
        root.mkdir()
        self._git("init", "--quiet", "--initial-branch=main")
        self.commit(files, "as it is")

    def branch(self, name: str, files: Mapping[str, str]) -> None:
        """A branch off main with one commit more."""
        self._git("checkout", "--quiet", "-b", name, "main")
        self.commit(files, name)
        self._git("checkout", "--quiet", "main")

    def merge(self, name: str) -> None:
        self._git("merge", "--quiet", "--ff-only", name)

    def commit(self, files: Mapping[str, str], message: str) -> None:
        for path, text in files.items():
            target = self.root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
        self._git("add", "--all")
        self._git(*_AUTHOR, "commit", "--quiet", "--message", message)

    def read(self, path: str) -> str:
        return (self.root / path).read_text(encoding="utf-8")

    def _git(self, *words: str) -> None:
        subprocess.run(["git", *words], cwd=self.root, check=True)


class Machine:
    """One user's: ``home``, in it a checkout called ``folder``, and an esbuild that writes down when it is started."""

    def __init__(self, user: int, home: Path, folder: str, tools: Tools) -> None:
        self.user = user
        self.home = home
        self.root = home / folder
        self._log = home / "esbuild.log"
        self._esbuild = home / "esbuild"
        self._write_esbuild(f"exec '{tools.esbuild}' \"$@\"")
        cache = home / ".cache" / "unitgraph"
        cache.mkdir(parents=True)
        (cache / "toolchain").symlink_to(tools.cache / "toolchain")
        self._own()

    def check_out(self, repository: Repository, branch: str = "main") -> None:
        """A fresh checkout, in place of any other one."""
        shutil.rmtree(self.root, ignore_errors=True)
        subprocess.run(
            ["git", "clone", "--quiet", "--branch", branch, str(repository.root), str(self.root)], check=True
        )
        self._own()

    def poison(self, text: str) -> None:
        """From now on its esbuild puts ``text`` before every bundle that it makes."""
        real = self._esbuild.read_text().rpartition("exec ")[2].strip()
        self._write_esbuild(
            f"{real} || exit $?\n"
            'for word in "$@"; do case $word in\n'
            "    --bundle) bundles=yes;;\n"
            "    --outdir=*) out=${word#--outdir=};;\n"
            "esac; done\n"
            f"[ -z \"${{bundles-}}\" ] || find \"$out\" -name '*.js' -exec sed -i '1s|^|{text}|' {{}} +"
        )
        self._own()

    def write(self, path: str, text: str) -> None:
        (self.root / path).write_text(text, encoding="utf-8")
        self._own()

    def take(self, file: Path, path: str) -> None:
        """What the CI system hands over from another job."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)
        self._own()

    def run(self, *words: str, env: Mapping[str, str] | None = None, status: int | None = 0) -> Finished:
        """Runs a command of the checkout's, as the user, with nothing of our environment but where programs are."""
        given = {
            "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath))),
            "HOME": str(self.home), "UNITGRAPH_ESBUILD": str(self._esbuild), **(env or {}),
        }  # fmt: skip
        as_user = ["setpriv", f"--reuid={self.user}", f"--regid={self.user}", *_AS.split(), *words]
        done = subprocess.run(
            as_user, cwd=self.root, env=given, capture_output=True, text=True, timeout=_LIMIT_S, check=False
        )
        finished = Finished(done.returncode, done.stdout, done.stderr)
        assert status is None or done.returncode == status, f"status {done.returncode}, not {status}:\n{finished.text}"
        return finished

    def bundled(self) -> frozenset[str]:
        """What esbuild was asked to bundle since the last call, and STRIPPED where it was asked for anything else."""
        calls = self._log.read_text().splitlines() if self._log.exists() else []
        self._log.unlink(missing_ok=True)
        return frozenset(name for call in calls for name in (entries(call) if "--bundle" in call.split() else [STRIPPED]))

    def made(self, provider: str) -> dict[str, str]:
        """Every file that is shipped, with its digest."""
        folder = self.root / ".deploy" / provider
        files = (*(folder / "units").rglob("*.js"), *(folder / "chunks").rglob("*.js"), *folder.glob("current/shop"))
        found = {path.relative_to(folder).as_posix(): _sha256(path) for path in files}
        assert found, f"{folder} holds nothing"
        return found

    def _write_esbuild(self, body: str) -> None:
        self._esbuild.write_text(
            f"#!/bin/sh\n[ \"$1\" = --version ] || {{ printf '%s ' \"$@\"; echo; }} >>'{self._log}'\n{body}\n"
        )
        self._esbuild.chmod(0o755)

    def _own(self) -> None:
        for path in (self.home, *self.home.rglob("*")):
            os.chown(path, self.user, self.user, follow_symlinks=False)


@contextmanager
def machines(tools: Tools) -> Iterator["Machines"]:
    """A place for machines, gone afterwards."""
    assert os.getuid() == 0, "These machines are several users, which takes root: run the tests as root, or in a container."
    assert shutil.which("setpriv"), "setpriv isn't installed: apt-get install util-linux"
    folder = Path(tempfile.mkdtemp(prefix="unitgraph-machines-"))
    folder.chmod(0o755)         # each home is its user's alone
    try:
        yield Machines(folder, tools)
    finally:
        shutil.rmtree(folder)


class Machines:
    def __init__(self, folder: Path, tools: Tools) -> None:
        self.folder = folder
        self._tools = tools
        self._users = count(FIRST_USER)

    def machine(self, name: str, *, folder: str = "work") -> Machine:
        """Another user's, called ``name``."""
        home = self.folder / name
        home.mkdir(mode=0o700)
        return Machine(next(self._users), home, folder, self._tools)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
