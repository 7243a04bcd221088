"""Where middleware and permissions of a scope apply: patterns of routes, and tags. Knows strings only."""

from collections.abc import Collection, Iterable


def meets(pattern: str, route: str) -> bool:
    """Whether a pattern of addHTTPMiddleware may match a request of ``route``: "*", "/api/*", "/books/:id"."""
    if pattern in ("*", "/*"):
        return True
    wanted = pattern.strip("/").split("/")
    given = route.strip("/").split("/")
    for position, part in enumerate(wanted):
        if part == "*" and position == len(wanted) - 1:
            return len(given) >= position
        if position >= len(given):
            return False
        there = given[position]
        if there == "*":
            return True
        if part != there and "*" not in part and not part.startswith(":") and not there.startswith(":"):
            return False
    return len(wanted) == len(given)


def applies(kind: str, scope: str, tags: Collection[str], routes: Iterable[str]) -> bool:
    """Whether what was added for a scope may stand around a function with these tags and routes."""
    if kind in ("http-middleware", "http-permission"):
        return any(meets(scope, route) for route in routes)
    return scope == "*" or scope in tags
