"""`doit runs` on runs of a process that lives and of one that is gone; every answer is the store's own."""

import json
import sqlite3
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.harness import Checkout, Finished
from tests.homes import Homes
from tests.workflows.conftest import Deployment
from tests.workflows.test_asked import OWNER, REFUND
from tests.workflows.test_asked import ask as ask_as
from tests.workflows.test_dashboard import TOKEN, manage
from tests.workflows.test_lives import LIMIT_S, start, until_ended
from unitgraph.rules.main import main

Ask = Callable[..., Finished]


@pytest.fixture
def command(checkout: Checkout, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Ask:
    """`doit runs` in this process, which spares a start of Python each time."""

    def ask(*words: str, status: int = 0, more: Mapping[str, str] | None = None) -> Finished:
        with monkeypatch.context() as patch:
            for name, value in (more or {}).items():
                patch.setenv(name, value)
            ended = main(["runs", "-d", str(checkout.root), *words])
        said = capsys.readouterr()
        assert ended == status, said.err
        return Finished(ended, said.out, said.err)

    return ask


@pytest.fixture
def runs(command: Ask, deployment: Deployment) -> Ask:
    def ask(*words: str, status: int = 0) -> Finished:
        return command(*words, "--store", deployment.store, status=status)

    return ask


def begin(deployment: Deployment) -> tuple[str, str]:
    """A run that has ended, and one that waits for somebody."""
    place = deployment.start()
    done = start(place, "u1")
    until_ended(place, done)
    waiting = ask_as(place, "POST", "/workflow/refund/start", REFUND)[1]["runId"]
    until(lambda: ask_as(place, "GET", f"/workflow/refund/status/{waiting}")[1]["status"] == "waiting")
    return done, waiting


def until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + LIMIT_S
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.parametrize("deployment", ["in_postgres", "in_redis"], indirect=True)
def test_every_store_is_asked_by_its_own_code(deployment: Deployment, runs: Ask) -> None:
    done, waiting = begin(deployment)
    deployment.end()
    assert [run["id"] for run in runs("list", "--search", "U1@", "--json").json["runs"]] == [done]
    assert [step["status"] for step in runs("show", waiting, "--json").json["steps"]] == ["waiting"]
    assert runs("fork", done, "--from", "Tell", "--as", "again", "--json").json["entries"] == 6
    assert [json.loads(line)["head"]["id"] for line in runs("export").out.splitlines()] == ["again", waiting, done]


def test_runs_are_told_of_while_no_process_is_there(deployment: Deployment, runs: Ask, tmp_path: Path) -> None:
    done, waiting = begin(deployment)
    deployment.end()
    listed = runs("list", "--json").json["runs"]
    assert [(run["id"], run["workflow"], run["status"]) for run in listed] == [
        (waiting, "refund", "waiting"), (done, "onboardUser", "completed"),
    ]  # fmt: skip

    for words, expected in {
        ("--name", "refund"): [waiting],
        ("--status", "completed,failed"): [done],
        ("--status", "failed"): [],
        ("--search", "u1@example"): [done],
        ("--since", "1h"): [waiting, done],
        ("--since", "2999-01-01"): [],
        ("--limit", "1"): [waiting],
    }.items():
        assert [run["id"] for run in runs("list", *words, "--json").json["runs"]] == expected, words

    table = runs().out.splitlines()
    assert table[0].split() == ["RUN", "WORKFLOW", "STATUS", "BEGAN", "TOOK", "ENTRIES"]
    assert [line.split()[:3] for line in table[1:]] == [[waiting, "refund", "waiting"], [done, "onboardUser", "completed"]]

    shown = runs("show", done[:13], "--json").json
    assert [(step["key"], step["kind"], step["status"], len(step["attempts"])) for step in shown["steps"]] == [
        ("Create profile", "rpc", "completed", 1), ("Wait before welcome", "sleep", "completed", 0),
        ("Send welcome email", "rpc", "completed", 2), ("Provision workspace", "rpc", "completed", 1),
        ("Tell", "inline", "completed", 1),
    ]  # fmt: skip
    text = runs("show", done, waiting).out
    for said in (
        "onboardUser", '{"email": "u1@example.com", "userId": "u1"}', "The post is closed", '{"sent": "u1@example.com"}',
        '{"success": true}', "█", f"{OWNER}", "approval", "until 2",
    ):  # fmt: skip
        assert said in text, text

    file = tmp_path / "runs.jsonl"
    runs("export", "--name", "onboardUser", "--file", str(file))
    (line,) = file.read_text("utf-8").splitlines()
    assert (file.stat().st_mode & 0o777, [path.name for path in tmp_path.glob("*.jsonl*")]) == (0o600, ["runs.jsonl"])
    assert json.loads(line)["head"]["id"] == done
    assert runs("export", done).out == f"{line}\n"


def test_what_types_mark_as_secret_is_in_no_answer_and_the_run_has_it(deployment: Deployment, runs: Ask) -> None:
    place = deployment.start(UNITGRAPH_DASHBOARD_TOKEN=TOKEN)
    given = {"user": "u1", "password": "pass-w0rd", "old": [{"user": "u0", "password": "pass-w0rd of old"}]}
    run = ask_as(place, "POST", "/workflow/changeLogin/start", given)[1]["runId"]
    ended = ask_as(place, "POST", "/workflow/changeLogin/run", given)[1]
    assert ended == {"length": 9, "hash": "hash of pass-w0rd"}
    until(lambda: ask_as(place, "GET", f"/workflow/changeLogin/status/{run}")[1]["status"] == "completed")
    told = manage(place, "GET", f"runs/{run}")[1]
    deployment.end()
    shown = runs("show", run, "--json")
    assert "pass-w0rd" not in json.dumps(told) + shown.out + runs("show", run).out + runs("list", "--json").out
    view = shown.json
    (step,) = view["steps"]
    assert [json.loads(each["text"]) for each in (view["input"], step["input"], step["value"], view["output"])] == [
        {"user": "u1", "password": "[secret]", "old": [{"user": "u0", "password": "[secret]"}]},
        {"password": "[secret]"}, *[{"length": 9, "hash": "[secret]"}] * 2,
    ]  # fmt: skip
    # what a run goes on with
    assert "hash of pass-w0rd" in runs("export", run).out


def test_a_run_is_cancelled_and_another_done_again_from_a_step(deployment: Deployment, runs: Ask) -> None:
    done, waiting = begin(deployment)
    place = deployment.processes[0]
    assert runs("cancel", waiting, "--reason", "lost interest", "--json").json["runs"][0]["id"] == waiting
    until(lambda: ask_as(place, "GET", f"/workflow/refund/status/{waiting}")[1]["status"] == "cancelled")
    assert ask_as(place, "GET", f"/workflow/refund/status/{waiting}")[1]["reason"] == "lost interest"

    made = runs("fork", done, "--from", "Provision workspace", "--as", "again", "--json").json
    assert (made["id"], made["workflow"], made["entries"]) == ("again", "onboardUser", 5)
    assert until_ended(place, "again")["output"] == {"success": True}
    assert [what for run, what in deployment.lines() if run == "again"] == ["createWorkspace", "inline"]


def test_a_deployment_answers_for_its_own_to_whoever_has_the_token(command: Ask, deployment: Deployment) -> None:
    token = {"UNITGRAPH_DASHBOARD_TOKEN": "a-token-that-nobody-guesses"}
    place = deployment.start(**token)
    url = f"http://127.0.0.1:{place.port}/"
    done = start(place, "u1")
    until_ended(place, done)
    waiting = ask_as(place, "POST", "/workflow/refund/start", REFUND)[1]["runId"]

    def runs(*words: str) -> Any:
        return command(*words, "--json", "--store", url, more=token).json

    assert [run["id"] for run in runs("list")["runs"]] == [waiting, done]
    for words in (["list", "--search", "U1@"], ["list", "--limit", "1"], ["show", done]):
        assert runs(*words) == command(*words, "--json", "--store", deployment.store).json
    kept = {step["key"]: step["forkAfter"] for step in runs("show", done)["steps"]}
    assert runs("fork", done, "--from", "Provision workspace", "--as", "again")["entries"] == kept["Provision workspace"]
    assert until_ended(place, "again")["output"] == {"success": True}
    assert runs("cancel", waiting[:8], "--reason", "enough")["runs"][0]["id"] == waiting
    until(lambda: bool(runs("list", "--status", "cancelled")["runs"]))
    exported = command("export", "--store", url, more=token).out
    assert {line["head"]["id"] for line in map(json.loads, exported.splitlines())} == {waiting, done, "again"}

    assert "[runs-token-wrong]" in command("--store", url, status=1).err
    closed = deployment.start()
    assert "[runs-unanswered]" in command("--store", f"http://127.0.0.1:{closed.port}", more=token, status=1).err


def test_a_run_that_is_paused_goes_on_when_it_is_resumed(deployment: Deployment, runs: Ask) -> None:
    place = deployment.start()
    run = start(place, "u1")
    place.kill()
    with closing(sqlite3.connect(f"{deployment.store}/runs.sqlite")) as database:
        database.execute("UPDATE runs SET status = 'paused', reason = 'not now', owner = NULL, leaseUntil = NULL, dueAt = NULL")
        database.commit()
    assert [each["reason"] for each in runs("list", "--status", "paused", "--json").json["runs"]] == ["not now"]
    place = deployment.start()
    assert runs("resume", run).out == f"resumed onboardUser {run}: waiting\n"
    assert until_ended(place, run)["status"] == "completed"


@pytest.fixture(scope="module")
def gone(program: Path, in_folders: Homes, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str, str]:
    """The data of a process that is gone."""
    folder = tmp_path_factory.mktemp("gone")
    made = Deployment(program, in_folders(folder), folder)
    done, waiting = begin(made)
    made.end()
    return made.store, done, waiting


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["show"], "run-id-missing", "doit runs list"),
        (["show", "nothing"], "run-unknown", "doit runs list"),
        (["cancel", "DONE"], "run-ended", "doit runs fork"),
        (["resume", "WAITING"], "run-not-paused", "it is waiting"),
        (["fork", "DONE", "--from", "Nowhere"], "run-step-unknown", "'Create profile'"),
        (["fork", "DONE", "--as", "WAITING"], "run-id-taken", "--as"),
        (["export", "--file", "/nowhere/runs.jsonl"], "export-unwritable", "No such file or directory"),
        (["lsit"], "task-unknown", "Did you mean list?"),
        (["list", "DONE"], "words-too-many", "doit help runs"),
        (["list", "--reason", "none"], "option-misplaced", "--reason"),
        (["list", "--status", "asleep"], "run-status-unknown", "waiting"),
        (["list", "--since", "yesterday"], "time-invalid", "7d"),
        (["list", "--store", "/nowhere/at/all"], "runs-place-unknown", "--store"),
        (["list", "--store", "/tmp"], "runs-missing", "runs.sqlite"),
        (["list", "--store", "postgres://ann:secret@127.0.0.1:1/none"], "runs-unusable", "127.0.0.1"),
        (["list", "--store", "redis://:secret@127.0.0.1:1"], "runs-unusable", "127.0.0.1"),
        (["list", "--store", "http://127.0.0.1:1"], "runs-unusable", "127.0.0.1"),
        (["list", "--store", "LEDGER"], "runs-export-broken", "Line 1"),
    ],
    ids=lambda value: " ".join(value[:3]) if isinstance(value, list) else None,
)
def test_what_can_not_be_done_is_said_with_what_to_type(
    command: Ask, gone: tuple[str, str, str], words: list[str], code: str, says: str
) -> None:
    data, done, waiting = gone
    names = {"DONE": done, "WAITING": waiting, "LEDGER": f"{data}/ledger"}
    given = [names.get(word, word) for word in words]
    place = [] if "--store" in given else ["--store", data]
    said = command(*given, *place, status=1)
    assert f"[{code}]" in said.err
    assert says in said.err
    assert "secret" not in said.err
    assert said.out == ""


