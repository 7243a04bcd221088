"""The project of the agents, built once, and each place that it runs in, with a model of its own, for all cases."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.agents import places
from tests.agents.cases import scripts
from tests.agents.places import Model
from tests.conformance.places import Place
from tests.harness import Checkout, Tools


@dataclass(frozen=True, slots=True)
class Stage:
    """A place and the model that its agents ask."""

    place: Place
    model: Model


@pytest.fixture(scope="session")
def application(tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    return places.application(tools, tmp_path_factory.mktemp("agents"))


@pytest.fixture(scope="session", params=["source", "executable", "server", "workers"])
def stage(
    request: pytest.FixtureRequest, application: Checkout, tools: Tools, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    folder: Path = tmp_path_factory.mktemp(request.param)
    if request.param == "server":
        application = places.application(tools, folder)
    with (
        places.model(scripts(), folder) as model,
        places.running(request.param, application, folder / "data", model.environment) as place,
    ):
        yield Stage(place, model)
