"""How callers say who they are, as OpenAPI has it: which of the runtime's sign-ins stand around a route.

Knows the text of middleware that is added to patterns, routes and tags, and of constants that it names. Middleware of
a project's own that signs somebody in isn't known.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from unitgraph.units.application import Application, Expression, Function, HttpWiring
from unitgraph.units.facts import StatementKind
from unitgraph.units.scopes import applies
from unitgraph.units.source import Facts

_CALL: Final = re.compile(r"\b(authBearer|authCookie|authAPIKey)\s*\(")
_WORD: Final = re.compile(r"[A-Za-z_$][\w$]*")


class SignIns:
    """Reads for one application; ``schemes`` are all that were met, by name."""

    def __init__(self, application: Application, facts: Mapping[str, Facts], read: Callable[[str], bytes]) -> None:
        self._application = application
        self._facts = facts
        self._read = read
        self.schemes: dict[str, dict[str, Any]] = {}

    def around(self, function: Function, wiring: HttpWiring | None) -> list[str]:
        """The names of the schemes by which callers of a route, or of ``/rpc/:name``, may sign in."""
        path = wiring.route if wiring is not None else f"/rpc/{function.id}"
        tags = {*function.tags, *(wiring.tags if wiring is not None else ())}
        values = [
            scoped.value for scoped in self._application.scoped
            if scoped.kind in ("http-middleware", "tag-middleware") and applies(scoped.kind, scoped.scope, tags, [path])
        ]  # fmt: skip
        values += wiring.options if wiring is not None else ()
        return sorted({name for value in values for name in self._named(self._text(value))})

    def _named(self, text: str) -> Iterable[str]:
        for found in _CALL.finditer(text):
            name, scheme = _MADE[found[1]](text[found.end() :].partition(")")[0])
            self.schemes[name] = scheme
            yield name

    def _text(self, value: Expression) -> str:
        """The expression, and the constants of its own file that it names."""
        module, span = value.fragment
        source = self._read(module)
        text = source[span.start : span.end].decode("utf-8", "replace")
        words = set(_WORD.findall(text))
        facts = self._facts.get(module)
        named = [
            source[statement.span.start : statement.span.end].decode("utf-8", "replace")
            for statement in (facts.statements if facts is not None else ())
            if statement.kind is StatementKind.DECLARATION and words & set(statement.declares)
        ]
        return "\n".join([text, *named])


def _option(text: str, name: str) -> str | None:
    found = re.search(rf"\b{name}\s*:\s*['\"]([^'\"\n]+)['\"]", text)
    return found[1] if found else None


def _bearer(_options: str) -> tuple[str, dict[str, Any]]:
    return "bearer", {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}


def _cookie(options: str) -> tuple[str, dict[str, Any]]:
    return "cookie", {"type": "apiKey", "in": "cookie", "name": _option(options, "name") or "session"}


def _api_key(options: str) -> tuple[str, dict[str, Any]]:
    header, query = _option(options, "header"), _option(options, "query")
    if header is None and query is not None:
        return "apiKey", {"type": "apiKey", "in": "query", "name": query}
    return "apiKey", {"type": "apiKey", "in": "header", "name": header or "x-api-key"}


_MADE: Final[Mapping[str, Callable[[str], tuple[str, dict[str, Any]]]]] = {
    "authBearer": _bearer, "authCookie": _cookie, "authAPIKey": _api_key,
}  # fmt: skip
