"""The packages with which Workers run locally, installed once."""

import os

import pytest

from unitgraph.rules.toolchain import Toolchain, ensure, user_cache


@pytest.fixture(scope="session")
def dev() -> Toolchain:
    return ensure("dev", user_cache(os.environ))
