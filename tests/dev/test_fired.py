"""Schedules and jobs that are fired by name, in another terminal."""

import json

from tests.dev.running import Running
from tests.harness import Finished


def fire(dev: Running, *arguments: str, status: int = 0) -> Finished:
    provider = "cloudflare" if any("(cloudflare)" in line for line in dev.lines) else "standalone"
    return dev.checkout.run("dev", "--provider", provider, "--fire", *arguments, status=status)


def test_a_schedule(shop: Running) -> None:
    before = len(shop.lines)
    assert fire(shop, "tidy-up").out == "tidy-up fired\n"
    shop.wait_line("tidied up", after=before)


def test_a_job(shop: Running) -> None:
    before = len(shop.lines)
    fire(shop, "orders", "--data", json.dumps({"book": "Emma"}))
    shop.wait_line("packed Emma", after=before)
    shop.ask("POST", "/orders", {"book": "Persuasion"})
    shop.wait_line("packed Persuasion", after=before)


def test_a_job_that_fails_comes_again_and_then_goes_to_the_dead_letters(shop: Running) -> None:
    before = len(shop.lines)
    fire(shop, "orders", "--data", json.dumps({"book": "sticky"}))
    shop.wait_line("can't pack sticky", after=before)
    shop.wait_line("packed sticky", after=before)
    fire(shop, "orders", "--data", json.dumps({"book": "torn"}))
    shop.wait_line("mourned torn", after=before)


def test_a_name_that_there_is_not(shop: Running) -> None:
    refused = fire(shop, "tidy", status=1)
    assert 'Nothing is called "tidy": there is lost, orders, tidy-up. [dev-not-fired]' in refused.err
    assert "[dev-data-invalid]" in fire(shop, "orders", "--data", "{", status=1).err


def test_nobody_else_fires(shop: Running) -> None:
    """A page of another site can send a request, and doesn't know the token."""
    assert shop.ask("POST", "/__unitgraph/dev/fire", {"name": "tidy-up"}).status == 403
