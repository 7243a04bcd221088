"""What every error has: a permanent code, a sentence, a place where there is one, and a remedy.

Knows nothing of what goes wrong; the sibling modules do, one a part of the product.
"""

from collections.abc import Iterable
from typing import ClassVar, NamedTuple


class Place(NamedTuple):
    """A position in a project's file: relative POSIX path, line and column from 1."""

    path: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}"


class UnitgraphError(Exception):
    """An error of the user or of the project; the program ends with status 1.

    A subclass is one situation: it sets ``code`` (kebab-case, permanent) and takes typed arguments.
    """

    code: ClassVar[str]

    def __init__(self, message: str, *, remedy: str, place: Place | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.place = place

    def __str__(self) -> str:
        where = f"{self.place}: " if self.place else ""
        return f"{where}{self.message} [{self.code}]\n  {self.remedy}"


class Problems(UnitgraphError):
    """Several errors met together, sorted by place; ``code`` is that of the group."""

    code = "problems"

    def __init__(self, problems: Iterable[UnitgraphError]) -> None:
        unique = {str(problem): problem for problem in problems}
        self.problems = tuple(
            sorted(unique.values(), key=lambda p: (p.place or Place("", 0, 0), p.code, p.message))
        )
        count = len(self.problems)
        super().__init__(
            f"{count} problem{'' if count == 1 else 's'} in the project.",
            remedy="Mend each of them and run the command again.",
        )

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)
