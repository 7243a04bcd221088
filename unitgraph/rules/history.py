"""What changed since a commit, by git: which files, and what was in them. Knows git's plumbing, no project.

The commit is the one that HEAD and the named revision both come from, as in ``git diff name...HEAD``; what isn't
committed yet, and what git doesn't know of yet, counts as changed, too.
"""

import os
import posixpath
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from unitgraph.errors.history import (
    GitFailed,
    GitMissing,
    HistoryTooShort,
    NoCommonHistory,
    NotARepository,
    SubmoduleTooShort,
    UnknownRevision,
)

LINK: Final = "120000"
_MODULE: Final = "160000"
_ABSENT: Final = "000000"


@dataclass(frozen=True, slots=True)
class Old:
    """What a changed file was: its bytes, or where it led if it was a symbolic link; None where there was none."""

    data: bytes | None
    is_link: bool = False


@dataclass(frozen=True, slots=True)
class Changes:
    """``commit`` is what is compared with, where ``revision`` left this history; ``old`` has every file that differs
    from it, by its path relative to ``top``, the folder of the repository. Nothing else that git knows of has changed.
    """

    revision: str
    commit: str
    top: Path
    old: Mapping[str, Old]


def changes(root: Path, revision: str) -> Changes:
    """What differs between the folder's repository as it stands and its history where ``revision`` left it."""
    top = _top(root)
    commit = _base(top, revision)
    return Changes(revision, commit, top, dict(_differing(top, commit)))


def ignored(top: Path, paths: Iterable[str]) -> frozenset[str]:
    """Those of these files that git is told to leave alone, and that it therefore knows nothing of."""
    inner: dict[str, bool] = {}
    asked = "".join(f"{path}\0" for path in paths if not _is_inner(top, posixpath.dirname(path), inner))
    if not asked:
        return frozenset()
    done = _git(top, "check-ignore", "-z", "--stdin", given=asked.encode())
    if done.returncode not in (0, 1):
        raise GitFailed("check-ignore", done.stderr.decode(errors="replace"))
    return frozenset(_names(done.stdout))


def _is_inner(top: Path, folder: str, known: dict[str, bool]) -> bool:
    """Whether a folder belongs to a submodule, of which git says nothing here."""
    if folder not in known:
        own = bool(folder) and (top / folder / ".git").exists()
        known[folder] = own or (bool(folder) and _is_inner(top, posixpath.dirname(folder), known))
    return known[folder]


def _top(root: Path) -> Path:
    done = _git(root, "rev-parse", "--show-toplevel")
    if done.returncode:
        lines = done.stderr.decode(errors="replace").splitlines() or ["it is no repository"]
        raise NotARepository(str(root), detail=lines[0].removeprefix("fatal: ").rstrip(".:"))
    return Path(os.fsdecode(done.stdout.removesuffix(b"\n")))


def _base(top: Path, revision: str) -> str:
    named = _commit(top, revision)
    is_shallow = _words(top, "rev-parse", "--is-shallow-repository") == "true"
    if named is None:
        refs = _words(top, "for-each-ref", "--format=%(refname:short)").splitlines()
        raise UnknownRevision(revision, near=get_close_matches(revision, refs, n=2), shallow=is_shallow)
    done = _git(top, "merge-base", named, "HEAD")
    if done.returncode == 1:
        raise HistoryTooShort(revision) if is_shallow else NoCommonHistory(revision)
    if done.returncode:
        raise GitFailed("merge-base", done.stderr.decode(errors="replace"))
    return done.stdout.decode().strip()


def _commit(top: Path, revision: str) -> str | None:
    if not revision or "\0" in revision:
        return None
    name = revision
    for end in ("", "^{commit}"):       # at once, ":/words" would be looked for with these behind them
        done = _git(top, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}{end}")
        if done.returncode:
            return None
        name = done.stdout.decode().strip()
    return name


