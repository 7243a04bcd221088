"""`doit workflow check`: runs of a process that is gone, against the code that began them and against other code."""

import shutil
import time
from pathlib import Path

import pytest

from tests.harness import Checkout, Tools
from tests.homes import Homes
from tests.system.projects import SHELL
from tests.workflows.conftest import SOURCES, Deployment
from tests.workflows.test_asked import REFUND
from tests.workflows.test_asked import ask as ask_as
from tests.workflows.test_command import until
from tests.workflows.test_lives import LIMIT_S, start


@pytest.fixture(scope="module")
def code(tools: Tools, checkout: Checkout, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A checkout of the same project, to be edited."""
    made = Checkout(tmp_path_factory.mktemp("check") / "work", tools, checkout.cache)
    made.write({**SHELL, "package.json": '{ "name": "flows", "private": true, "type": "module" }\n'})
    shutil.copytree(SOURCES, made.root / "src", dirs_exist_ok=True)
    return made


@pytest.fixture(scope="module")
def stored(program: Path, in_folders: Homes, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, str]]:
    """A data folder, and in it one run of each workflow: asleep, waiting for a parcel, and ended."""
    folder = tmp_path_factory.mktemp("stored")
    made = Deployment(program, in_folders(folder), folder)
    place = made.start()
    refund = ask_as(place, "POST", "/workflow/refund/start", REFUND)[1]["runId"]
    until(lambda: ask_as(place, "POST", f"/workflow/refund/approve/{refund}", {"approved": True})[0] == 200)
    until(lambda: len(ask_as(place, "GET", f"/workflow/refund/status/{refund}")[1]["steps"]) == 2)
    transfer = ask_as(place, "POST", "/workflow/transfer/start", {"amount": 3})[1]["runId"]
    until(lambda: ask_as(place, "GET", f"/workflow/transfer/status/{transfer}")[1]["status"] == "completed")
    assert ask_as(place, "POST", "/workflow/shipment/run", {"parcel": "p1", "grams": 5})[0] == 200
    onboard = start(place, "u1")
    end = time.monotonic() + LIMIT_S
    while (onboard, "createProfile") not in made.lines():
        assert time.monotonic() < end
        time.sleep(0.02)
    until(lambda: len(ask_as(place, "GET", f"/workflow/onboardUser/status/{onboard}")[1]["steps"]) == 2)
    place.kill()
    made.end()
    return made.store, {"refund": refund, "transfer": transfer, "onboardUser": onboard}


def test_the_code_that_began_them_goes_on_with_all(code: Checkout, stored: tuple[str, dict[str, str]]) -> None:
    data, _ = stored
    assert code.run("workflow", "check", "--store", data).out == "2 runs checked: 2 would go on.\n"
    checked = code.run("workflow", "check", "--store", data, "--all", "--json").json
    assert checked == {"checked": 4, "runs": []}
    assert not list((code.root / ".deploy" / "dev").glob("check-*"))


def test_other_code_parts_with_runs_and_says_where(code: Checkout, stored: tuple[str, dict[str, str]], tmp_path: Path) -> None:
    data, ids = stored
    code.edit("src/onboarding.ts", "'Create profile', 'createProfile'", "'Make profile', 'createProfile'")
    code.edit("src/onboarding.ts", "'Provision workspace'", "'Provide workspace'")      # nobody has come so far
    code.edit("src/refunds.ts", "export const refund = ", "export const repay = ")
    code.edit("src/refunds.ts", "func: async ({ workflow }, { amount }) => {\n    const paid", "func: async ({ workflow, kv }, { amount }) => {\n    await kv.get('rate')\n    const paid")
    file = tmp_path / "runs.jsonl"
    code.run("runs", "export", "--store", data, "--file", str(file))
    done = code.run("workflow", "check", str(file), status=1)
    line = 1 + code.read("src/onboarding.ts").splitlines().index("  await workflow.do('Make profile', 'createProfile', data)")
    assert f"""\
onboardUser: 1 run would be paused
  expected  'Create profile' rpc createProfile, entry 1
  got       'Make profile' rpc createProfile
  at        src/onboarding.ts:{line}:""" in done.out
    assert f"  runs      {ids['onboardUser']}\n" in done.out
    assert f"refund: 1 run would wait for a workflow that is gone\n  runs      {ids['refund']}\n" in done.out
    assert "transfer: 1 run can't be told\n  why       its code uses kv between steps" in done.out
    assert done.out.endswith("4 runs checked: 1 would go on, 1 would be paused, 1 would wait for a workflow that is gone, 1 can't be told.\n")

    found = code.run("workflow", "check", str(file), "--name", "onboardUser", "--json", status=1).json
    assert found["checked"] == 1
    assert found["runs"][0]["difference"]["entry"] == {"seq": 1, "key": "Create profile", "kind": "rpc", "fingerprint": "createProfile"}


def test_a_plan_warns_and_never_fails_of_it(code: Checkout, stored: tuple[str, dict[str, str]]) -> None:
    data, _ = stored
    before = code.plan("--provider", "standalone")
    assert "warning" not in before.err
    said = code.run("plan", "--provider", "standalone", more={"UNITGRAPH_RUNS": data})
    assert "warning: 1 run is on the way that went by another onboardUser, and 1 would be paused, having done 'Create profile'" in said.err
    assert "warning: the workflow refund is gone, and 1 run is on the way that would wait for it.\n" in said.err
    assert said.out == before.out
    again = code.run("plan", "--provider", "standalone", more={"UNITGRAPH_RUNS": data})
    assert [line for line in again.err.splitlines() if "warning" in line] == [line for line in said.err.splitlines() if "warning" in line]
    away = code.run("plan", "--provider", "standalone", more={"UNITGRAPH_RUNS": "postgres://127.0.0.1:1/none"})
    assert "warning: whether runs that are on their way go on isn't known. The runs at 127.0.0.1/none can't be read" in away.err
    assert "warning" not in code.plan("--provider", "standalone").err


def test_what_is_no_store_is_said_before_anything_is_built(code: Checkout) -> None:
    assert "[runs-place-unknown]" in code.run("workflow", "check", "/nowhere.jsonl", status=1).err
    assert "[task-unknown]" in code.run("workflow", "chekc", status=1).err
