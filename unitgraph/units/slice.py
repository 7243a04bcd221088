"""Slices: which top-level statements of which modules one unit needs, and the names under which it gets them.

A *sliced* module is an application module (authored functions, wirings, factories) or one whose run-time imports
lead to one; every other file of the project is used from where it stands, and so is never in a unit twice.
Knows the data only: ``slice_plan`` finds it, ``slice_text`` writes the text.

    slicer = Slicer(analysis, facts, resolver, sources.read)            # slice_plan; one a run: it remembers
    plan = slicer.plan(Roots(refs=…, values=…, services=…))             # one a unit
    plan.modules[module].path                                          # src/books.functions~1a2b3c4d.ts
    plan.export_of(ref), plan.values[expression]                       # (Target, exported name), for the entry
    slicer.closure(plan.in_place)                                      # files, packages, assets behind helper modules
    render_slice(text, facts, plan.modules[module], repoint)           # slice_text; repoint: Target → str
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from unitgraph.units.application import Expression, Helper, Ref
from unitgraph.units.facts import Span
from unitgraph.units.resolve import Package


@dataclass(frozen=True, slots=True)
class Sliced:
    """Another slice of the same unit: look its ``path`` up in the plan's ``modules``."""

    module: str


@dataclass(frozen=True, slots=True)
class InPlace:
    """A file of the project as it stands: a helper module or an asset."""

    path: str


@dataclass(frozen=True, slots=True)
class Verbatim:
    """A specifier that is the same from everywhere: a package, the runtime's public name, a builtin."""

    specifier: str


Target = Sliced | InPlace | Verbatim


@dataclass(frozen=True, slots=True)
class Roots:
    """What a unit's entry uses.

    ``services``: names that its functions take; None where the unit's module builds no services (process isolation).
    ``all_services``: some function takes the services object as a whole. ``remote`` are functions which live in other
    units, by id: where kept text names one, a stand-in ``{ remote: id }`` is all that it finds.
    """

    refs: tuple[Ref, ...] = ()
    values: tuple[Expression, ...] = ()
    services: frozenset[str] | None = None
    all_services: bool = False
    remote: Mapping[Ref, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SliceImport:
    """One import of a slice. ``names`` are (imported, local), "*" the namespace; none: for its effect.

    ``attributes`` is where the source's ``with { … }`` stands.
    """

    target: Target
    names: tuple[tuple[str, str], ...] = ()
    attributes: Span | None = None


@dataclass(frozen=True, slots=True)
class Binding:
    """A loop's pattern and its value: text of this module, or the local name of what another slice exports."""

    pattern: str
    value: Span | str


@dataclass(frozen=True, slots=True)
class Value:
    """An expression that the slice exports as ``name`` ("$1")."""

    name: str
    span: Span
    bindings: tuple[Binding, ...] = ()
    omit: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class Request:
    """What is kept of one module.

    ``path``: where the slice stands, relative to the folder of all slices; the same for every unit that needs the
    same of it. ``whole``: everything is kept but wirings, under the module's own names. ``exports`` are (local,
    exported). ``omit`` are members of factories left out of kept statements;
    ``required`` are (local name of ``requiredSingletonServices``, services of the unit; None: all).
    """

    module: str
    path: str
    statements: tuple[int, ...]
    imports: tuple[SliceImport, ...] = ()
    reexports: tuple[tuple[Target, tuple[tuple[str, str], ...]], ...] = ()
    exports: tuple[tuple[str, str], ...] = ()
    values: tuple[Value, ...] = ()
    omit: tuple[Span, ...] = ()
    specifiers: tuple[tuple[Span, Target], ...] = ()
    required: tuple[str, frozenset[str] | None] | None = None
    stand_ins: tuple[tuple[str, str], ...] = ()
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Closure:
    """What files of the project bring with them when they are used as they stand: themselves included."""

    files: frozenset[str] = frozenset()
    assets: frozenset[str] = frozenset()
    packages: frozenset[tuple[Package, str]] = frozenset()      # and the file that imports it
    builtins: frozenset[str] = frozenset()
    runtime: frozenset[str] = frozenset()

    def __or__(self, other: "Closure") -> "Closure":
        return Closure(
            self.files | other.files,
            self.assets | other.assets,
            self.packages | other.packages,
            self.builtins | other.builtins,
            self.runtime | other.runtime,
        )


@dataclass(frozen=True, slots=True)
class SlicePlan:
    """The slices of one unit.

    ``exports`` holds the roots and those of the three factories that the unit calls: one that would build nothing for
    it is not there. ``services`` are the names to ask of the factories, with what kept middleware, permissions and
    per-request services need; ``existing`` are those that kept services take of what was there before them. ``direct``
    is what slices and entry import from where it stands.
    """

    modules: Mapping[str, Request]
    values: Mapping[Expression, tuple[Target, str]]
    exports: Mapping[Ref, tuple[Target, str]]
    services: frozenset[str]
    all_services: bool
    helpers: tuple[Helper, ...]
    direct: Closure
    existing: frozenset[str] = frozenset()
    notices: tuple[str, ...] = ()

    @property
    def in_place(self) -> frozenset[str]:
        """The helper modules that slices, or the entry, import."""
        return self.direct.files

    def export_of(self, ref: Ref) -> tuple[Target, str]:
        """From where, and by which name, the entry imports a root."""
        return self.exports[ref]
