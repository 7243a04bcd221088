"""Who has the models of agents: a provider's name → how it is asked, and which secret it wants. Pure.

``openai`` and ``anthropic`` are known; ``deploy.models`` of the configuration names others, or these otherwise.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final, Literal, NamedTuple

from unitgraph.units.config import DeployConfig

Protocol = Literal["openai", "anthropic"]


class ModelProvider(NamedTuple):
    """``api_key`` is a secret's id, None where nothing is sent; ``address`` the id of a variable that holds another
    address than ``base_url``, or than the protocol's own."""

    name: str
    protocol: Protocol
    base_url: str | None
    api_key: str | None
    address: str


_KNOWN: Final[Mapping[str, Protocol]] = {"openai": "openai", "anthropic": "anthropic"}


def providers(config: DeployConfig) -> Mapping[str, ModelProvider]:
    """Those that a project's models may be of, by name."""
    found = {
        name: ModelProvider(name, protocol, None, f"{_upper(name)}_API_KEY", f"{_upper(name)}_BASE_URL")
        for name, protocol in _KNOWN.items()
    }
    for name, given in config.models.items():
        found[name] = ModelProvider(name, given.protocol, given.base_url, given.api_key, f"{_upper(name)}_BASE_URL")
    return found


def meant(model: str | None, known: Mapping[str, ModelProvider]) -> Iterator[ModelProvider]:
    """The provider of a model; all of them where a model is known at run time only."""
    if model is None:
        yield from known.values()
    elif (name := model.partition("/")[0]) in known:
        yield known[name]


def _upper(name: str) -> str:
    return re.sub(r"\W+", "_", name).upper()
