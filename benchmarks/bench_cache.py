"""What a shared cache saves: a fresh checkout of what another machine has built, over every kind of place.

    python -m benchmarks.bench_cache                    100 and 1,000 units, every place, and turbo beside them
    python -m benchmarks.bench_cache --quick            100 units, one round
    python -m benchmarks.bench_cache --sizes 1000 --places http,turbo --times 5 --json

Places: local (the cache of the machine itself), folder, http (nginx), reapi (buildbox-casd), s3 (moto), redis, turbo.
A round is a cold build and a fresh checkout of each place; ratios are those within a round, so that a machine which
is busy with other things for a while is busy for both.
"""

import argparse
import json
import os
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.contenders import OURS, SCENARIOS, TURBO, Contender, ours, turbo
from benchmarks.fleet import Fleet
from benchmarks.generate import Shape
from benchmarks.lab import Lab
from benchmarks.measure import Cost, cpu_s, tree
from benchmarks.relay import Relay
from benchmarks.turborepo import Workspace

Row = dict[str, float | str]
SIZES: Final = (100, 1000)
GOAL_OF_COLD: Final = 0.1
GOAL_UNITS: Final = 1000
FIGURES: Final = tuple(
    f"{name}_{figure}"
    for name in ("cold", "fill", *SCENARIOS)
    for figure in ("wall_s", "of_cold", "cpu_s", "cpu_of_cold", "server_cpu_s", "received_kb", "sent_kb", "esbuild")
)
OF_ITSELF: Final = ("cold_of_cold", "cold_cpu_of_cold")


@dataclass(frozen=True, slots=True)
class Sample:
    """One run: its cost, the cold build's of the same round, and what the servers used meanwhile."""

    cost: Cost
    cold: Cost
    server_cpu_s: float


def bench(size: int, seed: int, places: Sequence[str], folder: Path, *, times: int) -> list[Row]:
    with ExitStack() as stack:
        contenders: list[Contender] = []
        shape = Shape(size, seed)
        mine = [name for name in places if name in OURS]
        if mine:
            fleet = Fleet(shape, folder / "fleet")
            first = fleet.machine()
            first.unitgraph("plan")
            contenders += (stack.enter_context(ours(name, fleet, first, folder / name)) for name in mine)
        if TURBO in places:
            workspace = Workspace(Lab(shape, folder / "lab"), folder / TURBO)
            contenders.append(stack.enter_context(turbo(workspace, folder / TURBO)))
        fills = {each.name: _fill(each) for each in contenders}
        samples: defaultdict[tuple[str, str], list[Sample]] = defaultdict(list)
        for _ in range(times):
            _round(contenders, samples)
        return [{"units": size, **_row(each, fills[each.name], samples)} for each in contenders]


def _fill(contender: Contender) -> Sample | None:
    cold = contender.cold()
    before = _servers_cpu_s()
    cost = contender.fill()
    return Sample(cost, cold, _servers_cpu_s() - before) if cost else None


def _round(contenders: Sequence[Contender], samples: Mapping[tuple[str, str], list[Sample]]) -> None:
    colds: dict[type, Cost] = {}        # one for all places of ours
    for each in contenders:
        cold = colds[type(each)] = colds.get(type(each)) or each.cold()
        samples[each.name, "cold"].append(Sample(cold, cold, 0))
        for scenario in each.scenarios:
            before = _servers_cpu_s()
            cost = each.fresh(scenario)
            samples[each.name, scenario].append(Sample(cost, cold, _servers_cpu_s() - before))


def _row(contender: Contender, fill: Sample | None, samples: Mapping[tuple[str, str], list[Sample]]) -> Row:
    name = contender.name
    row: Row = {"place": name, **_figures("cold", samples[name, "cold"])}
    if fill:
        row |= _figures("fill", [fill])
    for scenario in contender.scenarios:
        row |= _figures(scenario, samples[name, scenario])
        contender.tap.started()
        if contender.address:
            with Relay(contender.address) as relay:
                contender.fresh(scenario, at=relay.address, tapped=True)
            row |= {f"{scenario}_received_kb": relay.received / 1000, f"{scenario}_sent_kb": relay.sent / 1000}
        else:
            contender.fresh(scenario, tapped=True)
        row[f"{scenario}_esbuild"] = contender.tap.started()
    return row


def _figures(name: str, samples: Sequence[Sample]) -> Row:
    return {
        f"{name}_wall_s": median(each.cost.wall_s for each in samples),
        f"{name}_of_cold": median(each.cost.wall_s / each.cold.wall_s for each in samples),
        f"{name}_cpu_s": median(each.cost.cpu_s for each in samples),
        f"{name}_cpu_of_cold": median(each.cost.cpu_s / each.cold.cpu_s for each in samples),
        f"{name}_server_cpu_s": median(each.server_cpu_s for each in samples),
    }


def _servers_cpu_s() -> float:
    """Of all that this process has started and that still runs, which is servers where no build is under way."""
    return cpu_s(pid for pid in tree(os.getpid()) if pid != os.getpid())


def table(rows: list[Row]) -> str:
    """A column a place, a line a figure."""
    parts = []
    for size in dict.fromkeys(row["units"] for row in rows):
        chosen = [row for row in rows if row["units"] == size]
        parts.append(f"{size} units".ljust(22) + "".join(str(row["place"]).rjust(11) for row in chosen))
        told = [name for name in FIGURES if name not in OF_ITSELF and any(name in row for row in chosen)]
        parts += [name.ljust(22) + "".join(shown(name, row).rjust(11) for row in chosen) for name in told]
        parts.append("")
    parts.append(f"*: plan of {GOAL_UNITS:,} units takes ≤ {GOAL_OF_COLD:.0%} of a cold build's wall time; !: more.")
    return "\n".join(parts)


def shown(figure: str, row: Mapping[str, float | str]) -> str:
    value = row.get(figure)
    if not isinstance(value, int | float):
        return "–"
    if figure.endswith("of_cold"):
        has_goal = figure == "plan_of_cold" and row["units"] == GOAL_UNITS
        return f"{value:.1%}" + ("" if not has_goal else "*" if value <= GOAL_OF_COLD else "!")
    return f"{value:.0f}" if figure.endswith(("_esbuild", "_kb")) else f"{value:.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="", help="comma-separated")
    parser.add_argument("--places", default=",".join((*OURS, TURBO)))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    places = list(dict.fromkeys(name for name in options.places.split(",") if name))
    unknown = set(places) - {*OURS, TURBO}
    if unknown:
        parser.error(f"no place is called {', '.join(sorted(unknown))}")
    sizes = [int(size) for size in options.sizes.split(",") if size] or (SIZES[:1] if options.quick else SIZES)
    rows: list[Row] = []
    for size in sizes:
        with tempfile.TemporaryDirectory(prefix="unitgraph-bench-") as folder:
            rows += bench(size, options.seed, places, Path(folder), times=1 if options.quick else options.times)
    print(json.dumps(rows, indent=2) if options.json else table(rows))


if __name__ == "__main__":
    main()
