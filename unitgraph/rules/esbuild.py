"""esbuild, the official binary, as a subprocess: builds many entries at once, returns what it wrote and what it read.

Knows its command line and its messages, not units. https://esbuild.github.io/api/
"""

import json
import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from unitgraph.errors import Place
from unitgraph.errors.build import EsbuildFailed
from unitgraph.rules.sourcemap import settle

HEAP_BYTES: Final = 512 << 20
"""How much a run may hold before it looks for garbage, where nothing else is said."""

_STARVED = re.compile(r"out of memory|cannot allocate memory|cannot map pages|errno=12\b", re.IGNORECASE)
"""What Go says when the system refuses it memory: https://go.dev/src/runtime/malloc.go."""

_KILLED = frozenset((-signal.SIGKILL, 128 + signal.SIGKILL))
_MESSAGE = re.compile(
    r"^✘ \[ERROR\] (?P<text>.*?)(?:\n\n {4}(?P<path>\S[^\n]*?):(?P<line>\d+):(?P<column>\d+):|\n\n|\Z)",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Message:
    """One of esbuild's errors."""

    text: str
    place: Place | None


@dataclass(frozen=True, slots=True)
class Built:
    """What one run made: output path → bytes, the metafile, and errors (then there are no outputs)."""

    outputs: Mapping[str, bytes]
    metafile: Mapping[str, Any]
    errors: tuple[Message, ...]
    outdir: str = ""

    def left_out(self, inputs: Iterable[str]) -> set[str]:
        """The files, by absolute path, that these inputs import and that an option kept from being read."""
        return {
            os.path.normpath(os.path.join(self.outdir, edge["path"]))
            for path in inputs
            for edge in self.metafile["inputs"][path]["imports"]
            if edge.get("external") and edge["path"].startswith(".")
        }


def environment(
    modules: Iterable[Path] = (), *, threads: int | None = None, heap_bytes: int | None = None
) -> dict[str, str]:
    """The environment of esbuild: nothing of the user's reaches it, so nothing of it can reach an output.

    A batch ends before looking for garbage pays off, so nothing is collected below ``heap_bytes``; without that, as for
    a run that holds the whole project, garbage is looked for now and then.
    """
    chosen = {"PATH": os.defpath}
    chosen |= {"GOGC": "200"} if heap_bytes is None else {"GOGC": "off", "GOMEMLIMIT": f"{heap_bytes}B"}
    folders = os.pathsep.join(map(str, modules))
    if folders:
        chosen["NODE_PATH"] = folders
    if threads is not None:
        chosen["GOMAXPROCS"] = str(threads)
    return chosen


def build(
    binary: Path,
    entries: Mapping[str, str],
    options: Sequence[str],
    *,
    root: Path,
    modules: Iterable[Path] = (),
    threads: int | None = None,
    heap_bytes: int | None = HEAP_BYTES,
) -> Built:
    """Builds ``entries`` (output name without suffix → source path, relative to ``root``).

    Raises EsbuildFailed where esbuild didn't run to its end, as when it was killed.
    """
    with tempfile.TemporaryDirectory(prefix="unitgraph-") as folder:
        metafile = os.path.join(folder, "meta.json")
        outdir = os.path.join(folder, "out")
        command = [
            str(binary),
            *(f"{name}={_relative(path)}" for name, path in entries.items()),
            f"--outdir={outdir}",
            "--log-level=error",
            "--log-limit=0",
            "--color=false",
            f"--metafile={metafile}",
            *options,
        ]
        done = subprocess.run(
            command,
            cwd=root,
            env=environment(modules, threads=threads, heap_bytes=heap_bytes),
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
        if done.returncode:
            errors = messages(done.stderr)
            if done.returncode < 0 or not errors:
                raise EsbuildFailed(done.returncode, done.stderr)
            return Built({}, {}, errors)
        return Built(_read_tree(outdir, root), json.loads(Path(metafile).read_bytes()), (), outdir)


def version(binary: Path) -> str:
    """The version that a binary says it is. Raises EsbuildFailed where it says none."""
    done = subprocess.run(
        [str(binary), "--version"], env=environment(), capture_output=True, text=True, errors="replace", check=False
    )
    if done.returncode or not done.stdout.strip():
        raise EsbuildFailed(done.returncode, done.stderr)
    return done.stdout.strip()


def lacked_memory(error: EsbuildFailed) -> bool:
    """Whether it was killed, as the kernel does where memory runs out, or was refused memory."""
    return error.status in _KILLED or _STARVED.search(error.output) is not None


def messages(text: str) -> tuple[Message, ...]:
    """The errors in esbuild's own output, each with its place where it gives one (columns counted from 1)."""
    found = []
    for match in _MESSAGE.finditer(text):
        place = None
        if match["path"]:
            place = Place(match["path"], int(match["line"]), int(match["column"]) + 1)
        found.append(Message(" ".join(match["text"].split()), place))
    return tuple(found)


def reachable(metafile: Mapping[str, Any], entry: str) -> Iterable[str]:
    """Every input that ``entry`` reads, itself included, by the metafile's import edges."""
    inputs = metafile["inputs"]
    seen = {entry}
    pending = [entry]
    while pending:
        for edge in inputs[pending.pop()]["imports"]:
            path = edge["path"]
            if not edge.get("external") and path in inputs and path not in seen:
                seen.add(path)
                pending.append(path)
    return seen


def _relative(path: str) -> str:
    return path if path.startswith(("/", "./", "../")) else f"./{path}"


def _read_tree(folder: str, root: Path) -> dict[str, bytes]:
    found = {}
    for parent, _, names in os.walk(folder):
        for name in names:
            full = os.path.join(parent, name)
            with open(full, "rb") as file:
                data = file.read()
            relative = os.path.relpath(full, folder).replace(os.sep, "/")
            found[relative] = settle(data, Path(parent), root) if name.endswith(".map") else data
    return found
