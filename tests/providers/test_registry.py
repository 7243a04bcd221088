"""Which provider a name means."""

import subprocess
import sys
from types import SimpleNamespace

import pytest

from unitgraph.errors.provider import ProviderInvalid, ProviderNotAvailable, UnknownProvider
from unitgraph.providers import registry


@pytest.mark.parametrize("name", sorted(registry.PROVIDERS))
def test_built_in_providers_are_whole_and_go_by_their_own_name(name: str) -> None:
    provider = registry.load(name)
    assert provider.name == name
    assert provider.isolation in {"unit", "process"}
    assert all(argument.startswith("--") for argument in provider.esbuild_options.arguments())


@pytest.mark.parametrize("name", sorted(registry.LATER))
def test_what_comes_later_says_so(name: str) -> None:
    with pytest.raises(ProviderNotAvailable, match="isn't available in this version"):
        registry.load(name)


def test_an_unknown_one_names_the_known() -> None:
    with pytest.raises(UnknownProvider) as raised:
        registry.load("heroku")
    assert raised.value.remedy == "Use one of: cloudflare, standalone."


def test_something_else_is_refused() -> None:
    with pytest.raises(ProviderInvalid, match="apply, deployed"):
        registry.checked("half", SimpleNamespace(name="half", isolation="unit", needs=(), files=None, desired=None))


def test_asking_for_one_provider_imports_no_other() -> None:
    script = (
        "import sys; from unitgraph.providers.registry import load; load('standalone');"
        "print([name for name in sys.modules if 'cloudflare' in name or name in ('subprocess', 'pydantic')])"
    )
    done = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
