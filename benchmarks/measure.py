"""Runs a command and says what it cost: wall time, CPU of the whole process tree, peak memory of the tree.

CPU is what the kernel accounts to the child and to every descendant that was waited for. Memory is the greatest sum of
resident sizes seen in the tree, sampled; shared pages count once a process, so it errs upwards.
"""

import os
import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

SAMPLE_S = 0.05
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_TICKS_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Cost:
    wall_s: float
    cpu_s: float
    peak_bytes: int


def run(
    command: Sequence[str], *, cwd: Path, env: Mapping[str, str], memory: bool = False, failure: str = ""
) -> Cost:
    """Run to the end; raises SystemExit with its output where it fails, unless that holds ``failure``."""
    begin = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=cwd, env=dict(env), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    sampler = Sampler(process.pid) if memory else None
    assert process.stderr is not None
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall_s = time.perf_counter() - begin
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stderr.close()
    peak = sampler.stop() if sampler else 0
    if process.returncode and not (failure and failure.encode() in said):
        raise SystemExit(f"{' '.join(command)[:200]} … ended with {process.returncode}:\n{said.decode()[:2000]}")
    return Cost(wall_s, usage.ru_utime + usage.ru_stime, max(peak, usage.ru_maxrss * 1024))


def median(measure: Callable[[], Cost], times: int) -> Cost:
    """The medians of several runs."""
    costs = [measure() for _ in range(times)]
    return Cost(
        statistics.median(cost.wall_s for cost in costs),
        statistics.median(cost.cpu_s for cost in costs),
        max(cost.peak_bytes for cost in costs),
    )


class Sampler:
    """Looks at the resident sizes of a process and its descendants until it is stopped."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._peak = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()

    def stop(self) -> int:
        self._ended.set()
        self._thread.join()
        return self._peak

    def _sample(self) -> None:
        while not self._ended.wait(SAMPLE_S):
            self._peak = max(self._peak, sum(map(resident_bytes, tree(self._pid))))


def tree(pid: int) -> list[int]:
    """The process and all that descend from it."""
    found, pending = [], [pid]
    while pending:
        current = pending.pop()
        found.append(current)
        try:
            threads = os.listdir(f"/proc/{current}/task")
        except OSError:
            continue
        for thread in threads:
            try:
                children = Path(f"/proc/{current}/task/{thread}/children").read_text()
            except OSError:
                continue
            pending += map(int, children.split())
    return found


def cpu_s(pids: Iterable[int]) -> float:
    """What these processes, and those that they have waited for, have used of the CPU until now."""
    return sum(map(_ticks, pids)) / _TICKS_S


def _ticks(pid: int) -> int:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return sum(map(int, fields[11:15]))


def resident_bytes(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_BYTES
    except (OSError, IndexError):
        return 0
