"""What runs that wait cost a process of the executable over each store: its memory, and how long a new run takes and
what looking for work costs while so many are parked.

    python -m benchmarks.bench_parked [--runs 100000] [--stores sqlite,redis,postgres] [--json]

Half of the runs wait for a decision, half sleep for a day. Figures are taken after 1, 10 and 100 % of them: the
resident size of the process once it has nothing to do; the median of 50 runs of one step, begun one after the other
and asked for until they have ended; CPU time of the process in five seconds of nothing. At the end those of a process
that was started over all of them.
"""

import argparse
import json
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from benchmarks.bench_jobs import DEADLINE_S
from benchmarks.executable import Process, build
from benchmarks.job_stores import STORES, Home

TOGETHER = 200
SAMPLES = 50
IDLE_S = 5
SETTLE_S = 3
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
FILES: Mapping[str, str] = {
    "package.json": '{ "name": "jobs", "private": true, "type": "module" }\n',
    "tsconfig.json": '{ "compilerOptions": { "module": "esnext", "moduleResolution": "bundler", "strict": true } }\n',
    "pikku.config.json": '{ "srcDirectories": ["src"], "deploy": { "defaultProvider": "standalone" } }\n',
    "src/flows.ts": """\
import { pikkuSessionlessFunc, pikkuWorkflow, wireHTTP } from '#pikku'

export const decided = pikkuWorkflow<{ number: number }, { approved: boolean }>(async ({ workflow }, { number }) => {
  await workflow.do('Note', async () => `number ${number}`)
  return workflow.approval('Manager')
})
export const asleep = pikkuWorkflow<{ number: number }, void>(async ({ workflow }, { number }) => {
  await workflow.do('Note', async () => `number ${number}`)
  await workflow.sleep('A day', '1d')
})
export const quick = pikkuWorkflow<{ number: number }, string>(async ({ workflow }, { number }) =>
  workflow.do('Note', async () => `number ${number}`))
export const fill = pikkuSessionlessFunc<{ from: number; count: number }, { begun: number }>({
  func: async (_services, { from, count }, { rpc }) => {
    const numbers = Array.from({ length: count }, (_, index) => from + index)
    await Promise.all(numbers.map((number) =>
      (number % 2 === 0 ? rpc.startWorkflow('decided', { number }) : rpc.startWorkflow('asleep', { number }))))
    return { begun: count }
  },
})

wireHTTP({ method: 'post', route: '/fill', func: fill, auth: false })
wireHTTP({ method: 'post', route: '/quick', func: quick, auth: false })
""",
}


def ask(connection: HTTPConnection, method: str, path: str, body: Any = None) -> Any:
    text = None if body is None else json.dumps(body)
    connection.request(method, path, text, {"content-type": "application/json"})
    answer = connection.getresponse()
    said = answer.read()
    if answer.status >= 300:
        raise SystemExit(f"{answer.status} {said!r}")
    return json.loads(said)


def resident_mib(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE / 2**20


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def quiet(pid: int) -> None:
    """Until it has nothing left to do but to look, and what it dropped has been collected."""
    while True:
        before = cpu_s(pid)
        time.sleep(SETTLE_S)
        if cpu_s(pid) - before < 0.1 * SETTLE_S:
            return


def measure(process: Process) -> dict[str, float]:
    pid = process.process.pid
    quiet(pid)
    found = {"resident_mib": resident_mib(pid)}
    before = cpu_s(pid)
    time.sleep(IDLE_S)
    found["idle_cpu_ms_per_s"] = (cpu_s(pid) - before) / IDLE_S * 1000
    connection = HTTPConnection("127.0.0.1", process.port(), timeout=60)
    times = []
    for number in range(SAMPLES):
        begin = time.perf_counter()
        run = ask(connection, "POST", "/quick", {"number": number})["runId"]
        while ask(connection, "GET", f"/workflow/quick/status/{run}")["status"] != "completed":
            time.sleep(0.001)
        times.append(time.perf_counter() - begin)
    found["quick_ms"] = statistics.median(times) * 1000
    return found


@contextmanager
def started(program: Path, home: Home, log: Path) -> Iterator[Process]:
    process = Process(program, home, log)
    try:
        yield process
        process.end()
    finally:
        process.kill()


def parked(program: Path, store: str, folder: Path, runs: int) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    with STORES[store](folder) as home:
        with started(program, home, folder / "log") as process:
            connection = HTTPConnection("127.0.0.1", process.port(), timeout=DEADLINE_S)
            begun = 0
            for share in (100, 10, 1):
                begin = time.perf_counter()
                first = begun
                while begun < runs // share:
                    count = min(TOGETHER, runs // share - begun)
                    ask(connection, "POST", "/fill", {"from": begun, "count": count})
                    begun += count
                seconds = time.perf_counter() - begin
                found[f"{begun} parked"] = {"begun_per_s": (begun - first) / seconds, **measure(process)}
        with started(program, home, folder / "log-again") as process:
            process.port()
            found["a new process"] = measure(process)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--stores", default="sqlite,redis,postgres")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="unitgraph-bench-"))
    try:
        program = build(folder / "project", FILES)
        found = {}
        for store in options.stores.split(","):
            (folder / store).mkdir()
            found[store] = parked(program, store, folder / store, options.runs)
            if not options.json:
                for name, figures in found[store].items():
                    said = (f"{figure} {value:,.1f}" for figure, value in figures.items())
                    print(store, name, *said, sep="  ", flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if options.json:
        print(json.dumps(found))


if __name__ == "__main__":
    main()
