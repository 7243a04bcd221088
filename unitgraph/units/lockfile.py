"""What a lockfile pins: which version and integrity of a package each importer gets, and digests over that.

Knows no file format (``lockfile_formats`` does) and never looks at what is installed.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True)
class Manager:
    """A package manager: its lockfiles, and what to type."""

    name: str
    lockfiles: tuple[str, ...]
    install: str
    add: str


MANAGERS: Final[Mapping[str, Manager]] = {
    "npm": Manager("npm", ("package-lock.json", "npm-shrinkwrap.json"), "npm ci", "npm install"),
    "bun": Manager("bun", ("bun.lock",), "bun install", "bun add"),
    "pnpm": Manager("pnpm", ("pnpm-lock.yaml",), "pnpm install", "pnpm add"),
    "yarn": Manager("yarn", ("yarn.lock",), "yarn install", "yarn add"),
}
NO_LOCKFILE: Final = Manager("none", (), "npm install", "npm install")


@dataclass(frozen=True, slots=True)
class Locked:
    """One pinned package. ``source`` is the folder of a workspace or ``file:`` package, whose files are sources.

    ``key`` is its identity in the lockfile; ``dependencies`` are names, looked up from there.
    """

    key: str
    name: str
    version: str
    integrity: str
    dependencies: tuple[str, ...] = ()
    source: str | None = None
    optional: frozenset[str] = frozenset()


@dataclass(slots=True)
class Lockfile:
    """``find(name, importer)`` gives the key that an importer sees: a package's key, or a folder of the project."""

    path: str
    manager: Manager
    packages: Mapping[str, Locked]
    find: Callable[[str, str], str | None]
    _digests: dict[tuple[tuple[str, ...], str], str] = field(default_factory=dict)
    _closures: dict[str, frozenset[str]] = field(default_factory=dict)

    def entry(self, name: str, from_path: str = "") -> Locked | None:
        """The package that a file, or a folder, of the project gets by this name."""
        key = self._seen(name, from_path)
        return None if key is None else self.packages.get(key)

    def closure(self, names: Iterable[str], importer: str = "") -> tuple[Locked, ...]:
        """Every pinned package that these need, themselves included, sorted by key."""
        keys: set[str] = set()
        for name in names:
            key = self._seen(name, importer)
            if key is not None:
                keys |= self._closure(key)
        return tuple(self.packages[key] for key in sorted(keys))

    def closure_digest(self, names: Iterable[str], importer: str = "") -> str:
        """A digest over name, version and integrity of the closure; a name that isn't pinned counts as such."""
        wanted = tuple(sorted(set(names)))
        known = self._digests.get((wanted, importer))
        if known is None:
            digest = hashlib.sha256()
            for name in wanted:
                entry = self.entry(name, importer)
                digest.update(f"{name}\0{entry.key if entry else ''}\n".encode())
            for locked in self.closure(wanted, importer):
                digest.update(f"{locked.key}\0{locked.name}\0{locked.version}\0{locked.integrity}\n".encode())
            known = self._digests[wanted, importer] = digest.hexdigest()
        return known

    def _seen(self, name: str, importer: str) -> str | None:
        """What an importer sees; one by an absolute path is no part of the project, and sees what its root does."""
        return self.find(name, "" if importer.startswith("/") else importer)

    def _closure(self, start: str) -> frozenset[str]:
        known = self._closures.get(start)
        if known is None:
            seen = {start}
            pending = [start]
            while pending:
                key = pending.pop()
                for name in self.packages[key].dependencies:
                    found = self.find(name, key)
                    if found is not None and found in self.packages and found not in seen:
                        seen.add(found)
                        pending.append(found)
            known = self._closures[start] = frozenset(seen)
        return known
