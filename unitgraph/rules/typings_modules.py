"""How a generated file refers to what the project's modules export. Knows names and paths, not what types there are."""

import json
import posixpath
import re
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from unitgraph.units.application import Ref
from unitgraph.units.facts import Import, Statement


class ModuleFacts(Protocol):
    """The part of a file's facts that names and types come from."""

    @property
    def imports(self) -> tuple[Import, ...]: ...
    @property
    def statements(self) -> tuple[Statement, ...]: ...
    @property
    def raw_imports(self) -> Sequence[Any]: ...
    @property
    def raw_statements(self) -> Sequence[Any]: ...
    @property
    def exports(self) -> tuple[tuple[str, str], ...]: ...


class Modules:
    """A project's modules as seen from one folder, a path relative to the project's root."""

    def __init__(self, facts: Mapping[str, ModuleFacts], folder: str) -> None:
        self.facts = facts
        self._folder = folder

    def exported(self, module: str, name: str) -> str:
        """An import type: what ``module`` exports as ``name``."""
        path = posixpath.relpath(module, self._folder)
        access = f".{name}" if re.fullmatch(r"[^\W\d]\w*", name.replace("$", "_")) else f"[{json.dumps(name)}]"
        return f"import({json.dumps(path, ensure_ascii=False)}){access}"

    def exported_name(self, ref: Ref, *, preferred: str | None = None) -> str | None:
        """The name by which a top-level binding is exported from its own module; None where it isn't."""
        facts = self.facts.get(ref.module)
        names = sorted(exported for exported, local in facts.exports if local == ref.name) if facts else []
        if not names:
            return None
        return preferred if preferred in names else names[0]

    def value(self, ref: Ref, *, preferred: str | None = None) -> str | None:
        """`typeof` of a top-level binding; None where its module doesn't export it."""
        name = self.exported_name(ref, preferred=preferred)
        return f"typeof {self.exported(ref.module, name)}" if name is not None else None
