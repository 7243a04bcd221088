"""What can go wrong when the project is compared with what git has of it."""

from collections.abc import Sequence

from unitgraph.errors.base import UnitgraphError


class GitMissing(UnitgraphError):
    """There is no git to ask."""

    code = "git-missing"

    def __init__(self) -> None:
        super().__init__("The program git isn't installed, or not on PATH.", remedy="Install git, or drop this option.")


class NotARepository(UnitgraphError):
    """The project isn't in a git repository that git is willing to read."""

    code = "not-a-repository"

    def __init__(self, folder: str, *, detail: str) -> None:
        super().__init__(
            f"git takes {folder} for no repository of its own: {detail}.",
            remedy="Run this in a clone of the repository; where git speaks of ownership, do what it says.",
        )


class ProjectIgnored(UnitgraphError):
    """git doesn't look at the project's files, so it can't tell what of them changed."""

    code = "project-ignored"

    def __init__(self, file: str) -> None:
        super().__init__(
            f"git ignores {file}, so it knows of no change in this project.",
            remedy="Take the project's folder out of .gitignore, or give this command another project.",
        )


class UnknownRevision(UnitgraphError):
    """What is to be compared with isn't in the clone."""

    code = "unknown-revision"

    def __init__(self, name: str, *, near: Sequence[str], shallow: bool) -> None:
        fetch = "git fetch --unshallow (in CI, check out with fetch-depth: 0)"
        if near:
            remedy = f"Did you mean {' or '.join(near)}? Or get it with '{fetch if shallow else 'git fetch'}'."
        else:
            remedy = f"Get it with '{fetch}'." if shallow else f"Get it with 'git fetch origin {_branch(name)}'."
        super().__init__(f"git knows no commit {name!r}.", remedy=remedy)


class HistoryTooShort(UnitgraphError):
    """A shallow clone ends before the commit that both sides come from."""

    code = "history-too-short"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"This clone is shallow: the commit that HEAD and {name} both come from isn't in it.",
            remedy="Run 'git fetch --unshallow', or check out with fetch-depth: 0 (GIT_DEPTH: 0 on GitLab).",
        )


class NoCommonHistory(UnitgraphError):
    """Two histories that never met."""

    code = "no-common-history"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"HEAD and {name} have no commit in common.", remedy="Name a branch or tag that HEAD comes from."
        )


class SubmoduleTooShort(UnitgraphError):
    """A submodule moved, and what it moved from isn't there."""

    code = "submodule-too-short"

    def __init__(self, path: str, commit: str) -> None:
        super().__init__(
            f"The submodule {path} stood at {commit[:12]}, and its clone doesn't have that commit.",
            remedy=f"Run 'git -C {path} fetch --unshallow' or 'git -C {path} fetch'.",
        )


class GitFailed(UnitgraphError):
    """git ended with an error that we have no word for."""

    code = "git-failed"

    def __init__(self, command: str, output: str) -> None:
        said = " ".join(output.split())[-400:] or "nothing"
        super().__init__(f"'git {command}' failed. It said: {said}", remedy="Mend what git says, and try again.")


def _branch(name: str) -> str:
    return name.removeprefix("origin/")
