"""What git says of the checkout. Knows git's command line; a folder outside git, or without git, is no error."""

import os
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


@dataclass(frozen=True, slots=True)
class Checkout:
    """``commit`` is None outside a repository and before the first commit; ``dirty``: something isn't committed.
    ``branch`` is "" where none is checked out."""

    commit: str | None
    dirty: bool
    branch: str = ""


def checkout(root: Path, *, generated: Sequence[str] = ()) -> Checkout:
    """The commit that the folder is at; what lies in the folders ``generated`` makes nothing dirty."""
    hidden = [f":(exclude){folder}" for folder in generated]
    try:
        done = subprocess.run(
            ["git", "status", "--porcelain=v2", "--branch", "--", ".", *hidden],
            cwd=root, capture_output=True, text=True, errors="replace", check=False, timeout=30,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return Checkout(None, dirty=False)
    if done.returncode:
        return Checkout(None, dirty=False)
    lines = done.stdout.splitlines()
    heads = [line.split()[-1] for line in lines if line.startswith("# branch.oid ")]
    commit = heads[0] if heads and heads[0] != "(initial)" else None
    branches = [line.removeprefix("# branch.head ") for line in lines if line.startswith("# branch.head ")]
    branch = branches[0] if branches and branches[0] != "(detached)" else ""
    return Checkout(commit, any(not line.startswith("#") for line in lines), branch)


def ancestors(root: Path, most: int) -> list[str]:
    """HEAD and the commits before it, newest first; of a shallow clone also those that its last one names."""
    found = _lines(root, "rev-list", f"--max-count={most}", "HEAD")
    if len(found) == 1:
        parents = (line.split() for line in _lines(root, "cat-file", "commit", found[0]))
        found += [words[1] for words in parents if len(words) == 2 and words[0] == "parent"]
    return [commit for commit in found if _COMMIT.fullmatch(commit)][:most]


def _lines(root: Path, *words: str) -> list[str]:
    try:
        done = subprocess.run(
            ["git", *words], cwd=root, capture_output=True, text=True, errors="replace", check=False, timeout=30
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    return [] if done.returncode else done.stdout.splitlines()


def watched(root: Path) -> list[str]:
    """Files that change when the checkout moves to another commit."""
    for folder in (root, *root.parents):
        if (folder / ".git").exists():
            return [str(folder / ".git" / name) for name in ("HEAD", "logs/HEAD", "index")]
    return []


@dataclass(frozen=True, slots=True)
class Head:
    """What HEAD names: ``ref`` is the branch without its folder, "" where a commit itself is checked out."""

    commit: str | None
    ref: str


def head(root: Path) -> Head:
    """The same commit by git's own files, which takes no process; in a repository of a newer format it isn't known."""
    for folder in (root, *root.parents):
        if (folder / ".git").exists():
            return _head(folder / ".git")
    return Head(None, "")


def _head(found: Path) -> Head:
    try:
        own = found if found.is_dir() else found.parent / found.read_text("utf-8").partition("gitdir:")[2].strip()
        common = own / (own / "commondir").read_text("utf-8").strip() if (own / "commondir").exists() else own
        text = (own / "HEAD").read_text("utf-8").strip()
        if not text.startswith("ref:"):
            return Head(text if _COMMIT.fullmatch(text) else None, "")
        name = text.removeprefix("ref:").strip()
        return Head(_commit(own, common, name), name.removeprefix("refs/heads/"))
    except (OSError, ValueError):
        return Head(None, "")


def _commit(own: Path, common: Path, name: str) -> str | None:
    for folder in (own, common):
        if os.path.isfile(folder / name):
            text = (folder / name).read_text("utf-8").strip()
            return text if _COMMIT.fullmatch(text) else None
    if not (common / "packed-refs").exists():
        return None
    lines = (line.split() for line in (common / "packed-refs").read_text("utf-8").splitlines())
    return next((words[0] for words in lines if words[1:] == [name] and _COMMIT.fullmatch(words[0])), None)
