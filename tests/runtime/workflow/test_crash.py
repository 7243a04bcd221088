"""Workers of workflows that die, over every store."""

from pathlib import Path

from tests.runtime import workshop


def test_crash(root: Path) -> None:
    workshop.behaves_over_stores(root, ["tests/runtime/workflow/crash.test.ts"])
