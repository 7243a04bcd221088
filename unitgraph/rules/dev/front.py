"""The process that keeps the port: started, told, heard and ended. Knows lines of JSON, not what they are about.

It ends when its standard input does, which is also when this process is killed; and all that it has started with it.
"""

import json
import os
import queue
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from unitgraph.errors.dev import DevFrontEnded, DevPortTaken

SCRIPT: Final = Path(__file__).parent / "front" / "main.ts"
_END_S: Final = 20

Said = dict[str, Any]


class Front:
    """``heard`` is called with whatever it says by itself, from another thread."""

    def __init__(
        self, bun: Path, opening: Mapping[str, Any], *, modules: Sequence[Path], environment: Mapping[str, str],
        heard: Callable[[Said], None],
    ) -> None:  # fmt: skip
        self._heard = heard
        self._answers: queue.Queue[Said | None] = queue.Queue()
        given = {name: environment[name] for name in ("PATH", "HOME", "TMPDIR") if name in environment}
        if modules:
            given["NODE_PATH"] = os.pathsep.join(map(str, modules))
        self._process = subprocess.Popen(
            [str(bun), "--no-env-file", f"--config={os.devnull}", str(SCRIPT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=SCRIPT.parent,
            env=given,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,     # a terminal's Ctrl-C is for us, who end it in order
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._tell(opening)
        try:
            self.port = self._listening(opening["port"])
        except BaseException:
            self.close()
            raise

    def _listening(self, port: int) -> int:
        said = self._answer()
        if said["is"] == "taken":
            raise DevPortTaken(port, detail=said["why"])
        found: int = said["port"]
        return found

    def swap(self, version: Mapping[str, Any]) -> Said:
        """Brings a version up; says whether it did."""
        self._tell({"do": "swap", "version": version})
        return self._answer()

    def mended(self) -> None:
        self._tell({"do": "mended"})

    def broken(self, page: str, problems: list[str]) -> None:
        self._tell({"do": "broken", "page": page, "problems": problems})

    def status(self) -> int:
        """Of one that has ended."""
        return self._process.wait()

    def close(self) -> None:
        """Ends it and everything that it has started."""
        process = self._process
        assert process.stdin
        assert process.stdout
        with suppress(BrokenPipeError):
            process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            process.wait(_END_S)
        # whoever is left of its group: a runtime that outlived it, or it itself
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        self._reader.join()
        process.stdout.close()

    def _tell(self, told: Mapping[str, Any]) -> None:
        assert self._process.stdin
        try:
            self._process.stdin.write(json.dumps(told) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise DevFrontEnded(self._process.wait()) from None

    def _answer(self) -> Said:
        said = self._answers.get()
        if said is None:
            raise DevFrontEnded(self._process.wait())
        return said

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            said: Said = json.loads(line)
            if said["is"] in ("line", "ended"):
                self._heard(said)
            else:
                self._answers.put(said)
        self._answers.put(None)
        self._heard({"is": "gone"})
