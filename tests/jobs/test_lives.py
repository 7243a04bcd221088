"""What outlives a process, and what happens once, in the executable: kill -9, leases, several processes, the end."""

import re
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.homes import Home
from tests.jobs.places import InProcess, running
from tests.log import Line

COUNT = 400


def msg(text: str) -> "Said":
    return Said(text)


class Said:
    """Lines with this message, of one job where one is given."""

    def __init__(self, text: str, job: str | None = None) -> None:
        self.text, self.job = text, job

    def __call__(self, line: Line) -> bool:
        return line.get("msg") == self.text and (self.job is None or line.get("jobId") == self.job)


def rows(data: Path, sql: str) -> list[tuple[object, ...]]:
    with sqlite3.connect(data / "unitgraph.sqlite") as database:
        return database.execute(sql).fetchall()


def add(place: InProcess, queue: str, data: object, **options: object) -> str:
    answer = place.post("/add", {"queue": queue, "data": data, "options": options})
    assert answer.status == 200, answer.body
    found: str = answer.json["id"]
    return found


def added_before_kill(program: Path, home: Home | Path, added: Callable[[InProcess, str], list[str]]) -> list[str]:
    """Jobs that a process added, given how long they are to be delayed, and didn't live to begin; they are delayed for
    longer, and are others, where this machine took longer to add them."""
    for delay_s in (1, 4, 16, 64):
        with running(program, home) as process:
            began = time.monotonic()
            jobs = added(process, f"{delay_s}s")
            process.kill()
            if time.monotonic() - began < delay_s:
                assert process.log.lines(msg("worked")) == []
                return jobs
    raise AssertionError(f"it took {time.monotonic() - began:.0f} s to add {len(jobs)} jobs")


