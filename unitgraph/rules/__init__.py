"""How a project is built and shipped: the graph, its rules and the commands. The only folder that knows doit."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from unitgraph.rules.graph import Graph

__all__ = ["Graph"]


def __getattr__(name: str) -> object:
    """``Graph`` is imported when it is asked for: a dodo.py wants it, the quick answer to `plan` doesn't."""
    if name == "Graph":
        from unitgraph.rules.graph import Graph  # noqa: PLC0415 - see above

        return Graph
    raise AttributeError(name)
