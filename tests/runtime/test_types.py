"""The runtime and its tests under the pinned type checker, with its strictest settings."""

from pathlib import Path

import pytest

from tests.runtime import workshop
from unitgraph.rules.toolchain import find_bun


@pytest.fixture(scope="module")
def typed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Without the AI SDK, whose declarations don't compile under our settings: the runtime has its own."""
    return workshop.workshop(tmp_path_factory.mktemp("types"), "dev")


@pytest.mark.parametrize("folder", ["unitgraph/runtime", "tests/runtime"])
def test_types(typed: Path, folder: str) -> None:
    # several checkers at once would each find out the types that they share
    workshop.run(typed, find_bun().path, "node_modules/typescript/bin/tsc", "--checkers", "1", "-p", folder)
