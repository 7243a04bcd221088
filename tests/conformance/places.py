"""The places where the application of these tests runs: in this machine's Bun from source, as the executable, in workerd.

Each answers requests and has a log; how they are started is shared with the tests of jobs and of Cloudflare.
"""

import base64
import json
import os
import queue
import shutil
import subprocess
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Protocol

from tests.channels.client import Client
from tests.conformance.asked import HOST, Answer, Asked, send
from tests.harness import REPOSITORY, Checkout, Tools
from tests.jobs import places as jobs
from tests.jobs import queue_api
from tests.log import Log
from tests.packages import link_packages
from tests.providers.workers import Workers, started
from unitgraph.rules.toolchain import Toolchain, ensure, user_cache

FOLDER = Path(__file__).parent
RUNTIME = REPOSITORY / "unitgraph" / "runtime"
TIMEOUT_S = 60

SECRETS = {
    "JWT_SECRET": "the secret of all tokens here",
    "SESSION_SECRET": "the secret of all cookies here",
    "SESSION_SECRET_OLD": "the secret that cookies had before",
    "API_KEY": "api-key-of-the-house",
    "HOOK_SECRET": "whsec_c2VjcmV0IG9mIGFsbCB3ZWJob29rcyBoZXJl",
    "HUB_SECRET": "the secret of the hub here",
    "UNITGRAPH_RPC_SECRET": "the secret between all units here",
}
"""Nobody but the runtime sees these: no answer and no line of a log holds one."""


class Place(Protocol):
    """``port``: where it listens, None where nothing does."""

    @property
    def name(self) -> str: ...
    @property
    def log(self) -> Log: ...
    @property
    def port(self) -> int | None: ...

    def ask(self, asked: Asked) -> Answer: ...
    def talk(self, asked: Asked, says: Sequence[Any], most: int) -> Answer:
        """Opens a channel and says all of it; the body is a list of the first ``most`` messages that come."""
        ...


class Listening:
    def __init__(self, name: str, port: int, log: Log) -> None:
        self.name, self.port, self.log = name, port, log

    def ask(self, asked: Asked) -> Answer:
        return send(self.port, asked)

    def talk(self, asked: Asked, says: Sequence[Any], most: int) -> Answer:
        with Client(self.port, asked.path, dict(asked.headers)) as client:
            if client.status != 101:
                return Answer(client.status, tuple(client.headers.items()), client.body)
            for message in says:
                client.send(message)
            found = [client.get() for _ in range(most)]
            assert client.close()[0] == 1000
            return Answer(101, tuple(client.headers.items()), json.dumps(found).encode())

    def ask_unit(self, unit: str, asked: Asked) -> Answer:
        """Ask as another unit does: here all units have one address."""
        assert unit.startswith("conformance-")
        return self.ask(asked)


class InWorkers(Listening):
    def __init__(self, workers: Workers) -> None:
        super().__init__("workers", workers.port, workers.log)
        self._workers = workers

    def ask_unit(self, unit: str, asked: Asked) -> Answer:
        """As through a service binding: from outside, no unit has an address."""
        body = asked.body.decode() if asked.body is not None else None
        found = self._workers.fetch(asked.method, asked.path, body, worker=unit, headers=dict(asked.headers))
        return Answer(found.status, tuple(found.headers.items()), found.body.encode())


