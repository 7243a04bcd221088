"""What durable runs cost in PostgreSQL, in the executable and in two other engines on the same server, one after the
other: runs of three trivial steps a second and how long one takes, SQL statements of a run, and the time of a step in
a long run.

    python -m benchmarks.bench_workflows [--runs 2000] [--together 100] [--steps 1000] [--times 3] [--json]

Each is driven from inside its own process: so many runs are under way at once, and one that ends begins the next. A
run's time is from the call that begins it to the last line of its code, behind its third recorded step. Statements are
what the server counts (transactions' own included) while runs follow one another, polling included. DBOS Transact and
Absurd run in the same JavaScript runtime as ours, with the settings that they come with, but that Absurd takes a
hundred at a time and looks for work a hundred times a second. The order is the other one each second time; the server
has its own settings, and flushes.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.executable import Process, build
from benchmarks.job_stores import Home
from tests import stores
from unitgraph.rules.toolchain import find_bun

FLOWS = Path(__file__).parent / "flows"
ABSURD = "absurdctl==0.5.1"
"""Its tables are in this package, as one text."""
FILES: Mapping[str, str] = {
    "package.json": '{ "name": "flows", "private": true, "type": "module" }\n',
    "tsconfig.json": '{ "compilerOptions": { "module": "esnext", "moduleResolution": "bundler", "strict": true } }\n',
    "pikku.config.json": '{ "srcDirectories": ["src"], "deploy": { "defaultProvider": "standalone" } }\n',
    **{f"src/{name}": (FLOWS / name).read_text(encoding="utf-8") for name in ("drive.ts", "ours.ts")},
}
STATEMENTS = """SELECT coalesce(sum(calls), 0) FROM pg_stat_statements JOIN pg_database ON pg_database.oid = dbid
  WHERE datname = current_database()"""
Ask = Callable[[Mapping[str, Any]], Any]


class Databases:
    """One for each engine, on one server."""

    def __init__(self, server: stores.Server) -> None:
        where = ["-h", "127.0.0.1", "-p", str(server.port), "-U", "ann"]
        self._psql: list[str | Path] = [server.programs / "psql", *where, "-qAtX", "-v", "ON_ERROR_STOP=1"]
        self._url = server.url.removesuffix("/postgres")

    def sql(self, database: str, statement: str) -> str:
        command = [*self._psql, database]
        return subprocess.run(command, input=statement, check=True, capture_output=True, text=True).stdout.strip()

    def make(self, name: str) -> str:
        self.sql("postgres", f"CREATE DATABASE {name}")
        self.sql(name, "CREATE EXTENSION pg_stat_statements")
        return f"{self._url}/{name}"

    def statements(self, name: str) -> int:
        return int(self.sql(name, STATEMENTS))


def install(folder: Path) -> Path:
    """The other engines; returns the file with Absurd's tables."""
    folder.mkdir()
    for name in ("package.json", "bun.lock", "drive.ts", "peers.ts"):
        shutil.copy(FLOWS / name, folder / name)
    target = folder / "python"
    pip: list[str | Path] = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", target, ABSURD]
    bun: list[str | Path] = [find_bun().path, "install", "--frozen-lockfile"]
    for command in (bun, pip):
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=300)
    printing = [sys.executable, "-c", "import absurdctl; print(absurdctl.BUNDLED_SCHEMA_SQL)"]
    printed = subprocess.run(printing, env={"PYTHONPATH": str(target)}, check=True, capture_output=True)
    (folder / "absurd.sql").write_bytes(printed.stdout)
    return folder / "absurd.sql"


@contextmanager
def ours(program: Path, url: str, folder: Path) -> Iterator[Ask]:
    home = Home({"UNITGRAPH_STORE": url, "UNITGRAPH_DATA": str(folder / "data")}, lambda: 0)
    process = Process(program, home, folder / "ours.log")
    try:
        port = process.port()

        def ask(given: Mapping[str, Any]) -> Any:
            connection = HTTPConnection("127.0.0.1", port, timeout=600)
            connection.request("POST", "/run", json.dumps(given), {"content-type": "application/json"})
            answer = connection.getresponse()
            text = answer.read()
            connection.close()
            if answer.status != 200:
                raise SystemExit(f"{answer.status} {text!r}")
            return json.loads(text)

        yield ask
    finally:
        process.kill()