def _differing(top: Path, commit: str) -> Iterator[tuple[str, Old]]:
    """Every changed file; a submodule's own are told by their paths in the whole."""
    objects: dict[str, tuple[str, bool]] = {}
    for path, mode, name in _raw(top, commit):
        if mode == _MODULE:
            yield from _inside(top, path, name)
        elif mode == _ABSENT:
            yield path, Old(None)
        else:
            objects[path] = name, mode == LINK
    for path in _new(top):
        if path not in objects:
            yield path, Old(None)
    data = _contents(top, {name for name, _ in objects.values()})
    for path, (name, is_link) in objects.items():
        yield path, Old(data[name], is_link)


def _raw(top: Path, commit: str) -> Iterator[tuple[str, str, str]]:
    """(path, mode and object at the commit) of what differs; of a file that became a submodule both are told."""
    done = _checked(
        top, "diff", "--raw", "-z", "--no-abbrev", "--no-renames", "--no-ext-diff", "--ignore-submodules=none",
        commit, "--",
    )  # fmt: skip
    fields = iter(done.split(b"\0"))
    for head in fields:
        if not head:
            return
        mode, now, name, _, status = head.decode().removeprefix(":").split(" ")
        path = os.fsdecode(next(fields))
        if status == "U":           # in the middle of a merge; the file itself follows in a row of its own
            continue
        if now == _MODULE and mode != _MODULE:
            for inner in _listed(top / path):
                yield f"{path}/{inner}", _ABSENT, ""
        yield path, mode, name


def _new(top: Path) -> Iterator[str]:
    """Files that git doesn't know of yet; a repository inside this one is told by its folder, so it is looked into."""
    for path in _names(_checked(top, "ls-files", "-z", "--others", "--exclude-standard")):
        if path.endswith("/"):
            yield from (f"{path}{inner}" for inner in _listed(top / path))
        else:
            yield path


def _inside(top: Path, path: str, commit: str) -> Iterator[tuple[str, Old]]:
    """What differs in a submodule, which stood at ``commit``."""
    folder = top / path
    if not (folder / ".git").exists():
        return                      # never checked out, now as before: its files are in no build
    if _commit(folder, commit) is None:
        raise SubmoduleTooShort(path, commit)
    for inner, old in _differing(folder, commit):
        yield f"{path}/{inner}", old


def _listed(folder: Path) -> list[str]:
    """Every file of a repository that isn't ignored."""
    if not (folder / ".git").exists():
        return []
    return list(_names(_checked(folder, "ls-files", "-z", "--cached", "--others", "--exclude-standard")))


def _contents(top: Path, objects: set[str]) -> dict[str, bytes]:
    """Object → bytes, by one process."""
    if not objects:
        return {}
    asked = sorted(objects)
    data = _checked(top, "cat-file", "--batch", given="".join(f"{name}\n" for name in asked).encode())
    found: dict[str, bytes] = {}
    position = 0
    for name in asked:
        end = data.index(b"\n", position)
        head = data[position:end].decode().split(" ")
        if len(head) != 3:
            raise GitFailed("cat-file", f"{data[position:end].decode(errors='replace')}: the clone isn't whole")
        size = int(head[2])
        found[name] = data[end + 1 : end + 1 + size]
        position = end + size + 2
    return found


def _names(data: bytes) -> Iterator[str]:
    return (os.fsdecode(name) for name in data.split(b"\0") if name)


def _words(top: Path, *arguments: str) -> str:
    return _checked(top, *arguments).decode(errors="replace").strip()


def _checked(top: Path, *arguments: str, given: bytes = b"") -> bytes:
    done = _git(top, *arguments, given=given)
    if done.returncode:
        raise GitFailed(arguments[0], done.stderr.decode(errors="replace"))
    return done.stdout


def _git(folder: Path, *arguments: str, given: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
    try:
        return subprocess.run(
            ["git", "--no-optional-locks", "-c", "core.quotePath=false", *arguments],
            cwd=folder, input=given, capture_output=True, check=False,
        )  # fmt: skip
    except FileNotFoundError:
        raise GitMissing from None


def relative(changed: Changes, root: Path) -> dict[str, Old]:
    """The same files by their paths relative to a folder of the repository, as a project names them."""
    prefix = posixpath.relpath(os.path.realpath(root), os.path.realpath(changed.top))
    return {posixpath.relpath(path, prefix): old for path, old in changed.old.items()}
