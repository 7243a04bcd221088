"""The merged server unit beside Workers, from sources to answers: routed to, called by a Worker, and calling none."""

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.harness import Checkout
from tests.providers.workers import started
from unitgraph.rules.toolchain import Toolchain, find_bun

SECRET = "a secret between all units"
NOWHERE = "http://127.0.0.1:9"      # it says so in its log, and goes on
FILES = {
    "package.json": '{ "name": "shop", "type": "module" }',
    "pikku.config.json": '{ "srcDirectories": ["src"], "deploy": { "serverlessIncompatible": ["render-poster"] } }',
    "src/shop.ts": """
        import { pikkuSessionlessFunc, pikkuVoidFunc, wireHTTP, wireQueueWorker, wireScheduler } from '#pikku'
        export const renderPoster = pikkuSessionlessFunc<{ title: string }, { poster: string }>(
          async ({ logger }, { title }) => { logger.info('rendered'); return { poster: `*** ${title} ***` } },
        )
        export const orderPoster = pikkuSessionlessFunc<{ title: string }, { ordered: string }>(
          async (_services, { title }, { rpc }) => ({ ordered: (await rpc.invoke('renderPoster', { title })).poster }),
        )
        export const tidy = pikkuVoidFunc({ deploy: 'server', func: async ({ logger }) => logger.info('tidied') })
        wireScheduler({ schedule: '* * * * *', func: tidy })
        wireQueueWorker({ name: 'posters', func: renderPoster })
        wireHTTP({ method: 'get', route: '/posters/:title', func: renderPoster })
        wireHTTP({ method: 'post', route: '/posters/:title', func: orderPoster })
    """,
}


@contextmanager
def served(unit: Path) -> Iterator[str]:
    """Start a server unit as its Dockerfile does, on a free port; its URL."""
    process = subprocess.Popen(
        [find_bun().path, "index.js"],
        cwd=unit,
        stdout=subprocess.PIPE,
        text=True,
        env={"HOST": "127.0.0.1", "PORT": "0", "UNITGRAPH_RPC_SECRET": SECRET, "UNITGRAPH_DATA": str(unit / "data")}
        | {"CLOUDFLARE_ACCOUNT_ID": "none", "CLOUDFLARE_QUEUES_TOKEN": "none", "CLOUDFLARE_API_BASE_URL": NOWHERE},
    )
    assert process.stdout
    try:
        port = next(line["port"] for line in map(json.loads, process.stdout) if line["msg"] == "listening")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(15)
        process.stdout.close()


def test_a_server_unit_is_reached_by_the_router_and_by_workers(
    checkout: Callable[..., Checkout], dev: Toolchain
) -> None:
    project = checkout(FILES)
    project.plan("--provider", "cloudflare")
    out = project.root / ".deploy" / "cloudflare"
    assert "VOLUME /data\n" in (out / "units" / "shop-server" / "Dockerfile").read_text()
    assert not (out / "units" / "shop-server" / "wrangler.toml").exists()
    secrets = {"UNITGRAPH_RPC_SECRET": SECRET}
    with served(out / "units" / "shop-server") as url, started(out, dev, {**secrets, "SHOP_SERVER": url}) as workers:
        assert workers.names == ["shop-router", "shop-order-poster"]
        assert workers.fetch("GET", "/posters/Emma").json == {"poster": "*** Emma ***"}
        assert workers.fetch("POST", "/posters/Emma").json == {"ordered": "*** Emma ***"}
        assert (out / "units" / "shop-server" / "data" / "unitgraph.sqlite").is_file(), "it keeps to its schedule"


@pytest.mark.parametrize("environment", [{}, {"SHOP_SERVER": "http://127.0.0.1:9"}], ids=["not set", "not there"])
def test_a_server_that_is_not_there_is_an_error_that_says_nothing(
    checkout: Callable[..., Checkout], dev: Toolchain, environment: dict[str, str]
) -> None:
    project = checkout(FILES)
    project.plan("--provider", "cloudflare")
    with started(project.root / ".deploy" / "cloudflare", dev, environment) as workers:
        answer = workers.fetch("POST", "/posters/Emma")
    assert answer.status == 500
    assert "127.0.0.1" not in answer.body
