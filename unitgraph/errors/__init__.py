"""Every error a user can meet, with its code and its remedy; ``docs/errors.md`` lists them."""

from unitgraph.errors.base import Place, Problems, UnitgraphError

__all__ = ["Place", "Problems", "UnitgraphError"]
