"""What is checked out, by git's own files: the same as git says, in every form that a checkout has."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from unitgraph.rules.git import Head, ancestors, head


def git(folder: Path, *words: str) -> str:
    own = ("-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main", "-c", "protocol.file.allow=always")
    return subprocess.run(["git", *own, *words], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    (folder / "inner").mkdir(parents=True)
    git(folder, "init", "-q")
    for number in range(3):
        (folder / "inner/a.txt").write_text(str(number))
        git(folder, "add", "-A")
        git(folder, "commit", "-qm", f"change {number}")
    return folder


def as_it_is(folder: Path) -> Path:
    return folder


def inside(folder: Path) -> Path:
    return folder / "inner"


def packed(folder: Path) -> Path:
    git(folder, "tag", "-am", "annotated, so that packed-refs has lines of another form", "v1")
    git(folder, "pack-refs", "--all")
    assert not (folder / ".git/refs/heads/main").exists()
    return folder


def on_a_branch_with_a_slash(folder: Path) -> Path:
    git(folder, "switch", "-qc", "feature/books")
    return folder


def a_worktree(folder: Path) -> Path:
    git(folder, "worktree", "add", "-q", "-b", "side", "../side")
    return folder.parent / "side"


def a_worktree_of_packed_refs(folder: Path) -> Path:
    found = a_worktree(folder)
    git(folder, "pack-refs", "--all")
    return found


def a_submodule(folder: Path) -> Path:
    outer = folder.parent / "outer"
    outer.mkdir()
    git(outer, "init", "-q")
    git(outer, "submodule", "add", "-q", str(folder), "part")
    return outer / "part"


@pytest.mark.parametrize(
    "form", [as_it_is, inside, packed, on_a_branch_with_a_slash, a_worktree, a_worktree_of_packed_refs, a_submodule]
)
def test_the_commit_and_the_branch(repository: Path, form: Callable[[Path], Path]) -> None:
    folder = form(repository)
    assert head(folder) == Head(git(folder, "rev-parse", "HEAD"), git(folder, "rev-parse", "--abbrev-ref", "HEAD"))


def test_a_commit_that_is_checked_out_itself_has_no_branch(repository: Path) -> None:
    git(repository, "checkout", "-q", "HEAD~1")
    assert head(repository) == Head(git(repository, "rev-parse", "HEAD"), "")


def test_before_the_first_commit_and_outside_git_there_is_none(tmp_path: Path) -> None:
    assert head(tmp_path) == Head(None, "")
    git(tmp_path, "init", "-q")
    assert head(tmp_path) == Head(None, "main")


@pytest.mark.parametrize("text", ["", "gitdir: nowhere", "ref: refs/heads/main\n", "\xff\xfe"])
def test_a_damaged_repository_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / ".git").write_bytes(text.encode("latin-1"))
    assert head(tmp_path) == Head(None, "")


def test_ancestors_are_newest_first(repository: Path) -> None:
    every = git(repository, "rev-list", "HEAD").split()
    assert ancestors(repository, 10) == every
    assert ancestors(repository, 2) == every[:2]


def test_a_shallow_clone_knows_the_commits_that_its_last_one_names(repository: Path, tmp_path: Path) -> None:
    every = git(repository, "rev-list", "HEAD").split()
    git(tmp_path, "clone", "-q", "--depth=1", repository.as_uri(), "shallow")
    assert ancestors(tmp_path / "shallow", 10) == every[:2]


def test_without_git_there_are_no_ancestors(tmp_path: Path) -> None:
    assert ancestors(tmp_path, 10) == []
    shutil.copytree(tmp_path, tmp_path / "more", dirs_exist_ok=True, ignore=lambda *_: ["more"])
    git(tmp_path, "init", "-q")
    assert ancestors(tmp_path, 10) == []
