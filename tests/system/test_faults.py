"""The faults of comparable tools, one by one: none of them is ours."""

import json
import tomllib
from collections.abc import Callable
from typing import Any

import pytest

from benchmarks.generate import Shape, project
from tests.harness import Checkout
from tests.system.projects import MALL, SHOP

Make = Callable[..., Checkout]


@pytest.fixture
def mall(checkout: Make) -> Checkout:
    made = checkout(MALL, name="mall")
    made.plan()
    return made


def manifest(checkout: Checkout) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(checkout.read(".deploy/cloudflare/manifest.json"))
    return found


def test_no_unit_is_lost_over_its_name(mall: Checkout) -> None:
    """A name that doesn't survive kebab-case and back: its unit was dropped while others bound to it."""
    found = manifest(mall)
    units = {unit["name"]: unit for unit in found["units"]}
    assert {tuple(units[name]["functionIds"]) for name in units} >= {("notifySMS",), ("flakyHappyRPC",), ("sendA4ToHTTPServer2",)}
    owners = {function: name for name, unit in units.items() for function in unit["functionIds"]}
    assert set(units[owners["callAll"]]["dependsOn"]) == {
        owners["notifySMS"], owners["flakyHappyRPC"], owners["sendA4ToHTTPServer2"],
    }  # fmt: skip
    assert units["mall-notify-sms"]["functionIds"] == ["notifySMS"]
    assert units["mall-flaky-happy-rpc"]["functionIds"] == ["flakyHappyRPC"]


def test_every_binding_leads_to_a_unit_that_is_there(mall: Checkout) -> None:
    folder = mall.root / ".deploy" / "cloudflare" / "units"
    built = {unit.name for unit in folder.iterdir()}
    serverless = {unit["name"] for unit in manifest(mall)["units"] if unit["target"] == "serverless"}
    assert serverless <= built
    bound = {
        service["service"]
        for config in folder.glob("*/wrangler.toml")
        for service in tomllib.loads(config.read_text()).get("services", [])
    }
    assert bound
    assert bound <= built


def test_a_queue_whose_consumer_runs_in_the_server_unit_keeps_its_consumer(mall: Checkout) -> None:
    found = manifest(mall)
    (queue,) = [queue for queue in found["queues"] if queue["name"] == "videos"]
    units = {unit["name"]: unit for unit in found["units"]}
    consumer = units[queue["consumerUnit"]]
    assert queue["consumerFunctionId"] == "transcodeVideo"
    assert consumer["target"] == "server"
    assert "transcodeVideo" in consumer["functionIds"]
    assert {"type": "queue", "queueName": "videos"}.items() <= next(
        handler for handler in consumer["handlers"] if handler["type"] == "queue"
    ).items()


def test_trigger_sources_are_in_a_unit(mall: Checkout) -> None:
    holding = [unit["name"] for unit in manifest(mall)["units"] if "watchDoor" in unit["functionIds"]]
    assert len(holding) == 1
    (unit,) = [unit for unit in manifest(mall)["units"] if unit["name"] == holding[0]]
    assert unit["target"] == "server"


def test_every_function_is_in_exactly_one_unit(mall: Checkout) -> None:
    placed = sorted(function for unit in manifest(mall)["units"] for function in unit["functionIds"])
    assert placed == sorted({
        "callAll", "flakyHappyRPC", "greet", "notifySMS", "sendA4ToHTTPServer2", "sweepFloors", "transcodeVideo", "watchDoor",
    })  # fmt: skip


@pytest.mark.parametrize("sourcemap", [False, True])
def test_no_path_of_the_checkout_is_in_a_bundle(checkout: Make, *, sourcemap: bool) -> None:
    shop = checkout(SHOP, name="a-checkout-of-mine")
    shop.plan(*(["--sourcemap"] if sourcemap else []))
    maps = list((shop.root / ".deploy/cloudflare/units").glob("*/index.js.map"))
    assert bool(maps) == sourcemap
    for path in (shop.root / ".deploy/cloudflare/units").rglob("*.*"):
        text = path.read_text()
        for place in (str(shop.root), str(shop.tools.cache), "a-checkout-of-mine", "/tmp/", "file:///", "/home/"):
            assert place not in text, f"{place} in {path.name} of {path.parent.name}"


def test_one_more_function_moves_no_other_unit(checkout: Make) -> None:
    """One generated file that every unit imports would move all of them."""
    shop = checkout(SHOP, name="shop")
    shop.plan()
    before, keys = shop.units(), unit_keys(shop)
    shop.bundled()
    shop.write({
        "src/new.functions.ts": (
            "import { pikkuSessionlessFunc, wireHTTP, wireSecret } from '#pikku'\n"
            "export const brandNew = pikkuSessionlessFunc<{ a: number }, { b: number }>({\n"
            "  expose: true,\n"
            "  func: async ({ secrets }, { a }, { rpc }) => {\n"
            "    await secrets.getSecret('NEW_SECRET')\n"
            "    await rpc.invoke('getBook', { id: 'b1' })\n"
            "    return { b: a }\n"
            "  },\n"
            "})\n"
            "wireSecret({ name: 'new', secretId: 'NEW_SECRET' })\n"
            "wireHTTP({ method: 'get', route: '/new/:a', func: brandNew, auth: false })\n"
        )
    })  # fmt: skip
    shop.plan()
    assert shop.bundled() == {"shop-brand-new"}
    after = shop.units()
    assert set(after) - set(before) == {"shop-brand-new"}
    assert {unit: after[unit] for unit in before} == before
    assert {unit: key for unit, key in unit_keys(shop).items() if unit in keys} == keys


