"""HTTP routes: single ones, groups with prefixes and what they inherit, and what applies to patterns."""

from dataclasses import dataclass
from functools import partial
from typing import Final

from unitgraph.errors.source import MissingOption, WrongKind
from unitgraph.errors.wiring import BadRoute, UnknownMethod
from unitgraph.units import names
from unitgraph.units.application import Expression, HttpWiring
from unitgraph.units.draft import Draft, Entries
from unitgraph.units.evaluate import Scope, describe
from unitgraph.units.facts import Span
from unitgraph.units.functions import Functions

DEEPEST: Final = 20
# Read here and passed on by the generated entry; the rest of the options are values of the running program.
_STATIC: Final = frozenset({"method", "route", "func", "sse", "title", "summary", "description"})
_GROUP: Final = frozenset({"routes", "basePath", "prefix", "title", "summary", "description"})


@dataclass(frozen=True, slots=True)
class Group:
    """What routes inherit."""

    prefixes: tuple[str, ...] = ()
    options: tuple[Expression, ...] = ()
    tags: tuple[str, ...] = ()
    auth: bool | None = None


class Routes:
    def __init__(self, draft: Draft, functions: Functions, found: list[HttpWiring]) -> None:
        self._draft = draft
        self._functions = functions
        self._found = found

    def single(self, scope: Scope, call: str) -> None:
        settled = self._draft.settled(scope, f"The options of {call}")
        entries = self._draft.entries(settled, f"The options of {call}") if settled is not None else None
        if entries is not None and settled is not None:
            self._route(settled, entries, Group(), call)

    def group(self, scope: Scope, call: str, inherited: Group = Group(), depth: int = 0) -> None:
        """A route, a group of them, an array, or a folder by name."""
        draft = self._draft
        settled = draft.settled(scope, f"The routes of {call}")
        if settled is None:
            return
        if depth > DEEPEST:
            draft.report(WrongKind(draft.at(scope), "This group of routes", expected="flatter", found="within itself"))
        elif settled.expr[0] in ("a", "A"):
            for item in draft.items(settled, f"The routes of {call}") or ():
                self.group(item, call, inherited, depth + 1)
        elif settled.expr[0] == "o":
            self._object(settled, call, inherited, depth)
        else:
            draft.report(
                WrongKind(
                    draft.at(scope), f"The routes of {call}", expected="an object or an array", found=describe(settled)
                )
            )

    def _object(self, settled: Scope, call: str, inherited: Group, depth: int) -> None:
        entries = self._draft.entries(settled, f"The routes of {call}")
        if entries is None:
            return
        if "routes" in entries:
            self.group(entries["routes"].value, call, self._inner(settled, entries, inherited, call), depth + 1)
        elif "func" in entries or "method" in entries:
            self._route(settled, entries, inherited, call)
        elif depth == 0 and ("basePath" in entries or "prefix" in entries):
            self._draft.report(MissingOption(self._draft.at(settled), call, "routes"))
        else:
            for entry in entries.values():
                self.group(entry.value, call, inherited, depth + 1)

    def _inner(self, settled: Scope, entries: Entries, inherited: Group, call: str) -> Group:
        draft = self._draft
        prefixes = list(inherited.prefixes)
        for key in ("basePath", "prefix"):
            if key in entries:
                prefix = draft.string(entries[key].value, f"'{key}' of {call}")
                if prefix is not None:
                    prefixes.append(prefix)
        options = inherited.options
        kept = [key for key in entries if key not in _GROUP]
        if kept:
            options = (*options, draft.expression(settled, _spans(entries, _GROUP)))
        tags = draft.strings(entries, "tags", call)
        auth = self._auth(entries, inherited)
        return Group(tuple(prefixes), options, tuple(dict.fromkeys((*inherited.tags, *tags))), auth)

    def _route(self, settled: Scope, entries: Entries, group: Group, call: str) -> None:
        draft = self._draft
        place = draft.at(settled)
        method = self._method(entries, call, settled)
        route = self._path(entries, group, call, settled)
        func = entries.get("func")
        if func is None:
            draft.report(MissingOption(place, call, "func"))
            return
        if method is None or route is None:
            return
        function = self._functions.held(func.value, f"'func' of {call}", partial(_inline, method, route))
        sse = draft.flag(entries, "sse", call) or False
        tags = tuple(dict.fromkeys((*group.tags, *draft.strings(entries, "tags", call))))
        if function is None:
            return
        own = draft.expression(settled, _spans(entries, _STATIC))
        said = {key: self._text(entries, key) for key in ("title", "summary", "description")}
        self._found.append(
            HttpWiring(
                method, route, function, (*group.options, own), sse, tags, place, self._auth(entries, group),
                said["title"] or said["summary"], said["description"],
            )
        )  # fmt: skip

    def _auth(self, entries: Entries, inherited: Group) -> bool | None:
        found = self._draft.quiet(entries["auth"].value) if "auth" in entries else None
        return found if isinstance(found, bool) else inherited.auth

    def _text(self, entries: Entries, key: str) -> str | None:
        found = self._draft.quiet(entries[key].value) if key in entries else None
        return found if isinstance(found, str) else None

    def _method(self, entries: Entries, call: str, settled: Scope) -> str | None:
        draft = self._draft
        entry = entries.get("method")
        if entry is None:
            draft.report(MissingOption(draft.at(settled), call, "method"))
            return None
        method = draft.string(entry.value, f"'method' of {call}")
        if method is not None and method.upper() not in names.HTTP_METHODS:
            draft.report(UnknownMethod(draft.at(entry.value), method))
            return None
        return method.upper() if method is not None else None

    def _path(self, entries: Entries, group: Group, call: str, settled: Scope) -> str | None:
        draft = self._draft
        entry = entries.get("route")
        if entry is None:
            draft.report(MissingOption(draft.at(settled), call, "route"))
            return None
        own = draft.string(entry.value, f"'route' of {call}")
        if own is None:
            return None
        route = names.join_route((*group.prefixes, own)) if group.prefixes else own
        fault = names.route_fault(route)
        if fault is not None:
            draft.report(BadRoute(draft.at(entry.value), route, fault))
            return None
        return route


def _inline(method: str, route: str) -> str:
    return names.kebab(f"{method} {route.replace('*', 'all')}")


def _spans(entries: Entries, keys: frozenset[str]) -> list[Span]:
    """The spans of properties that stand in the object's own text and that nobody needs at run time."""
    return [Span(entry.start, entry.end) for key, entry in entries.items() if entry.own and key in keys]
