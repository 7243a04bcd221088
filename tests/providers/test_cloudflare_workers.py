"""The build output of Cloudflare for real: every unit in workerd, as its wrangler.toml says, behind the router."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.providers.samples import SHOP, target, worker_build
from tests.providers.workers import Workers, started
from unitgraph.providers import cloudflare
from unitgraph.rules.toolchain import Toolchain


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, dev: Toolchain) -> Iterator[Workers]:
    to = target(tmp_path_factory.mktemp("shop"), "cloudflare", variables={"CURRENCY": "EUR", "DB": "a variable"})
    worker_build(to.out)
    for name, data in cloudflare.files(SHOP, to).items():
        path = Path(to.out, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    with started(to.out, dev) as workers:
        yield workers


def test_every_unit_but_the_server_is_a_worker(shop: Workers) -> None:
    units = ["create-order", "get-book", "new-books", "nightly", "price", "ship-order"]
    assert shop.names == ["shop-router", *(f"shop-{unit}" for unit in units)]


def test_a_request_goes_through_the_router_and_on_through_a_service_binding(shop: Workers) -> None:
    assert shop.fetch("GET", "/books/7?x=1").json == {"unit": "shop-get-book", "id": "7", "price": "price of 7"}


def test_units_that_share_a_path_are_told_apart_by_method(shop: Workers) -> None:
    assert shop.fetch("POST", "/books/7", {"count": 2}).json["unit"] == "shop-create-order"


def test_a_fixed_segment_goes_before_a_parameter(shop: Workers) -> None:
    assert shop.fetch("GET", "/books/new").json == {"unit": "shop-new-books"}


def test_stores_queues_and_variables_are_bound(shop: Workers) -> None:
    made = shop.fetch("POST", "/books/7", "one").json
    assert made == {"unit": "shop-create-order", "price": "price of order", "db": 7, "currency": "EUR"}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        pytest.param("GET", "/nothing", 404, id="no route"),
        pytest.param("DELETE", "/books/7", 405, id="no method"),
        pytest.param("GET", "/books/7/", 200, id="slash at the end"),
        pytest.param("GET", "/%62ooks/new", 200, id="escaped for no reason"),
        pytest.param("GET", "/health", 200, id="health"),
        pytest.param("GET", "/books/7/pages", 404, id="longer path"),
        pytest.param("HEAD", "/books/7", 200, id="head is get"),
        pytest.param("OPTIONS", "/books/7", 200, id="preflight reaches a unit"),
        pytest.param("GET", "/invoices/1", 503, id="server whose URL isn't set"),
        pytest.param("GET", "/price", 404, id="unit without a route"),
    ],
)
def test_the_routers_status(shop: Workers, method: str, path: str, status: int) -> None:
    assert shop.fetch(method, path).status == status


def test_a_method_that_nobody_answers_names_those_that_are(shop: Workers) -> None:
    answer = shop.fetch("DELETE", "/books/7")
    assert answer.headers["allow"] == "GET, POST, HEAD, OPTIONS"
    assert answer.json["code"] == "method-not-allowed"


def test_a_queues_consumer_and_a_schedule_can_be_called(shop: Workers) -> None:
    assert shop.queue("shop-ship-order", "orders", [{"id": 1}])["ackAll"] is True
    assert shop.scheduled("shop-nightly", "0 3 * * *")["outcome"] == "ok"
