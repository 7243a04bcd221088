"""What outlives a process and a server, and what happens once, where processes share a PostgreSQL or a Redis."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.homes import Home, Homes
from tests.jobs.places import InProcess, running
from tests.jobs.test_lives import Said, add, added_before_kill, msg
from tests.stores import redis

COUNT = 400
DEADLINE_S = 120


def done(*processes: InProcess) -> Counter[str]:
    return Counter(line["jobId"] for process in processes for line in process.log.lines(msg("worked")))


def until_done(added: list[str], *processes: InProcess) -> Counter[str]:
    end = time.monotonic() + DEADLINE_S
    while missing := [job for job in added if job not in done(*processes)]:
        assert time.monotonic() < end, f"{len(missing)} of {len(added)} were not done"
        time.sleep(0.05)
    return done(*processes)


def test_killed_with_jobs_under_way_nothing_is_lost(program: Path, home: Home) -> None:
    added: list[str] = []
    workers: list[InProcess] = []
    with running(program, home) as producer:
        while len(added) < COUNT:
            workers.append(InProcess(program, home).listening())
            added += [add(producer, "work", {"do": "note"}) for _ in range(COUNT // 4)]
            workers[-1].kill()
        counted = until_done(added, producer, *workers)
        assert producer.end() == 0
    assert len(workers) == 4
    assert sum(counted.values()) - len(added) <= 4 * len(workers), "twice at most what was under way when a process died"


def test_a_server_that_is_killed_under_load_loses_nothing_that_was_added(program: Path, home: Home) -> None:
    """Killed three times, and started again; additions that it didn't take are refused, and nobody dies of it."""
    assert home.server
    added: list[str] = []
    refused = 0
    with running(program, home) as first, running(program, home) as second:
        for _ in range(3):
            added += [add(first, "work", {"do": "note"}) for _ in range(60)]
            home.server.kill()
            answer = first.post("/add", {"queue": "work", "data": {"do": "note"}})
            assert (answer.status, answer.json["error"]) == (503, "The store can't be reached")
            refused += 1
            home.server.start()
            end = time.monotonic() + DEADLINE_S
            while first.post("/add", {"queue": "work", "data": {"do": "note"}}).status != 200:
                assert time.monotonic() < end
                time.sleep(0.05)
        counted = until_done(added, first, second)
        assert [process.end() for process in (first, second)] == [0, 0]
    assert refused == 3
    # each of the two had four at a time under way, and may have lost the word that they had ended
    assert sum(count - 1 for job, count in counted.items() if job in added) <= 3 * 2 * 4


def test_what_was_added_outlives_the_server_and_all_processes(program: Path, home: Home) -> None:
    assert home.server

    def added(process: InProcess, delay: str) -> list[str]:
        named = [add(process, "work", {"do": "note"}, jobId=f"once-{delay}", delay=delay) for _ in range(3)]
        return [named[0], *(add(process, "work", {"do": "note", "text": str(number)}, delay=delay) for number in range(20))]

    once, *jobs = added_before_kill(program, home, added)
    home.server.kill()
    home.server.start()
    with running(program, home) as second:
        found = second.log.wait(lambda line: line.get("msg") == "worked" and line["jobId"] in {once, *jobs}, len(jobs) + 1)
        add(second, "work", {"do": "note"}, jobId=once)
        sentinel = add(second, "work", {"do": "note"})
        second.log.wait(Said("worked", sentinel))
        assert second.end() == 0
        assert sorted(line["jobId"] for line in found) == sorted([once, *jobs])
        assert done(second)[once] == 1
        assert {line["attempt"] for line in found} == {1}


def test_a_job_whose_process_died_is_tried_again_and_one_that_was_put_back_has_not_been(program: Path, home: Home) -> None:
    with running(program, home) as first:
        job = add(first, "lingering", {"ms": 60_000})
        first.log.wait(Said("lingering", job))
        first.kill()
    second = InProcess(program, home, {"UNITGRAPH_SHUTDOWN_TIMEOUT": "0"}).listening()
    assert second.log.wait(Said("lingering", job))[0]["attempt"] == 2
    assert second.end() == 0
    with running(program, home) as third:
        assert third.log.wait(Said("lingering", job))[0]["attempt"] == 2


