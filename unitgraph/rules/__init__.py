"""How a project is built and shipped: the graph, its rules and the commands. The only folder that knows doit."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from unitgraph.rules import browser
    from unitgraph.rules.graph import DOIT_CONFIG, Graph

__all__ = ["DOIT_CONFIG", "Graph", "browser"]


def __getattr__(name: str) -> object:
    """``Graph`` is imported when it is asked for: a dodo.py wants it, the quick answer to `plan` doesn't."""
    if name == "browser":
        return import_module("unitgraph.rules.browser")
    if name in __all__:
        from unitgraph.rules import graph  # noqa: PLC0415 - see above

        return getattr(graph, name)
    raise AttributeError(name)
