"""A tiny shop as a manifest and as units written by hand, so that providers are tested without a build."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from textwrap import dedent
from typing import Any

from unitgraph.providers.base import Build, Bundle, File, Target, Tool
from unitgraph.rules.toolchain import find_bun
from unitgraph.units.config import DeployConfig, StandaloneConfig
from unitgraph.units.model import (
    FetchHandler,
    Handler,
    Manifest,
    Queue,
    QueueHandler,
    Route,
    ScheduledHandler,
    ScheduledTask,
    Secret,
    Service,
    Unit,
)


def fetch(method: str, route: str, function: str) -> FetchHandler:
    return FetchHandler((Route(route=route, method=method, function_id=function),))


def unit(name: str, function: str, *handlers: Handler, **more: Any) -> Unit:
    empty = Unit(
        name=name,
        role="function",
        target="serverless",
        function_ids=(function,),
        services=(),
        depends_on=(),
        handlers=handlers,
        secrets=(),
        variables=(),
        tags=(),
        source="src/shop.ts:1",
    )
    return replace(empty, **more)


def manifest(*units: Unit, **more: Any) -> Manifest:
    empty = Manifest(
        project_id="shop",
        manifest_version=1,
        units=tuple(sorted(units, key=lambda one: one.name)),
        queues=(),
        scheduled_tasks=(),
        channels=(),
        agents=(),
        mcp_endpoints=(),
        workflows=(),
        secrets=(),
        variables=(),
        unresolved_secret_reads=(),
    )
    return replace(empty, **more)


SHOP = manifest(
    unit("shop-get-book", "getBook", fetch("GET", "/books/:id", "getBook"), depends_on=("shop-price",)),
    unit("shop-new-books", "newBooks", fetch("GET", "/books/new", "newBooks")),
    unit(
        "shop-create-order",
        "createOrder",
        fetch("POST", "/books/:id", "createOrder"),
        depends_on=("shop-price", "shop-server", "shop-unbuilt"),
        services=(Service("queue", "queueService"), Service("database", "db")),
        secrets=("STRIPE_API_KEY",),
        variables=("CURRENCY", "DB"),
        queue_producers=("orders", "audit"),
    ),
    unit("shop-price", "price"),
    unit("shop-ship-order", "shipOrder", QueueHandler("orders")),
    unit(
        "shop-nightly",
        "nightly",
        ScheduledHandler("0 3 * * *", "nightly"),
        services=(Service("object-storage", "userUploads"),),
        queue_producers=("*",),
    ),
    unit(
        "shop-server",
        "renderInvoice",
        fetch("GET", "/invoices/:id", "renderInvoice"),
        QueueHandler("invoices"),
        target="server",
    ),
    queues=(Queue("invoices", "shop-server", "renderInvoice"), Queue("orders", "shop-ship-order", "shipOrder")),
    scheduled_tasks=(ScheduledTask("nightly", "0 3 * * *", "shop-nightly", "nightly"),),
    secrets=(Secret("STRIPE_API_KEY", "Stripe", "The key of Stripe"),),
)

WORKERS: Mapping[str, str] = {
    "shop-get-book": """\
        export default {
          async fetch(request, env) {
            const id = new URL(request.url).pathname.split('/')[2]
            const price = await env.SHOP_PRICE.fetch('http://unit/price', { method: 'POST', body: id })
            return Response.json({ unit: 'shop-get-book', id, price: await price.text() })
          },
        }
    """,
    "shop-new-books": "export default { fetch: () => Response.json({ unit: 'shop-new-books' }) }\n",
    "shop-create-order": """\
        export default {
          async fetch(request, env) {
            const price = await env.SHOP_PRICE.fetch('http://unit/price', { method: 'POST', body: 'order' })
            await env.QUEUE_ORDERS.send({ body: await request.text() })
            const db = await env.DB_D1.prepare('select 7 as seven').first('seven')
            return Response.json({ unit: 'shop-create-order', price: await price.text(), db, currency: env.CURRENCY })
          },
        }
    """,
    "shop-price": """\
        export default {
          async fetch(request) { return new Response('price of ' + (await request.text())) },
        }
    """,
    "shop-ship-order": "export default { async queue(batch) { batch.ackAll() } }\n",
    "shop-nightly": "export default { async scheduled() {} }\n",
    "shop-server": "export default {}\n",
}

PROCESS: Mapping[str, str] = {
    "main.js": """\
        import { stock } from './chunks/c-stock.js'
        const units = {
          '/a': () => import('./units/shop-a/index.js'),
          '/b': () => import('./units/shop-b/index.js'),
        }
        const server = Bun.serve({
          hostname: process.env.HOST,
          port: Number(process.env.PORT),
          async fetch(request) {
            const { pathname } = new URL(request.url)
            if (pathname === '/release') return new Response(process.env.UNITGRAPH_RELEASE)
            return new Response((await units[pathname]()).default())
          },
        })
        console.log(`listening on ${server.port}`)
        await new Promise((resolve) => process.once('SIGTERM', resolve))
        await server.stop()
        process.exit(stock.left)
    """,
    "chunks/c-stock.js": "export const stock = { left: 0 }\n",
    "units/shop-a/index.js": """\
        import { stock } from '../../chunks/c-stock.js'
        export default () => 'a' + stock.left
    """,
    "units/shop-b/index.js": "import '../../chunks/c-stock.js'\nexport default () => 'b'\n",
}

PROCESS_MANIFEST = manifest(
    unit("shop-a", "a", fetch("GET", "/a", "a")),
    unit("shop-b", "b", fetch("GET", "/b", "b")),
)


def target(
    root: Path,
    provider: str,
    *,
    config: DeployConfig | None = None,
    variables: Mapping[str, str] | None = None,
    wait_lock_s: float = 0,
) -> Target:
    bun = find_bun()
    return Target(
        provider=provider,
        environment="production",
        project="shop",
        root=root,
        out=root / ".deploy" / provider,
        tools={"bun": Tool(bun.path, bun.version)},
        config=config or DeployConfig(standalone=StandaloneConfig(port=0)),
        variables=variables or {},
        wait_lock_s=wait_lock_s,
    )


def write_build(out: Path, texts: Mapping[str, str]) -> Build:
    """Write build output and describe it: ``units/<unit>/…`` are bundles, everything else is shared."""
    shared: dict[str, File] = {}
    bundles: dict[str, dict[str, File]] = {}
    for name, text in texts.items():
        data = dedent(text).encode()
        path = out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        file = File(hashlib.sha256(data).hexdigest(), len(data), path)
        if name.startswith("units/"):
            _units, owner, inside = name.split("/", 2)
            bundles.setdefault(owner, {})[inside] = file
        else:
            shared[name] = file
    return Build({name: Bundle(name, files) for name, files in bundles.items()}, shared)


def worker_build(out: Path) -> Build:
    return write_build(out, {f"units/{name}/index.js": text for name, text in WORKERS.items()})
