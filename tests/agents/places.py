"""Where the project of the agents runs, with a scripted model beside it. Knows scripts by name, not what they are for."""

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from tests.conformance import places
from tests.harness import Checkout, Tools
from unitgraph.rules.toolchain import ensure, find_bun, user_cache

FOLDER = Path(__file__).parent
SECRETS = {
    "SCRIPTED_KEY": "a key for the scripted one",
    "OPENAI_API_KEY": "a key for openai",
    "ANTHROPIC_API_KEY": "a key for anthropic",
    "UNITGRAPH_RPC_SECRET": "the secret between all units here",
}
"""Nobody but the runtime and the model sees these."""


class Model:
    """The scripted model, in a process of its own. ``environment`` is what units need to reach it."""

    def __init__(self, port: int) -> None:
        self._port = port
        address = f"http://127.0.0.1:{port}/v1"
        self.environment = SECRETS | dict.fromkeys(
            ("SCRIPTED_BASE_URL", "OPENAI_BASE_URL", "ANTHROPIC_BASE_URL"), address
        )

    def asked(self, script: str) -> list[dict[str, Any]]:
        """Every request of a script, in its order."""
        connection = HTTPConnection("127.0.0.1", self._port, timeout=30)
        connection.request("GET", "/asked")
        found: list[dict[str, Any]] = json.loads(connection.getresponse().read())
        connection.close()
        return [each for each in found if each["script"] == script]


@contextmanager
def model(scripts: Mapping[str, Any], folder: Path) -> Iterator[Model]:
    file = folder / "scripts.json"
    file.write_text(json.dumps(scripts), "utf-8")
    process = subprocess.Popen([find_bun().path, FOLDER / "model.ts", file], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    try:
        yield Model(json.loads(process.stdout.readline())["port"])
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def program(checkout: Checkout) -> Path:
    """The executable, put in place."""
    checkout.run("apply", "--provider", "standalone")
    return checkout.root / ".deploy" / "standalone" / "current" / "bureau"


def application(tools: Tools, folder: Path) -> Checkout:
    made = places.project(tools, folder, FOLDER / "app")
    # its own packages are those of our tests
    os.symlink(ensure("dev", user_cache(os.environ)).modules, made.root / "node_modules")
    return made


@contextmanager
def running(name: str, checkout: Checkout, data: Path, environment: Mapping[str, str]) -> Iterator[places.Place]:
    if name == "source":
        with places.from_source(checkout, data, environment, parts=("agents",)) as source:
            yield source
    elif name == "server":
        with places.as_server(checkout, data, environment) as server:
            yield server
    elif name == "executable":
        with places.as_executable(checkout, data, environment) as executable:
            yield executable
    else:
        with places.in_workers(checkout, environment) as workers:
            yield workers
