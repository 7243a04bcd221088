"""Stories of chance, over every store."""

from pathlib import Path

from tests.runtime import workshop


def test_simulator(root: Path) -> None:
    workshop.behaves_over_stores(root, ["tests/runtime/workflow/simulator.test.ts"])
