"""Command lines over a channel, from each client to each place: what is printed, how it ends, and who may call what."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.command_lines.test_commands import SECRET, SOURCE, token
from tests.conformance.places import Listening, as_executable, in_workers
from tests.harness import Checkout, Tools
from tests.system.projects import SHELL
from unitgraph.rules.toolchain import ensure, user_cache

MORE = """
export const hold = pikkuSessionlessFunc<void, void>(async ({ logger }, _d, { channel, signal }) => {
  const gone = new Promise((resolve) => signal.addEventListener('abort', resolve))
  await channel?.send('holding')
  await gone
  logger.info('let go')
})
export const bytes = pikkuSessionlessFunc<void, Uint8Array>(async () => new Uint8Array([1, 2, 255]))
export const bye = pikkuSessionlessFunc<void, void>(async (_s, _d, { channel }) => { await channel?.close(3001, 'bye') })
const guarded = pikkuMiddleware(async ({ logger }, { cli, session }, next) => {
  logger.info('guarded', { command: cli?.command.join(' '), userId: session?.userId })
  return next()
})
wireCLI({ program: 'far', middleware: [authBearer()], commands: {
  steps: { func: steps, parameters: '<times>' }, hold, bytes, bye,
  deep: { middleware: [guarded], subcommands: { whoami, steps: { func: steps, parameters: '[times]' } } },
} })
"""
ENTRYPOINTS = {
    "tower": [{"type": "channel", "name": "cli", "route": "/cli", "path": ".pikku/cli-remote.gen.ts"}],
    "loud": [{"type": "channel", "route": "/loud"}],
    "far": [{"type": "local", "path": ".pikku/cli-local.gen.ts"}, {"type": "channel", "route": "/tools/far"}],
}


@pytest.fixture(scope="module")
def checkout(tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    folder = tmp_path_factory.mktemp("remote")
    made = Checkout(folder / "work", tools, folder / "cache")
    config = {**json.loads(SHELL["pikku.config.json"]), "cli": {"entrypoints": ENTRYPOINTS}}
    package = '{ "name": "tower", "type": "module" }\n'
    made.write({**SHELL, "package.json": package, "pikku.config.json": json.dumps(config), "src/app.ts": SOURCE + MORE})
    return made


@pytest.fixture(scope="module", params=["executable", "workers"])
def place(request: pytest.FixtureRequest, checkout: Checkout, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listening]:
    secrets = {"JWT_SECRET": SECRET, "UNITGRAPH_RPC_SECRET": "the secret between all units here"}
    if request.param == "workers":
        with in_workers(checkout, secrets) as workers:
            yield workers
    else:
        with as_executable(checkout, tmp_path_factory.mktemp("data"), secrets) as executable:
            yield executable


@pytest.fixture
def typed(checkout: Checkout, place: Listening) -> "Typed":
    return Typed(checkout, place)


class Typed:
    """What somebody types, in the generated programs or in the executable; the first word is the program's name."""

    def __init__(self, checkout: Checkout, place: Listening, executable: Path | None = None) -> None:
        self.root, self.executable = checkout.root, executable
        self.folder = ".deploy/cloudflare" if place.name == "workers" else ".deploy/standalone"
        self.url = f"ws://127.0.0.1:{place.port}"

    def command(self, line: str) -> list[str]:
        program, *words = line.split()
        if self.executable:
            return [str(self.executable), "cli", program, *words, "--remote", self.url]
        own = ".pikku/cli-remote.gen.ts" if program == "tower" else f"{self.folder}/clients/{program}.js"
        return [str(ensure("dev", user_cache(os.environ)).bun), str(self.root / own), *words]

    def environment(self, more: dict[str, str]) -> dict[str, str]:
        return {"HOME": "/", "PIKKU_WS_URL": self.url, **more}

    def __call__(self, line: str, **more: str) -> "subprocess.CompletedProcess[bytes]":
        return subprocess.run(
            self.command(line), capture_output=True, timeout=60, check=False, cwd="/", env=self.environment(more)
        )


READER, ADMIN = token(sub="ann"), token(sub="bea", role="admin")
ANSWERS = {
    "object": ("tower sum 1 2.5", "total  3.5\nround  false\nunit\n"),
    "flags-and-choices": ("tower sum -r --by=times -ukg 3 1.4", "total  4\nround  true\nunit   kg\n"),
    "text-that-looks-like-a-number": ("tower greet 007", "Good day, 007, by tower greet \n"),
    "default-subcommand": ("tower books -g poetry", "title       pages\npoetry      7\na\\u001b[2J  1234\n"),
    "json": ("tower sum 1 --json", '{\n  "total": 1,\n  "round": false,\n  "unit": ""\n}\n'),
    "nothing": ("tower nothing", ""),
    "much-through-a-pipe": ("tower much", "x" * 999_999 + "!\n"),
    "rendered-here": ("loud sub list", "own\n"),
    "sent-on-the-way": ("far steps 3", "step  1\nstep  2\nstep  3\ndone\n"),
    "sent-on-the-way-as-json": ("far deep steps 1 --json", '{\n  "step": 1\n}\n"done"\n'),
    "bytes": ("far bytes", "\x01\x02\xff\n"[:3]),
}


