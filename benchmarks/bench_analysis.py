"""What analysis costs: 1,500 files read and linked from nothing, then again after one edit of one of them.

    python -m benchmarks.bench_analysis [--files 1500] [--json]

Each figure is the CPU of a process of its own, with and without the start of Python and its imports.
"""

import argparse
import json
import subprocess
import sys
import tempfile
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
gc.disable()   # as every command does
begin = time.process_time()
project = load_project(Path(sys.argv[1]))
database = Database(database_path(project.root))
found = analyse(project, database, Memo(project.root, database, digest.local))
print(time.process_time() - begin, time.process_time(), len(found.facts), len(found.manifest.units))
"""
GOALS = {"cold": 3.0, "one edit": 0.15}


def probe(root: Path) -> dict[str, float]:
    done = subprocess.run([sys.executable, "-c", PROBE, str(root)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    work, whole, files, units = done.stdout.split()
    return {"cpu_s": float(work), "with_start_cpu_s": float(whole), "files": int(files), "units": int(units)}


def bench(files: int, seed: int, folder: Path) -> dict[str, dict[str, float]]:
    root = generate(Shape(files * 2 // 3, seed, files), folder / "project")
    cold = probe(root)
    unchanged = probe(root)
    leaf = next(iter(sorted((root / "src").glob("area*/thing*.functions.ts"))))
    leaf.write_text(leaf.read_text().replace("(data.amount ?? 1) + ", "(data.amount ?? 1) + 7 + ", 1))
    return {"cold": cold, "unchanged": unchanged, "one edit": probe(root)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=1500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="unitgraph-bench-") as folder:
        found = bench(options.files, options.seed, Path(folder))
    if options.json:
        print(json.dumps(found, indent=2))
        return
    print(f"{'':12}{'CPU s':>8}{'goal':>8}{'with start':>12}{'files':>8}{'units':>8}")
    for name, row in found.items():
        goal = f"≤ {GOALS[name]:g}" if name in GOALS else ""
        print(f"{name:12}{row['cpu_s']:8.2f}{goal:>8}{row['with_start_cpu_s']:12.2f}{row['files']:8.0f}{row['units']:8.0f}")


if __name__ == "__main__":
    main()
