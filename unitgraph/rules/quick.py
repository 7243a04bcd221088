"""Answers `plan` for an unchanged project from its snapshot, before anything heavy is imported.

Knows where snapshots are and what a command line means for them; standard library only.
"""

import sys
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from unitgraph import __version__
from unitgraph.rules import snapshot

CONFIG = "pikku.config.json"
RUNS = "UNITGRAPH_RUNS"
"""Where it is set, what is said of runs changes while no file does."""
ENVIRONMENT = ("UNITGRAPH_CACHE", "UNITGRAPH_ESBUILD", "NO_COLOR", "FORCE_COLOR", "XDG_CACHE_HOME")


def find_root(start: Path) -> Path | None:
    """The folder with the project's configuration, upwards from ``start``."""
    for folder in (start, *start.parents):
        if (folder / CONFIG).is_file():
            return folder
    return None


def start_folder(args: Sequence[str]) -> Path:
    """The folder that ``-d`` names, or the working folder."""
    words = iter(args)
    for word in words:
        if word in ("-d", "--dir"):
            return Path(next(words, ".")).resolve()
        if word.startswith("--dir="):
            return Path(word.removeprefix("--dir=")).resolve()
        if word.startswith("-d") and not word.startswith("--"):
            return Path(word[2:]).resolve()
    return Path.cwd()


def salt(args: Sequence[str], environ: Mapping[str, str]) -> str:
    """What an answer depends on besides files: version, interpreter, arguments, terminal and settings."""
    terminal = f"{sys.stdout.isatty()}:{environ.get('COLUMNS', '')}" if sys.stdout.isatty() else "piped"
    chosen = [f"{name}={environ.get(name, '')}" for name in ENVIRONMENT]
    return "\0".join((__version__, sys.version, terminal, *chosen, *args))


def snapshot_path(root: Path, args: Sequence[str]) -> Path:
    """Where the answer to these arguments is kept."""
    return root / ".deploy" / "cache" / f"plan-{zlib.crc32(chr(0).join(args).encode()):08x}.json"


def answer(args: Sequence[str], environ: Mapping[str, str]) -> dict[str, Any] | None:
    """The saved answer to ``plan`` with ``args``: {"out", "err", "status"}, where nothing has changed."""
    root = find_root(start_folder(args))
    if root is None or environ.get(RUNS):
        return None
    return snapshot.read(snapshot_path(root, args), salt(args, environ))


def give(saved: Mapping[str, Any]) -> int:
    """Prints a saved answer; returns its exit status."""
    sys.stderr.write(saved["err"])
    sys.stdout.write(saved["out"])
    sys.stdout.flush()
    return int(saved["status"])