def test_one_leaf_edit_among_many_moves_one_unit(checkout: Make) -> None:
    many = checkout(dict(project(Shape(60, seed=5))), name="many")
    many.plan()
    before = many.units()
    many.bundled()
    many.edit("src/area001/thing0020.functions.ts", "`thing-0020-${data.id}`", "`moved-0020-${data.id}`")
    many.plan()
    after = many.units()
    assert [unit for unit in after if after[unit] != before[unit]] == ["bench-60-get-thing0020"]
    assert many.bundled() == {"bench-60-get-thing0020"}


@pytest.mark.parametrize("provider", ["cloudflare", "standalone"])
def test_folders_of_units_that_are_gone_are_removed(checkout: Make, provider: str) -> None:
    shop = checkout(SHOP, name="shop")
    shop.plan("--provider", provider)
    folder = shop.root / ".deploy" / provider / "units"
    assert (folder / "shop-cancel-order").is_dir()
    shop.edit("src/orders.functions.ts", "export const cancelOrder", "export const voidOrder")
    shop.edit("src/wiring.ts", "{ cancelOrder,", "{ voidOrder,")
    shop.edit("src/wiring.ts", "func: cancelOrder", "func: voidOrder")
    shop.plan("--provider", provider)
    assert not (folder / "shop-cancel-order").exists()
    assert (folder / "shop-void-order").is_dir()
    fresh = shop.clone(shop.root.parent / "fresh")
    fresh.plan("--provider", provider)
    assert shop.tree(provider) == fresh.tree(provider)


def test_a_plan_compares_with_what_is_deployed(checkout: Make) -> None:
    shop = checkout(SHOP, name="shop")
    first = shop.run("plan", "--provider", "standalone", "--json", "--detailed-exitcode", status=2).json
    assert first["summary"]["create"] > 0
    shop.run("apply", "--provider", "standalone")
    second = shop.run("plan", "--provider", "standalone", "--json", "--detailed-exitcode").json
    assert second["summary"]["unchanged"] > 0
    assert second["summary"] == {"create": 0, "update": 0, "delete": 0, "unchanged": second["summary"]["unchanged"]}
    shop.edit("src/lib/text.ts", "heading:", "title:")
    third = shop.run("plan", "--provider", "standalone", "--json", "--detailed-exitcode", status=2).json
    moved = [change for change in third["changes"] if change["action"] != "unchanged"]
    assert "shop-get-book" in {change["name"] for change in moved}
    assert not {"shop-create-order", "shop-cancel-order"} & {change["name"] for change in moved}
    reasons = [reason for change in moved for reason in change["reasons"]]
    assert "src/lib/text.ts" in {reason.get("path") for reason in reasons}


def test_what_one_unit_needs_of_the_runtime_is_in_that_unit_only(checkout: Make) -> None:
    """Routes bring what finds them, bodies what reads them, a service what it imports: to the units that have them."""
    files = SHOP | {
        "src/quiet.functions.ts": (
            "import { pikkuVoidFunc, wireScheduler } from '#pikku'\n"
            "export const tick = pikkuVoidFunc(async ({ logger }) => logger.info('tick'))\n"
            "wireScheduler({ name: 'tick', schedule: '* * * * *', func: tick })\n"
        )
    }
    shop = checkout(files, name="shop")
    shop.plan()
    quiet, book, cancel = (shop.units()[f"shop-{name}"] for name in ("tick", "get-book", "cancel-order"))
    assert b"MethodNotAllowedError" in book
    assert b"MethodNotAllowedError" not in quiet
    assert b"UnsupportedMediaTypeError" in cancel
    assert b"UnsupportedMediaTypeError" not in book
    assert b"smtp:" in cancel
    assert b"smtp:" not in book
    assert b"smtp:" not in quiet
    assert b"shelf:all" not in cancel
    assert len(quiet) < len(book)


def test_a_schema_that_one_unit_derives_is_in_that_unit_only(checkout: Make) -> None:
    shop = checkout(SHOP, name="shop")
    shop.plan()
    units = shop.units()
    assert len(units["shop-list-books"]) < len(units["shop-get-book"])


def unit_keys(checkout: Checkout) -> dict[str, object]:
    """The keys that the plan gives to the manifest's units: what decides whether they are uploaded. (The router in
    front of them holds all routes, and isn't among them.)"""
    plan = json.loads(checkout.read(".deploy/cloudflare/plan.json"))
    names = {unit["name"] for unit in manifest(checkout)["units"]}
    return {change["name"]: change["key"] for change in plan["changes"] if change["name"] in names}