@contextmanager
def peer(name: str, url: str, folder: Path) -> Iterator[Ask]:
    command: list[str | Path] = [find_bun().path, "peers.ts", name, url]
    pipe, nothing = subprocess.PIPE, subprocess.DEVNULL
    with subprocess.Popen(command, cwd=folder, stdin=pipe, stdout=pipe, stderr=nothing, text=True) as process:

        def said() -> Any:
            assert process.stdout
            for line in process.stdout:
                if line.startswith(("{", '"ready"')):
                    return json.loads(line)
            raise SystemExit(f"{name} ended")

        def ask(given: Mapping[str, Any]) -> Any:
            assert process.stdin
            process.stdin.write(json.dumps(given) + "\n")
            process.stdin.flush()
            return said()

        try:
            said()
            yield ask
        finally:
            process.kill()


def measure(ask: Ask, statements: Callable[[], int], number: int, options: argparse.Namespace) -> dict[str, float]:
    """One round, in an engine that is warm."""
    many = ask({"prefix": f"many-{number}", "runs": options.runs, "together": options.together})
    latencies = many["latencies"]
    before = statements()
    alone = ask({"prefix": f"alone-{number}", "runs": 100, "together": 1})
    count = statements() - before
    long = ask({"prefix": f"long-{number}", "steps": options.steps})
    return {
        "runs_per_s": options.runs / many["ms"] * 1000,
        "p50_ms": latencies[len(latencies) // 2],
        "p99_ms": latencies[int(len(latencies) * 0.99) - 1],
        "alone_p50_ms": alone["latencies"][50],
        "statements_a_run": count / 100,
        "first_steps_ms": long["first"],
        "last_steps_ms": long["last"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--together", type=int, default=100)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="unitgraph-bench-"))
    rounds: dict[str, list[dict[str, float]]] = {}
    try:
        program = build(folder / "project", FILES)
        tables = install(folder / "peers")
        with stores.postgres("shared_preload_libraries=pg_stat_statements") as server:
            databases = Databases(server)
            urls = {name: databases.make(name) for name in ("unitgraph", "dbos", "absurd")}
            databases.sql("absurd", tables.read_text(encoding="utf-8"))
            opened = {
                "unitgraph": lambda: ours(program, urls["unitgraph"], folder),
                "dbos": lambda: peer("dbos", urls["dbos"], folder / "peers"),
                "absurd": lambda: peer("absurd", urls["absurd"], folder / "peers"),
            }
            for number in range(options.times):
                for name in sorted(opened, reverse=number % 2 == 1):
                    with opened[name]() as ask:
                        ask({"prefix": f"warm-{number}", "runs": 200, "together": options.together})
                        figures = measure(ask, lambda name=name: databases.statements(name), number, options)  # type: ignore[misc]
                        rounds.setdefault(name, []).append(figures)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    found = {
        name: {figure: median(one[figure] for one in those) for figure in those[0]} for name, those in rounds.items()
    }
    for name in ("dbos", "absurd"):
        pairs = list(zip(rounds["unitgraph"], rounds[name], strict=True))
        found[name]["our_runs_of_its"] = median(mine["runs_per_s"] / its["runs_per_s"] for mine, its in pairs)
        found[name]["our_p99_of_its"] = median(mine["p99_ms"] / its["p99_ms"] for mine, its in pairs)
    if options.json:
        print(json.dumps({"medians": found, "rounds": rounds}))
        return
    for name, figures in found.items():
        print(name, *(f"{figure} {value:,.2f}" for figure, value in figures.items()), sep="  ")


if __name__ == "__main__":
    main()
