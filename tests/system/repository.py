"""A checkout that is a git repository, with git as it is out of the box: nothing of the developer's settings."""

import subprocess
from pathlib import Path

from tests.harness import Checkout

IGNORED = "node_modules/\n.deploy/\n.pikku/\n"
WHO = {"NAME": "Tester", "EMAIL": "tester@example.invalid", "DATE": "2026-01-02T03:04:05Z"}
SETTINGS = {
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_COUNT": "1",                # submodules of tests are folders, which git doesn't clone by itself
    "GIT_CONFIG_KEY_0": "protocol.file.allow",
    "GIT_CONFIG_VALUE_0": "always",
    **{f"GIT_{role}_{name}": value for role in ("AUTHOR", "COMMITTER") for name, value in WHO.items()},
}


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=folder, env={"PATH": "/usr/bin:/bin", **SETTINGS}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"git {' '.join(arguments)}: {done.stderr}"
    return done.stdout.strip()


def committed(checkout: Checkout, folder: Path | None = None) -> Checkout:
    """The same checkout, all of it in one commit that the branch ``base`` stays at."""
    top = folder or checkout.root
    (top / ".gitignore").write_text(IGNORED)
    git(top, "init", "-q", "-b", "main")
    commit(top, "begin")
    git(top, "branch", "base")
    return checkout


def commit(folder: Path, message: str = "more") -> None:
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "--allow-empty", "-m", message)
