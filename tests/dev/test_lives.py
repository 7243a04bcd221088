"""How `dev` begins and ends: one a project, nothing left of it, and what units keep is there the next time."""

import os
import signal
from collections.abc import Callable
from http.client import HTTPConnection

import pytest

from tests.dev.projects import SHOP
from tests.dev.running import Running, running
from tests.harness import Checkout
from tests.processes import family, is_alive

PROVIDERS = pytest.mark.parametrize("provider", ["standalone", "cloudflare"])


def listens(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.connect()
    except OSError:
        return False
    connection.close()
    return True


def gone(dev: Running, members: set[int]) -> None:
    while any(map(is_alive, members)):
        os.sched_yield()
    assert not listens(dev.port)


@PROVIDERS
def test_it_ends_whole_and_goes_on_where_it_was(checkout: Callable[..., Checkout], provider: str) -> None:
    shop = checkout(SHOP)
    with running(shop, "--provider", provider, "--port", "0") as dev:
        assert dev.ask("GET", "/greet/ada").json == {"said": "hello ada"}
        second = shop.run("dev", "--provider", provider, "--port", "0", status=1)
        assert "[dev-running]" in second.err
        assert dev.ask("POST", "/text", {"text": "by heart"}).json == {"kept": True}
        dev.ask("POST", "/orders", {"book": "Emma", "delay": "2s"})
        members = family(dev.process.pid)
        assert len(members) > 2
        assert dev.interrupt() == 130
        gone(dev, members)

    with running(shop, "--provider", provider, "--port", str(dev.port)) as again:
        assert again.port == dev.port
        assert again.ask("GET", "/text").json == {"text": "by heart"}
        again.wait_line("packed Emma")
        members = family(again.process.pid)
        again.process.send_signal(signal.SIGKILL)
        again.ended()
        gone(again, members)
        assert not any("EPIPE" in line for line in again.lines), "nobody hears the rest, which is no fault"

    with running(shop, "--provider", provider, "--port", str(dev.port)) as last:
        assert last.ask("GET", "/greet/ada").json == {"said": "hello ada"}
        assert last.port == dev.port


def test_a_port_that_is_taken(checkout: Callable[..., Checkout]) -> None:
    shop = checkout(SHOP)
    with running(shop, "--provider", "standalone", "--port", "0") as dev:
        refused = shop.run("dev", "--provider", "cloudflare", "--port", str(dev.port), status=1)
        assert "[dev-port-taken]" in refused.err


def test_nothing_runs(checkout: Callable[..., Checkout]) -> None:
    assert "[dev-not-running]" in checkout(SHOP).run("dev", "--fire", "tidy-up", status=1).err


def test_it_begins_broken_and_gets_well(checkout: Callable[..., Checkout]) -> None:
    """A first version that isn't there is said to everybody; it comes with the edit."""
    shop = checkout(SHOP | {"src/greeting.ts": "export const greeting = (\n"})
    with running(shop, "--provider", "standalone", "--port", "0") as dev:
        answer = dev.ask("GET", "/greet/ada")
        assert answer.status == 503
        assert answer.json["code"] == "dev-not-built"
        assert "src/greeting.ts:" in answer.json["problems"][0]
        shop.write({"src/greeting.ts": SHOP["src/greeting.ts"]})
        dev.until(lambda found: found.ask("GET", "/greet/ada").status == 200)


def test_a_version_that_does_not_start(checkout: Callable[..., Checkout]) -> None:
    """The one before goes on; what the new one said is shown."""
    shop = checkout(SHOP)
    good = SHOP["src/services.ts"]
    bad = good.replace("async () => ({})", "async () => { throw new Error('no such database') }")
    with running(shop, "--provider", "standalone", "--port", "0") as dev:
        assert dev.ask("GET", "/greet/ada").status == 200
        shop.write({"src/services.ts": bad})
        dev.wait_line(r"\[dev-not-started\]")
        dev.until(lambda found: "no such database" in found.page("/greet/ada").body)
        assert dev.page("/greet/ada").status == 500
        assert dev.ask("GET", "/greet/ada").status == 200
        shop.write({"src/services.ts": good})
        dev.until(lambda found: found.page("/greet/ada").status == 200)
