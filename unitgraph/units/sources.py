"""A project's files: the one place that lists and reads them. Knows paths and bytes, not TypeScript.

Paths are relative to the project's root, POSIX, and may start with ``../`` where a workspace's root lies above.
A folder is listed at most once; whether a file exists is then answered from memory. A file reached through a
symbolic link is known by its real path, as bundlers know it.
"""

import contextlib
import hashlib
import os
import posixpath
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from unitgraph.errors.project import SourceVanished, UnreadableFile

SUFFIXES: Final = (".ts", ".tsx", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs")
DECLARATIONS: Final = (".d.ts", ".d.mts", ".d.cts")
IGNORED: Final = frozenset({"node_modules"})     # and everything hidden: .git, .deploy, .pikku

_FILE: Final = 0
_FOLDER: Final = 1


class Seen(NamedTuple):
    """Folders that were listed, paths that were asked for one by one, and files that were read."""

    folders: tuple[str, ...]
    asked: tuple[str, ...]
    files: tuple[str, ...]


class Sources:
    """The listing of a project; a new one a run, since it doesn't notice what changes after it has looked."""

    def __init__(self, root: Path, directories: Iterable[str], *, out_dir: str = ".pikku") -> None:
        self.root = root
        self.directories = tuple(posixpath.normpath(directory) for directory in directories)
        self.out_dir = posixpath.normpath(out_dir)
        self._prefix = f"{root}/"
        self._folders: dict[str, Mapping[str, int]] = {}
        self._links: dict[str, str] = {}         # path of a symbolic link → real path
        self._files: tuple[str, ...] | None = None
        self._all: tuple[str, ...] | None = None
        self._read: dict[str, str] = {}          # path of a file → digest of what was read; "" where there was none
        self._asked: set[str] = set()            # what was asked for by name in folders above the project
        self._named: set[str] = set()            # folders above the project all of whose names were asked for

    def look(self, seen: Seen) -> None:
        """Looks at what an earlier run looked at, so that ``world`` can be compared with what it was then."""
        for folder in seen.folders:
            self._listing(folder)
        for path in seen.asked:
            self.is_file(path)
        for path in seen.files:
            if path not in self._read:
                with contextlib.suppress(SourceVanished, UnreadableFile):
                    self.read(path)

    @property
    def seen(self) -> Seen:
        """Where was looked so far, but for the sources themselves."""
        read = (path for path in self._read if not path.endswith(SUFFIXES))
        folders = (folder for folder in self._folders if not _is_above(folder) or folder in self._named)
        return Seen(tuple(sorted(folders)), tuple(sorted(self._asked)), tuple(sorted(read)))

    @property
    def world(self) -> tuple[Any, ...]:
        """What was seen there, as data: names by folder, links, and digests of what was read. Of the folders above
        the project only what was asked for, since they hold other people's files.
        """
        seen = self.seen
        folders = [(folder, sorted(self._folders[folder].items())) for folder in seen.folders]
        asked = [(path, self._folders[_folder(path)].get(_name(path))) for path in seen.asked]
        links = [
            (path, target)
            for path, target in self._links.items()
            if not _is_above(_folder(path)) or path in self._asked or _folder(path) in self._named
        ]
        return folders, asked, sorted(links), [(path, self._read[path]) for path in seen.files]

    @property
    def looked_at(self) -> tuple[str, ...]:
        """Every folder that was listed and every file that was read so far: what the answers stand on."""
        return tuple(sorted({*self._folders, *self._read}))

    @property
    def read_files(self) -> frozenset[str]:
        """Every file that was read so far."""
        return frozenset(self._read)

    def files(self) -> tuple[str, ...]:
        """Every TypeScript or JavaScript source under the source directories, sorted."""
        if self._files is None:
            self._files = tuple(path for path in self._walk(self.directories) if is_source(path))
        return self._files

    @property
    def all(self) -> tuple[str, ...]:
        """Every file of the project that isn't ignored, of any kind, sorted."""
        if self._all is None:
            self._all = self._walk((".",))
        return self._all

    def is_file(self, path: str) -> bool:
        folder, _, name = path.rpartition("/")
        if folder[-2:] == "..":
            self._asked.add(path)
        return self._listing(folder).get(name) == _FILE

    def is_folder(self, path: str) -> bool:
        folder, name = posixpath.split(path)
        if name in ("", ".", ".."):
            return os.path.isdir(self.absolute(path))
        if _is_above(folder):
            self._asked.add(path)
        return self._listing(folder).get(name) == _FOLDER

    def names(self, folder: str) -> Iterable[str]:
        """The names in a folder; none where there is no such folder."""
        if _is_above(folder):
            self._named.add(folder)
        return self._listing(folder).keys()

    def real(self, path: str) -> str:
        """The path with symbolic links followed."""
        if not self._links:
            return path
        head, tail = path, ""
        while head:
            target = self._links.get(head)
            if target is not None:
                return self.real(f"{target}/{tail}") if tail else target
            head, _, name = head.rpartition("/")
            tail = f"{name}/{tail}" if tail else name
        return path

    def absolute(self, path: str) -> str:
        return self._prefix + path

    def read(self, path: str) -> bytes:
        self._read[path] = ""
        try:
            with open(self._prefix + path, "rb") as file:
                data = file.read()
            self._read[path] = hashlib.blake2b(data, digest_size=16).hexdigest()
            return data
        except FileNotFoundError:
            raise SourceVanished(path) from None
        except OSError as error:
            raise UnreadableFile(path, os.strerror(error.errno or 0)) from None

    def stat(self, path: str) -> os.stat_result:
        try:
            return os.stat(self._prefix + path)
        except FileNotFoundError:
            raise SourceVanished(path) from None
        except OSError as error:
            raise UnreadableFile(path, os.strerror(error.errno or 0)) from None

    def _walk(self, directories: Iterable[str]) -> tuple[str, ...]:
        found: set[str] = set()
        seen: set[str] = set()
        pending = list(directories)
        while pending:
            folder = self.real(pending.pop())
            if folder in seen:
                continue
            seen.add(folder)
            head = "" if folder in ("", ".") else f"{folder}/"
            for name, kind in self._listing(folder).items():
                path = head + name
                if kind == _FILE:
                    found.add(self._links.get(path, path) if self._links else path)
                elif name[0] != "." and name not in IGNORED and path != self.out_dir:
                    pending.append(path)
        return tuple(sorted(found))

    def _listing(self, folder: str) -> Mapping[str, int]:
        known = self._folders.get(folder)
        if known is None:
            above = folder.rpartition("/")[0]
            if _is_above(above):
                self._asked.add(folder)
            if above:
                self._listing(above)    # which may say that ``folder`` is a link
            known = self._folders[folder] = dict(self._scan(folder))
        return known

    def _scan(self, folder: str) -> Iterator[tuple[str, int]]:
        where = self.real(folder)
        head = "" if where in ("", ".") else f"{where}/"
        try:
            with os.scandir(self._prefix + where) as entries:
                for entry in entries:
                    kind = _kind(entry)
                    if kind is None:
                        continue
                    if entry.is_symlink():
                        self._links[head + entry.name] = self._target(entry.path)
                    yield entry.name, kind
        except (OSError, ValueError):       # not there, no folder; a name that no file can have
            return

    def _target(self, path: str) -> str:
        return os.path.relpath(os.path.realpath(path), os.path.realpath(self.root)).replace(os.sep, "/")


def _is_above(folder: str) -> bool:
    """Whether the project lies in a folder."""
    return folder == ".." or folder.endswith("/..")


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _kind(entry: os.DirEntry[str]) -> int | None:
    """File or folder, links followed; None for what is neither, and for a link that leads nowhere or in a circle."""
    try:
        if entry.is_dir():
            return _FOLDER
        return _FILE if entry.is_file() else None
    except OSError:
        return None


def is_source(path: str) -> bool:
    """Whether a path names code, which declarations (``.d.ts``) aren't."""
    return path.endswith(SUFFIXES) and not path.endswith(DECLARATIONS)
