"""One apply a place at a time. The lock is the kernel's, so that no dead process ever holds it."""

import fcntl
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from unitgraph.errors.provider import ApplyLocked
from unitgraph.providers.base import Say

POLL_S = 0.1


@contextmanager
def held(path: Path, *, wait_s: float, say: Say) -> Iterator[None]:
    """Hold the lock; wait up to ``wait_s`` for another holder, then raise ApplyLocked, which names it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        _take(descriptor, path, wait_s=wait_s, say=say)
        os.ftruncate(descriptor, 0)
        holder = f"process {os.getpid()} on {socket.gethostname()}, since {time.strftime('%FT%TZ', time.gmtime())}"
        os.pwrite(descriptor, holder.encode(), 0)
        yield
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def _take(descriptor: int, path: Path, *, wait_s: float, say: Say) -> None:
    end = time.monotonic() + wait_s
    told = False
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            holder = os.pread(descriptor, 200, 0).decode(errors="replace") or "a process that just began"
            if time.monotonic() >= end:
                raise ApplyLocked(holder=holder, folder=path.parent) from None
            if not told:
                say(f"Waiting for another apply to end: {holder} …")
                told = True
            time.sleep(POLL_S)
