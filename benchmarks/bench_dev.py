"""What an edit costs while `dev` runs, from the save to the first answer that shows it; beside it, esbuild alone.

    python -m benchmarks.bench_dev [--units 100] [--times 9] [--json]

The peer is esbuild's own `--watch`, in the same run: the same entries with the options of the build, from the save of
one of its inputs to the output that holds it. It analyses nothing, writes no code, checks no key, and serves nobody.
"""

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

from benchmarks.generate import Shape
from benchmarks.lab import BIN, Lab

GOAL_S = 0.5
DEADLINE_S = 120
POLL_S = 0.01
SETTLE_S = 0.3      # between two edits: an editor isn't faster, and nothing of the last one is going on
ROUTE = "/area0/things/0/bench"
KEY = "`thing-0000-"
PROVIDERS = ("standalone", "cloudflare")


class Served:
    """A `dev` and one connection to it."""

    def __init__(self, lab: Lab, provider: str) -> None:
        self.process = subprocess.Popen(
            [str(BIN / "unitgraph"), "dev", "--provider", provider, "--port", "0"],
            cwd=lab.root, env=lab.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.process.stderr
        port = 0
        for line in self.process.stderr:
            if found := re.search(r" on http://127\.0\.0\.1:(\d+) ", line):
                port = int(found[1])
                break
        if not port:
            raise SystemExit("dev ended before it listened")
        self._drain = subprocess.Popen(["cat"], stdin=self.process.stderr, stdout=subprocess.DEVNULL)
        self._connection = HTTPConnection("127.0.0.1", port, timeout=DEADLINE_S)

    def answer(self) -> str:
        self._connection.request("GET", ROUTE)
        response = self._connection.getresponse()
        return response.read().decode()

    def cpu_s(self) -> float:
        """What building has cost so far: this process and what it has waited for, which is esbuild; not its front."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text("utf-8").rpartition(")")[2].split()
        return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")

    def end(self) -> None:
        self._connection.close()
        self.process.terminate()
        self.process.wait(60)
        assert self.process.stderr
        self.process.stderr.close()
        self._drain.wait(60)


@contextmanager
def served(lab: Lab, provider: str) -> Iterator[Served]:
    dev = Served(lab, provider)
    try:
        yield dev
    finally:
        dev.end()


def until(changed: Callable[[], bool]) -> float:
    """Seconds until it has."""
    began = time.perf_counter()
    while not changed():
        if time.perf_counter() - began > DEADLINE_S:
            raise SystemExit("the edit never came through")
        time.sleep(POLL_S)
    return time.perf_counter() - began


def edits(lab: Lab, dev: Served, path: str, old: str, times: int, between: str = "") -> list[float]:
    """Seconds from save to answer, for as many different edits of one place."""
    found = []
    for number in range(times):
        time.sleep(SETTLE_S)
        before = dev.answer()
        lab.edit(path, old if number == 0 else f"{old}{between}{number}", f"{old}{between}{number + 1}")
        found.append(until(lambda before=before: dev.answer() != before))    # type: ignore[misc] # mypy infers no default
    return found


def function_of(lab: Lab) -> tuple[str, str, str]:
    """The file of the function that is asked, the place in it, and a helper that it calls."""
    path = next(iter(sorted((lab.root / "src").glob("area*/thing*.functions.ts"))))
    text = path.read_text("utf-8")
    called = re.search(r"const total = (helper\w+)\(", text)
    assert called
    helper = next((lab.root / "src").glob(f"lib/*/{called[1]}.ts"))
    return path.relative_to(lab.root).as_posix(), KEY, helper.relative_to(lab.root).as_posix()


def peer(lab: Lab, times: int) -> list[float]:
    """The `--watch` of esbuild over the same entries: seconds from the save of a slice to the output with it."""
    call = lab.tapped()
    out = lab.folder / "watched"
    shutil.rmtree(out, ignore_errors=True)
    options = [option for option in call.options if not option.startswith("--sourcemap")]
    process = subprocess.Popen(
        [str(lab.esbuild), *call.entries, *options, "--sourcemap=external", f"--outdir={out}", "--watch"],
        cwd=lab.root, env={"PATH": "/usr/bin:/bin", "NODE_PATH": call.node_path},
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        slices = (lab.root / ".deploy").glob("*/gen/slices/**/*.ts")
        (slice_,) = [path for path in slices if KEY in path.read_text("utf-8")]
        marked = KEY.strip("`")
        output = until_there(out, marked)
        found = []
        for number in range(times):
            time.sleep(SETTLE_S)
            text = slice_.read_text("utf-8")
            slice_.write_text(re.sub(rf"{KEY}\d*", f"{KEY}{number}", text), encoding="utf-8")
            wanted = f"{marked}{number}"
            found.append(until(lambda wanted=wanted: wanted in output.read_text("utf-8")))  # type: ignore[misc] # as above
        return found
    finally:
        process.kill()
        process.wait()
        if process.stdin:
            process.stdin.close()


def until_there(out: Path, marked: str) -> Path:
    """The output that holds a text, once the first build has written all of them."""
    there: list[Path] = []

    def look() -> bool:
        there[:] = [path for path in out.rglob("*.js") if marked in path.read_text("utf-8")]
        return bool(there)

    until(look)
    return there[0]


def bench(units: int, times: int, folder: Path) -> dict[str, float]:
    row: dict[str, float] = {"units": units}
    lab = Lab(Shape(units), folder / "lab")
    alone = peer(lab, times)
    row["esbuild_watch_s"] = statistics.median(alone)
    for provider in PROVIDERS:
        lab = Lab(Shape(units), folder / "lab")
        path, place, helper = function_of(lab)
        began = time.perf_counter()
        with served(lab, provider) as dev:
            dev.answer()
            row[f"{provider}_first_s"] = time.perf_counter() - began
            spent = dev.cpu_s()
            found = edits(lab, dev, path, place, times)
            row[f"{provider}_edit_cpu_s"] = (dev.cpu_s() - spent) / times
            row[f"{provider}_edit_s"] = statistics.median(found)
            row[f"{provider}_edit_worst_s"] = max(found)
            row[f"{provider}_helper_s"] = statistics.median(edits(lab, dev, helper, "+ own", times, " + "))
        row[f"{provider}_of_esbuild"] = row[f"{provider}_edit_s"] / row["esbuild_watch_s"]
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--units", type=int, default=100)
    parser.add_argument("--times", type=int, default=9)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="unitgraph-bench-") as folder:
        row = bench(options.units, options.times, Path(folder))
    if options.json:
        print(json.dumps(row, indent=2))
        return
    for figure, value in row.items():
        missed = "!" if figure.endswith("_edit_s") and value > GOAL_S else ""
        print(f"{figure.ljust(24)} {value:.2f}{missed}")


if __name__ == "__main__":
    main()
