"""The build database of one checkout: digests by stat, facts by content, and what each action was last made of.

SQLite in WAL mode, one commit a finished action, so that a killed build loses nothing that it finished.
It is a memo: deleting it costs time, never correctness. A damaged one is set aside and begun anew.
"""

import contextlib
import json
import os
import sqlite3
import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unitgraph.cache.key import Component, Key

SCHEMA = 4
_WAIT_S = 60
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_LOCKED = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_TABLES = """
CREATE TABLE files (path TEXT PRIMARY KEY, signature TEXT NOT NULL, digest TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE facts (digest TEXT PRIMARY KEY, data BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE linked (path TEXT PRIMARY KEY, data BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE stripped (raw TEXT PRIMARY KEY, digest TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE nodes (digest TEXT PRIMARY KEY, data TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE actions (scope TEXT NOT NULL, name TEXT NOT NULL, key TEXT NOT NULL, components TEXT NOT NULL,
                      outputs TEXT NOT NULL, facts TEXT NOT NULL, previous TEXT,
                      PRIMARY KEY (scope, name)) WITHOUT ROWID;
CREATE TABLE stands_on (source TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE made (unit TEXT NOT NULL, bundle TEXT NOT NULL, components TEXT NOT NULL,
                   PRIMARY KEY (unit, bundle)) WITHOUT ROWID;
"""
_SAVE_ACTION = (
    "INSERT INTO actions VALUES (?, ?, ?, ?, ?, ?, NULL) ON CONFLICT (scope, name) DO UPDATE SET"
    " previous = CASE WHEN key = excluded.key THEN previous ELSE components END,"
    " key = excluded.key, components = excluded.components, outputs = excluded.outputs, facts = excluded.facts"
)


@dataclass(frozen=True, slots=True)
class Record:
    """The last finished run of one action. ``outputs``: relative path → SHA-256; ``facts``: what the action found."""

    key: str
    outputs: Mapping[str, str]
    facts: Mapping[str, object]


