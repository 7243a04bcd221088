"""The runtime's tests that `bun test` runs, but for the longest of them."""

from pathlib import Path

from tests import stores
from tests.runtime import workshop


def test_behaviour(root: Path) -> None:
    workshop.behaves_over_stores(root, workshop.others())


def test_stores_in_a_cluster(root: Path) -> None:
    """Both nodes are asked for keys, half of which are the other one's."""
    files = ["tests/runtime/jobs.test.ts", "tests/runtime/bus.test.ts", "tests/runtime/workflow/stores.test.ts"]
    with stores.redis_cluster() as nodes:
        for node in nodes:
            workshop.behaves(root, files, "-t", "[Rr]edis", TEST_REDIS=node.url)
