"""The server unit beside Workers under `dev`: reached by them, edited, fired, and kept from running."""

from pathlib import Path

from tests.dev.running import running
from tests.harness import Checkout, Tools
from tests.system.projects import SHELL, texts

FILES = texts(
    SHELL
    | {
        "src/services.ts": """
            import { pikkuConfig } from '#pikku'

            export const createConfig = pikkuConfig(async () => ({}))
            """,
        "src/shop.ts": """
            import { pikkuSessionlessFunc, pikkuVoidFunc, wireHTTP, wireQueueWorker, wireScheduler } from '#pikku'
            export const renderPoster = pikkuSessionlessFunc<{ title: string }, { poster: string; place: string }>({
              deploy: 'server',
              func: async ({ variables }, { title }) => ({ poster: `*** ${title} ***`, place: String(variables.get('PLACE')) }),
            })
            export const orderPoster = pikkuSessionlessFunc<{ title: string }, { ordered: string }>(
              async (_services, { title }, { rpc }) => ({ ordered: (await rpc.invoke('renderPoster', { title })).poster }),
            )
            export const tidy = pikkuVoidFunc({ deploy: 'server', func: async ({ logger }) => logger.info('tidied') })
            wireScheduler({ schedule: '0 3 1 1 *', func: tidy })
            wireHTTP({ method: 'get', route: '/posters/:title', func: renderPoster })
            wireHTTP({ method: 'post', route: '/posters/:title', func: orderPoster })
            """,
        ".env": "PLACE='the cellar'\n",
    }
)


def test_a_server_beside_workers(tools: Tools, tmp_path: Path) -> None:
    checkout = Checkout(tmp_path / "work", tools, tmp_path / "cache")
    checkout.write(FILES)
    with running(checkout, "--provider", "cloudflare", "--port", "0") as dev:
        assert dev.ask("GET", "/posters/Emma").json == {"poster": "*** Emma ***", "place": "the cellar"}
        assert dev.ask("POST", "/posters/Emma", {}).json == {"ordered": "*** Emma ***"}
        checkout.run("dev", "--provider", "cloudflare", "--fire", "tidy")
        dev.wait_line("tidied")
        checkout.edit("src/shop.ts", "`*** ${title} ***`", "`+++ ${title} +++`")
        dev.until(lambda dev: dev.ask("POST", "/posters/Emma", {}).json == {"ordered": "+++ Emma +++"})
        checkout.edit("src/shop.ts", "wireScheduler({", "wireQueueWorker({ queue: 'posters', func: renderPoster })\nwireScheduler({")
        dev.wait_line("shop-server does not run: .*CLOUDFLARE_QUEUES_TOKEN|CLOUDFLARE_QUEUES_TOKEN are not set")
        assert dev.ask("POST", "/posters/Emma", {}).json == {"ordered": "+++ Emma +++"}, "the one before goes on"
