"""The project that runs, once for each provider."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dev.projects import SHOP
from tests.dev.running import Running, running
from tests.harness import Checkout, Tools


@pytest.fixture(scope="session", params=["standalone", "cloudflare"])
def shop(request: pytest.FixtureRequest, tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """It goes on from test to test; each leaves the sources as it has found them, or better."""
    folder: Path = tmp_path_factory.mktemp(f"dev-{request.param}")
    checkout = Checkout(folder / "work", tools, folder / "cache")
    checkout.write(SHOP)
    with running(checkout, "--provider", request.param, "--port", "0") as dev:
        yield dev
