"""What processes of an executable share: a data folder, or a database of a server; each is empty at first."""

import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from tests.stores import Server, postgres, redis

_DATABASES_OF_REDIS = 256


@dataclass(frozen=True)
class Home:
    """``server`` is what can be killed and started again, ``environment`` what a process is told."""

    environment: Mapping[str, str]
    server: Server | None = None


Homes = Callable[[Path], Home]


@contextmanager
def in_folders() -> Iterator[Homes]:
    yield lambda folder: Home({"UNITGRAPH_DATA": str(folder)})


@contextmanager
def in_postgres(*options: str) -> Iterator[Homes]:
    numbers = count(1)
    with postgres(*options) as server:

        def made(_folder: Path) -> Home:
            name = f"home_{next(numbers)}"
            sql(server, f"CREATE DATABASE {name}")
            return Home({"UNITGRAPH_STORE": f"{server.url.removesuffix('/postgres')}/{name}"}, server)

        yield made


def sql(server: Server, statement: str) -> None:
    command: list[str | Path] = [server.programs / "psql", "-h", "127.0.0.1", "-p", str(server.port), "-U", "ann", "-qc", statement, "postgres"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@contextmanager
def in_redis(*options: str) -> Iterator[Homes]:
    numbers = count(0)
    with redis("--databases", str(_DATABASES_OF_REDIS), *options) as server:

        def made(_folder: Path) -> Home:
            number = next(numbers)
            assert number < _DATABASES_OF_REDIS
            return Home({"UNITGRAPH_STORE": f"{server.url}/{number}"}, server)

        yield made
