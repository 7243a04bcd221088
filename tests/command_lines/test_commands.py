"""Command lines in the executable: what is printed where, how the process ends, and who may call what."""

import json
import os
import signal
import subprocess
from base64 import urlsafe_b64encode
from hashlib import sha256
from hmac import digest as hmac
from pathlib import Path

import pytest

from tests.harness import Checkout, Tools
from tests.jobs.places import running
from tests.system.projects import SHELL

SECRET = "a-secret-of-thirty-two-characters"
SOURCE = """\
import {
  addPermission, authBearer, ConflictError, pikkuCLICommand, pikkuCLIRender, pikkuFunc, pikkuMiddleware, pikkuPermission,
  pikkuServices, pikkuSessionlessFunc, pikkuWorkflow, wireCLI, wireQueueWorker,
} from '#pikku'

export const createServices = pikkuServices(async () => ({
  greeting: 'Good day', teller: { close: async () => { console.error('teller closed') } },
}))

interface Sum { numbers: number[]; round?: boolean; by?: 'plus' | 'times'; unit?: string }
export const sum = pikkuSessionlessFunc<Sum, { total: number; round: boolean; unit: string }>(
  async ({ logger }, { numbers, round = false, by = 'plus', unit = '' }) => {
    logger.info('summed')
    logger.warn('summed with care')
    const total = numbers.reduce((a, b) => (by === 'plus' ? a + b : a * b))
    return { total: round ? Math.round(total) : total, round, unit }
  })
export const greet = pikkuSessionlessFunc<{ name: string }, string>(async ({ greeting, teller }, { name }, { cli }) =>
  `${greeting}, ${name}, by ${cli?.program} ${cli?.command.join(' ')} ${teller ? '' : 'untold'}`)
export const list = pikkuSessionlessFunc<{ genre?: string }, { title: string; pages: number }[]>(async (_s, { genre }) =>
  [{ title: genre ?? 'any', pages: 7 }, { title: 'a\\u001b[2J', pages: 1234 }])
export const much = pikkuSessionlessFunc<void, string>(async () => `${'x'.repeat(999_999)}!`)
export const nothing = pikkuSessionlessFunc<void, void>(async () => undefined)
export const conflict = pikkuSessionlessFunc<void, void>(async () => { throw new ConflictError('It is there already') })
export const broken = pikkuSessionlessFunc<void, void>(async () => { throw new Error('what nobody should read') })
export const wait = pikkuSessionlessFunc<void, void>(async (_s, _d, { signal }) => {
  console.log('waiting')
  await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
})
export const ring = pikkuSessionlessFunc<{ times: number }, void>(async ({ logger }, { times }) => logger.info('rung', { times }))
export const later = pikkuSessionlessFunc<{ times: number }, void>(async ({ queueService }, data) => { await queueService.add('bell', data) })
wireQueueWorker({ queue: 'bell', func: ring })
export const peal = pikkuWorkflow<{ times: number }, void>({ func: async ({ workflow }, { times }) => {
  await workflow.do('Ring', 'ring', { times })
} })
export const steps = pikkuSessionlessFunc<{ times: number }, string>(async ({ logger }, { times }, { channel, transport, cli }) => {
  for (let step = 1; step <= times; step++) await channel?.send({ step })
  logger.info('stepped', { transport, said: cli?.command.join(' ') })
  return 'done'
})
const isAdmin = pikkuPermission(async (_s, _d, { session }) => (session as { role?: string } | undefined)?.role === 'admin')
export const whoami = pikkuFunc<void, { userId: string }>(async (_s, _d, { session }) => ({ userId: session.userId as string }))
export const reset = pikkuFunc<void, string>({ func: async () => 'reset', permissions: { isAdmin } })
export const hidden = pikkuSessionlessFunc<void, string>({ func: async () => 'hidden', internal: true })

const outer = pikkuMiddleware(async (_s, { cli }, next) => { console.error('outer', cli?.command.join(' ')); return next() })
const inner = pikkuMiddleware(async (_s, _w, next) => { console.error('inner'); return next() })
const shout = pikkuCLIRender<unknown>(async ({ greeting }, data, { cli }) =>
  console.log(`${greeting}: ${JSON.stringify(data)} of ${cli?.program}`))

wireCLI({
  program: 'tower',
  description: 'What the tower does.',
  middleware: [authBearer()],
  commands: {
    sum: pikkuCLICommand({
      func: sum, title: 'Sums', description: 'Adds numbers up.', parameters: '<numbers...>',
      options: {
        round: { description: 'To the next whole number.', short: 'r' },
        by: { choices: ['plus', 'times'], default: 'plus', description: 'How.' },
        unit: { description: 'What they are of.', short: 'u' },
      },
    }),
    greet: pikkuCLICommand({ func: greet, parameters: '<name>' }),
    books: { description: 'About books.', subcommands: {
      list: pikkuCLICommand({ func: list, isDefault: true, options: { genre: { short: 'g', description: 'Only this.' } } }),
      deep: { middleware: [inner], subcommands: { er: { func: nothing } } },
    }, middleware: [outer], },
    steps: { func: steps, parameters: '<times>' }, later: { func: later, parameters: '<times>' }, peal: { func: peal, parameters: '<times>' }, much, nothing, conflict, broken, wait, whoami, reset, hidden,
  },
})
wireCLI({
  program: 'loud', render: shout, commands: { list, sub: { subcommands: { list: { func: list, render: pikkuCLIRender(async () => console.log('own')) } } } },
})
"""


