"""The official client of the Model Context Protocol against the application, in every place."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests import stores
from tests.conformance import places
from tests.conformance.places import FOLDER, Listening, Place
from tests.conformance.tokens import TOKENS
from tests.harness import Checkout
from tests.jobs import places as jobs
from unitgraph.rules.toolchain import ensure, user_cache

SUITE = "mcp_client.test.ts"
TIMEOUT_S = 300


@pytest.fixture(scope="module")
def sources(application: Checkout, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """The generated sources as they stand, in one Bun which listens."""
    folder = tmp_path_factory.mktemp("sources")
    application.run("plan", "--provider", "standalone")
    main = places.workshop(application, folder)
    program = folder / "run"
    program.write_text(f'#!/bin/sh\nexec "{ensure("dev", user_cache(os.environ)).bun}" --no-install "{main}"\n')
    program.chmod(0o755)
    with jobs.running(program, folder / "data", places.SECRETS) as process:
        yield Listening("sources", process.port, process.log)


@pytest.fixture(params=["sources", "executable", "workers"])
def server(request: pytest.FixtureRequest) -> Place:
    found: Place = request.getfixturevalue(request.param)
    return found


def asks(folder: Path, places: Mapping[str, Place], *options: str) -> "subprocess.CompletedProcess[str]":
    """The client's suite, by the variable that each place is known by to it."""
    dev = ensure("dev", user_cache(os.environ))
    shutil.copy(FOLDER / SUITE, folder / SUITE)
    (folder / "node_modules").symlink_to(dev.modules)
    told = {"TOKEN_ADA": TOKENS["ada"](), "TOKEN_MEL": TOKENS["mel"](), "NO_COLOR": "1"}
    told |= {name: f"http://127.0.0.1:{place.port}/mcp" for name, place in places.items()}
    done = subprocess.run(
        [dev.bun, "test", "--timeout=60000", *options],
        cwd=folder, capture_output=True, text=True, timeout=TIMEOUT_S, check=False,
        env={"PATH": os.environ.get("PATH", ""), **told},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def test_changes_are_heard_at_another_instance(application: Checkout, tmp_path: Path) -> None:
    """By who is connected there; nothing else is shared."""
    with ExitStack() as stack:
        told = {**places.SECRETS, "UNITGRAPH_BUS": stack.enter_context(stores.redis()).url}
        one, two = (
            stack.enter_context(places.as_executable(application, tmp_path / name, told)) for name in ("one", "two")
        )
        asks(tmp_path, {"MCP_URL": one, "MCP_OTHER_URL": two}, "-t", "who listens to a resource")


def test_the_official_client(server: Place, tmp_path: Path) -> None:
    done = asks(tmp_path, {"MCP_URL": server})
    waited = {json.loads(line)["waited"] for line in done.stdout.splitlines() if line.startswith('{"waited"')}
    assert len(waited) == 2
    server.log.wait(lambda line: line.get("msg") == "given up" and line.get("name") in waited, 2)


def test_only_the_server_holds_the_sdk(application: Checkout, workers: Place) -> None:
    """Its own bundle is large; that of a function which it offers is like any other's."""
    assert workers.port is not None     # built by now
    units = application.root / ".deploy" / "cloudflare" / "units"
    sizes = {path.parent.name: path.stat().st_size for path in units.glob("*/index.js")}
    assert [name for name, size in sizes.items() if size > 100_000] == ["conformance-mcp"]
    assert sizes["conformance-mcp"] < 450_000
    assert sizes["conformance-add-up"] < 35_000
