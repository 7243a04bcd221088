"""Where the jobs of a benchmark are kept, empty at first; and other queues on the same servers. Measures nothing."""

import json
import sqlite3
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from redis import Redis

from tests import stores
from unitgraph.rules.toolchain import find_bun

QUEUES = ("work", "dead")
PEERS = Path(__file__).parent / "peers"


@dataclass(frozen=True)
class Home:
    """``environment`` is what a process is told, ``left`` how many jobs there are."""

    environment: Mapping[str, str]
    left: Callable[[], int]


@contextmanager
def sqlite(folder: Path) -> Iterator[Home]:
    data = folder / f"data-{len(list(folder.iterdir()))}"

    def left() -> int:
        with sqlite3.connect(data / "unitgraph.sqlite", timeout=30) as database:
            return int(database.execute("SELECT count(*) FROM jobs").fetchone()[0])

    yield Home({"UNITGRAPH_DATA": str(data)}, left)


@contextmanager
def postgres(_folder: Path) -> Iterator[Home]:
    with stores.postgres() as server:
        program: Path = server.programs / "psql"
        psql: list[str | Path] = [program, "-h", "127.0.0.1", "-p", str(server.port), "-U", "ann", "-Atc"]

        def left() -> int:
            counted = [*psql, "SELECT count(*) FROM unitgraph_jobs.jobs", "postgres"]
            return int(subprocess.run(counted, check=True, capture_output=True, text=True).stdout)

        yield Home({"UNITGRAPH_STORE": server.url}, left)


@contextmanager
def redis(_folder: Path, flushed: str = "everysec") -> Iterator[Home]:
    with stores.redis("--appendfsync", flushed) as server:
        client = Redis(host="127.0.0.1", port=server.port, password="a password")  # noqa: S106 - of a server for this run

        def left() -> int:
            return sum(int(str(client.hlen(f"unitgraph:{{jobs}}:queue:{queue}:meta"))) for queue in QUEUES)

        yield Home({"UNITGRAPH_STORE": server.url}, left)
        client.close()


def redis_always(folder: Path) -> AbstractContextManager[Home]:
    return redis(folder, "always")


STORES: Mapping[str, Callable[[Path], AbstractContextManager[Home]]] = {
    "sqlite": sqlite, "postgres": postgres, "redis": redis, "redis always": redis_always,
}  # fmt: skip


def peers(folder: Path, jobs: int) -> dict[str, dict[str, float]]:
    """BullMQ and pg-boss, as many at a time and as many together as in ours, in one process without HTTP in between."""
    bun = find_bun().path
    folder.mkdir()
    for name in ("package.json", "bun.lock", "peers.ts"):
        (folder / name).write_bytes((PEERS / name).read_bytes())
    subprocess.run([bun, "install", "--frozen-lockfile"], cwd=folder, check=True, capture_output=True, timeout=300)
    found = {}
    with stores.postgres() as database:
        found["pg-boss"] = _peer(bun, folder, "pg-boss", database.url, jobs)
    for name, flushed in (("BullMQ", "everysec"), ("BullMQ, always", "always")):
        with stores.redis("--appendfsync", flushed) as server:
            found[name] = _peer(bun, folder, "bullmq", server.url, jobs)
    return found


def _peer(bun: Path, folder: Path, name: str, url: str, jobs: int) -> dict[str, float]:
    command: list[str | Path] = [bun, "peers.ts", name, url, str(jobs)]
    with open(folder / "said", "wb") as said:
        status = subprocess.run(command, cwd=folder, stdout=said, stderr=said, check=False, timeout=300).returncode
    lines = (folder / "said").read_text(errors="replace").splitlines()
    if status:
        raise SystemExit(f"{name}: {lines[-1:]}")
    figures: dict[str, float] = json.loads(lines[-1])
    return figures
