"""Input schemas for functions that state their input as a type. Knows who needs one, not how types are read."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from unitgraph.rules.workspace import Workspace
from unitgraph.units.application import Function, TypeSource
from unitgraph.units.schema import UNDEFINED, Derived, Underivable, coercions
from unitgraph.units.schema_types import Deriver
from unitgraph.units.schema_valibot import to_valibot


@dataclass(frozen=True, slots=True)
class DerivedInput:
    """``source`` is an expression that imports ``* as v``; ``notices`` say what of the type can't be checked.

    ``is_nothing``: the function takes none, so whatever comes with a call (a key in the query, a part of the path)
    isn't for it.
    """

    source: str | None = None
    coerce: Mapping[str, str] | None = None
    notices: tuple[str, ...] = ()
    is_nothing: bool = False


class Inputs:
    """Derives for one project; each type is read once."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def derive(self, function: Function) -> DerivedInput:
        """The schema of a function's input, where it has a type for it and no schema of its own."""
        if function.has_input_schema or function.input is None:
            return DerivedInput()
        derived = self._deriver.derive(function.input)
        if isinstance(derived, Underivable):
            said = f"{derived.place}: the input of {function.id} isn't checked at run time, since {derived.reason}."
            return DerivedInput(notices=(said,))
        if derived.schema == UNDEFINED:
            return DerivedInput(is_nothing=True)
        notices = tuple(
            f"{note.place}: part of the input of {function.id} isn't checked at run time, since {note.reason}."
            for note in derived.notes
        )
        return DerivedInput(to_valibot(derived), coercions(derived) or None, notices)

    def derived(self, source: TypeSource) -> Derived | None:
        """What a type says of data; None where it says nothing that can be derived."""
        found = self._deriver.derive(source)
        return found if isinstance(found, Derived) else None

    @cached_property
    def _deriver(self) -> Deriver:
        workspace = self._workspace
        return Deriver(workspace.facts, workspace.resolver, workspace.project.sources.read)
