"""A small project, its executable, and processes of it, for the benchmarks of the runtime."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from benchmarks.job_stores import Home
from unitgraph.rules.toolchain import ensure, user_cache

_LISTENING = re.compile(rb'"msg":"listening","port":(\d+)')


def build(folder: Path, files: Mapping[str, str]) -> Path:
    """Writes ``files``, path → text, below ``folder`` and puts the executable in place; raises SystemExit with what was
    said where that fails."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    ensure("runtime", user_cache(os.environ))
    command = [str(Path(sys.executable).parent / "unitgraph"), "apply"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    return folder / ".deploy" / "standalone" / str(json.loads(files["package.json"])["name"])


class Process:
    """One process of the executable, whose log is a file."""

    def __init__(self, program: Path, home: Home, log: Path) -> None:
        self.log = log
        environment = {"PORT": "0", "HOST": "127.0.0.1", **home.environment}
        with open(log, "wb") as file:
            self.process = subprocess.Popen([program], stdout=file, stderr=file, env=environment, cwd="/")

    def port(self) -> int:
        end = time.monotonic() + 30
        while (found := _LISTENING.search(self.log.read_bytes())) is None:
            if self.process.poll() is not None or time.monotonic() > end:
                raise SystemExit(f"the executable did not start: {self.log.read_text()}")
            time.sleep(0.005)
        return int(found[1])

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def end(self) -> None:
        self.process.terminate()
        self.process.wait(60)
