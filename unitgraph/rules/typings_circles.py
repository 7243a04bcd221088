"""Which functions call each other in a circle, so that the type of none of them can be asked for. Knows names only."""

from unitgraph.units.application import Application


def circular(application: Application) -> frozenset[str]:
    """Functions in a circle of calls by name, or between two such circles."""
    left = {id_: {name for name in function.invokes if name in application.functions}
            for id_, function in application.functions.items()}  # fmt: skip
    while True:
        called = set().union(*left.values()) if left else set()
        kept = {id_: names & left.keys() for id_, names in left.items() if names & left.keys() and id_ in called}
        if len(kept) == len(left):
            return frozenset(kept)
        left = kept
