"""Which provider a name means: the built-in table, and Python entry points of others.

A provider's module is imported only when it is asked for. Configured names and npm names are the configuration's.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import Final, cast

from unitgraph.errors.provider import ProviderInvalid, ProviderNotAvailable, UnknownProvider
from unitgraph.providers.base import Provider
from unitgraph.units.config import PROVIDER_NAMES

PROVIDERS: Final[Mapping[str, str]] = {
    "cloudflare": "unitgraph.providers.cloudflare",
    "standalone": "unitgraph.providers.standalone",
}
"""Name → module."""

LATER: Final = frozenset({"aws", "azure"})
"""Names that mean something, and that this version can't serve."""

GROUP: Final = "unitgraph.providers"


def load(name: str, *, configured: Mapping[str, str] | None = None) -> Provider:
    """Load the provider called ``name``; ``configured`` is ``deploy.providers``, which may give it another adapter."""
    adapter = (configured or {}).get(name, name)
    adapter = PROVIDER_NAMES.get(adapter, adapter)
    if adapter in PROVIDERS:
        return checked(adapter, import_module(PROVIDERS[adapter]))
    if adapter in LATER:
        raise ProviderNotAvailable(adapter, available=PROVIDERS)
    return _from_entry_point(adapter)


def checked(name: str, candidate: object) -> Provider:
    """Hold something that came by name against the Protocol, as far as that goes at run time."""
    missing = [member for member in _members() if not hasattr(candidate, member)]
    if missing:
        raise ProviderInvalid(name, missing=missing)
    return cast("Provider", candidate)


def _members() -> list[str]:
    return sorted(name for name in vars(Provider) if not name.startswith("_"))


def _from_entry_point(adapter: str) -> Provider:
    from importlib.metadata import entry_points  # noqa: PLC0415 - 10 ms which the built-in ones don't need

    found = {entry.name: entry for entry in entry_points(group=GROUP)}
    if adapter not in found:
        raise UnknownProvider(adapter, known={*PROVIDERS, *found})
    return checked(adapter, found[adapter].load())
