"""The build database under many processes, and when it is damaged."""

import multiprocessing
import os
from pathlib import Path

import pytest

from unitgraph.rules.database import Database

PROCESSES = 6


def write_rows(path: str, number: int, barrier: str) -> None:
    """Wait until all are there, then open the database and write."""
    Path(f"{barrier}.{number}").touch()
    while not os.path.exists(barrier):
        pass
    database = Database(Path(path))
    database.save_files([(f"file{number}-{row}", "signature", "digest") for row in range(50)])
    database.close()


@pytest.mark.parametrize("attempt", range(3))
def test_many_processes_make_one_database(tmp_path: Path, attempt: int) -> None:
    path, barrier = tmp_path / "build.db", tmp_path / "go"
    spawn = multiprocessing.get_context("spawn")
    workers = [spawn.Process(target=write_rows, args=(str(path), n, str(barrier))) for n in range(PROCESSES)]
    for worker in workers:
        worker.start()
    while len(list(tmp_path.glob("go.*"))) < PROCESSES:
        assert all(worker.exitcode is None for worker in workers)
    barrier.touch()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0] * PROCESSES
    database = Database(path)
    assert len(database.files()) == PROCESSES * 50
    database.close()
    assert not list(tmp_path.glob("*.damaged"))


@pytest.mark.parametrize("content", [b"not a database" * 100, b"SQLite format 3\x00" + b"\xff" * 4000], ids=["text", "header"])
def test_a_damaged_database_is_set_aside(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "build.db"
    path.write_bytes(content)
    database = Database(path)
    database.save_files([("a", "signature", "digest")])
    assert database.files() == {"a": ("signature", "digest")}
    database.close()
    assert (tmp_path / "build.db.damaged").read_bytes() == content
