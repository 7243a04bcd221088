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
        checkout.write({".env": "PLACE='the cellar'\nUNITGRAPH_STORE='nowhere://'\n"})
        dev.wait_line("shop-server does not run: ")
        assert dev.ask("POST", "/posters/Emma", {}).json == {"ordered": "+++ Emma +++"}, "the one before goes on"
        before = len(dev.lines)
        checkout.write({"src/shop.ts": FILES["src/shop.ts"].replace("deploy: 'server',", "")})
        dev.wait_line('"stopped"', after=before)
        assert dev.ask("POST", "/posters/Emma", {}).json == {"ordered": "*** Emma ***"}, "nothing is a server any more"


PRINTERS = FILES | texts(
    {
        "src/shop.ts": """
            import { pikkuSessionlessFunc, wireHTTP, wireQueueWorker } from '#pikku'

            type Order = { title: string; delay?: string }

            export const order = pikkuSessionlessFunc<Order, { id: string }>({
              func: async ({ queueService }, { title, delay }) =>
                ({ id: await queueService.add('posters', { title }, delay === undefined ? {} : { delay }) }),
            })
            export const print = pikkuSessionlessFunc<Order, void>({
              deploy: 'server',
              func: async ({ logger, queueService, variables }, { title }, { queue }) => {
                const tried = `${title}, attempt ${queue?.attempt}`
                logger.info(`at ${tried}`)
                if (title === 'torn' || (title === 'sticky' && queue?.attempt === 1)) throw new Error(`can't print ${tried}`)
                if (title === 'on fire' && queue?.attempt === 1) process.exit(3)
                if (title === 'endless' && variables.get('PLACE') === 'the cellar') await new Promise(() => undefined)
                await queueService.add('shown', { title })
                logger.info(`printed ${tried}`)
              },
            })
            export const show = pikkuSessionlessFunc<Order, void>({
              func: async ({ logger }, { title }) => logger.info(`shown ${title}`),
            })
            export const mourn = pikkuSessionlessFunc<Order, void>({
              func: async ({ logger }, { title }) => logger.info(`mourned ${title}`),
            })
            wireHTTP({ method: 'post', route: '/orders', func: order })
            wireQueueWorker({
              queue: 'posters', func: print, config: { batchTimeout: 0, retryDelay: 0, maxRetries: 1, deadLetterQueue: 'lost' },
            })
            wireQueueWorker({ queue: 'shown', func: show, config: { batchTimeout: 0 } })
            wireQueueWorker({ queue: 'lost', func: mourn, config: { batchTimeout: 0 } })
            """,
        ".env": "PLACE='the cellar'\nUNITGRAPH_SHUTDOWN_TIMEOUT=1\n",
    }
)


def test_queues_of_a_server_beside_workers(tools: Tools, tmp_path: Path) -> None:
    """What is added on either side is worked on at the other, as often as elsewhere, whoever ends meanwhile."""
    checkout = Checkout(tmp_path / "work", tools, tmp_path / "cache")
    checkout.write(PRINTERS)
    with running(checkout, "--provider", "cloudflare", "--port", "0") as dev:
        for title in ("Emma", "sticky", "torn"):
            assert dev.ask("POST", "/orders", {"title": title}).status == 200
        dev.wait_line("printed Emma, attempt 1")
        dev.wait_line("shown Emma")
        dev.wait_line("printed sticky, attempt 2")
        dev.wait_line("mourned torn")
        assert sum("at torn, attempt" in line for line in dev.lines) == 2
        checkout.run("dev", "--provider", "cloudflare", "--fire", "posters", "--data", '{"title": "Persuasion"}')
        dev.wait_line("shown Persuasion")

        checkout.edit("src/shop.ts", "printed ${tried}", "painted ${tried}")
        dev.wait_line("running .* later, after src/shop.ts")
        dev.ask("POST", "/orders", {"title": "Sanditon"})
        dev.wait_line("painted Sanditon, attempt 1")

        dev.ask("POST", "/orders", {"title": "on fire"})
        dev.wait_line("The process ended with status 3")
        checkout.edit("src/shop.ts", "mourned", "wept for")     # starts one that had only just begun
        dev.wait_line("painted on fire, attempt 2")

        dev.ask("POST", "/orders", {"title": "Lady Susan", "delay": "1s"})
        dev.ask("POST", "/orders", {"title": "endless"})
        dev.wait_line("at endless, attempt 1")
        dev.process.kill()
        dev.ended()

    checkout.write({".env": "PLACE='the attic'\n"})
    with running(checkout, "--provider", "cloudflare", "--port", "0") as again:
        again.wait_line("painted endless, attempt 1")
        again.wait_line("painted Lady Susan, attempt 1")
        again.wait_line("shown Lady Susan")
        checkout.edit("src/shop.ts", "deploy: 'server',", "")
        again.wait_line('"stopped"')
        again.ask("POST", "/orders", {"title": "Catharine"})
        again.wait_line("painted Catharine, attempt 1")     # by a Worker
