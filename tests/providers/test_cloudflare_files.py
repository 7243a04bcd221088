"""The files of Cloudflare's build output: what they say, and that no value can break out of its place."""

import json
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.providers.samples import SHOP, fetch, manifest, target, unit, worker_build
from unitgraph.errors.provider import CloudflareUploadUnavailable, OptionNotAvailable
from unitgraph.providers import cloudflare
from unitgraph.providers.base import Provider, Target, quiet
from unitgraph.providers.cloudflare import router, wrangler
from unitgraph.providers.cloudflare.bindings import binding_name, cron, queue_name
from unitgraph.providers.plan import Plan, basis_of
from unitgraph.units.config import CloudflareConfig, DeployConfig
from unitgraph.units.model import Queue, QueueSettings

PROVIDER: Provider = cloudflare


@pytest.fixture
def to(tmp_path: Path) -> Target:
    return target(tmp_path, "cloudflare", variables={"CURRENCY": "EUR"})


def toml(to: Target, name: str) -> dict[str, Any]:
    return tomllib.loads(cloudflare.files(SHOP, to)[f"{name}/wrangler.toml"].decode())


def infra(to: Target) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(cloudflare.files(SHOP, to)["infra.json"])
    return found


def test_a_worker_is_bound_to_what_it_depends_on_and_to_nothing_else(to: Target) -> None:
    assert toml(to, "units/shop-create-order") == {
        "name": "shop-create-order",
        "main": "index.js",
        "compatibility_date": wrangler.COMPATIBILITY_DATE,
        "compatibility_flags": ["nodejs_compat", "enable_request_signal", "request_signal_passthrough"],
        "no_bundle": True,
        "workers_dev": False,
        "preview_urls": False,
        "observability": {"enabled": True},
        "services": [{"binding": "SHOP_PRICE", "service": "shop-price"}],
        "queues": {
            "producers": [
                {"binding": "QUEUE_AUDIT", "queue": "audit"},
                {"binding": "QUEUE_ORDERS", "queue": "orders"},
            ]
        },
        "d1_databases": [{"binding": "DB_D1", "database_name": "shop-db"}],
        "vars": {"CURRENCY": "EUR"},
    }


def test_consumers_and_schedules(to: Target) -> None:
    ship = toml(to, "units/shop-ship-order")
    assert ship["queues"] == {
        "consumers": [
            {"queue": "orders", "max_batch_size": 10, "max_batch_timeout": 1, "max_retries": 3, "retry_delay": 5}
        ]
    }
    assert ship["durable_objects"] == {"bindings": [{"name": "UNITGRAPH_JOBS", "class_name": "JobLedger"}]}
    assert ship["migrations"] == [{"tag": "unitgraph-1", "new_sqlite_classes": ["JobLedger"]}]
    every = [queue["queue"] for queue in toml(to, "units/shop-nightly")["queues"]["producers"]]
    assert every == ["invoices", "orders"], "a name that isn't constant may be any"
    assert toml(to, "units/shop-nightly")["triggers"] == {"crons": ["0 3 * * *"]}
    assert toml(to, "units/shop-nightly")["r2_buckets"] == [
        {"binding": "USER_UPLOADS", "bucket_name": "shop-user-uploads"}
    ]


def test_a_queues_settings_and_its_dead_letters(to: Target) -> None:
    settings = QueueSettings(4, 0, 8, 0, 1500, "fixed", "brokenOrders")
    made = replace(SHOP, queues=(Queue("orders", "shop-ship-order", "shipOrder", settings),))
    files = cloudflare.files(made, to)
    queues = tomllib.loads(files["units/shop-ship-order/wrangler.toml"].decode())["queues"]
    assert queues["producers"] == [{"binding": "QUEUE_BROKEN_ORDERS", "queue": "broken-orders"}]
    assert queues["consumers"] == [
        {"queue": "orders", "max_batch_size": 4, "max_batch_timeout": 0, "max_retries": 0, "retry_delay": 2}
        | {"dead_letter_queue": "broken-orders", "max_concurrency": 2}
    ]
    listed = {queue["queue"]: queue for queue in json.loads(files["infra.json"])["queues"]}
    assert listed["orders"]["deadLetterQueue"] == "broken-orders"
    assert (listed["brokenOrders"]["consumer"], listed["brokenOrders"]["producers"]) == (
        None, ["shop-nightly", "shop-ship-order"],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        pytest.param("0 3 * * *", "0 3 * * *", id="no day of the week"),
        pytest.param("0 3 * * 1-5", "0 3 * * mon,tue,wed,thu,fri", id="working days"),
        pytest.param("0 3 * * 0", "0 3 * * sun", id="sunday is 0"),
        pytest.param("0 3 1 * 7", "0 3 1 * sun", id="and 7"),
        pytest.param("0 3 * * FRI-7", "0 3 * * sun,fri,sat", id="over the week's end"),
        pytest.param("0 3 * * */2", "0 3 * * sun,tue,thu,sat", id="every other day"),
        pytest.param("0 3 * * Mon", "0 3 * * mon", id="by name"),
    ],
)
def test_days_of_the_week_go_by_their_names_since_cloudflare_counts_them_from_one(schedule: str, expected: str) -> None:
    assert cron(schedule) == expected