class InSource:
    """The generated sources in one Bun, which is handed requests and listens nowhere."""

    name = "source"
    port = None

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self._said: queue.Queue[str] = queue.Queue()
        self.log = Log()
        assert process.stdout
        assert process.stderr
        self._threads = [
            threading.Thread(target=self._read, args=(process.stdout,), daemon=True),
            threading.Thread(target=self.log.read, args=(process.stderr,), daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def ask(self, asked: Asked) -> Answer:
        told: dict[str, Any] = {
            "method": asked.method, "url": f"http://{HOST}{asked.path}", "headers": list(asked.headers),
        }  # fmt: skip
        if asked.body is not None:
            told["body"] = base64.b64encode(asked.body).decode()
        return self._exchange(told)

    def talk(self, asked: Asked, says: Sequence[Any], most: int) -> Answer:
        texts = [each if isinstance(each, str) else json.dumps(each) for each in says]
        headers = [*asked.headers, ("upgrade", "websocket"), ("connection", "Upgrade")]
        return self._exchange(
            {"method": "GET", "url": f"http://{HOST}{asked.path}", "headers": headers, "says": texts, "most": most}
        )

    def _exchange(self, told: Mapping[str, Any]) -> Answer:
        assert self._process.stdin
        self._process.stdin.write(json.dumps(told) + "\n")
        self._process.stdin.flush()
        line = self._said.get(timeout=TIMEOUT_S)
        assert line, "the process ended; its messages are above"
        said = json.loads(line)
        assert "error" not in said, said["error"]
        found = said["answer"]
        headers = tuple((str(name), str(value)) for name, value in found["headers"])
        return Answer(found["status"], headers, base64.b64decode(found["body"]))

    def end(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for thread in self._threads:
            thread.join(20)
        for stream in (self._process.stdout, self._process.stderr):
            if stream:
                stream.close()

    def _read(self, stream: IO[str]) -> None:
        for line in stream:
            if line.startswith(('{"answer":', '{"error":')):
                self._said.put(line)
            else:
                self.log.take(line)
        self._said.put("")


def application(tools: Tools, folder: Path) -> Checkout:
    return project(tools, folder, FOLDER / "app")


def project(tools: Tools, folder: Path, sources: Path) -> Checkout:
    """A checkout of a project of the repository."""
    skipped = shutil.ignore_patterns("node_modules", ".pikku", ".deploy")
    shutil.copytree(sources, folder / "work", ignore=skipped)
    return Checkout(folder / "work", tools, folder / "cache")


@contextmanager
def in_workers(checkout: Checkout, secrets: Mapping[str, str] = SECRETS) -> Iterator[InWorkers]:
    checkout.run("plan", "--provider", "cloudflare")
    with started(checkout.root / ".deploy" / "cloudflare", _dev(), secrets) as workers:
        yield InWorkers(workers)


@contextmanager
def as_executable(checkout: Checkout, data: Path, secrets: Mapping[str, str] = SECRETS) -> Iterator[Listening]:
    checkout.run("apply", "--provider", "standalone")
    name = json.loads(checkout.read("package.json"))["name"]
    program = checkout.root / ".deploy" / "standalone" / name
    with jobs.running(program, data, secrets) as process:
        yield Listening("executable", process.port, process.log)


@contextmanager
def as_server(checkout: Checkout, data: Path, secrets: Mapping[str, str] = SECRETS) -> Iterator[Listening]:
    """All units in one server, as Cloudflare's provider makes it where nothing is to be a Worker; what is said of the
    executable holds for it. The checkout is another one's from then on."""
    config = json.loads(checkout.read("pikku.config.json"))
    config["deploy"]["defaultTarget"] = "server"
    checkout.write({"pikku.config.json": json.dumps(config)})
    checkout.run("plan", "--provider", "cloudflare")
    out = checkout.root / ".deploy" / "cloudflare"
    (unit,) = (out / "units").iterdir()
    names = [queue["name"] for queue in json.loads((out / "infra.json").read_text("utf-8"))["queues"]]
    with queue_api.running(names) as api:
        account = {
            "CLOUDFLARE_ACCOUNT_ID": queue_api.ACCOUNT, "CLOUDFLARE_QUEUES_TOKEN": queue_api.TOKEN,
            "CLOUDFLARE_API_BASE_URL": api.url, "UNITGRAPH_PULL_WAIT": "0.1", "UNITGRAPH_DATA": str(data),
        }  # fmt: skip
        with jobs.serving(unit, {**secrets, **account}) as process:
            yield Listening("executable", process.port, process.log)


@contextmanager
def from_source(
    checkout: Checkout, folder: Path, secrets: Mapping[str, str] = SECRETS, *, parts: Iterable[str] = ()
) -> Iterator[InSource]:
    """``parts`` of the toolchain are those that the runtime imports besides."""
    checkout.run("plan", "--provider", "standalone")
    main = workshop(checkout, folder, parts)
    with source_of(main, folder / "data", secrets) as place:
        yield place


def workshop(checkout: Checkout, folder: Path, parts: Iterable[str] = ()) -> Path:
    """The checkout with what was generated, beside the runtime and its packages, as Bun finds them by itself; the main."""
    shutil.copytree(RUNTIME, folder / "runtime")
    shutil.copytree(checkout.root, folder / "work", ignore=shutil.ignore_patterns("cache", "releases", ".pikku", "node_modules"))
    (folder / "work" / "tsconfig.json").unlink()
    link_packages(folder / "node_modules", ("dev", *parts))
    names = json.loads((RUNTIME / "aliases.json").read_text("utf-8"))
    paths = {f"{name}/*": [f"./runtime/{place}/*"] for name, place in names.items()}
    paths |= {name: [f"./runtime/{place}/index.ts"] for name, place in names.items() if place != "."}
    (folder / "tsconfig.json").write_text(json.dumps({"compilerOptions": {"paths": paths}}), "utf-8")
    return folder / "work" / ".deploy" / "standalone" / "gen" / "main.ts"


@contextmanager
def source_of(main: Path, data: Path, secrets: Mapping[str, str] = SECRETS) -> Iterator[InSource]:
    process = subprocess.Popen(
        [_dev().bun, FOLDER / "in_process.ts", main],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**secrets, "UNITGRAPH_DATA": str(data)}, cwd="/",
    )  # fmt: skip
    place = InSource(process)
    try:
        yield place
    finally:
        place.end()


def _dev() -> Toolchain:
    return ensure("dev", user_cache(os.environ))
