"""Which patterns of addHTTPMiddleware may meet which routes: never fewer than the runtime will find."""

import pytest

from unitgraph.units.scopes import meets


@pytest.mark.parametrize(
    ("pattern", "route", "expected"),
    [
        ("*", "/books", True),
        ("/*", "/", True),
        ("/api/*", "/api/books", True),
        ("/api/*", "/api", True),
        ("/api/*", "/apis/books", False),
        ("/api/*", "/other", False),
        ("/books/:id", "/books/:isbn", True),
        ("/books/new", "/books/:isbn", True),
        ("/books/:id", "/books/new", True),
        ("/books/:id", "/books", False),
        ("/books", "/books/:id", False),
        ("/books", "/books/", True),
        ("/*/audit", "/orders/audit", True),
        ("/*/audit", "/orders/list", False),
    ],
)
def test_meets(pattern: str, route: str, expected: bool) -> None:
    assert meets(pattern, route) is expected