def test_the_server_unit_is_no_worker_and_its_queue_has_a_consumer_all_the_same(to: Target) -> None:
    files = cloudflare.files(SHOP, to)
    assert "units/shop-server/wrangler.toml" not in files
    dockerfile = files["units/shop-server/Dockerfile"].decode()
    assert f"FROM oven/bun:{to.tools['bun'].version}-slim\n" in dockerfile
    assert 'CMD ["bun", "index.js"]' in dockerfile
    queues = {queue["name"]: (queue["consumer"], queue["consumerType"]) for queue in infra(to)["queues"]}
    assert queues == {
        "audit": (None, None),
        "invoices": ("shop-server", "http_pull"),
        "orders": ("shop-ship-order", "worker"),
    }
    assert infra(to)["servers"] == [
        {
            "name": "shop-server",
            "folder": "units/shop-server",
            "variable": "SHOP_SERVER",
            "calledBy": ["shop-create-order"],
        }
    ]


def test_the_servers_url_is_a_variable_of_who_calls_it(to: Target) -> None:
    known = replace(to, variables={"SHOP_SERVER": "https://server.shop.test"})
    for name in ("units/shop-create-order", "router"):
        assert toml(known, name)["vars"] == {"SHOP_SERVER": "https://server.shop.test"}


@pytest.mark.parametrize(("place", "name"), [("a1b2", "STRIPE_API_KEY"), ("a1b2/stripe-live", "stripe-live")])
def test_a_secret_may_be_in_a_store(place: str, name: str, to: Target) -> None:
    stored = {"STRIPE_API_KEY": place, "NOBODYS": "a1b2"}
    config = DeployConfig(cloudflare=CloudflareConfig(secrets_store=stored))
    own = toml(replace(to, config=config), "units/shop-create-order")
    assert own["secrets_store_secrets"] == [{"binding": "STRIPE_API_KEY", "store_id": "a1b2", "secret_name": name}]
    assert "secrets_store_secrets" not in toml(replace(to, config=config), "units/shop-get-book")
    assert "secrets_store_secrets" not in toml(to, "units/shop-create-order")


def test_secrets_are_names_in_infra_and_nowhere_else(to: Target) -> None:
    *own, between, pulling = infra(to)["secrets"]
    assert (pulling["name"], pulling["readBy"]) == ("CLOUDFLARE_QUEUES_TOKEN", ["shop-server"])
    assert (between["name"], between["readBy"]) == (
        "UNITGRAPH_RPC_SECRET",
        ["shop-create-order", "shop-get-book", "shop-price", "shop-server"],
    )
    assert own == [
        {
            "name": "STRIPE_API_KEY",
            "displayName": "Stripe",
            "description": "The key of Stripe",
            "readBy": ["shop-create-order"],
        }
    ]
    assert [name for name, data in cloudflare.files(SHOP, to).items() if b"STRIPE" in data] == ["infra.json"]


def test_a_domain_goes_to_the_router(to: Target) -> None:
    options = CloudflareConfig(domain="shop.test", workers_dev=False, account_id="acc")
    made = toml(replace(to, config=DeployConfig(cloudflare=options)), "router")
    assert (made["routes"], made["workers_dev"]) == ([{"pattern": "shop.test", "custom_domain": True}], False)
    assert made["account_id"] == "acc"


def test_an_option_that_would_do_nothing_is_refused(to: Target) -> None:
    namespaced = replace(to, config=DeployConfig(cloudflare=CloudflareConfig(dispatch_namespace="customers")))
    with pytest.raises(OptionNotAvailable):
        cloudflare.files(SHOP, namespaced)


def test_nothing_answers_http_no_router(to: Target) -> None:
    made = cloudflare.files(manifest(unit("shop-price", "price")), to)
    assert sorted(made) == ["infra.json", "units/shop-price/wrangler.toml"]


