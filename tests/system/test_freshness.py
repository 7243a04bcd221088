"""What is built again after an edit, and what isn't; every test goes through the command line."""

import os
from collections.abc import Callable

import pytest

from tests.harness import Checkout
from tests.system.projects import SHELL, SHOP, SHOP_UNITS, texts

Make = Callable[..., Checkout]


@pytest.fixture
def shop(checkout: Make) -> Checkout:
    """The shop, built once."""
    made = checkout(SHOP, name="shop")
    made.plan()
    assert made.bundled() == SHOP_UNITS
    return made


def test_a_second_plan_does_no_work(shop: Checkout) -> None:
    before = {path: path.stat().st_mtime_ns for path in (shop.root / ".deploy").glob("cloudflare/units/*/*")}
    shop.plan()
    assert shop.bundled() == frozenset()
    assert not shop.log.exists(), "esbuild was started"
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_doit_and_unitgraph_share_what_was_built(shop: Checkout) -> None:
    tree = shop.tree()
    shop.run("plan", program="doit")
    assert shop.bundled() == frozenset()
    assert shop.tree() == tree


EDITS_WITHOUT_EFFECT = {
    "touched": ("src/lib/money.ts", "", ""),
    "comment added": ("src/lib/money.ts", "export function price", "/* what one pays */\nexport function price"),
    "comment changed": ("src/books.functions.ts", "Where books begin.", "Where all books begin."),
    "comment in a function": ("src/orders.functions.ts", "return { refund", "// refunds are fixed\n      return { refund"),
    "doc comment in services": ("src/services.ts", "export const createConfig", "/** Settings. */\nexport const createConfig"),
    "comment in a wiring": ("src/wiring.ts", "wireHTTP({ method: 'get', route: '/books',", "/* all */ wireHTTP({ method: 'get', route: '/books',"),
    "interface added": ("src/lib/text.ts", "export function", "export interface Unused { a: string }\nexport function"),
    "annotation changed": ("src/lib/rounding.ts", "(value: number): number", "(value: number): 0 | number"),
    "type import added": ("src/lib/money.ts", "import {", "import type { Shelf } from './shelf.js'\nimport {"),
    "type of a local": ("src/books.functions.ts", "const title = shelf", "const title: string | undefined = shelf"),
    "blank lines": ("src/lib/text.ts", "export function", "\n\n\nexport function"),
    "indentation": ("src/lib/text.ts", "  return `heading", "\t\treturn `heading"),
    "line broken": ("src/orders.functions.ts", "{ refund: price(12.5) }", "{\n      refund: price(\n        12.5,\n      ),\n    }"),
    "semicolons": ("src/lib/rounding.ts", "/ 100\n", "/ 100;\n"),
    "quotes": ("src/wiring.ts", "route: '/books/:id'", 'route: "/books/:id"'),
}  # fmt: skip


@pytest.mark.parametrize(("path", "old", "new"), EDITS_WITHOUT_EFFECT.values(), ids=EDITS_WITHOUT_EFFECT)
def test_an_edit_without_effect_builds_no_bundle(shop: Checkout, path: str, old: str, new: str) -> None:
    bundles = shop.units()
    if old:
        shop.edit(path, old, new)
    else:
        os.utime(shop.root / path)
    shop.plan()
    assert shop.bundled() == frozenset()
    assert shop.units() == bundles
    assert shop.tree() == built_clean(shop)


