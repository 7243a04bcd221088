"""What reading and linking came to, file by file, kept from run to run. Knows facts, findings and the build database.

A row says what a file is to others, where its imports lead, what was found in it, and the digests of all that this
leans on. Findings hold while these digests, and the file's own, are as they were; other files are looked into again.
The rows are kept with what their run saw of the project: the names in folders, and package.json, tsconfig and
lockfiles, which imports are resolved by. While that is as it was, imports lead where they led.
"""

import importlib.util
import marshal
import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any, Final, NamedTuple

from unitgraph.cache import digest
from unitgraph.errors.build import InputChanged
from unitgraph.errors.project import SourceVanished
from unitgraph.rules.database import Database
from unitgraph.rules.memo import Memo, settled, signature
from unitgraph.units import findings_data
from unitgraph.units.facts import StatementKind
from unitgraph.units.findings import Findings
from unitgraph.units.link import Leans, names_of
from unitgraph.units.project import Project
from unitgraph.units.resolve import Asset, Builtin, Package, ProjectFile, Resolved, Resolver, Runtime, Unresolved
from unitgraph.units.source import Facts, read_facts
from unitgraph.units.sources import Seen

_UNITS: Final = Path(findings_data.__file__).parent
_GRAMMARS: Final = ("tree_sitter", "tree_sitter_typescript")
HEAD: Final = ""
"""The path under which the database has what all rows stand on."""


class Outline(NamedTuple):
    """A file without its facts. ``names`` is the digest of what others can lean on without its text, ``face`` the same
    with where its imports lead. ``interface`` is the digest of what others can see of it, bodies left out.
    ``targets`` are where ``specifiers`` lead, as data like ("file", path), ("asset", path), ("package", name, subpath).
    """

    digest: str
    names: str
    face: str
    interface: str
    specifiers: tuple[str, ...]
    targets: tuple[tuple[Any, ...], ...]

    def files(self) -> Iterator[str]:
        """The project's code that the file names, types included."""
        return (target[1] for target in self.targets if target[0] == "file")

    def paths(self) -> Iterator[str]:
        """The project's files of any kind that the file names."""
        return (target[1] for target in self.targets if target[0] in ("file", "asset"))


class _Head(NamedTuple):
    """``ours`` are signatures of the code that wrote the rows, ``code`` its digest; ``world`` is the digest of what it
    saw where it looked (``seen``); ``run`` tells two runs apart.
    """

    ours: str
    code: str
    world: str
    seen: tuple[tuple[str, ...], ...]
    run: int


class FactsByPath(Mapping[str, Facts]):
    """The facts of a project's files, each fetched when it is first asked for."""

    def __init__(self, linked: "Linked") -> None:
        self._linked = linked
        self._held: dict[str, Facts] = {}

    def __getitem__(self, path: str) -> Facts:
        held = self._held.get(path)
        if held is None:
            held = self._held[path] = self._linked.fetch(path)
        return held

    def __iter__(self) -> Iterator[str]:
        return iter(self._linked.outlines)

    def __len__(self) -> int:
        return len(self._linked.outlines)

    def __contains__(self, path: object) -> bool:
        return path in self._linked.outlines

    def hold(self, path: str, facts: Facts) -> None:
        self._held[path] = facts


