"""A real browser that visits the shop's page, and a program that uses its client. Debian's Chromium is installed where
it is missing."""

import os
import shutil
import subprocess
from pathlib import Path

from unitgraph.rules.toolchain import Toolchain
from unitgraph.rules.toolchain.install import locked

SCRIPT = Path(__file__).with_name("browser.ts")
PROGRAM = Path(__file__).with_name("client.ts")
INSTALL = (["apt-get", "update", "-qq"], ["apt-get", "install", "-qq", "-y", "--no-install-recommends", "chromium"])
TIMEOUT_S = 300


def chromium(folder: Path) -> Path:
    """The browser's executable; ``folder`` is for a lock, since tests may run side by side."""
    with locked(folder / "chromium.lock", say=print, waiting="Another test installs Chromium; waiting for it."):
        if shutil.which("chromium") is None:
            for command in INSTALL:
                subprocess.run(command, check=True, capture_output=True, env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"})
        found = shutil.which("chromium")
        assert found is not None, "Debian's chromium has been installed"
        return Path(found)


def visit(browser: Path, dev: Toolchain, folder: Path, port: int, title: str) -> None:
    """Look around, sign in and order ``title``; fails with what the browser said."""
    run(dev, folder, SCRIPT, browser, f"http://127.0.0.1:{port}/", title, says="visited\n")


def use(code: Path, dev: Toolchain, folder: Path, port: int) -> None:
    """Call the shop by the generated client, which is ``code``, from a program."""
    run(dev, folder, PROGRAM, code, f"http://127.0.0.1:{port}/", says="used\n")


def run(dev: Toolchain, folder: Path, source: Path, *arguments: str | Path, says: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    script = folder / source.name
    shutil.copy(source, script)
    modules = folder / "node_modules"
    if not modules.is_symlink():
        modules.symlink_to(dev.modules)
    done = subprocess.run(
        [dev.bun, script, *arguments],
        cwd=folder,
        env={"PATH": os.defpath, "HOME": str(folder)},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, says), done.stdout + done.stderr
