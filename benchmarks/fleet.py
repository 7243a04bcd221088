"""A project in git, and machines that check it out: each in a folder of another name, with a cache of its own.

A machine is what a job on CI starts with: the sources, the toolchain, and nothing that was built. All stay until the
end: for minutes after many files were deleted, ext4 makes new ones three times as slowly, since it looks for inodes
that weren't just freed.
"""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from benchmarks.generate import Shape, generate
from benchmarks.measure import Cost, run
from unitgraph.cache import signature
from unitgraph.rules.toolchain import ensure, user_cache

PROGRAM = Path(sys.executable).parent / "unitgraph"
TOKEN_VARIABLE = "BENCH_CACHE_TOKEN"  # noqa: S105 - the name of a variable
NOT_SHIPPED = "cloudflare-upload-unavailable"
"""How an apply for Cloudflare ends, once it has all bytes at hand."""

_AUTHOR = ("-c", "user.name=bench", "-c", "user.email=bench@localhost")


@dataclass(frozen=True, slots=True)
class Shared:
    """A shared cache: where it is, the token for it, and the key that a job which may write signs with."""

    url: str = "off"
    token: str | None = None
    key: str = field(default="", repr=False)

    def environment(self) -> dict[str, str]:
        found = {"UNITGRAPH_CACHE_URL": self.url}
        if self.token:
            found[TOKEN_VARIABLE] = self.token
        if self.key:
            found["UNITGRAPH_CACHE_KEY"] = self.key
        return found


NOT_SHARED = Shared()


class Fleet:
    """One project of ``shape`` in a repository below ``folder``, with a key that its builds are signed with."""

    def __init__(self, shape: Shape, folder: Path) -> None:
        self.folder = folder
        self.origin = folder / "origin"
        self.pair = signature.generate()
        self._numbers = count(1)
        self._toolchain = user_cache(os.environ) / "toolchain"
        ensure("runtime", self._toolchain.parent)
        self.esbuild = ensure("build", self._toolchain.parent).esbuild
        generate(shape, self.origin)
        config = self.origin / "pikku.config.json"
        settings = json.loads(config.read_text())
        settings["deploy"]["cache"] = {"keys": {"bench": self.pair.public}, "tokenEnv": TOKEN_VARIABLE}
        config.write_text(json.dumps(settings, indent=2) + "\n")
        (self.origin / ".gitignore").write_text(".deploy\n.pikku\n")
        git(self.origin, "init", "--quiet")
        commit(self.origin)

    def machine(self, *, cache: Path | None = None) -> "Machine":
        """A fresh checkout; ``cache`` is the folder of another one, where the machine has built before."""
        home = self.folder / f"machine-{next(self._numbers)}"
        root = home / f"checkout-{home.name[-1]}"
        git(self.folder, "clone", "--quiet", str(self.origin), str(root))
        own = cache or home / "cache"
        (own / "unitgraph").mkdir(parents=True, exist_ok=True)
        if not (own / "unitgraph" / "toolchain").is_symlink():
            (own / "unitgraph" / "toolchain").symlink_to(self._toolchain)
        return Machine(home, root, own, self.esbuild)


@dataclass(frozen=True, slots=True)
class Machine:
    """``home`` holds the checkout and all else that is this machine's."""

    home: Path
    root: Path
    cache: Path
    esbuild: Path

    def unitgraph(self, *arguments: str, shared: Shared = NOT_SHARED, tap: "Tap | None" = None) -> Cost:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        env = {**kept, "XDG_CACHE_HOME": str(self.cache), "CI": "true", **shared.environment()}
        if tap:
            env["UNITGRAPH_ESBUILD"] = str(tap.program)
        return run([str(PROGRAM), *arguments], cwd=self.root, env=env, failure=NOT_SHIPPED)

    def edit(self, edition: int) -> None:
        """Commits a change of one function, another one for each ``edition``."""
        path = next(iter(sorted((self.root / "src").glob("area*/thing*.functions.ts"))))
        text = path.read_text(encoding="utf-8")
        changed = text.replace("(data.amount ?? 1) + ", f"(data.amount ?? 1) + {edition} + ", 1)
        assert changed != text, f"{path} isn't as it was generated"
        path.write_text(changed, encoding="utf-8")
        commit(self.root)

    def bundles(self) -> dict[str, str]:
        """Unit → the digest of its bundle, of those whose bytes are here."""
        units = self.root / ".deploy" / "cloudflare" / "units"
        return {
            path.parent.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in units.glob("*/index.js")
        }


class Tap:
    """A program that does what ``real`` does, and writes down that it was started for more than its version."""

    def __init__(self, folder: Path, real: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._log = folder / "started"
        self.program = folder / real.name
        self.program.write_text(f"#!/bin/sh\n[ \"$1\" = --version ] || echo >>'{self._log}'\nexec '{real}' \"$@\"\n")
        self.program.chmod(0o755)

    def started(self) -> int:
        """How often, since the last call."""
        found = self._log.read_text().count("\n") if self._log.exists() else 0
        self._log.unlink(missing_ok=True)
        return found


def git(folder: Path, *words: str, env: Mapping[str, str] | None = None) -> None:
    subprocess.run(["git", *words], cwd=folder, check=True, env={**os.environ, **(env or {})})


def commit(folder: Path) -> None:
    """Commits everything; twins get the same commit."""
    at = {"GIT_AUTHOR_DATE": "2026-01-01T00:00:00Z", "GIT_COMMITTER_DATE": "2026-01-01T00:00:00Z"}
    git(folder, "add", "--all")
    git(folder, *_AUTHOR, "commit", "--quiet", "--message", "as it is", env=at)
