"""What builds cost: cold, unchanged, after one edit; against raw esbuild and against ninja.

    python -m benchmarks.bench_build                    sizes 10, 100, 1000, 3000, and 51 units with zod
    python -m benchmarks.bench_build --quick            10 and 100 only, one run each
    python -m benchmarks.bench_build --sizes 1000 --json
"""

import argparse
import json
import statistics
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.generate import SIZES, Shape
from benchmarks.lab import Lab, ninja_noop
from benchmarks.measure import Cost, median

Row = dict[str, float]
MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Goal:
    """What a figure should be; ``units`` limits it to one size."""

    figure: str
    limit: float
    units: int | None = None


GOALS = (
    Goal("cold_of_goal", 1.0),
    Goal("noop_doit_cpu_s", 0.25, 1000),
    Goal("noop_cpu_s", 0.1, 1000),
    Goal("leaf_wall_s", 0.5),
    Goal("cold_peak_mib", 1024, 3000),
    Goal("cold_wall_s", 4.0, 51),
    Goal("noop_wall_s", 0.3, 51),
    Goal("runtime_kb", 30.0, 51),
)
"""``cold_of_goal`` is cold CPU ÷ (1.15 × raw esbuild + analysis)."""


def bench(shape: Shape, folder: Path, *, times: int) -> Row:
    lab = Lab(shape, folder)
    call = lab.tapped()
    raw, metafile = lab.raw(call)
    lab.clear()
    analysis = lab.unitgraph("info", "--json")
    colds = []
    for _ in range(times):
        lab.clear()
        colds.append(lab.unitgraph("plan", memory=True))
    cold = colds[times // 2] if times < 3 else sorted(colds, key=lambda cost: cost.wall_s)[times // 2]
    lab.unitgraph("plan")
    noop = median(lambda: lab.unitgraph("plan"), 2 * times + 1)
    lab.unitgraph("plan", program="doit")
    noop_doit = median(lambda: lab.unitgraph("plan", program="doit"), 2 * times + 1)
    leaf = edits(lab, *leaf_of(lab), times=times)
    shared, sharing = shared_helper(metafile)
    helper = edits(lab, shared, "const own = (value * ", times=times)
    ninja = ninja_noop(lab, metafile, 2 * times + 1)
    bundles = [path.stat().st_size for path in (lab.root / ".deploy").glob("cloudflare/units/*/index.js")]
    return {
        "units": shape.units,
        "analysis_cpu_s": analysis.cpu_s,
        "raw_wall_s": raw.wall_s, "raw_cpu_s": raw.cpu_s, "raw_peak_mib": raw.peak_bytes / MIB,
        "cold_wall_s": cold.wall_s, "cold_cpu_s": cold.cpu_s, "cold_peak_mib": cold.peak_bytes / MIB,
        "cold_of_raw": cold.cpu_s / raw.cpu_s,
        "cold_of_goal": cold.cpu_s / (1.15 * raw.cpu_s + analysis.cpu_s),
        "noop_wall_s": noop.wall_s, "noop_cpu_s": noop.cpu_s,
        "noop_doit_wall_s": noop_doit.wall_s, "noop_doit_cpu_s": noop_doit.cpu_s,
        "ninja_wall_s": ninja.wall_s, "ninja_cpu_s": ninja.cpu_s, "noop_of_ninja": noop.cpu_s / ninja.cpu_s,
        "leaf_wall_s": leaf.wall_s, "leaf_cpu_s": leaf.cpu_s,
        "helper_wall_s": helper.wall_s, "helper_cpu_s": helper.cpu_s, "helper_units": sharing,
        "bundle_kb": statistics.median(bundles) / 1000,
        "runtime_kb": statistics.median(runtime_bytes(metafile)) / 1000,
    }  # fmt: skip


def edits(lab: Lab, path: str, old: str, *, times: int) -> Cost:
    """The median of builds after as many different edits of one file."""
    edition = iter(range(1000))

    def one() -> Cost:
        number = next(edition)
        lab.edit(path, old if number == 0 else f"{old}{number - 1} + ", f"{old}{number} + ")
        return lab.unitgraph("plan")

    return median(one, times)


def leaf_of(lab: Lab) -> tuple[str, str]:
    """A function's file, and where a constant can be put into its first function."""
    path = next(iter(sorted((lab.root / "src").glob("area*/thing*.functions.ts"))))
    return path.relative_to(lab.root).as_posix(), "(data.amount ?? 1) + "


def shared_helper(metafile: Mapping[str, Any]) -> tuple[str, int]:
    """The helper of the lowest layer that most units hold, and how many do."""
    held = Counter(
        path for output in metafile["outputs"].values() for path in output["inputs"] if "src/lib/layer0/" in path
    )
    return held.most_common(1)[0]


def runtime_bytes(metafile: Mapping[str, Any]) -> Iterable[int]:
    """What each bundle holds besides the project's own files and what those import."""
    for output in metafile["outputs"].values():
        if "entryPoint" in output:
            yield sum(
                each["bytesInOutput"]
                for path, each in output["inputs"].items()
                if not path.startswith(("src/", "node_modules/")) and "/slices/" not in path
            )


def table(rows: list[Row]) -> str:
    lines = ["".join(["figure".ljust(20), *(f"{int(row['units'])} units".rjust(14) for row in rows)])]
    lines += [
        "".join([figure.ljust(20), *(shown(figure, row).rjust(14) for row in rows)])
        for figure in rows[0]
        if figure != "units"
    ]
    return "\n".join([*lines, "", "A star marks a goal that was met, an exclamation mark one that was missed."])


def shown(figure: str, row: Row) -> str:
    value = f"{row[figure]:.0f}" if figure == "helper_units" else f"{row[figure]:.2f}"
    goals = [goal for goal in GOALS if goal.figure == figure and goal.units in (None, row["units"])]
    return value + "".join("*" if row[figure] <= goal.limit else f"! (≤ {goal.limit:g})" for goal in goals)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="", help="comma-separated; 51 is the project with zod")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    sizes = [int(size) for size in options.sizes.split(",") if size] or ([10, 100] if options.quick else [*SIZES, 51])
    rows = []
    for size in sizes:
        with tempfile.TemporaryDirectory(prefix="unitgraph-bench-") as folder:
            shape = Shape(size, options.seed, zod=size == 51)
            rows.append(bench(shape, Path(folder) / "lab", times=1 if options.quick else options.times))
    print(json.dumps(rows, indent=2) if options.json else table(rows))


if __name__ == "__main__":
    main()
