"""A checkout to run the command line in, and what came of it; knows the contracts of the command line, no internals."""

import hashlib
import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

from unitgraph.rules.toolchain import ensure, user_cache

REPOSITORY = Path(__file__).resolve().parent.parent
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[0-9.:+Z-]*")


@dataclass(frozen=True, slots=True)
class Tools:
    """Unitgraph's folder in the user's cache, where the toolchain is, and the real esbuild in it."""

    cache: Path
    esbuild: Path


@dataclass(frozen=True, slots=True)
class Finished:
    """One run of the command line."""

    status: int
    out: str
    err: str

    @property
    def text(self) -> str:
        return f"{self.out}\n{self.err}"

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Checkout:
    """A project's folder, with an esbuild that writes down what it is asked for and can be made to wait."""

    def __init__(self, root: Path, tools: Tools, cache: Path) -> None:
        self.root = root
        self.tools = tools
        self.cache = cache
        self._tap = root.parent / f"{root.name}.tap"
        root.mkdir(parents=True, exist_ok=True)
        self._tap.mkdir(exist_ok=True)
        self.log, self.hold, self.held = self._tap / "log", self._tap / "hold", self._tap / "held"
        self.esbuild = self._tap / "esbuild"
        self.esbuild.write_text(
            dedent(f"""\
            #!/bin/sh
            [ "$1" = --version ] && exec '{tools.esbuild}' --version
            printf '%s ' "$@" >>'{self.log}.part-'$$
            echo >>'{self.log}.part-'$$
            cat '{self.log}.part-'$$ >>'{self.log}'
            rm '{self.log}.part-'$$
            case " $* " in
            *' --bundle '*)
                if [ -e '{self.hold}' ]; then
                    : >'{self.held}'
                    while [ -e '{self.hold}' ]; do sleep 0.02; done
                fi;;
            esac
            exec '{tools.esbuild}' "$@"
            """)
        )
        self.esbuild.chmod(self.esbuild.stat().st_mode | stat.S_IXUSR)

    def write(self, files: Mapping[str, str]) -> None:
        for path, text in files.items():
            target = self.root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")

    def read(self, path: str) -> str:
        return (self.root / path).read_text(encoding="utf-8")

    def edit(self, path: str, old: str, new: str) -> None:
        text = self.read(path)
        assert text.count(old) == 1, f"{path} holds {text.count(old)} times: {old}"
        self.write({path: text.replace(old, new)})

    def environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
        return {**kept, **environment(self.tools, self.cache), "UNITGRAPH_ESBUILD": str(self.esbuild)}

    def start(
        self, *arguments: str, program: str = "unitgraph", more: Mapping[str, str] | None = None
    ) -> subprocess.Popen[str]:
        """``more`` is added to the environment."""
        return subprocess.Popen(
            command(program, *arguments),
            cwd=self.root,
            env={**self.environment(), **(more or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=_hear_interrupts,  # noqa: PLW1509 - it only sets a signal's handler
        )

    def run(
        self, *arguments: str, status: int | None = 0, program: str = "unitgraph", more: Mapping[str, str] | None = None
    ) -> Finished:
        """Run the command line to its end; ``status`` None takes any."""
        done = wait(self.start(*arguments, program=program, more=more))
        assert status is None or done.status == status, f"status {done.status}, not {status}:\n{done.text}"
        return done

    def plan(self, *arguments: str) -> Finished:
        return self.run("plan", *arguments)

    def bundled(self) -> frozenset[str]:
        """The units that esbuild was asked to bundle since the last call."""
        calls = self.log.read_text().splitlines() if self.log.exists() else []
        self.log.unlink(missing_ok=True)
        return frozenset(unit for call in calls if "--bundle" in call.split() for unit in entries(call))

    def units(self, provider: str = "cloudflare") -> dict[str, bytes]:
        """Unit → its bundle's bytes."""
        folder = self.root / ".deploy" / provider / "units"
        return {unit.name: (unit / "index.js").read_bytes() for unit in sorted(folder.iterdir())}

    def tree(self, provider: str = "cloudflare") -> dict[str, str]:
        """Every file of the build output with its digest; times in plan.json don't count."""
        folder = self.root / ".deploy" / provider
        found = {}
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                data = path.read_bytes()
                if path.name == "plan.json":
                    data = _TIME.sub("T", data.decode()).encode()
                found[path.relative_to(folder).as_posix()] = hashlib.sha256(data).hexdigest()
        assert found, f"{folder} is empty"
        return found

    def shipped(self, provider: str = "cloudflare") -> dict[str, str]:
        """The same without what bundles were made from, which a build that is taken over doesn't have."""
        return {path: mark for path, mark in self.tree(provider).items() if not path.startswith("gen/")}

    def clean(self) -> None:
        for name in (".deploy", ".pikku"):
            shutil.rmtree(self.root / name, ignore_errors=True)

    def clone(self, root: Path) -> "Checkout":
        """The same sources elsewhere, with no build output and caches of its own."""
        shutil.copytree(self.root, root, ignore=shutil.ignore_patterns(".deploy", ".pikku"), symlinks=True)
        return Checkout(root, self.tools, root.parent / f"{root.name}.cache")


def _hear_interrupts() -> None:
    """A shell's background jobs, and all that they start, ignore the keyboard; what is tested here doesn't."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def entries(call: str) -> Iterable[str]:
    """The units in one command line of esbuild: its entries are NAME=PATH, and a unit's name has no slash."""
    for word in call.split():
        if not word.startswith("-") and "=" in word:
            parts = word.partition("=")[0].split("/")
            yield parts[0] if len(parts) < 2 else parts[-2]


def wait(process: "subprocess.Popen[str]", timeout_s: float = 120) -> Finished:
    try:
        out, err = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        kill(process)
        raise
    return Finished(process.returncode, out, err)


def kill(process: "subprocess.Popen[str]") -> Finished:
    """kill -9 of a run and of everything that it started."""
    with suppress(ProcessLookupError):   # it had ended by itself
        os.killpg(process.pid, signal.SIGKILL)
    out, err = process.communicate()
    return Finished(process.returncode, out, err)


def wait_for(path: Path, process: "subprocess.Popen[str]", timeout_s: float = 60) -> None:
    """Wait until ``path`` is there; fails when the process ends before it."""
    end = time.monotonic() + timeout_s
    while not path.exists():
        assert process.poll() is None, f"ended with {wait(process)} before {path.name}"
        assert time.monotonic() < end, f"{path} did not come"
        time.sleep(0.01)


def command(program: str, *arguments: str) -> list[str]:
    """The installed program of this Python, so that the entry points themselves are under test."""
    return [str(Path(sys.executable).parent / program), *arguments]


def environment(tools: Tools, cache: Path) -> dict[str, str]:
    """What gives the command line a cache of its own, in which only the toolchain is the shared one."""
    own = cache / "unitgraph"
    own.mkdir(parents=True, exist_ok=True)
    if not (own / "toolchain").is_symlink():
        (own / "toolchain").symlink_to(tools.cache / "toolchain")
    return {"XDG_CACHE_HOME": str(cache)}


def prepare_tools() -> Tools:
    """Install what builds need, once; the toolchain itself makes processes wait for each other."""
    cache = user_cache(os.environ)
    ensure("runtime", cache)
    return Tools(cache, ensure("build", cache).esbuild)