@pytest.fixture(scope="module")
def checkout(tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    folder = tmp_path_factory.mktemp("commands")
    made = Checkout(folder / "work", tools, folder / "cache")
    made.write({**SHELL, "package.json": '{ "name": "tower", "type": "module" }\n', "src/app.ts": SOURCE})
    return made


@pytest.fixture(scope="module")
def program(checkout: Checkout) -> Path:
    checkout.run("apply", "--provider", "standalone")
    return checkout.root / ".deploy" / "standalone" / "tower"


def command(program: Path, line: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [program, "cli", *line.split()], capture_output=True, text=True, timeout=60, check=False, cwd="/",
        env={"UNITGRAPH_DATA": str(program.parent / "data"), "JWT_SECRET": SECRET, "HOME": "/", **environment},
    )  # fmt: skip


def token(**claims: str) -> str:
    def part(data: bytes) -> str:
        return urlsafe_b64encode(data).rstrip(b"=").decode()

    signed = f"{part(json.dumps({'alg': 'HS256'}).encode())}.{part(json.dumps(claims).encode())}"
    return f"{signed}.{part(hmac(SECRET.encode(), signed.encode(), sha256))}"


ANSWERS = {
    "object": ("tower sum 1 2.5", "total  3.5\nround  false\nunit\n"),
    "flag-between": ("tower sum 1 -r 2.5 -6", "total  -2\nround  true\nunit\n"),
    "flag-of-the-schema-has-no-value": ("tower sum --round 1.2", "total  1\nround  true\nunit\n"),
    "no-flag": ("tower sum --no-round 1.5", "total  1.5\nround  false\nunit\n"),
    "choice-and-equals": ("tower sum --by=times -ukg 3 4", "total  12\nround  false\nunit   kg\n"),
    "after-the-dashes": ("tower greet -- --json", "Good day, --json, by tower greet \n"),
    "text-that-looks-like-a-number": ("tower greet 007", "Good day, 007, by tower greet \n"),
    "list": ("tower books list", "title       pages\nany         7\na\\u001b[2J  1234\n"),
    "default-subcommand": ("tower books -g poetry", "title       pages\npoetry      7\na\\u001b[2J  1234\n"),
    "json": ("tower sum 1 --json", '{\n  "total": 1,\n  "round": false,\n  "unit": ""\n}\n'),
    "nothing": ("tower nothing", ""),
    "nothing-as-json": ("tower nothing --json", "null\n"),
    "much-through-a-pipe": ("tower much", "x" * 999_999 + "!\n"),
    "sent-on-the-way": ("tower steps 2", "step  1\nstep  2\ndone\n"),
    "rendered-by-the-program": (
        "loud list --json=false", 'Good day: [{"title":"any","pages":7},{"title":"a\\u001b[2J","pages":1234}] of loud\n',
    ),
    "rendered-by-itself": ("loud sub list", "own\n"),
}  # fmt: skip


@pytest.mark.parametrize(("line", "printed"), ANSWERS.values(), ids=ANSWERS)
def test_what_is_printed(program: Path, line: str, printed: str) -> None:
    done = command(program, line)
    assert (done.returncode, done.stdout) == (0, printed), done.stderr


WRONG = {
    "no-program": ("", 2, "Usage: cli <program> <command> [options]"),
    "no-such-program": ("towr sum", 2, "error: There is no program towr: did you mean tower?"),
    "no-command": ("tower", 2, "error: A command is missing"),
    "no-such-command": ("tower sun 1", 2, "error: There is no command sun: did you mean sum?"),
    "no-such-command-beside-a-default": ("tower books lst", 2, "error: There is no command lst: did you mean list?"),
    "no-such-option": ("tower sum 1 --rond", 2, "error: There is no option --rond: did you mean --round?"),
    "no-such-choice": ("tower sum 1 --by minus", 2, "error: --by is one of plus, times, not minus"),
    "no-argument": ("tower sum", 2, "error: <numbers> is missing"),
    "no-value": ("tower sum 1 --unit -r", 2, "error: --unit needs a value"),
    "too-much": ("tower greet a b", 2, "error: There is too much: b"),
    "not-what-the-function-takes": ("tower sum one", 1, "numbers"),
    "an-error-with-a-status": ("tower conflict", 1, "error: It is there already [conflict]\n"),
    "no-session": ("tower whoami", 1, "[missing-session]"),
    "internal": ("tower hidden", 1, "[not-found]"),
}


@pytest.mark.parametrize(("line", "status", "said"), WRONG.values(), ids=WRONG)
def test_what_is_wrong(program: Path, line: str, status: int, said: str) -> None:
    done = command(program, line)
    assert (done.returncode, done.stdout) == (status, "")
    assert said in done.stderr


def test_help_needs_no_secret_and_says_all(program: Path) -> None:
    done = command(program, "tower sum --help", JWT_SECRET="")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        "Sums\nAdds numbers up.\n\nUsage: cli tower sum [options] <numbers...>\n\nOptions:\n"
        "  -r, --round         To the next whole number.\n"
        "      --by <value>    How. (one of plus, times; default plus)\n"
        "  -u, --unit <value>  What they are of.\n"
        "      --json          Prints the result as JSON.\n"
        "  -h, --help          Shows this.\n"
    )
    programs = command(program, "--help").stdout
    assert "  tower  What the tower does.\n" in programs
    books = command(program, "tower books -h").stdout
    assert "Usage: cli tower books <command> [options]\n\nCommands:\n  list  (default)\n  deep\n" in books


