"""What the last plan stood on, so that an unchanged project is answered by looking at file times alone.

Standard library only, and little of it: this is the path that runs before anything else is imported.
A snapshot holds stat signatures of every file and folder that the plan depended on, and what was printed.
It is written only when each signature was old enough to be trusted.
"""

import contextlib
import json
import os
import stat
import time
from pathlib import Path
from typing import Any

VERSION = 1
_TICK_NS = 20_000_000
_COARSE_TICK_NS = 2_000_000_000


def signature(path: str) -> str:
    """The file's or folder's signature; "" where there is none. A folder's moves when a name in it comes or goes.

    "folder/." stands for the names in a folder, hidden ones left out: a build makes hidden folders in the project's.
    """
    try:
        if path.endswith("/."):
            return "n" + "/".join(sorted(name for name in os.listdir(path) if not name.startswith(".")))
        found = os.stat(path)
    except OSError:
        return ""
    if stat.S_ISDIR(found.st_mode):
        return f"d{found.st_mtime_ns}:{found.st_ino}"
    return f"{found.st_mtime_ns}:{found.st_ctime_ns}:{found.st_size}:{found.st_ino}"


def read(path: Path, salt: str) -> dict[str, Any] | None:
    """The answer that was saved, if everything it stood on is as it was; else None."""
    try:
        saved = json.loads(path.read_bytes())
        if saved["version"] != VERSION or saved["salt"] != salt:
            return None
        watched = saved["watched"]
        if any(signature(name) != mark for name, mark in watched.items()):
            return None
        answer = saved["answer"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return answer if isinstance(answer, dict) else None


def take(paths: list[str]) -> dict[str, str]:
    """The signatures of ``paths`` now: take them before reading the files, and ``save`` them afterwards."""
    return {path: signature(path) for path in paths}


def save(
    path: Path, salt: str, inputs: dict[str, str], taken_ns: int, outputs: list[str], answer: dict[str, Any]
) -> None:
    """Keeps ``answer`` for the next run, unless an input changed meanwhile or too shortly before it was looked at.

    ``inputs`` were taken at ``taken_ns``, before they were read. ``outputs`` are what this run wrote or checked:
    they are looked at one tick of the file system's clock after the last of them was written.
    """
    discard(path)
    if any((mark and not _settled(mark, taken_ns)) or signature(name) != mark for name, mark in inputs.items()):
        return
    looked_ns = time.time_ns()
    written = take(outputs)
    if not all(_settled(mark, looked_ns) for mark in written.values() if mark):
        time.sleep(2 * _TICK_NS / 1e9)
        written = take(outputs)
    part = path.with_name(f".part-{path.name}-{os.getpid()}")
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(
            json.dumps({"version": VERSION, "salt": salt, "watched": {**inputs, **written}, "answer": answer})
        )
        os.replace(part, path)


def discard(path: Path) -> None:
    """Forgets the answer: before anything is changed that it stood on."""
    with contextlib.suppress(OSError):
        path.unlink()


def now_ns() -> int:
    return time.time_ns()


def _settled(mark: str, taken_ns: int) -> bool:
    if mark.startswith("n"):
        return True
    times = [int(part) for part in mark.lstrip("d").split(":")[: 1 if mark.startswith("d") else 2]]
    tick = _COARSE_TICK_NS if times[-1] % 1_000_000_000 == 0 else _TICK_NS
    return taken_ns - max(times) > tick
