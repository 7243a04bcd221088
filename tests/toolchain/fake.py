"""A Bun that needs no network: it writes down each call, can be made to wait, and puts an esbuild in place."""

import sys
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

from unitgraph.rules.toolchain import Bun
from unitgraph.rules.toolchain.locate import ESBUILD_VERSION, host_platform


@dataclass(frozen=True, slots=True)
class FakeBun:
    bun: Bun
    calls: Path
    hold: Path
    held: Path

    @property
    def count(self) -> int:
        return len(self.calls.read_text().splitlines()) if self.calls.exists() else 0


def fake_bun(
    folder: Path, *, says: str = "", status: int = 0, esbuild: str = ESBUILD_VERSION, installs: bool = True
) -> FakeBun:
    """Make one below ``folder``; it waits while the file ``hold`` is there, having made the file ``held``."""
    folder.mkdir(parents=True, exist_ok=True)
    made = FakeBun(Bun(folder / "bun", "0.0.1"), folder / "calls", folder / "hold", folder / "held")
    binary = f"node_modules/@esbuild/{host_platform()}/bin/esbuild"
    made.bun.path.write_text(
        dedent(f"""\
        #!{sys.executable}
        import os, sys, time
        open({str(made.calls)!r}, "a").write(" ".join(sys.argv[1:]) + "\\n")
        if os.path.exists({str(made.hold)!r}):
            open({str(made.held)!r}, "w").close()
            while os.path.exists({str(made.hold)!r}):
                time.sleep(0.01)
        print({says!r}, file=sys.stderr)
        if {installs}:
            os.makedirs(os.path.dirname({binary!r}), exist_ok=True)
            with open({binary!r}, "w") as file:
                file.write("#!/bin/sh\\necho {esbuild}\\n")
            os.chmod({binary!r}, 0o755)
        sys.exit({status})
        """)
    )
    made.bun.path.chmod(0o755)
    return made
