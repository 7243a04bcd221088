"""What tests of the local cache share: results made of text, processes that are really killed, disks that are really full."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent

from unitgraph.cache.digest import sha256
from unitgraph.cache.layout import Layout
from unitgraph.cache.store import BUILT, Blob, Made

REPOSITORY = Path(__file__).resolve().parent.parent.parent
DAY_NS = 86_400 * 1_000_000_000


class Clock:
    """A clock that tests set."""

    def __init__(self) -> None:
        self.now_ns = time.time_ns()

    def __call__(self) -> int:
        return self.now_ns

    def pass_days(self, days: float) -> None:
        self.now_ns += int(days * DAY_NS)


def key_of(name: str) -> str:
    return sha256(f"key of {name}".encode())


def made_of(*texts: bytes, origin: str = BUILT) -> tuple[Made, dict[str, bytes]]:
    """A result whose outputs are ``texts``, and its bytes."""
    blobs = [Blob(sha256(text), len(text)) for text in texts]
    made = Made({f"{number}.js": blob for number, blob in enumerate(blobs)}, {"sizes": len(texts)}, origin)
    return made, {blob.digest: text for blob, text in zip(blobs, texts, strict=True)}


def blob_path(root: Path, text: bytes) -> Path:
    name = sha256(text)
    return root / "cas" / name[:2] / name


def entry_path(root: Path, name: str, tier: str = BUILT) -> Path:
    return Layout(root).entries(tier) / key_of(name)[:2] / key_of(name)


def files_below(root: Path) -> Iterator[Path]:
    return (path for path in sorted(root.rglob("*")) if path.is_file())


def script(text: str, *arguments: object) -> list[str]:
    """The command line of a Python script that may import the package and this module."""
    return [sys.executable, "-c", dedent(text), *map(str, arguments)]


def run(command: list[str], **environment: str) -> str:
    """What a process prints; its errors are the test's."""
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=REPOSITORY, env={**os.environ, **environment}, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def started(command: list[str]) -> Iterator["subprocess.Popen[str]"]:
    """A process that has printed its first line, and that doesn't outlive the test."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True, cwd=REPOSITORY)
    try:
        assert process.stdout is not None
        assert process.stdout.readline(), "it ended before it said anything"
        yield process
    finally:
        process.kill()
        process.communicate()


def race(commands: Sequence[list[str]], timeout_s: float = 60) -> list[str]:
    """What processes print that all begin at once: each says that it is ready and then waits for a line."""
    pipe = subprocess.PIPE
    processes = [
        subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, cwd=REPOSITORY) for command in commands
    ]
    try:
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n", process.communicate()
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        ends = [process.communicate(timeout=timeout_s) for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.communicate()
    assert [process.returncode for process in processes] == [0] * len(processes), ends
    return [out for out, _ in ends]


def on_own_disk(command: list[str], mount: str) -> list[str]:
    """``command`` behind a mount of its own (a line of shell), which nobody else sees and which ends with it."""
    own = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--map-root-user"]
    return [*own, "sh", "-c", f'{mount} && exec "$@"', "sh", *command]


def wait_until(holds: Callable[[], bool], timeout_s: float = 30) -> None:
    end = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < end, "it didn't come"
        time.sleep(0.005)
