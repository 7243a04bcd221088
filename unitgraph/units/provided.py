"""Which services a project makes itself, by what its factories return. Knows factories, not what services are."""

from collections.abc import Iterable
from typing import Final

from unitgraph.units.facts import Factory

STORES: Final = frozenset({"db", "kv", "storage"})
"""Built-in services that need a place of their own. Where a factory can't be read it may make any of these, so that
none of them is made besides."""


def made_by(factories: Iterable[Factory]) -> frozenset[str]:
    return frozenset(name for factory in factories for name in _made(factory))


def _made(factory: Factory) -> frozenset[str]:
    """What a factory returns. A wire's service that is made of the singleton of its name leaves that one in place."""
    if not factory.sliceable:
        return STORES
    taken = {service for _, service in factory.reads} if factory.kind == "wire-services" else set()
    names = {each.name for each in factory.properties if each.name is not None} - taken
    passed_on = [offset for offset, service in factory.reads if service == "*"]
    for each in factory.properties:
        # a spread of what there was before adds nothing
        if each.name is None and not any(each.span.start <= offset < each.span.end for offset in passed_on):
            names |= STORES
    return frozenset(names)