def test_whoever_looks_makes_nothing(command: Ask, in_postgres: Homes, tmp_path: Path) -> None:
    store = in_postgres(tmp_path).environment["UNITGRAPH_STORE"]
    for _ in range(2):
        said = command("list", "--store", store, status=1).err
        assert "[runs-missing]" in said
        assert 'it has no schema "unitgraph_flows" with runs' in said
    assert "[runs-missing]" in command("list", "--store", str(tmp_path), status=1).err
    assert list(tmp_path.iterdir()) == []


def test_an_export_is_a_store_that_stays_as_it_is(checkout: Checkout, gone: tuple[str, str, str], tmp_path: Path) -> None:
    data, _, waiting = gone
    file = tmp_path / "runs.jsonl"
    checkout.run("runs", "export", "--store", data, "--file", str(file))
    exported: Any = checkout.run("runs", "list", "--store", str(file), "--json").json
    assert exported == checkout.run("runs", "list", "--store", data, "--json").json
    assert checkout.run("runs", "cancel", waiting, "--store", str(file), status=1).err.count("[runs-read-only]") == 1

    # what runs hold is no markup, and moves no cursor
    strange = file.read_text("utf-8").replace(waiting, "[red]a[/]\\u001b[2Jb")
    file.write_text(strange, "utf-8")
    for words in (["list"], ["show", "[red]a[/]\x1b[2Jb"]):
        said = checkout.run("runs", *words, "--store", str(file)).out
        assert "[red]a[/]?[2Jb" in said
        assert "\x1b" not in said
