"""What git says of the checkout. Knows git's command line; a folder outside git, or without git, is no error."""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


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


def watched(root: Path) -> list[str]:
    """Files that change when the checkout moves to another commit."""
    for folder in (root, *root.parents):
        if (folder / ".git").exists():
            return [str(folder / ".git" / name) for name in ("HEAD", "logs/HEAD", "index")]
    return []
