"""Sources of triggers in the executable: started with it, started anew, seen in its health, closed with it."""

import json
import subprocess
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from tests.harness import Checkout, Tools
from tests.jobs.places import InProcess, running, serving
from tests.system.projects import SHELL

SOURCE = """\
import { addMiddleware, pikkuMiddleware, pikkuSessionlessFunc, pikkuTriggerFunc, wireTrigger, wireTriggerSource } from '#pikku'

export const ring = pikkuSessionlessFunc<{ times: number }, void>(async ({ logger }, { times }, { transport }) => {
  logger.info('rung', { times, transport })
})
export const bell = pikkuTriggerFunc<{ times: number }, { times: number }>(async ({ logger }, { times }, { trigger }) => {
  await trigger.invoke({ times })
  await trigger.invoke({ times: 'many' as never }).catch((error: Error) => logger.info('refused', { why: error.message }))
  return async () => logger.info('bell closed')
})
let tries = 0
export const shaky = pikkuTriggerFunc<void, { times: number }>(async () => {
  if (++tries === 1) throw new Error('no connection yet')
  return () => undefined
})
addMiddleware('loud', [pikkuMiddleware(async ({ logger }, { transport }, next) => { logger.info('loud', { transport }); return next() })])
wireTrigger({ name: 'bell', func: ring, tags: ['loud'] })
wireTriggerSource({ name: 'bell', func: bell, input: { times: 3 } })
wireTrigger({ name: 'shaky', func: ring })
wireTriggerSource({ name: 'shaky', func: shaky })
"""


@pytest.fixture(scope="module")
def checkout(tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    folder = tmp_path_factory.mktemp("triggers")
    made = Checkout(folder / "work", tools, folder / "cache")
    made.write({**SHELL, "package.json": '{ "name": "tower", "type": "module" }\n', "src/bell.ts": SOURCE})
    return made


@pytest.fixture(scope="module")
def program(checkout: Checkout) -> Path:
    checkout.run("apply", "--provider", "standalone")
    return checkout.root / ".deploy" / "standalone" / "tower"


@pytest.fixture
def process(program: Path, tmp_path: Path) -> Iterator[InProcess]:
    with running(program, tmp_path / "data") as found:
        yield found


def health(process: InProcess) -> Any:
    connection = HTTPConnection("127.0.0.1", process.port, timeout=30)
    connection.request("GET", "/health")
    found = json.loads(connection.getresponse().read())
    connection.close()
    return found


def test_a_source_from_its_start_to_its_end(process: InProcess) -> None:
    log = process.log
    assert log.wait(lambda line: line.get("msg") == "rung")[0]["times"] == 3
    assert [line["transport"] for line in log.wait(lambda line: line.get("msg") == "loud", 2)] == ["trigger", "trigger"]
    log.wait(lambda line: line.get("msg") == "refused" and line["why"] == "The input is not valid")
    (failed,) = log.wait(lambda line: line.get("code") == "trigger-source-failed")
    assert (failed["trigger"], failed["msg"]) == ("shaky", "no connection yet")
    log.wait(lambda line: line.get("msg") == "trigger source started", 2)
    assert health(process)["triggers"] == {"bell": "running", "shaky": "running"}
    assert process.end() == 0
    log.wait(lambda line: line.get("msg") == "bell closed")
    log.wait(lambda line: line.get("msg") == "stopped")


def test_a_process_may_leave_them_to_another(program: Path, tmp_path: Path) -> None:
    with running(program, tmp_path / "data", {"UNITGRAPH_TRIGGERS": "off"}) as process:
        assert health(process)["triggers"] == {}
        assert process.end() == 0
        assert [line for line in process.log.lines() if "trigger" in line] == []


def test_a_source_beside_workers_whose_function_is_one_of_them(checkout: Checkout) -> None:
    """A server can't call a Worker, so the source isn't started, and that is said."""
    said = checkout.run("plan", "--provider", "cloudflare")
    assert "The source of the trigger bell isn't started in tower-server: ring, " in f"{said}"


def test_a_source_beside_workers_whose_function_is_in_the_server(checkout: Checkout, tmp_path: Path) -> None:
    made = checkout.clone(tmp_path / "work")
    made.edit("src/bell.ts", "ring = pikkuSessionlessFunc<{ times: number }, void>(async", "ring = pikkuSessionlessFunc<{ times: number }, void>({ deploy: 'server', func: async")
    made.edit("src/bell.ts", "transport })\n})\nexport const bell", "transport })\n} })\nexport const bell")
    made.edit("src/bell.ts", "wireTrigger({ name: 'shaky'", "wireHTTP({ method: 'get', route: '/', func: pikkuSessionlessFunc(async () => 'a Worker') })\nwireTrigger({ name: 'shaky'")
    made.edit("src/bell.ts", "wireTrigger, wireTriggerSource }", "wireHTTP, wireTrigger, wireTriggerSource }")
    assert "isn't started" not in made.run("plan", "--provider", "cloudflare").text
    unit = made.root / ".deploy" / "cloudflare" / "units" / "tower-server"
    with serving(unit, {"UNITGRAPH_DATA": str(tmp_path / "data")}) as process:
        assert process.log.wait(lambda line: line.get("msg") == "rung")[0]["times"] == 3
        process.log.wait(lambda line: line.get("msg") == "trigger source started", 2)
        assert health(process)["triggers"] == {"bell": "running", "shaky": "running"}
        assert process.end() == 0
        process.log.wait(lambda line: line.get("msg") == "bell closed")


def test_a_project_without_command_lines_says_so(program: Path) -> None:
    done = subprocess.run([program, "cli", "tower"], capture_output=True, text=True, timeout=60, check=False, env={})
    assert (done.returncode, done.stdout, done.stderr) == (2, "", "error: This project has no command lines\n")
