"""Clocks that are wrong, by a year and either way: nothing about what is believed depends on them."""

import os
import time
from pathlib import Path
from textwrap import dedent

import pytest

from tests.cache.threats.jobs import Company, Job, entries, poison, taken_over, unsigned

YEAR_S = 366 * 86_400


def shift(job: Job, seconds: int) -> Job:
    """From now on the job's clock is off by so much: every program in Python that it starts sees that."""
    folder = job.root.parent / "clock"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(
        dedent(f"""\
        import time
        _time, _time_ns = time.time, time.time_ns
        time.time = lambda: _time() + {seconds}
        time.time_ns = lambda: _time_ns() + {seconds} * 1_000_000_000
        """)
    )
    job.environ["PYTHONPATH"] = str(folder)
    return job


@pytest.mark.parametrize("seconds", [-YEAR_S, YEAR_S], ids=["a year behind", "a year ahead"])
def test_a_machine_whose_clock_is_off_gives_and_takes(company: Company, seconds: int) -> None:
    clean = company.clean()
    shift(company.main("off"), seconds).plan()
    right = company.desk("right")
    assert taken_over(right.plan())
    assert right.promised() == clean
    wrong = shift(company.desk("wrong"), seconds)
    said = wrong.plan()
    assert taken_over(said)
    assert "warning" not in said.err
    assert wrong.promised() == clean


def test_the_clock_of_these_tests_is_really_off(company: Company) -> None:
    """The job's own cache stamps what it uses, by the job's clock."""
    job = shift(company.desk("off"), -YEAR_S)
    job.plan()
    used = [path.stat().st_mtime for path in (job.cache / "unitgraph" / "cas").rglob("*") if path.is_file()]
    assert used
    assert all(abs(time.time() - YEAR_S - each) < 86_400 for each in used)


@pytest.mark.parametrize("seconds", [-YEAR_S, YEAR_S], ids=["of last year", "of next year"])
def test_times_of_files_mean_nothing(company: Company, seconds: int) -> None:
    clean = company.clean()
    company.main("first").plan()
    age(company.place, seconds)
    taker = company.desk("second")
    assert taken_over(taker.plan())
    poison(company.place, unsigned)
    age(company.place, seconds)
    victim = company.desk("third")
    victim.plan()
    assert victim.promised() == clean


def test_an_entry_holds_no_time(company: Company) -> None:
    """The same build, made twice with a year between: the same bytes, so nobody can tell old from new by them."""
    company.main("first").plan()
    first = {path.name: path.read_bytes() for path, entry in entries(company.place) if entry.action.startswith("bundle:")}
    for path, _ in list(entries(company.place)):
        path.unlink()
    shift(company.main("second"), YEAR_S).plan()
    second = {path.name: path.read_bytes() for path, entry in entries(company.place) if entry.action.startswith("bundle:")}
    assert first == second


def age(folder: Path, seconds: int) -> None:
    for path in folder.rglob("*"):
        found = path.stat()
        os.utime(path, (found.st_atime + seconds, found.st_mtime + seconds))
