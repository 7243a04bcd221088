import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.typings.compile import Workshop
from unitgraph.rules.toolchain import Toolchain, ensure, user_cache


@pytest.fixture(scope="session")
def dev() -> Toolchain:
    """The type checker and the packages that examples import."""
    return ensure("dev", user_cache(os.environ))


@pytest.fixture
def workshop(dev: Toolchain, tmp_path: Path) -> Callable[[], Workshop]:
    made = 0

    def make() -> Workshop:
        nonlocal made
        made += 1
        return Workshop(tmp_path / f"project{made}", dev)

    return make
