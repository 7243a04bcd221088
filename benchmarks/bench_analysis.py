"""What analysis costs: 1,500 files read and linked from nothing, then again after one edit of one of them.

    python -m benchmarks.bench_analysis [--files 1500] [--times 5] [--json]

Each figure is the CPU of a process of its own, opening the project and the build database included: the split to units
left out, with it, and with the start of Python and its imports as well. Of several runs the least counts, since a
machine's other work only adds to it; each run is another edit.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.generate import Shape, generate

PROBE = """
import gc, sys, time
from pathlib import Path
from unitgraph.cache import digest
from unitgraph.rules.database import Database
from unitgraph.rules.memo import Memo
from unitgraph.rules.workspace import analyse, database_path
from unitgraph.units.project import load_project
from unitgraph.units.split import split
gc.disable()   # as every command does
begin = time.process_time()
project = load_project(Path(sys.argv[1]))
database = Database(database_path(project.root))
found = analyse(project, database, Memo(project.root, database, digest.local))
end = time.process_time()
split(found.analysis, project)
again = time.process_time() - end
print(end - begin - again, end - begin, end, len(found.facts), len(found.manifest.units))
"""
GOALS = {"cold": 3.0, "one edit": 0.15}
Row = dict[str, float]


def probe(root: Path) -> Row:
    done = subprocess.run([sys.executable, "-c", PROBE, str(root)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    unsplit, work, whole, files, units = done.stdout.split()
    return {
        "without_split_cpu_s": float(unsplit), "cpu_s": float(work), "with_start_cpu_s": float(whole),
        "files": int(files), "units": int(units),
    }  # fmt: skip


def least(root: Path, times: int, edit: Callable[[int], None]) -> Row:
    """The cheapest of several runs, each after an edit."""
    rows = []
    for number in range(times):
        edit(number)
        rows.append(probe(root))
    return min(rows, key=lambda row: row["cpu_s"])


def bench(files: int, seed: int, times: int, folder: Path) -> dict[str, Row]:
    root = generate(Shape(files * 2 // 3, seed, files), folder / "project")
    leaf = next(iter(sorted((root / "src").glob("area*/thing*.functions.ts"))))
    helper = next(iter(sorted((root / "src").glob("lib/layer0/*.ts"))))
    return {
        "cold": probe(root),
        "unchanged": least(root, times, lambda _: None),
        "one edit": least(root, times, editing(leaf, "(data.amount ?? ")),
        "a helper": least(root, times, editing(helper, "const own = ")),
        "a new file": least(root, times, lambda number: (root / f"src/new{number}.ts").touch()),
    }


def editing(path: Path, before: str) -> Callable[[int], None]:
    """An edit that puts a number behind the first ``before`` of a file."""
    head, found, tail = path.read_text().partition(before)
    assert found, f"{path} has no {before}"

    def edit(number: int) -> None:
        path.write_text(f"{head}{found}{number} + {tail}")

    return edit


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=1500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="unitgraph-bench-") as folder:
        found = bench(options.files, options.seed, options.times, Path(folder))
    if options.json:
        print(json.dumps(found, indent=2))
        return
    print(f"{'CPU s':12}{'no split':>10}{'all of it':>10}{'goal':>8}{'with start':>12}{'files':>8}{'units':>8}")
    for name, row in found.items():
        goal = f"≤ {GOALS[name]:g}" if name in GOALS else ""
        print(
            f"{name:12}{row['without_split_cpu_s']:10.3f}{row['cpu_s']:10.3f}{goal:>8}{row['with_start_cpu_s']:12.2f}"
            f"{row['files']:8.0f}{row['units']:8.0f}"
        )


if __name__ == "__main__":
    main()