ORDERS = {"shop-create-order", "shop-cancel-order"}
EDITS = {
    "helper of two units": ("src/lib/money.ts", "EUR ", "GBP ", ORDERS),
    "helper of a helper": ("src/lib/rounding.ts", "* 100) / 100", "* 1000) / 1000", ORDERS),
    "helper of one unit": ("src/lib/text.ts", "heading:", "title:", {"shop-get-book"}),
    "what one service imports": ("src/lib/smtp.ts", "smtp:", "smtps:", {"shop-cancel-order"}),
    "what another service imports": ("src/lib/shelf.ts", "shelf:all", "all", {"shop-get-book", "shop-list-books"}),
    "one function of a file": ("src/orders.functions.ts", "* 12.5", "* 13", {"shop-create-order"}),
    "its neighbour": ("src/books.functions.ts", "titles: shelf.all()", "titles: [...shelf.all()].sort()", {"shop-list-books"}),
    "one service's construction": ("src/services.ts", "new Smtp(config.from)", "new Smtp(config.from.trim())", {"shop-cancel-order"}),
    "one route": ("src/wiring.ts", "'/books/:id'", "'/titles/:id'", {"shop-get-book"}),
    "one route's option": ("src/wiring.ts", "func: listBooks, auth: false", "func: listBooks, auth: true", {"shop-list-books"}),
}  # fmt: skip


@pytest.mark.parametrize(("path", "old", "new", "units"), EDITS.values(), ids=EDITS)
def test_an_edit_builds_exactly_the_units_that_hold_it(
    shop: Checkout, path: str, old: str, new: str, units: set[str]
) -> None:
    before = shop.units()
    shop.edit(path, old, new)
    shop.plan()
    assert shop.bundled() == units
    after = shop.units()
    assert {unit for unit in after if after[unit] != before[unit]} == units
    assert shop.tree() == built_clean(shop)


HANDLED = texts(
    SHELL
    | {
        "src/handler.ts": """
            export async function handler({ logger }, data: { id: string }, { session }) {
              return [logger, data, session]
            }
        """,
        "src/app.ts": """
            import { pikkuFunc, pikkuServices, wireHTTP } from '#pikku'
            import { handler } from './handler'
            export const services = pikkuServices(async () => ({ cart: 'a cart' }))
            export const handle = pikkuFunc(handler)
            wireHTTP({ method: 'get', route: '/', func: handle })
        """,
    }
)


def test_a_helper_that_is_a_functions_body_decides_what_its_unit_holds(checkout: Make) -> None:
    """What it takes of its services and of its wire, and the type of its data."""
    handled = checkout(HANDLED, name="handled")
    handled.plan()
    edits = [("{ logger }", "{ cart: logger }"), ("{ session }", "{ http: session }"), ("id: string", "id: number")]
    for number, (old, new) in enumerate(edits):
        handled.edit("src/handler.ts", old, new)
        handled.plan()
        assert handled.tree() == built_clean(handled, f"clean-{number}")


def test_an_edit_taken_back_builds_nothing(shop: Checkout) -> None:
    tree = shop.tree()
    shop.edit("src/lib/money.ts", "EUR ", "GBP ")
    shop.plan()
    shop.bundled()
    shop.edit("src/lib/money.ts", "GBP ", "EUR ")
    shop.plan()
    assert shop.bundled() == frozenset()
    assert shop.tree() == tree


def test_an_edit_that_keeps_size_and_time_is_seen(shop: Checkout) -> None:
    path = shop.root / "src/lib/money.ts"
    stat = path.stat()
    shop.edit("src/lib/money.ts", "EUR ", "GBP ")
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    shop.plan()
    assert shop.bundled() == ORDERS


def test_another_checkout_takes_what_the_first_built(shop: Checkout, checkout: Make) -> None:
    other = checkout(SHOP, name="other", cache=shop.cache)
    other.plan()
    assert other.bundled() == frozenset()
    assert other.shipped() == shop.shipped()


def test_a_bundle_that_was_tampered_with_is_put_right(shop: Checkout) -> None:
    tree = shop.tree()
    bundle = shop.root / ".deploy/cloudflare/units/shop-get-book/index.js"
    bundle.write_text("evil()\n")
    shop.plan()
    assert shop.tree() == tree
    bundle.unlink()
    shop.plan()
    assert shop.tree() == tree


def built_clean(shop: Checkout, name: str = "clean") -> dict[str, str]:
    """The tree that the same sources give elsewhere from nothing."""
    fresh = shop.clone(shop.root.parent / name)
    fresh.plan()
    return fresh.tree()
