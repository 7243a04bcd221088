"""The company whose cache is attacked."""

from pathlib import Path

import pytest

from tests.cache.threats.jobs import Company
from tests.harness import Tools


@pytest.fixture
def company(tools: Tools, tmp_path: Path) -> Company:
    return Company(tmp_path, tools)