@pytest.mark.parametrize(("line", "printed"), ANSWERS.values(), ids=ANSWERS)
def test_what_is_printed(typed: Typed, line: str, printed: str) -> None:
    done = typed(line)
    assert (done.returncode, done.stdout.decode("latin-1"), done.stderr) == (0, printed, b"")


WRONG = {
    "no-such-command": ("tower sun 1", 2, "error: There is no command sun: did you mean sum?"),
    "not-what-the-function-takes": ("tower sum one", 1, "numbers.0: Invalid type"),
    "not-what-an-option-takes": ("far deep steps many", 1, "times: Invalid type"),
    "an-error-with-a-status": ("tower conflict", 1, "error: It is there already [conflict]\n"),
    "no-session": ("tower whoami", 1, "[missing-session]"),
    "internal": ("tower hidden", 1, "[not-found]"),
    "a-renderer-with-services": ("loud list", 1, "The renderer of loud list takes the service greeting"),
    "closed-by-the-function": ("far bye", 1, "The connection broke (3001, bye)"),
}


@pytest.mark.parametrize(("line", "status", "said"), WRONG.values(), ids=WRONG)
def test_what_is_wrong(typed: Typed, line: str, status: int, said: str) -> None:
    done = typed(line)
    assert (done.returncode, done.stdout) == (status, b"")
    assert said in done.stderr.decode()


def test_the_executable_runs_them_elsewhere_without_a_secret(checkout: Checkout, place: Listening) -> None:
    checkout.run("apply", "--provider", "standalone")
    typed = Typed(checkout, place, checkout.root / ".deploy" / "standalone" / "tower")
    assert typed("far steps 2").stdout == b"step  1\nstep  2\ndone\n"
    assert typed("tower whoami", UNITGRAPH_TOKEN=READER).stdout == b"userId  ann\n"
    done = typed("tower conflict")
    assert (done.returncode, done.stdout, done.stderr) == (1, b"", b"error: It is there already [conflict]\n")


def test_an_unknown_error_is_known_by_its_id(typed: Typed, place: Listening) -> None:
    error = typed("tower broken").stderr.decode()
    assert error.startswith("error: Internal server error [internal] (")
    request = error.rpartition("(")[2].rstrip(")\n")
    assert place.log.wait(lambda line: line.get("requestId") == request and "what nobody should read" in str(line))


def test_who_calls_is_found_out_at_the_opening(typed: Typed, place: Listening, tmp_path: Path) -> None:
    assert typed("tower whoami", UNITGRAPH_TOKEN=READER).stdout == b"userId  ann\n"
    assert b"[forbidden]" in typed("tower reset", UNITGRAPH_TOKEN=READER).stderr
    assert typed("tower reset", UNITGRAPH_TOKEN=ADMIN).stdout == b"reset\n"
    forged = typed("tower sum 1", UNITGRAPH_TOKEN=READER[:-3])
    assert (forged.returncode, forged.stderr) == (1, b"error: The token is not valid [invalid-session]\n")
    file = tmp_path / "token"
    file.write_text(f"{READER}\n")
    assert typed("far deep whoami", UNITGRAPH_TOKEN_FILE=str(file)).stdout == b"userId  ann\n"
    lines = place.log.wait(lambda line: line.get("msg") == "guarded")
    assert ("deep whoami", "ann") in [(line.get("command"), line.get("userId")) for line in lines]


def test_a_function_sees_the_command_as_on_its_own_machine(typed: Typed, place: Listening) -> None:
    typed("far deep steps 2")
    assert place.log.wait(lambda line: line.get("msg") == "stepped" and line.get("said") == "deep steps")[-1]["transport"] == "cli"


@pytest.mark.parametrize(("signalled", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["int", "term"])
def test_an_interrupt_ends_both_sides(typed: Typed, place: Listening, signalled: signal.Signals, status: int) -> None:
    before = len([line for line in place.log.lines() if line.get("msg") == "let go"])
    process = subprocess.Popen(
        typed.command("far hold"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=typed.environment({})
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "holding\n"
    process.send_signal(signalled)
    _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (status, f"Ended by {signalled.name}\n")
    assert place.log.wait(lambda line: line.get("msg") == "let go", before + 1)


def test_who_doesnt_answer_is_named(typed: Typed) -> None:
    typed.url = "ws://127.0.0.1:9"
    assert b"127.0.0.1:9 doesn't answer" in typed("tower sum 1").stderr
    typed.url = "127.0.0.1"
    done = typed("tower sum 1")
    assert (done.returncode, b"is no address" in done.stderr) == (2, True)


def test_a_client_changes_with_what_it_says_and_is_there_where_nothing_was_built(checkout: Checkout) -> None:
    """The last of the file."""
    path = checkout.root / ".pikku/cli-remote.gen.ts"
    before = path.read_bytes()
    assert b"what nobody should read" not in before
    path.unlink()
    checkout.plan("--provider", "standalone")
    assert path.read_bytes() == before
    checkout.clean()
    checkout.plan("--provider", "standalone")
    assert path.read_bytes() == before
    checkout.edit("src/app.ts", "About books.", "About all books.")
    checkout.plan("--provider", "standalone")
    assert b"About all books." in path.read_bytes()