class Linked:
    """The files of one project as they are now, and what was found in them before."""

    def __init__(
        self, project: Project, resolver: Resolver, database: Database, memo: Memo, held: dict[str, Facts]
    ) -> None:
        self._held = held
        self._project = project
        self._resolver = resolver
        self._database = database
        self._memo = memo
        self._blobs = database.linked()
        self._found = self._blobs.pop(HEAD, None)
        head = _loaded(self._found, len(_Head._fields)) if self._found else None
        self._ours = _signatures()
        self._code = str(head[1]) if head is not None and self._ours and self._ours == head[0] else analyzer()
        self._last: dict[str, tuple[Outline, Any]] = {}
        self._kept: dict[str, Findings] = {}
        self._is_same_world = False
        self._head: _Head | None = None
        if head is not None and head[1] == self._code:      # else the rows may have any form
            self._head = _Head(*head)
            project.sources.look(Seen(*self._head.seen))
            self._is_same_world = self._head.world == self._world()
            for path, data in self._blobs.items():
                row = _loaded(data, len(Outline._fields) + 1)
                if row is not None:
                    self._last[path] = Outline(*row[:-1]), row[-1]
        self.outlines: dict[str, Outline] = {}
        self.facts = FactsByPath(self)
        self._read_all()

    def kept(self) -> Mapping[str, Findings]:
        """The findings that still hold, or those parts of them that do."""
        for path, outline in self.outlines.items():
            then, data = self._last.get(path, (None, None))
            if then is None or data is None or then.digest != outline.digest or then.face != outline.face:
                continue
            findings = findings_data.from_data(data, self._marks)
            if findings is not None:
                self._kept[path] = findings
        return self._kept

    def _marks(self, leans: Leans) -> tuple[tuple[str, ...], tuple[str, ...]]:
        outlines = self.outlines
        return (
            tuple([outlines[path].face if path in outlines else "" for path in leans.names]),
            tuple([outlines[path].digest if path in outlines else "" for path in leans.texts]),
        )

    def save(self, findings: Mapping[str, Findings]) -> None:
        """Keeps what was found now. Where another run has kept something meanwhile, that stays."""
        rows: dict[str, bytes] = {}
        for path, outline in self.outlines.items():
            then, data = self._last.get(path, (None, None))
            found = findings.get(path)
            is_kept = found is not None and found is self._kept.get(path)
            if is_kept and then == outline:
                continue
            if not is_kept:
                can_be_kept = found is not None and findings_data.can_be_kept(found)
                data = findings_data.to_data(found, self._marks) if found is not None and can_be_kept else None
            row = marshal.dumps((*outline, data))
            if row != self._blobs.get(path):
                rows[path] = row
        head = _Head(self._ours, self._code, self._world(), tuple(self._project.sources.seen), time.time_ns())
        if rows or self._head is None or self._head[:-1] != head[:-1]:
            gone = self._blobs.keys() - self.outlines.keys()
            self._database.save_linked(self._found, {**rows, HEAD: marshal.dumps(tuple(head))}, gone)

    def fetch(self, path: str) -> Facts:
        """The facts of a file as its outline knows it; raises InputChanged where it is another file by now."""
        wanted = self.outlines[path].digest
        key = self._key(path, wanted)
        facts = self._held.get(key)
        if facts is None:
            facts = self._held[key] = self._fetch(path, wanted, key)
        return facts

    def _fetch(self, path: str, wanted: str, key: str) -> Facts:
        for data in self._database.facts([key]).values():
            return Facts.from_data(marshal.loads(data)[0])  # noqa: S302
        text = self._text(path)
        if digest.local(text) != wanted:
            raise InputChanged(path)
        return read_facts(text, PurePosixPath(path).suffix)

    # reading

    def _read_all(self) -> None:
        """Outlines of the source folders' files, and of every project file that those import."""
        wanted: Iterable[str] = self._project.sources.files()
        while wanted:
            fresh: dict[str, str] = {}
            for path in wanted:
                mark = self._digest(path)
                then = self._last.get(path)
                if then is not None and then[0].digest == mark:
                    self.outlines[path] = then[0] if self._is_same_world else self._resolved(path, then[0])
                else:
                    fresh[path] = mark
            self._read(fresh)
            wanted = sorted({file for path in wanted for file in self.outlines[path].files()} - self.outlines.keys())
        self._memo.save()

    def _read(self, fresh: Mapping[str, str]) -> None:
        """Makes outlines of files that are new or changed."""
        held = self._database.facts(self._key(path, mark) for path, mark in fresh.items())
        made: dict[str, bytes] = {}
        for path, mark in fresh.items():
            data = held.get(self._key(path, mark))
            if data is not None:
                saved, interface = marshal.loads(data)  # noqa: S302
                facts = Facts.from_data(saved)
            else:
                text = self._text(path)
                mark = digest.local(text)  # noqa: PLW2901 - of what was read, whatever was there a moment ago
                facts = read_facts(text, PurePosixPath(path).suffix)
                interface = _interface(text, facts)
                made[self._key(path, mark)] = marshal.dumps((facts.to_data(), interface))
            names = digest.local(repr(names_of(facts)).encode())
            outline = Outline(mark, names, "", interface, tuple(facts.specifiers), ())
            self.outlines[path] = self._resolved(path, outline)
            self.facts.hold(path, facts)
        self._database.save_facts(made.items())

    def _resolved(self, path: str, outline: Outline) -> Outline:
        """An outline with where its imports lead now."""
        targets = tuple(_target(self._resolver.resolve(path, specifier)) for specifier in outline.specifiers)
        if targets == outline.targets and outline.face:
            return outline
        return outline._replace(face=digest.local(f"{outline.names}{targets!r}".encode()), targets=targets)

    def _digest(self, path: str) -> str:
        try:
            return self._memo.digest(path)
        except FileNotFoundError:
            raise SourceVanished(path) from None

    def _text(self, path: str) -> bytes:
        try:
            return self._memo.take(path)
        except FileNotFoundError:
            raise SourceVanished(path) from None

    def _key(self, path: str, mark: str) -> str:
        return _key(self._code, PurePosixPath(path).suffix, mark)

    def _world(self) -> str:
        """The digest of what imports are resolved by, as far as it was looked at."""
        project = self._project
        sources = project.sources
        workspace = (project.workspace.root, sorted(project.workspace.packages))
        seen = (sources.directories, sources.out_dir, project.tsconfig, workspace, sources.world)
        return digest.local(repr(seen).encode())


