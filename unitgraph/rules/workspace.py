"""Loading and analysis: a project's files read once, by content, and linked to an application and a manifest.

Knows the build database and the units' reader; builds nothing.
"""

import marshal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from unitgraph.cache import digest
from unitgraph.errors import Problems
from unitgraph.errors.project import SourceVanished
from unitgraph.rules.database import Database
from unitgraph.rules.memo import Memo
from unitgraph.units.analyze import Analysis, analyze
from unitgraph.units.facts import StatementKind
from unitgraph.units.model import Manifest
from unitgraph.units.project import Project
from unitgraph.units.resolve import ProjectFile, Resolver
from unitgraph.units.source import VERSION, Facts, read_facts
from unitgraph.units.split import split

_SALT = f"{VERSION}/{sys.version_info[0]}.{sys.version_info[1]}/"


@dataclass(frozen=True, slots=True)
class Workspace:
    """One project as it stands now. ``interfaces``: file → digest of what others can see of it, bodies left out."""

    project: Project
    resolver: Resolver
    facts: Mapping[str, Facts]
    interfaces: Mapping[str, str]
    analysis: Analysis
    manifest: Manifest


def database_path(root: Path) -> Path:
    """Where a checkout's build database is."""
    return root / ".deploy" / "cache" / "build.db"


def facts_key(suffix: str, content: str) -> str:
    """Under what the build database keeps the facts of a file, by the digest of its content."""
    return f"{_SALT}{suffix}/{content}"


def analyse(project: Project, database: Database, memo: Memo) -> Workspace:
    """Reads what changed, links everything; raises Problems with all that is wrong in the project."""
    resolver = Resolver(project)
    read = _read_all(project, resolver, database, memo)
    facts = {path: found for path, (found, _) in read.items()}
    interfaces = {path: interface for path, (_, interface) in read.items()}
    analysis = analyze(project, facts, resolver)
    if analysis.problems:
        raise Problems(analysis.problems)
    return Workspace(project, resolver, facts, interfaces, analysis, split(analysis, project))


_Read = dict[str, tuple[Facts, str]]


def _read_all(project: Project, resolver: Resolver, database: Database, memo: Memo) -> _Read:
    """Facts of the source folders' files, and of every project file that those import."""
    facts: _Read = {}
    wanted = list(project.sources.files())
    while wanted:
        facts.update(_read(wanted, database, memo))
        found = {
            target.path
            for path in wanted
            for specifier in facts[path][0].specifiers
            if isinstance(target := resolver.resolve(path, specifier), ProjectFile)
        }
        wanted = sorted(found - facts.keys())
    memo.save()
    return facts


def _read(paths: list[str], database: Database, memo: Memo) -> _Read:
    keys: dict[str, str] = {}
    for path in paths:
        try:
            keys[path] = facts_key(PurePosixPath(path).suffix, memo.digest(path))
        except FileNotFoundError:
            raise SourceVanished(path) from None
    held = database.facts(set(keys.values()))
    facts: _Read = {}
    fresh: dict[str, bytes] = {}
    for path, key in keys.items():
        data = held.get(key)
        if data is not None:
            saved, interface = marshal.loads(data)  # noqa: S302 - written by this user's own build
            facts[path] = Facts.from_data(saved), interface
            continue
        text = memo.take(path)
        found = read_facts(text, PurePosixPath(path).suffix)
        facts[path] = found, _interface(text, found)
        if digest.local(text) == memo.digest(path):
            fresh[key] = marshal.dumps((found.to_data(), facts[path][1]))
    database.save_facts(fresh.items())
    return facts


def _interface(text: bytes, facts: Facts) -> str:
    """Imports, exports and types; the places of statements and all bodies are left out."""
    imports = [(item.kind, item.specifier, item.names, sorted(item.type_names)) for item in facts.imports]
    types = [
        text[statement.span.start : statement.span.end]
        for statement in facts.statements
        if statement.kind is StatementKind.TYPE
    ]
    return digest.local(repr((imports, facts.exports, types)).encode())
