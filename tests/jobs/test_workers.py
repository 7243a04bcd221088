"""What Workers do that the table doesn't show: days of the week, ids that were given, messages of others."""

from typing import Any

from tests.harness import Checkout
from tests.jobs.places import InWorkers
from tests.log import Line


def of(job: str, text: str) -> Any:
    def wanted(line: Line) -> bool:
        return line.get("jobId") == job and line.get("msg") == text

    return wanted


def test_tasks_run_by_the_expression_that_cloudflare_was_told(workers: InWorkers) -> None:
    assert workers.workers.scheduled("jobs-tick", "30 4 * * mon,tue,wed,thu,fri")["outcome"] == "ok"
    assert workers.workers.scheduled("jobs-tick", "30 4 * * sun")["outcome"] == "ok"
    ticked = workers.log.wait(lambda line: line.get("msg") == "ticked", 2)
    assert [(line["name"], line["schedule"]) for line in ticked] == [("tick", "30 4 * * 1-5"), ("sunday", "30 4 * * 7")]
    assert len(workers.log.wait(lambda line: line.get("msg") == "around the tag" and line.get("task") == "tick")) == 1


def test_both_tasks_of_an_expression_run_and_add_their_jobs(workers: InWorkers) -> None:
    assert workers.workers.scheduled("jobs-chime", "* * * * *")["outcome"] == "ok"
    took = workers.log.wait(lambda line: line.get("msg") == "took" and "from" in (line.get("data") or {}), 2)
    assert sorted(line["data"]["from"] for line in took) == ["every-minute", "every-minute-too"]


def test_a_task_that_fails_fails_its_event_and_says_so(workers: InWorkers) -> None:
    assert workers.workers.scheduled("jobs-stumble", "5 5 5 5 *")["outcome"] == "exception"
    [line] = workers.log.wait(lambda line: line.get("code") == "task-failed")
    assert (line["msg"], line["task"]) == ("stumbled", "stumbling")


def test_a_task_of_which_no_two_run_leaves_out_what_comes_meanwhile(workers: InWorkers) -> None:
    """Two times that come at once, then one that was run already, then a later one."""

    def ran() -> list[tuple[str, str]]:
        found = workers.log.lines(lambda line: line.get("task") == "dawdling")
        return sorted((line["msg"], line["executionTime"]) for line in found if line["msg"] != "dawdled")

    late = "The task was not started: its last run goes on"
    fired = workers.workers.scheduled("jobs-dawdle", "6 6 6 6 *", 60_000, 120_000)
    assert [one["outcome"] for one in fired] == ["ok", "ok"]
    workers.log.wait(lambda line: line.get("task") == "dawdling" and line["msg"] != "dawdled", 2)
    (done, first), (left_out, second) = sorted(ran(), key=lambda said: said[0] == late)
    assert (done, left_out) == ("task done", late)
    assert sorted((first, second)) == ["1970-01-01T00:01:00.000Z", "1970-01-01T00:02:00.000Z"]
    workers.workers.scheduled("jobs-dawdle", "6 6 6 6 *", 60_000)
    workers.workers.scheduled("jobs-dawdle", "6 6 6 6 *", 180_000)
    workers.log.wait(lambda line: line.get("msg") == "task done" and line.get("executionTime") == "1970-01-01T00:03:00.000Z")
    assert [at for said, at in ran() if said == "task done"] == sorted([first, "1970-01-01T00:03:00.000Z"])


def test_plan_says_what_the_clock_does_not(checkout: Checkout) -> None:
    told = checkout.run("plan", "--provider", "cloudflare").text
    assert "The task dawdling is to run times that were missed (missed: 'run')" in told


def test_an_expression_and_a_queue_of_somebody_else_are_refused(workers: InWorkers) -> None:
    assert workers.workers.scheduled("jobs-tick", "1 1 1 1 *")["outcome"] == "exception"
    assert workers.workers.queue("jobs-work", "other", [1])["outcome"] == "exception"
    assert workers.workers.queue("jobs-add", "work", [1])["outcome"] == "exception", "a unit without a queue"


def test_an_id_that_was_given_is_run_once_however_often_it_is_sent(workers: InWorkers) -> None:
    body = {"queue": "work", "data": {"do": "note"}, "options": {"jobId": "once"}}
    assert workers.post("/add", body).status == 200
    workers.log.wait(of("once", "job done"))
    for _ in range(2):
        assert workers.post("/add", body).json == {"id": "once"}
    workers.log.wait(of("once", "job duplicate"), 2)
    assert len(workers.log.lines(of("once", "worked"))) == 1


def test_a_message_that_somebody_else_sent_is_a_job_of_its_own_id(workers: InWorkers) -> None:
    outcome = workers.workers.queue("jobs-take", "any", [{"a": 1}, "text", None])
    assert (outcome["outcome"], len(outcome["explicitAcks"])) == ("ok", 3)
    took = [workers.log.wait(of(str(number), "took"))[0]["data"] for number in range(3)]
    assert took == [{"a": 1}, "text", None]


def test_a_garbled_message_goes_to_the_dead_letters(workers: InWorkers) -> None:
    garbled = '{"$unitgraph":"job",'
    outcome = workers.workers.queue("jobs-work", "work", [garbled])
    assert outcome["explicitAcks"] == ["0"], (outcome, workers.log.lines()[-4:])
    workers.log.wait(lambda line: line.get("code") == "job-given-up" and line.get("jobId") == "0")
    # there too nobody can read it, and its worker has nowhere to send it
    workers.log.wait(lambda line: line.get("code") == "job-given-up" and line.get("queue") == "dead")
