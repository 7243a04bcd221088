"""What one source file says, without knowing any other file: the cached result of reading it.

All positions are byte offsets into the UTF-8 source, half-open.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class Span(NamedTuple):
    start: int
    end: int


class ImportKind(StrEnum):
    VALUE = "value"          # import { a, b as c }, import d, import * as n
    TYPE = "type"            # import type …; also a plain import none of whose names is used as a value
    EFFECT = "effect"        # import './x'
    DYNAMIC = "dynamic"      # import('./x') with a constant specifier, anywhere in the file
    REQUIRE = "require"      # require('./x'), import x = require('./x')
    REEXPORT = "reexport"    # export { a } from './x', export * from, export * as n from


@dataclass(frozen=True, slots=True)
class Import:
    """One module specifier and the names that it binds.

    ``names`` holds (imported, local): imported is "default", "*" for the namespace, or the name.
    For REEXPORT local is the exported name, and ("*", "*") is ``export * from``.
    ``type_names`` are the local names bound by ``type`` modifiers or used as types only.
    """

    kind: ImportKind
    specifier: str
    names: tuple[tuple[str, str], ...]
    type_names: frozenset[str]
    statement: Span
    specifier_span: Span     # the string literal with its quotes


class StatementKind(StrEnum):
    IMPORT = "import"
    REEXPORT = "reexport"
    EXPORT_LIST = "export-list"   # export { a, b as c }
    DECLARATION = "declaration"   # const, let, var, function, class, enum, namespace, export default
    TYPE = "type"                 # interface, type alias, declare …
    WIRING = "wiring"             # wireX(…), addHTTPMiddleware(…) … and loops that hold nothing else
    EFFECT = "effect"             # any other statement


@dataclass(frozen=True, slots=True)
class Statement:
    """One top-level statement. ``declares``: the local names it binds; an anonymous
    ``export default`` declares "default". The export keyword is inside the span."""

    kind: StatementKind
    span: Span
    declares: tuple[str, ...]
    exported: bool


@dataclass(frozen=True, slots=True)
class Property:
    """One property of the object that a factory returns. ``name`` is None for a spread."""

    name: str | None
    span: Span


@dataclass(frozen=True, slots=True)
class Factory:
    """The body of ``pikkuConfig``, ``pikkuServices`` or ``pikkuWireServices``, as far as it can be sliced.

    ``body`` are the statements of the function's block before its single final ``return { … }``
    (empty for ``() => ({ … })``); ``sliceable`` is False where it has another form.
    ``reads`` are (offset, service) of what is read from the first parameter of pikkuWireServices, or
    from the second one (``existing``) of pikkuServices; "*" where that object escapes.
    """

    kind: str                # "config" | "services" | "wire-services"
    name: str                # the local top-level name it is bound to
    call: Span
    sliceable: bool
    body: tuple[Statement, ...]
    returned: Span | None    # the object literal
    properties: tuple[Property, ...]
    reads: tuple[tuple[int, str], ...]
