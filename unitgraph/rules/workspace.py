"""Loading and analysis: a project's files read once, by content, and linked to an application and a manifest.

Knows the build database and the units' reader; builds nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from unitgraph.errors import Problems
from unitgraph.rules.database import Database
from unitgraph.rules.linked import Linked, Outline
from unitgraph.rules.memo import Memo
from unitgraph.units.analyze import Analysis, analyze
from unitgraph.units.model import Manifest
from unitgraph.units.project import Project
from unitgraph.units.resolve import Resolver
from unitgraph.units.source import Facts
from unitgraph.units.split import split


@dataclass(frozen=True, slots=True)
class Workspace:
    """One project as it stands now. ``facts`` are fetched when they are asked for; ``outlines`` are at hand."""

    project: Project
    resolver: Resolver
    facts: Mapping[str, Facts]
    outlines: Mapping[str, Outline]
    analysis: Analysis
    manifest: Manifest


def database_path(root: Path) -> Path:
    """Where a checkout's build database is."""
    return root / ".deploy" / "cache" / "build.db"


def analyse(
    project: Project, database: Database, memo: Memo, *, remember: bool = True, held: dict[str, Facts] | None = None
) -> Workspace:
    """Reads what changed, links everything; raises Problems with all that is wrong in the project.

    Without ``remember``, what was found in another state of the project is taken as far as it holds, and stays.
    ``held`` are facts by content that this process has at hand, and is added to.
    """
    resolver = Resolver(project)
    linked = Linked(project, resolver, database, memo, {} if held is None else held)
    analysis = analyze(project, linked.facts, resolver, linked.kept())
    if remember:
        linked.save(analysis.findings)
    if analysis.problems:
        raise Problems(analysis.problems)
    return Workspace(project, resolver, linked.facts, linked.outlines, analysis, split(analysis, project))
