"""The document in the build output: made where it is asked for, of what it stands on, and carried with a build."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.harness import Checkout
from tests.system.projects import CONFIG, SHOP

Make = Callable[..., Checkout]
ASKED = json.dumps(json.loads(CONFIG) | {"openapi": {"route": "/openapi.json"}})
PROJECT = SHOP | {"pikku.config.json": ASKED}
DOCUMENT = "openapi.json"


def document(checkout: Checkout, provider: str) -> Path:
    return checkout.root / ".deploy" / provider / DOCUMENT


@pytest.mark.parametrize("provider", ["cloudflare", "standalone"])
def test_it_is_made_where_it_is_asked_for_and_goes_with_a_build(
    checkout: Make, tmp_path: Path, provider: str
) -> None:
    shared = tmp_path / "shared.cache"
    first = checkout(PROJECT, name="first", cache=shared)
    first.plan("--provider", provider)
    text = document(first, provider).read_bytes()
    assert json.loads(text)["info"] == {"title": "shop", "version": "1.0.0"}
    second = checkout(PROJECT, name="second", cache=shared)
    second.plan("--provider", provider)
    assert not second.log.exists(), "it was taken over"
    assert second.tree(provider) == first.shipped(provider)
    assert document(second, provider).read_bytes() == text


def test_without_being_asked_for_there_is_none(checkout: Make) -> None:
    shop = checkout(PROJECT)
    shop.plan()
    assert document(shop, "cloudflare").exists()
    assert "/openapi.json" in shop.read(".deploy/cloudflare/router/index.js")
    shop.write({"pikku.config.json": CONFIG})
    shop.plan()
    assert not document(shop, "cloudflare").exists()
    assert "/openapi.json" not in shop.read(".deploy/cloudflare/router/index.js")


def test_an_edit_of_a_body_leaves_it_and_one_of_an_interface_moves_it_alone(checkout: Make) -> None:
    shop = checkout(PROJECT)
    shop.plan()
    before, units = document(shop, "cloudflare").stat(), shop.units()
    shop.edit("src/lib/smtp.ts", "smtp:", "post:")
    shop.plan()
    assert document(shop, "cloudflare").stat() == before
    after = shop.units()
    moved = {name for name in units if units[name] != after[name]}
    shop.edit("src/orders.functions.ts", "{ refund: string }", "{ refund: string; by?: string }")
    shop.plan()
    assert document(shop, "cloudflare").stat() != before
    assert '"by"' in document(shop, "cloudflare").read_text()
    assert moved
    assert shop.units() == after, "types are in no bundle"


def test_what_it_cannot_say_is_said(checkout: Make) -> None:
    books = PROJECT["src/books.functions.ts"].replace("<void, { titles: string[] }>", "")
    said = checkout(PROJECT | {"src/books.functions.ts": books}).plan().out
    assert "openapi.json doesn't say what these give, since they state no output: listBooks." in said


@pytest.mark.parametrize("route", ["openapi.json", "/:x", "/a b", "/../x", "/"])
def test_a_route_that_is_none(checkout: Make, route: str) -> None:
    config = json.dumps(json.loads(CONFIG) | {"openapi": {"route": route}})
    said = checkout(SHOP | {"pikku.config.json": config}).run("plan", status=1)
    assert "openapi.route" in said.err