def _loaded(data: bytes, size: int) -> tuple[Any, ...] | None:
    """A tuple of that many elements; None where there is something else."""
    try:
        row = marshal.loads(data)  # noqa: S302 - written by this user's own build
    except (EOFError, ValueError, TypeError):
        return None
    return row if isinstance(row, tuple) and len(row) == size else None


def _target(found: Resolved) -> tuple[Any, ...]:
    match found:
        case ProjectFile(path):
            return "file", path
        case Asset(path):
            return "asset", path
        case Package(name, subpath):
            return "package", name, subpath
        case Runtime(name):
            return "runtime", name
        case Builtin(name):
            return "builtin", name
        case Unresolved(reason, near, package):
            return "unresolved", reason, near, package


def _interface(text: bytes, facts: Facts) -> str:
    """Imports, exports and types; the places of statements and all bodies are left out."""
    imports = [(item.kind, item.specifier, item.names, sorted(item.type_names)) for item in facts.imports]
    types = [
        text[statement.span.start : statement.span.end]
        for statement in facts.statements
        if statement.kind is StatementKind.TYPE
    ]
    return digest.local(repr((imports, facts.exports, types)).encode())


def facts_key(suffix: str, content: str) -> str:
    """Under what the build database keeps the facts of a file, by the digest of its content."""
    return _key(analyzer(), suffix, content)


def _key(code: str, suffix: str, content: str) -> str:
    return f"{code}/{suffix}/{content}"


@cache
def analyzer() -> str:
    """The digest of everything that decides what is found in a file's text: our code, the grammars, and the
    interpreter, whose ``marshal`` writes it.
    """
    texts = [(os.path.basename(path), digest.local(Path(path).read_bytes())) for path in _parts()]
    return digest.local(repr((sys.version, texts)).encode())


def _signatures() -> str:
    """The signatures of the files of ``analyzer``, while they are its own; "" where one may be just changing."""
    now = time.time_ns()
    stats = [(path, os.stat(path)) for path in _parts()]
    if not all(settled(stat, now) for _, stat in stats):
        return ""
    return digest.local(repr((sys.version, [(path, signature(stat)) for path, stat in stats])).encode())


def _parts() -> list[str]:
    paths = [*_files(_UNITS, ".py"), __file__]
    for name in _GRAMMARS:
        spec = importlib.util.find_spec(name)
        for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
            paths += _files(Path(folder), ".so", ".pyd", ".py")
    return sorted(paths)


def _files(folder: Path, *suffixes: str) -> list[str]:
    return [entry.path for entry in os.scandir(folder) if entry.name.endswith(suffixes)]
