"""Where a benchmark runs: a generated project, caches of its own, the shared toolchain, and what esbuild was asked.

The raw esbuild that builds are compared with gets the very entries and options that the build gave it, in one process.
"""

import json
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.generate import Shape, generate
from benchmarks.measure import Cost, median, run
from unitgraph.rules.toolchain import ensure, user_cache

BIN = Path(sys.executable).parent


@dataclass(frozen=True, slots=True)
class Call:
    """All calls of esbuild for bundles of one build, put together."""

    entries: tuple[str, ...]
    options: tuple[str, ...]
    node_path: str


class Lab:
    """One generated project in ``folder`` (removed and made anew)."""

    def __init__(self, shape: Shape, folder: Path) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        self.shape = shape
        self.folder = folder
        self.cache = folder / "cache"
        shared = user_cache(os.environ)
        ensure("runtime", shared)
        self.esbuild = ensure("build", shared).esbuild
        (self.cache / "unitgraph").mkdir(parents=True)
        (self.cache / "unitgraph" / "toolchain").symlink_to(shared / "toolchain")
        modules = ensure("dev", shared).modules if shape.zod else None
        self.root = generate(shape, folder / "project", modules=modules)

    def environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        return {**kept, "XDG_CACHE_HOME": str(self.cache)}

    def clear(self) -> None:
        """Forget all that was built."""
        shutil.rmtree(self.root / ".deploy", ignore_errors=True)
        shutil.rmtree(self.root / ".pikku", ignore_errors=True)
        for path in (self.cache / "unitgraph").iterdir():
            if path.name != "toolchain":
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def unitgraph(self, *arguments: str, program: str = "unitgraph", memory: bool = False) -> Cost:
        return run([str(BIN / program), *arguments], cwd=self.root, env=self.environment(), memory=memory)

    def edit(self, path: str, old: str, new: str) -> None:
        target = self.root / path
        text = target.read_text(encoding="utf-8")
        assert old in text, f"{path} has no {old}"
        target.write_text(text.replace(old, new, 1), encoding="utf-8")

    def tapped(self) -> Call:
        """What a cold build asks esbuild for: the build runs once behind a shell that writes it down."""
        log = self.folder / "calls"
        tap = self.folder / "esbuild"
        tap.write_text(
            f"#!/bin/sh\nf=$(mktemp '{log}.XXXXXX')\n"
            f"printf '%s\\n' \"$NODE_PATH\" \"$@\" >\"$f\"\nexec '{self.esbuild}' \"$@\"\n"
        )
        tap.chmod(0o755)
        self.clear()
        run(
            [str(BIN / "unitgraph"), "plan"],
            cwd=self.root,
            env={**self.environment(), "UNITGRAPH_ESBUILD": str(tap)},
        )
        entries: set[str] = set()
        options: tuple[str, ...] = ()
        node_path = ""
        for path in sorted(self.folder.glob("calls.*")):
            modules, *words = path.read_text().splitlines()
            if "--bundle" not in words:
                continue
            node_path = modules
            options = tuple(
                word for word in words if word.startswith("--") and not word.startswith(("--outdir", "--metafile"))
            )
            entries |= {word for word in words if not word.startswith("-")}
            path.unlink()
        return Call(tuple(sorted(entries)), options, node_path)

    def raw(self, call: Call) -> tuple[Cost, Mapping[str, Any]]:
        """All entries in one process of esbuild, nothing around it: its cost and its metafile."""
        out, meta = self.folder / "raw", self.folder / "raw.json"
        shutil.rmtree(out, ignore_errors=True)
        env = {"PATH": os.defpath, "GOGC": "200", "NODE_PATH": call.node_path}
        command = [str(self.esbuild), *call.entries, *call.options, f"--outdir={out}", f"--metafile={meta}"]
        cost = run(command, cwd=self.root, env=env, memory=True)
        found: dict[str, Any] = json.loads(meta.read_text())
        return cost, found


def ninja_noop(lab: Lab, metafile: Mapping[str, Any], times: int) -> Cost:
    """The no-op of an equivalent graph in ninja: an edge for each unit's entry, one for its bundle, the same inputs."""
    folder = lab.folder / "ninja"
    folder.mkdir(exist_ok=True)
    lines = ["rule copy", "  command = cp $first $out", "rule join", "  command = cat $in >$out"]
    for number, output in enumerate(metafile["outputs"].values()):
        if "entryPoint" not in output:
            continue
        there = (lab.root / path for path in output["inputs"] if (lab.root / path).exists())
        inputs = [escaped(os.path.relpath(path, folder)) for path in there]
        entry = escaped(os.path.relpath(lab.root / output["entryPoint"], folder))
        lines += [
            f"build gen/{number}.ts: copy {entry}", f"  first = {entry}",
            f"build out/{number}.js: copy gen/{number}.ts | {' '.join(inputs)}", f"  first = gen/{number}.ts",
        ]  # fmt: skip
    (folder / "build.ninja").write_text("\n".join(lines) + "\n")
    command = [str(BIN / "ninja"), "-C", str(folder)]
    run(command, cwd=folder, env=lab.environment())
    return median(lambda: run(command, cwd=folder, env=lab.environment()), times)


def escaped(path: str) -> str:
    return path.replace("$", "$$").replace(" ", "$ ").replace(":", "$:")