def test_killed_with_jobs_under_way_nothing_is_lost(program: Path, tmp_path: Path) -> None:
    """Jobs are added while processes that work on them are killed with SIGKILL; each job is done in the end."""
    done: Counter[str] = Counter()
    added: list[str] = []
    kills = 0
    with running(program, tmp_path) as producer:
        while len(added) < COUNT:
            worker = InProcess(program, tmp_path).listening()
            added += [add(producer, "work", {"do": "note"}) for _ in range(COUNT // 4)]
            worker.kill()
            kills += 1
            done.update(line["jobId"] for line in worker.log.lines(msg("worked")))
        with running(program, tmp_path) as last:

            def ended() -> bool:
                return rows(tmp_path, "SELECT count(*) FROM jobs WHERE queue = 'work'") == [(0,)]

            until = time.monotonic() + 60
            while not ended():
                assert time.monotonic() < until, rows(tmp_path, "SELECT queue, state, count(*) FROM jobs GROUP BY 1, 2")
                time.sleep(0.05)
            assert last.end() == 0
            done.update(line["jobId"] for line in last.log.lines(msg("worked")))
        assert producer.end() == 0
        done.update(line["jobId"] for line in producer.log.lines(msg("worked")))
    assert kills == 4
    assert [job for job in added if job not in done] == []
    assert sum(done.values()) - len(added) <= kills * 4, "twice at most what was under way when a process died"


def test_what_was_added_and_not_begun_is_there_after_kill(program: Path, tmp_path: Path) -> None:
    def added(process: InProcess, delay: str) -> list[str]:
        return [add(process, "work", {"do": "note", "text": str(number)}, delay=delay) for number in range(20)]

    jobs = added_before_kill(program, tmp_path, added)
    with running(program, tmp_path) as second:
        found = second.log.wait(lambda line: line.get("msg") == "worked" and line["jobId"] in jobs, len(jobs))
        assert sorted(line["jobId"] for line in found) == sorted(jobs)
        assert {line["attempt"] for line in found} == {1}


def test_a_job_whose_process_died_is_tried_again_as_a_further_attempt(program: Path, tmp_path: Path) -> None:
    with running(program, tmp_path) as first:
        job = add(first, "lingering", {"ms": 60_000})
        first.log.wait(Said("lingering", job))
        first.kill()
    with running(program, tmp_path) as second:
        assert second.log.wait(Said("lingering", job))[0]["attempt"] == 2


def test_a_job_that_kills_its_process_each_time_is_given_up(program: Path, tmp_path: Path) -> None:
    with running(program, tmp_path) as first:
        job = add(first, "lingering", {"ms": 60_000}, attempts=1)
        first.log.wait(Said("lingering", job))
        first.kill()
    with running(program, tmp_path) as second:
        second.log.wait(lambda line: line.get("code") == "job-given-up" and line["jobId"] == job)
        second.log.wait(Said("buried", job))
        assert second.log.lines(Said("lingering", job)) == []


def test_a_job_that_takes_longer_than_its_lease_stays_with_a_process_that_lives(program: Path, tmp_path: Path) -> None:
    with running(program, tmp_path) as first, running(program, tmp_path) as second:
        job = add(first, "lingering", {"ms": 3000})
        end = time.monotonic() + 60
        while not (found := first.log.lines(Said("lingered", job)) + second.log.lines(Said("lingered", job))):
            assert time.monotonic() < end
            time.sleep(0.05)
        assert [line["attempt"] for line in found] == [1]
        assert len(first.log.lines(Said("lingering", job)) + second.log.lines(Said("lingering", job))) == 1


def test_asked_to_end_it_ends_what_it_has_and_takes_nothing_more(program: Path, tmp_path: Path) -> None:
    with running(program, tmp_path) as first:
        one, two = (add(first, "lingering", {"ms": 3000}) for _ in range(2))
        first.log.wait(Said("lingering", one))
        assert first.end() == 0
        assert len(first.log.lines(Said("lingered", one))) == 1
        assert first.log.lines(Said("lingering", two)) == []
        assert [line["msg"] for line in first.log.lines()][-1] == "stopped"
    assert rows(tmp_path, "SELECT id, attempt, owner FROM jobs") == [(two, 0, None)]


def test_what_is_ended_with_the_process_is_put_back_and_has_not_been_tried(program: Path, tmp_path: Path) -> None:
    first = InProcess(program, tmp_path, {"UNITGRAPH_SHUTDOWN_TIMEOUT": "0"}).listening()
    job = add(first, "lingering", {"ms": 60_000})
    first.log.wait(Said("lingering", job))
    assert first.end() == 0
    assert rows(tmp_path, "SELECT id, attempt, owner, state FROM jobs") == [(job, 0, None, 0)]


def test_an_id_that_was_given_is_there_once_and_across_restarts(program: Path, tmp_path: Path) -> None:
    with running(program, tmp_path) as first:
        for _ in range(3):
            add(first, "work", {"do": "note"}, jobId="once")
        first.log.wait(Said("job done", "once"))
        add(first, "work", {"do": "note"}, jobId="once")
        first.kill()
    with running(program, tmp_path) as second:
        add(second, "work", {"do": "note"}, jobId="once")
        sentinel = add(second, "work", {"do": "note"})
        second.log.wait(Said("job done", sentinel))
        assert second.end() == 0
        assert second.log.lines(Said("worked", "once")) == []
    assert len(first.log.lines(Said("worked", "once"))) == 1


def test_jobs_for_a_queue_are_taken_by_whichever_process_is_free(program: Path, tmp_path: Path) -> None:
    """One process runs one of these at a time, so two processes are at work at once on what one of them added."""
    with running(program, tmp_path) as first, running(program, tmp_path) as second:
        jobs = [add(first, "lingering", {"ms": 60_000}) for _ in range(2)]
        ran = [place.log.wait(msg("lingering"))[0]["jobId"] for place in (first, second)]
        assert sorted(ran) == sorted(jobs)


@pytest.mark.parametrize("given", ["/proc/nowhere", "a file"])
def test_a_data_folder_that_cannot_be_used_is_said_before_anything_listens(
    program: Path, tmp_path: Path, given: str
) -> None:
    (tmp_path / "a file").write_text("")
    place = InProcess(program, Path(given) if given.startswith("/") else tmp_path / given)
    assert place.ended() == 1
    [line] = place.log.lines()
    assert line["code"] == "not-started"
    assert re.search(r"The data folder .* can't be used: .*UNITGRAPH_DATA", line["msg"])
