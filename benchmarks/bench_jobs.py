"""What jobs cost in the executable over each store, and that none is lost: added, worked on, worked on by processes
that are killed; and beside them BullMQ on the same Redis and pg-boss on the same PostgreSQL.

    python -m benchmarks.bench_jobs [--jobs 10000] [--kills 20] [--stores sqlite,postgres,redis] [--peers] [--json]

A job counts as done when its function says so, in a line of the log that was written before the process could die of
SIGKILL; one that says so twice is a duplicate. What is left in the store at the end, dead letters included, and what
nobody ever did is lost. Servers are started for the run with the settings that they come with, but that Redis has an
append-only file, which it flushes each second; "redis always" flushes it before it answers, as the other two do.
"""

import argparse
import json
import random
import re
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from http.client import HTTPConnection
from pathlib import Path

from benchmarks.executable import Process, build
from benchmarks.job_stores import STORES, Home, peers

ADDED_TOGETHER = 100
DEADLINE_S = 600
FILES: Mapping[str, str] = {
    "package.json": '{ "name": "jobs", "private": true, "type": "module" }\n',
    "tsconfig.json": '{ "compilerOptions": { "module": "esnext", "moduleResolution": "bundler", "strict": true } }\n',
    "pikku.config.json": '{ "srcDirectories": ["src"], "deploy": { "defaultProvider": "standalone" } }\n',
    "src/jobs.ts": """\
import { pikkuSessionlessFunc, wireHTTP, wireQueueWorker } from '#pikku'

export const fill = pikkuSessionlessFunc<{ from: number; count: number }, { added: number }>({
  func: async ({ queueService }, { from, count }) => {
    await Promise.all(Array.from({ length: count }, (_, index) => queueService.add('work', { number: from + index })))
    return { added: count }
  },
})
export const work = pikkuSessionlessFunc<{ number: number }, void>({
  func: async ({ logger }, { number }) => logger.info('worked', { number }),
})

wireHTTP({ method: 'post', route: '/fill', func: fill, auth: false })
wireQueueWorker({
  name: 'work',
  func: work,
  config: { batchSize: 20, maxRetries: 100, retryDelay: 0, visibilityTimeout: 1, deadLetterQueue: 'dead' },
})
""",
}
WORKED = re.compile(rb'"msg":"worked".*"number":(\d+)')


def fill(port: int, jobs: int) -> float:
    """Add the jobs over HTTP, a hundred a request; how many a second."""
    begin = time.perf_counter()
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    for start in range(0, jobs, ADDED_TOGETHER):
        body = json.dumps({"from": start, "count": min(ADDED_TOGETHER, jobs - start)})
        connection.request("POST", "/fill", body, {"content-type": "application/json"})
        answer = connection.getresponse()
        if answer.status != 200:
            raise SystemExit(f"{answer.status} {answer.read()!r}")
        answer.read()
    return jobs / (time.perf_counter() - begin)


def drained(home: Home, begin: float) -> float:
    end = time.monotonic() + DEADLINE_S
    while (waiting := home.left()) > 0:
        if time.monotonic() > end:
            raise SystemExit(f"{waiting} jobs are left after {DEADLINE_S} s")
        time.sleep(0.02)
    return time.perf_counter() - begin


def done(logs: list[Path]) -> Counter[int]:
    return Counter(int(found[1]) for log in logs for found in WORKED.finditer(log.read_bytes()))


def undisturbed(program: Path, home: Home, folder: Path, jobs: int) -> dict[str, float]:
    """One process adds and works."""
    folder.mkdir()
    process = Process(program, home, folder / "log")
    begin = time.perf_counter()
    added = fill(process.port(), jobs)
    seconds = drained(home, begin)
    process.end()
    counted = done([folder / "log"])
    return {
        "added_per_s": added,
        "through_per_s": jobs / seconds,
        "lost": jobs - len(counted),
        "duplicates": sum(counted.values()) - len(counted),
    }


def killed(program: Path, home: Home, folder: Path, jobs: int, kills: int, workers: int, seed: int) -> dict[str, float]:
    """Several processes add and work; one that is chosen by the seed is killed and started again, over and over."""
    folder.mkdir()
    chance = random.Random(seed)
    logs: list[Path] = []

    def started() -> Process:
        logs.append(folder / f"log-{len(logs)}")
        return Process(program, home, logs[-1])

    running = [started() for _ in range(workers)]
    begin = time.perf_counter()
    each = jobs // (kills + 1)
    added = 0
    for kill in range(kills + 1):
        # the one that answers isn't the one that dies: an addition that got no answer may or may not be there
        count = each if kill < kills else jobs - added
        connection = HTTPConnection("127.0.0.1", running[0].port(), timeout=60)
        for start in range(added, added + count, ADDED_TOGETHER):
            body = json.dumps({"from": start, "count": min(ADDED_TOGETHER, added + count - start)})
            connection.request("POST", "/fill", body, {"content-type": "application/json"})
            if connection.getresponse().read() == b"":
                raise SystemExit("an addition was not answered")
        added += count
        if kill < kills:
            victim = chance.randrange(1, workers)
            running[victim].port()
            running[victim].kill()
            running[victim] = started()
    running[0].kill()
    running[0] = started()
    seconds = drained(home, begin)
    for process in running:
        process.end()
    counted = done(logs)
    return {
        "kills": kills + 1,
        "processes": len(logs),
        "through_per_s": jobs / seconds,
        "lost": jobs - len(counted),
        "duplicates": sum(counted.values()) - len(counted),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--stores", default=",".join(STORES))
    parser.add_argument("--peers", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="unitgraph-bench-"))
    found: dict[str, dict[str, float]] = {}
    try:
        program = build(folder / "project", FILES)
        for name in options.stores.split(","):
            work = folder / name.replace(" ", "-")
            work.mkdir()
            with STORES[name](work) as home:
                found[name] = undisturbed(program, home, work / "undisturbed", options.jobs)
            with STORES[name](work) as home:
                found[f"{name}, killed"] = killed(
                    program, home, work / "killed", options.jobs, options.kills, options.workers, options.seed
                )
        if options.peers:
            found |= peers(folder / "peers", options.jobs)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if options.json:
        print(json.dumps(found))
    else:
        for name, figures in found.items():
            print(name, *(f"{figure} {value:,.0f}" for figure, value in figures.items()), sep="  ")
    if any(figures.get("lost") for figures in found.values()):
        sys.exit("jobs were lost")


if __name__ == "__main__":
    main()