class Database:
    """One connection; use it from one thread. Actions are those of ``scope``, a provider's name."""

    def __init__(self, path: Path, scope: str = "") -> None:
        self._scope = scope
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        try:
            self._connection = self._open_unlocked()
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode not in _DAMAGED:
                raise
            self._set_aside()
            self._connection = self._open_unlocked()

    def _open_unlocked(self) -> sqlite3.Connection:
        """Opens once no other process is just making the file: the switch to WAL doesn't wait by itself."""
        end = time.monotonic() + _WAIT_S
        while True:
            try:
                return self._open()
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF not in _LOCKED or time.monotonic() > end:
                    raise
                time.sleep(0.005)

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=_WAIT_S, isolation_level=None)
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version != SCHEMA:
                self._create(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    @staticmethod
    def _create(connection: sqlite3.Connection) -> None:
        connection.execute("BEGIN IMMEDIATE")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version != SCHEMA:
            tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
            for (name,) in tables:
                connection.execute(f'DROP TABLE "{name}"')
            for statement in filter(str.strip, _TABLES.split(";")):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {SCHEMA}")
        connection.execute("COMMIT")

    def _set_aside(self) -> None:
        for suffix in ("", "-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                os.replace(f"{self._path}{suffix}", f"{self._path}{suffix}.damaged")

    def close(self) -> None:
        self._connection.close()

    def stands_on(self) -> frozenset[str]:
        """What everything here may have been learnt from, in the words of whoever saved that."""
        return frozenset(source for (source,) in self._connection.execute("SELECT source FROM stands_on"))

    def save_stands_on(self, sources: Iterable[str]) -> None:
        self._many("INSERT OR IGNORE INTO stands_on VALUES (?)", ((source,) for source in sources))

    def clear(self) -> None:
        """Forgets everything."""
        self._connection.execute("BEGIN IMMEDIATE")
        for (name,) in self._connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            self._connection.execute(f'DELETE FROM "{name}"')  # noqa: S608 - the names are those of our own tables
        self._connection.execute("COMMIT")

    def files(self) -> dict[str, tuple[str, str]]:
        """Path → (stat signature, digest)."""
        rows = self._connection.execute("SELECT path, signature, digest FROM files")
        return {path: (signature, digest) for path, signature, digest in rows}

    def save_files(self, rows: Iterable[tuple[str, str, str]]) -> None:
        """Rows of (path, signature, digest), in one commit."""
        self._many("INSERT OR REPLACE INTO files VALUES (?, ?, ?)", rows)

    def facts(self, digests: Iterable[str]) -> dict[str, bytes]:
        """Digest → serialised facts, of those that are known."""
        return dict(self._among("SELECT digest, data FROM facts", "digest", digests))

    def save_facts(self, rows: Iterable[tuple[str, bytes]]) -> None:
        self._many("INSERT OR REPLACE INTO facts VALUES (?, ?)", rows)

    def linked(self) -> dict[str, bytes]:
        """What linking found, by file, as ``linked.py`` wrote it; under "" what all of it stood on."""
        return dict(self._connection.execute("SELECT path, data FROM linked"))

    def save_linked(self, found: bytes | None, rows: Mapping[str, bytes], gone: Iterable[str]) -> bool:
        """Writes ``rows`` and removes ``gone``, all of it or nothing; nothing where the row "" is no longer ``found``,
        since rows of two runs don't go together.
        """
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            row = self._connection.execute("SELECT data FROM linked WHERE path = ''").fetchone()
            same = (row[0] if row else None) == found
            if same:
                self._connection.executemany("DELETE FROM linked WHERE path = ?", ((path,) for path in gone))
                self._connection.executemany("INSERT OR REPLACE INTO linked VALUES (?, ?)", rows.items())
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")
        return same

    def stripped(self, keys: Iterable[str]) -> dict[str, str]:
        """Key of a raw file → digest of its stripped text, of those that are known."""
        return dict(self._among("SELECT raw, digest FROM stripped", "raw", keys))

    def save_stripped(self, rows: Iterable[tuple[str, str]]) -> None:
        self._many("INSERT OR REPLACE INTO stripped VALUES (?, ?)", rows)

    def node(self, digest: str) -> dict[str, Any] | None:
        """What a component of this digest, or of one that begins so, is made of."""
        query = "SELECT data FROM nodes WHERE digest >= ? AND digest < ? LIMIT 1"
        row = self._connection.execute(query, (digest, f"{digest}g")).fetchone()
        return json.loads(row[0]) if row else None

    def without_node(self, digests: Collection[str]) -> set[str]:
        """Those of ``digests`` of which nothing is known."""
        known = {name for (name,) in self._among("SELECT digest FROM nodes", "digest", digests)}
        return set(digests) - known

    def save_nodes(self, rows: Iterable[tuple[str, str]]) -> None:
        """Rows of (digest, JSON); what is known already stays."""
        self._many("INSERT OR IGNORE INTO nodes VALUES (?, ?)", rows)

    def bound_nodes(self, most: int, free_bytes: int = 256 << 20) -> None:
        """Forgets all nodes and what bundles were made of where there are more than ``most`` of either, once the file
        has outgrown ``free_bytes``: only words are lost with them."""
        (pages,) = self._connection.execute("PRAGMA page_count").fetchone()
        (size_bytes,) = self._connection.execute("PRAGMA page_size").fetchone()
        if pages * size_bytes <= free_bytes:
            return
        for table in ("nodes", "made"):
            (count,) = self._connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608 - ours
            if count > most:
                self._connection.execute(f"DELETE FROM {table}")  # noqa: S608 - as above

    def replace_nodes(self, rows: Iterable[tuple[str, str]]) -> None:
        self._many("INSERT OR REPLACE INTO nodes VALUES (?, ?)", rows)

    def records(self) -> dict[str, Record]:
        """Action name → its last finished run."""
        query = "SELECT name, key, outputs, facts FROM actions WHERE scope = ?"
        rows = self._connection.execute(query, (self._scope,))
        return {name: Record(key, json.loads(outputs), json.loads(facts)) for name, key, outputs, facts in rows}

    def record(self, action: str) -> Record | None:
        """The last finished run of one action."""
        query = "SELECT key, outputs, facts FROM actions WHERE scope = ? AND name = ?"
        row = self._connection.execute(query, (self._scope, action)).fetchone()
        return Record(row[0], json.loads(row[1]), json.loads(row[2])) if row else None

    def components(self, action: str) -> tuple[tuple[Component, ...], tuple[Component, ...] | None] | None:
        """What the last key of ``action`` was made of, and the one before it that was another."""
        query = "SELECT components, previous FROM actions WHERE scope = ? AND name = ?"
        row = self._connection.execute(query, (self._scope, action)).fetchone()
        return (_components(row[0]), _components(row[1]) if row[1] else None) if row else None

    def previous(self, action: str) -> tuple[Component, ...] | None:
        """What the key of ``action`` was made of before its last one, where that is known."""
        query = "SELECT previous FROM actions WHERE scope = ? AND name = ?"
        row = self._connection.execute(query, (self._scope, action)).fetchone()
        return (_components(row[0]) or None) if row and row[0] else None

    def save_action(self, name: str, key: Key, outputs: Mapping[str, str], facts: Mapping[str, object]) -> None:
        """Records a finished action; on return it is committed."""
        self._connection.execute(_SAVE_ACTION, self._row(name, key, outputs, facts))

    def save_actions(self, rows: Iterable[tuple[str, Key, Mapping[str, str], Mapping[str, object]]]) -> None:
        """Records many at once, in one commit."""
        self._many(_SAVE_ACTION, (self._row(*row) for row in rows))

    def _row(self, name: str, key: Key, outputs: Mapping[str, str], facts: Mapping[str, object]) -> tuple[str, ...]:
        return (self._scope, name, key.digest, _parts(key.components), json.dumps(outputs), json.dumps(facts))

    def made(self, unit: str, bundle: str) -> tuple[Component, ...] | None:
        """What the key was made of that gave ``unit`` the bundle with this digest, where it was built here."""
        query = "SELECT components FROM made WHERE unit = ? AND bundle = ?"
        row = self._connection.execute(query, (unit, bundle)).fetchone()
        return _components(row[0]) if row else None

    def save_made(self, rows: Iterable[tuple[str, str, Iterable[Component]]]) -> None:
        """Rows of (unit, digest of its bundle, components of its key); units of one process have one key."""
        told: list[tuple[str, str, str]] = []
        last: Iterable[Component] | None = None
        for unit, bundle, components in rows:
            text = told[-1][2] if components is last else _parts(components)
            told.append((unit, bundle, text))
            last = components
        self._many("INSERT OR REPLACE INTO made VALUES (?, ?, ?)", told)

    def _many(self, statement: str, rows: Iterable[tuple[object, ...]]) -> None:
        rows = list(rows)
        if not rows:
            return
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            self._connection.executemany(statement, rows)
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def _among(self, select: str, column: str, values: Iterable[str]) -> Iterable[tuple[Any, ...]]:
        wanted = list(values)
        for start in range(0, len(wanted), 500):
            chunk = wanted[start : start + 500]
            marks = ",".join("?" * len(chunk))
            yield from self._connection.execute(f"{select} WHERE {column} IN ({marks})", chunk)


def _parts(components: Iterable[Component]) -> str:
    return json.dumps([(part.kind, part.name, part.digest) for part in components])


def _components(text: str) -> tuple[Component, ...]:
    return tuple(Component(*part) for part in json.loads(text))
