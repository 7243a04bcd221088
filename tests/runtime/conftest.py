"""The folder that the runtime's tests run in."""

from pathlib import Path

import pytest

from tests.runtime import workshop


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With the packages of the runtime and of its tests."""
    return workshop.workshop(tmp_path_factory.mktemp("runtime"), "dev", "agents", "database")
