"""The same sources give the same bytes, wherever and whenever they are built."""

from collections.abc import Callable

import pytest

from tests.harness import Checkout
from tests.system.projects import SHOP

Make = Callable[..., Checkout]


@pytest.mark.parametrize("provider", ["cloudflare", "standalone"])
def test_removing_the_output_and_the_caches_changes_no_byte(checkout: Make, provider: str) -> None:
    shop = checkout(SHOP, name="shop")
    shop.plan("--provider", provider)
    first = shop.tree(provider)
    shop.clean()
    shop.plan("--provider", provider)
    assert shop.shipped(provider) == {path: mark for path, mark in first.items() if not path.startswith("gen/")}
    fresh = shop.clone(shop.root.parent / "a" / "much" / "deeper folder" / "än")
    fresh.plan("--provider", provider)
    assert fresh.tree(provider) == first


def test_no_path_of_the_machine_is_in_any_file(checkout: Make) -> None:
    shop = checkout(SHOP, name="shop-where-it-stands")
    shop.plan("--provider", "cloudflare")
    for path in (shop.root / ".deploy" / "cloudflare").rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            for place in (shop.root, shop.cache, shop.tools.cache, shop.root.parent):
                assert str(place).encode() not in data, f"{path} names {place}"


def test_the_order_in_which_files_are_made_does_not_matter(checkout: Make) -> None:
    first = checkout(SHOP, name="first")
    second = checkout(dict(reversed(SHOP.items())), name="second")
    first.plan()
    second.plan()
    assert first.tree() == second.tree()