def test_a_unit_may_be_called_router() -> None:
    assert router.name(manifest(unit("shop-router", "router", fetch("GET", "/", "router")))) == "shop-http-router"


@given(value=st.text(), flag=st.text(max_size=5))
def test_every_value_survives_the_toml(value: str, flag: str) -> None:
    document = {"name": "x", "vars": {"A": value}, "compatibility_flags": [flag], "services": [{"binding": value}]}
    assert tomllib.loads(wrangler.render(document)) == document


@pytest.mark.parametrize(
    ("name", "binding"),
    [
        ("my-app-get-books", "MY_APP_GET_BOOKS"),
        ("userUploads", "USER_UPLOADS"),
        ("db", "DB"),
        ("3d-shop-a", "_3D_SHOP_A"),
        ("pictures2Small", "PICTURES2_SMALL"),
    ],
)
def test_binding_names(name: str, binding: str) -> None:
    assert binding_name(name) == binding


units = st.from_regex(r"[a-z0-9]+(-[a-z0-9]+){0,3}", fullmatch=True)


@given(st.sets(units, max_size=20))
def test_units_never_share_a_binding(names: set[str]) -> None:
    assert len({binding_name(name) for name in names}) == len(names)


@pytest.mark.parametrize(("queue", "name"), [("orders", "orders"), ("orderEvents", "order-events"), ("a.b_c", "a-b-c")])
def test_queue_names(queue: str, name: str) -> None:
    assert queue_name(queue) == name


@pytest.mark.parametrize(
    ("route", "pattern"),
    [
        ("/", "^/$"),
        ("/books/:id", "^/books/(?:[^/]+)$"),
        ("/books/", "^/books$"),
        ("bücher/:id", "^/b%C3%BCcher/(?:[^/]+)$"),
        ("/files/*", "^/files(?:/.*)?$"),
        ("/a/*/b", "^/a/[^/]+/b$"),
        ("/v1.0/a+b", r"^/v1\.0/a\+b$"),
        ("/pages/:n{[0-9]+}/:part?", "^/pages/(?:[0-9]+)(?:/(?:[^/]+))?$"),
    ],
)
def test_route_patterns(route: str, pattern: str) -> None:
    assert router.pattern(route) == pattern


def test_specific_routes_come_first() -> None:
    routes = ["/*", "/a/:id", "/a/*", "/a/new", "/a/:id{[0-9]+}", "/:any"]
    units = [unit(f"shop-{n}", f"f{n}", fetch("GET", route, f"f{n}")) for n, route in enumerate(routes)]
    assert [route for _method, route, _unit in router.table(manifest(*units))] == [
        "/a/new", "/a/:id{[0-9]+}", "/a/:id", "/a/*", "/:any", "/*",
    ]  # fmt: skip


def test_desired_names_every_resource_and_a_bundle_moves_only_its_unit(to: Target) -> None:
    build = worker_build(to.out)
    before = cloudflare.desired(SHOP, build, to).resources
    assert sorted({kind for kind, _name in before}) == [
        "bucket", "database", "queue", "route", "schedule", "secret", "unit",
    ]  # fmt: skip
    assert [name for kind, name in before if kind == "unit"] == [
        *(one.name for one in SHOP.units),
        "shop-router",
    ]
    price = build.bundles["shop-price"]
    moved = replace(price, files={"index.js": replace(price.files["index.js"], sha256="0" * 64)})
    build = replace(build, bundles={**build.bundles, "shop-price": moved})
    after = cloudflare.desired(SHOP, build, to).resources
    assert [name for name in before if before[name] != after[name]] == [("unit", "shop-price")]


def test_nothing_is_known_to_be_deployed_and_apply_says_what_to_do(to: Target) -> None:
    assert cloudflare.deployed(to).note == cloudflare.NOTE
    plan = Plan("cloudflare", "", "shop", None, False, None, basis_of(cloudflare.deployed(to)), (), "")
    with pytest.raises(CloudflareUploadUnavailable) as raised:
        cloudflare.apply(plan, SHOP, worker_build(to.out), to, say=quiet)
    assert "npx wrangler deploy --config" in raised.value.remedy
    assert raised.value.code == "cloudflare-upload-unavailable"


def test_files_do_not_depend_on_where_the_project_is(tmp_path: Path) -> None:
    one, two = (cloudflare.files(SHOP, target(tmp_path / name, "cloudflare")) for name in ("a", "b"))
    assert one == two
