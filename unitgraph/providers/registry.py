"""Which provider a name means: the built-in table, the reference's npm names, and Python entry points.

A provider's module is imported only when it is asked for.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import Final, cast

from unitgraph.errors.provider import ProviderInvalid, ProviderNotAvailable, UnknownProvider
from unitgraph.providers.base import Provider

PROVIDERS: Final[Mapping[str, str]] = {
    "cloudflare": "unitgraph.providers.cloudflare",
    "standalone": "unitgraph.providers.standalone",
}
"""Name → module."""

LATER: Final = frozenset({"aws", "azure"})
"""Names that mean something, and that this version can't serve."""

NPM_NAMES: Final[Mapping[str, str]] = {
    "@pikku/deploy-cloudflare": "cloudflare",
    "@pikku/deploy-serverless": "aws",
    "@pikku/deploy-azure": "azure",
    "@pikku/deploy-standalone": "standalone",
}

DEFAULT: Final = "standalone"
GROUP: Final = "unitgraph.providers"


def choose(*, asked: str | None, default: str | None, configured: Mapping[str, str]) -> str:
    """The provider a command means: the one asked for, else the configuration's default, else its only one, else the
    embedded one."""
    if asked:
        return asked
    if default:
        return default
    if len(configured) == 1:
        return next(iter(configured))
    return DEFAULT


def load(name: str, *, configured: Mapping[str, str] | None = None) -> Provider:
    """Load the provider called ``name``; ``configured`` is ``deploy.providers``, which may give it another adapter."""
    adapter = (configured or {}).get(name, name)
    builtin = NPM_NAMES.get(adapter, adapter)
    if builtin in PROVIDERS:
        return checked(builtin, import_module(PROVIDERS[builtin]))
    if builtin in LATER:
        raise ProviderNotAvailable(builtin, available=PROVIDERS)
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