def test_a_job_that_takes_longer_than_its_lease_stays_with_a_process_that_lives(program: Path, home: Home) -> None:
    with running(program, home) as first, running(program, home) as second:
        jobs = [add(first, "lingering", {"ms": 3000}) for _ in range(2)]
        for place in (first, second):
            place.log.wait(msg("lingered"))
        began = [line for place in (first, second) for line in place.log.lines(msg("lingering"))]
        assert sorted(line["jobId"] for line in began) == sorted(jobs), "one each, since each runs one at a time"
        assert {line["attempt"] for line in began} == {1}


def test_several_that_start_at_once_make_what_they_need_together(program: Path, home: Home) -> None:
    processes = [InProcess(program, home) for _ in range(6)]
    jobs = [add(process.listening(), "work", {"do": "note"}) for process in processes]
    until_done(jobs, *processes)
    assert [process.end() for process in processes] == [0] * 6


def test_two_processes_run_a_task_once_a_minute(
    program: Path, in_folders: Homes, in_postgres: Homes, in_redis: Homes, tmp_path: Path
) -> None:
    """Over one turn of the minute, over each store at the same time; both tasks of one expression run, each in one of
    the two processes."""
    with ExitStack() as stack:
        pairs = [
            [stack.enter_context(running(program, home)) for _ in range(2)]
            for home in (in_folders(tmp_path), in_postgres(tmp_path), in_redis(tmp_path))
        ]
        end = time.monotonic() + 90

        def ran(pair: list[InProcess]) -> list[tuple[str, str]]:
            lines = [line for place in pair for line in place.log.lines(msg("task done"))]
            return sorted((line["executionTime"], line["task"]) for line in lines)

        while not all(len(ran(pair)) >= 2 for pair in pairs):
            assert time.monotonic() < end, [ran(pair) for pair in pairs]
            time.sleep(0.1)
        assert [place.end() for pair in pairs for place in pair] == [0] * 6
        for pair in pairs:
            [(at, first), (same, second)] = ran(pair)[:2]
            assert (first, second, at) == ("every-minute", "every-minute-too", same)
            assert at.endswith(":00.000Z")
            skipped = [line["reason"] for place in pair for line in place.log.lines(msg("task skipped"))]
            assert skipped == ["that was all"] * len(ran(pair))
            assert len(set(ran(pair))) == len(ran(pair)), "no time of a task is run twice"


@pytest.fixture(scope="module")
def forgetful() -> Iterator[Home]:
    """A Redis that keeps nothing, and drops keys when its memory is full."""
    with redis("--appendonly", "no", "--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru") as server:
        yield Home({"UNITGRAPH_STORE": server.url}, server)


def test_a_redis_that_forgets_is_refused_unless_that_is_asked_for(program: Path, forgetful: Home) -> None:
    refused = InProcess(program, forgetful)
    assert refused.ended() == 1
    [line] = refused.log.lines()
    assert line["code"] == "not-started"
    [problem] = line["problems"]
    assert "no append-only file (set appendonly yes), and it drops keys when its memory is full" in problem
    assert "allkeys-lru" in problem
    assert "UNITGRAPH_STORE_VOLATILE=allow" in problem
    with running(program, Home({**forgetful.environment, "UNITGRAPH_STORE_VOLATILE": "allow"})) as process:
        process.log.wait(Said("worked", add(process, "work", {"do": "note"})))


@pytest.mark.parametrize(
    ("environment", "problems"),
    [
        ({"UNITGRAPH_STORE": "mysql://ann:pa55word-of-ann@h"}, [r"UNITGRAPH_STORE is no URL of PostgreSQL"]),
        ({"UNITGRAPH_STORE": "redis://:pa55word-of-ann@127.0.0.1:1", "PORT": "x"}, [r'PORT is "x"', r"Redis at 127.0.0.1:1 can't be used"]),
        ({"UNITGRAPH_STORE": "postgres://ann:pa55word-of-ann@127.0.0.1:1/shop"}, [r"PostgreSQL at 127.0.0.1:1/shop can't be used"]),
    ],
    ids=["of no kind", "not there, and more", "not there"],
)
def test_what_cannot_be_used_is_said_once_and_without_its_password(
    program: Path, environment: dict[str, str], problems: list[str]
) -> None:
    process = InProcess(program, Home(environment))
    assert process.ended() == 1
    [line] = process.log.lines()
    assert len(line["problems"]) == len(problems), line
    assert all(wanted in found for wanted, found in zip(problems, line["problems"], strict=True)), line
    assert "pa55word" not in str(line)
