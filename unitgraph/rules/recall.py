"""What one process keeps from one build of a project to the next. A build that finds nothing of it comes to the same.

A unit's entry in a process is written again only where its key moved, or an answer that it was written by: how the
slices that all units share, and what they export, are called.
"""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from unitgraph.units.source import Facts

Asked = tuple[str, Hashable]
"""What the plan of the slices was asked, and what for."""

Kept = dict[tuple[frozenset[str], tuple[str, ...]], Mapping[str, bytes]]
"""What the runtime came to that is bundled apart, by the names that it is imported by and esbuild's options."""


class Names(Protocol):
    """Of a file that is being written: ``answers`` are what the plan has said so far, ``answer`` what it says now."""

    @property
    def answers(self) -> Mapping[Asked, object]: ...
    def answer(self, asked: Asked, /) -> object: ...


@dataclass(frozen=True, slots=True)
class Member:
    """An entry by what decides its text: ``mark`` is the digest of what is known before it is written, ``answers`` are
    what the plan said while it was; with it come notices for people."""

    mark: str
    answers: Mapping[Asked, object]
    text: bytes
    notices: tuple[str, ...]

    def holds(self, mark: str, names: Names) -> bool:
        return mark == self.mark and all(names.answer(asked) == said for asked, said in self.answers.items())


@dataclass(slots=True)
class Recall:
    """``facts`` are by content, ``members`` by the path of the file; ``runtime`` is what of it is bundled apart;
    ``staged`` has the files of folders that versions were put into, by folder, each with its digest."""

    facts: dict[str, Facts] = field(default_factory=dict)
    members: dict[str, Member] = field(default_factory=dict)
    runtime: Kept = field(default_factory=dict)
    staged: dict[str, dict[str, str]] = field(default_factory=dict)

    def member(self, path: str, mark: str, names: Names, write: Callable[[], bytes], told: list[str]) -> bytes:
        """A file's text, written where the one that is known doesn't hold; ``told`` gets what there is to be said."""
        known = self.members.get(path)
        if known is None or not known.holds(mark, names):
            before = len(told)
            text = write()
            known = self.members[path] = Member(mark, names.answers, text, tuple(told[before:]))
        else:
            told += known.notices
        return known.text
