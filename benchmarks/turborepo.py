"""The same count of tasks in Turborepo, against the remote cache server that is made for it.

Each package holds one unit's code, already in one file, and its ``build`` is esbuild's own binary with the options of
our build: output of the same size, no slices to write, one process a task. Scripts run by Bun, the fastest of the
package managers that Turborepo knows; artifacts are signed, as our entries are.
"""

import hashlib
import json
import os
import secrets
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from benchmarks.fleet import Tap, commit, git
from benchmarks.lab import Lab
from benchmarks.measure import Cost, run
from benchmarks.relay import Address
from tests.cache.remote.servers import started
from unitgraph.rules.toolchain import find_bun, user_cache
from unitgraph.rules.toolchain.install import run_bun

LOCK = Path(__file__).parent / "turborepo"
SCHEMA = "https://turborepo.com/schema.json"


def installed() -> Path:
    """The folder of packages with turbo and its server, installed now where they are missing."""
    digest = hashlib.sha256((LOCK / "bun.lock").read_bytes()).hexdigest()[:16]
    place = user_cache(os.environ) / "benchmarks" / f"turborepo-{digest}"
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=place.parent))
        for name in ("package.json", "bun.lock"):
            shutil.copyfile(LOCK / name, temporary / name)
        status, said = run_bun(find_bun().path, temporary, cache=temporary / ".bun-cache")
        if status:
            raise SystemExit(f"turbo can't be installed: {said}")
        shutil.rmtree(temporary / ".bun-cache", ignore_errors=True)
        temporary.rename(place)
    return place / "node_modules"


class Workspace:
    """A repository below ``folder`` with a package a unit of ``lab``'s project, and checkouts of it."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self.folder = folder
        self.origin = folder / "origin"
        self.modules = installed()
        self.esbuild = lab.esbuild
        self.bun = find_bun()
        self.secret = secrets.token_hex(32)
        self._numbers = count(1)
        self.tasks = self._write(lab)
        git(self.origin, "init", "--quiet")
        commit(self.origin)

    def _write(self, lab: Lab) -> int:
        call = lab.tapped()
        out = self.folder / "units"
        plain = [option for option in call.options if option != "--minify"]
        env = {"PATH": os.defpath, "NODE_PATH": call.node_path}
        run([str(lab.esbuild), *call.entries, *plain, f"--outdir={out}"], cwd=lab.root, env=env)
        options = [option for option in call.options if not option.startswith(("--alias:", "--tsconfig-raw="))]
        script = shlex.join(["esbuild", "index.js", *options, "--outfile=dist/index.js"])
        names = sorted(path.parent.name for path in out.glob("*/index.js"))
        for name in names:
            package = self.origin / "packages" / name
            package.mkdir(parents=True)
            (out / name / "index.js").rename(package / "index.js")
            about = {"name": name, "version": "1.0.0", "private": True, "scripts": {"build": script}}
            _put(package / "package.json", about)
        _put(self.origin / "package.json", {
            "name": "workspace", "private": True, "workspaces": ["packages/*"],
            "packageManager": f"bun@{self.bun.version}",
        })  # fmt: skip
        _put(self.origin / "turbo.json", {
            "$schema": SCHEMA, "remoteCache": {"signature": True}, "tasks": {"build": {"outputs": ["dist/**"]}},
        })  # fmt: skip
        (self.origin / ".gitignore").write_text("dist\n.turbo\nnode_modules\n")
        subprocess.run(
            [self.bun.path, "install", "--lockfile-only", "--silent"], cwd=self.origin, check=True,
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        return len(names)

    @contextmanager
    def server(self) -> Iterator[Address]:
        """turborepo-remote-cache with a folder of its own. Only where it knows the secret does it keep signatures."""
        root = self.folder / "server"
        environment = {
            "NODE_ENV": "production", "LOG_LEVEL": "error", "STORAGE_PROVIDER": "local",
            "STORAGE_PATH": str(root / "artifacts"), "STORAGE_PATH_USE_TMP_FOLDER": "false", "TURBO_TOKEN": self.secret,
            "TURBO_REMOTE_CACHE_SIGNATURE_KEY": self.secret,
        }  # fmt: skip
        program = self.modules / "turborepo-remote-cache" / "dist" / "cli.js"
        with started(lambda port: ["env", f"PORT={port}", str(self.bun.path), str(program)], root, environment) as (
            address,
            _,
        ):
            yield address

    def checkout(self) -> Path:
        root = self.folder / f"checkout-{next(self._numbers)}"
        git(self.folder, "clone", "--quiet", str(self.origin), str(root))
        return root

    def build(self, root: Path, address: Address | None, *, tap: Tap | None = None, writes: bool = True) -> Cost:
        """``turbo run build`` in a checkout, as on CI; without an address, with no remote cache."""
        program = tap.program if tap else self.esbuild
        turbo = next((self.modules / "@turbo").glob("*/bin/turbo"))
        env = {
            "PATH": os.pathsep.join((str(program.parent), str(self.bun.path.parent), os.environ["PATH"])),
            "HOME": os.environ["HOME"], "CI": "true", "TURBO_TELEMETRY_DISABLED": "1", "DO_NOT_TRACK": "1",
            "TURBO_REMOTE_CACHE_SIGNATURE_KEY": self.secret,
        }  # fmt: skip
        if address:
            env |= {"TURBO_API": f"http://{address[0]}:{address[1]}", "TURBO_TOKEN": self.secret, "TURBO_TEAM": "t"}
        command = [str(turbo), "run", "build", "--output-logs=errors-only"]
        command += [] if writes else ["--cache=local:rw,remote:r"]
        return run([*command, "--summarize"] if tap else command, cwd=root, env=env)


def remote_hits(root: Path) -> int:
    """How many tasks of a checkout's last run, which was tapped, came from the remote cache."""
    (summary,) = (root / ".turbo" / "runs").glob("*.json")
    tasks = json.loads(summary.read_text())["tasks"]
    return sum(task["cache"].get("source") == "REMOTE" for task in tasks)


def edit(root: Path) -> None:
    """Commits a change in one package."""
    path = next(iter(sorted((root / "packages").glob("*/index.js"))))
    path.write_text(f"{path.read_text()}\nexport const edited = 7\n")
    commit(root)


def _put(path: Path, document: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=2) + "\n")
