"""That the laws which stories of chance are held to notice what they are for."""

from pathlib import Path

from tests.runtime import workshop


def test_mutations(root: Path) -> None:
    workshop.behaves(root, ["tests/runtime/workflow/mutations.test.ts"])