def test_an_unknown_error_is_in_the_log_and_not_in_the_answer(program: Path) -> None:
    done = command(program, "tower broken")
    error, *_ = (line for line in done.stderr.splitlines() if line.startswith("error: "))
    assert (done.returncode, done.stdout) == (1, "")
    assert error.startswith("error: Internal server error [internal] (")
    assert error.rpartition("(")[2].rstrip(")") in next(
        line for line in done.stderr.splitlines() if "what nobody should read" in line
    )


def test_logs_and_middleware_are_beside_what_is_printed(program: Path) -> None:
    assert "summed with care" in command(program, "tower sum 1").stderr
    assert '"msg":"summed"' in command(program, "tower sum 1", LOG_LEVEL="info", LOG_FORMAT="json").stderr
    lines = command(program, "tower books deep er").stderr.splitlines()
    assert [line for line in lines if line.startswith(("outer", "inner"))] == ["outer books deep er", "inner"]
    assert "teller closed" in command(program, "tower greet you").stderr


def test_who_calls_is_said_by_a_token(program: Path) -> None:
    reader, admin = token(sub="ann"), token(sub="bea", role="admin")
    assert command(program, "tower whoami", UNITGRAPH_TOKEN=reader).stdout == "userId  ann\n"
    refused = command(program, "tower reset", UNITGRAPH_TOKEN=reader)
    assert (refused.returncode, "[forbidden]" in refused.stderr) == (1, True)
    assert command(program, "tower reset", UNITGRAPH_TOKEN=admin).stdout == "reset\n"
    forged = command(program, "tower whoami", UNITGRAPH_TOKEN=reader[:-3])
    assert (forged.returncode, "[invalid-session]" in forged.stderr) == (1, True)
    file = program.parent / "token"
    file.write_text(f"{reader}\n")
    assert command(program, "tower whoami", UNITGRAPH_TOKEN_FILE=str(file)).stdout == "userId  ann\n"


def test_a_job_and_a_run_of_a_command_are_the_servers(program: Path, tmp_path: Path) -> None:
    with running(program, tmp_path / "data", {"JWT_SECRET": SECRET}) as server:
        done = command(program, "tower later 3", UNITGRAPH_DATA=str(tmp_path / "data"))
        assert (done.returncode, done.stdout) == (0, "")
        assert server.log.wait(lambda line: line.get("msg") == "rung")[0]["times"] == 3
        run = command(program, "tower peal 5 --json", UNITGRAPH_DATA=str(tmp_path / "data"))
        assert (run.returncode, list(json.loads(run.stdout))) == (0, ["runId"]), run.stderr
        server.log.wait(lambda line: line.get("msg") == "rung" and line["times"] == 5)


def test_who_reads_only_the_beginning_has_what_was_wanted(program: Path) -> None:
    reading, writing = os.pipe()
    process = subprocess.Popen(
        [program, "cli", "tower", "much"], stdout=writing, stderr=subprocess.PIPE, text=True,
        env={"JWT_SECRET": SECRET, "UNITGRAPH_DATA": str(program.parent / "data")},
    )  # fmt: skip
    os.close(writing)
    assert os.read(reading, 1) == b"x"
    os.close(reading)
    _, said = process.communicate(timeout=60)
    assert (process.returncode, "error" in said) == (0, False)


def test_an_interrupt_aborts_the_call(program: Path) -> None:
    process = subprocess.Popen(
        [program, "cli", "tower", "wait"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "JWT_SECRET": SECRET, "UNITGRAPH_DATA": str(program.parent / "data")},
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "waiting\n"
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert (process.returncode, "Ended by SIGINT" in said) == (130, True)


def test_an_edit_of_a_command_is_an_edit_of_the_executable(checkout: Checkout, program: Path) -> None:
    """The last of the file: it leaves another executable behind."""
    checkout.edit("src/app.ts", "About books.", "About all books.")
    checkout.run("apply", "--provider", "standalone")
    assert "  books     About all books.\n" in command(program, "tower --help").stdout
    checkout.edit("src/app.ts", "later: { func: later, parameters: '<times>'", "later: { func: greet, parameters: '<name>'")
    checkout.run("apply", "--provider", "standalone")
    assert command(program, "tower later you").stdout == "Good day, you, by tower later \n"
