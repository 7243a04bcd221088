"""`why`: what moved, named as people know it, before the build and after it."""

from collections.abc import Callable

from tests.harness import Checkout
from tests.system.projects import SHOP

Make = Callable[..., Checkout]


def reasons(shop: Checkout, name: str) -> tuple[str, set[tuple[str, str]]]:
    told = shop.run("why", name, "--json").json
    return told["status"], {(why["path"], why["detail"]) for why in told["reasons"]}


def test_the_first_changed_file_before_and_after_the_build(checkout: Make) -> None:
    shop = checkout(SHOP, name="shop")
    assert reasons(shop, "shop-get-book")[0] == "never-built"
    shop.plan()
    assert reasons(shop, "shop-get-book") == ("up-to-date", set())
    shop.edit("src/lib/text.ts", "heading:", "title:")
    assert reasons(shop, "shop-get-book") == ("will-be-built", {("src/lib/text.ts", "changed")})
    shop.plan()
    assert reasons(shop, "shop-get-book") == ("up-to-date", {("src/lib/text.ts", "changed")})
    assert reasons(shop, "shop-cancel-order") == ("up-to-date", set())


def test_a_function_and_a_task_are_names_too(checkout: Make) -> None:
    shop = checkout(SHOP, name="shop")
    shop.plan()
    asked = {shop.run("why", name).out for name in ("getBook", "shop-get-book", "bundle:shop-get-book")}
    assert asked == {"bundle:shop-get-book is up to date.\n"}
