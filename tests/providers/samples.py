"""A tiny shop as a manifest and as units written by hand, so that providers are tested without a build."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any

from unitgraph.providers.base import Build, Bundle, File, Target, Tool
from unitgraph.rules.toolchain import find_bun
from unitgraph.units.config import DeployConfig, StandaloneConfig
from unitgraph.units.model import Manifest


def unit(name: str, *functions: str, handlers: list[dict[str, Any]] | None = None, **more: Any) -> dict[str, Any]:
    empty: dict[str, Any] = {
        "role": "function",
        "target": "serverless",
        "services": [],
        "dependsOn": [],
        "secrets": [],
        "variables": [],
        "tags": [],
        "source": "src/shop.ts:1",
    }
    return {"name": name, "functionIds": list(functions), "handlers": handlers or [], **empty, **more}


def fetch(method: str, route: str, function: str) -> dict[str, Any]:
    return {"type": "fetch", "routes": [{"method": method, "route": route, "functionId": function}]}


def manifest(units: list[dict[str, Any]], **more: Any) -> Manifest:
    empty: dict[str, Any] = {
        "projectId": "shop",
        "manifestVersion": 1,
        "queues": [],
        "scheduledTasks": [],
        "channels": [],
        "agents": [],
        "mcpEndpoints": [],
        "workflows": [],
        "secrets": [],
        "variables": [],
        "unresolvedSecretReads": [],
    }
    return Manifest.model_validate({**empty, "units": sorted(units, key=lambda one: str(one["name"])), **more})


SHOP = manifest(
    [
        unit("shop-get-book", "getBook", handlers=[fetch("GET", "/books/:id", "getBook")], dependsOn=["shop-price"]),
        unit("shop-new-books", "newBooks", handlers=[fetch("GET", "/books/new", "newBooks")]),
        unit(
            "shop-create-order",
            "createOrder",
            handlers=[fetch("POST", "/books/:id", "createOrder")],
            dependsOn=["shop-price", "shop-server", "shop-unbuilt"],
            services=[
                {"capability": "queue", "sourceServiceName": "queueService"},
                {"capability": "database", "sourceServiceName": "db"},
            ],
            secrets=["STRIPE_API_KEY"],
            variables=["CURRENCY", "DB"],
        ),
        unit("shop-price", "price"),
        unit("shop-ship-order", "shipOrder", handlers=[{"type": "queue", "queueName": "orders"}]),
        unit(
            "shop-nightly",
            "nightly",
            handlers=[{"type": "scheduled", "schedule": "0 3 * * *", "taskName": "nightly"}],
            services=[{"capability": "object-storage", "sourceServiceName": "userUploads"}],
        ),
        unit(
            "shop-server",
            "renderInvoice",
            target="server",
            handlers=[fetch("GET", "/invoices/:id", "renderInvoice"), {"type": "queue", "queueName": "invoices"}],
        ),
    ],
    queues=[
        {"name": "invoices", "consumerUnit": "shop-server", "consumerFunctionId": "renderInvoice"},
        {"name": "orders", "consumerUnit": "shop-ship-order", "consumerFunctionId": "shipOrder"},
    ],
    scheduledTasks=[{"name": "nightly", "schedule": "0 3 * * *", "unitName": "shop-nightly", "functionId": "nightly"}],
    secrets=[{"secretId": "STRIPE_API_KEY", "displayName": "Stripe", "description": "The key of Stripe"}],
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
    [
        unit("shop-a", "a", handlers=[fetch("GET", "/a", "a")]),
        unit("shop-b", "b", handlers=[fetch("GET", "/b", "b")]),
    ]
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
