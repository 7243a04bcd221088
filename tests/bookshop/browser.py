"""A real browser that visits the shop's page; Debian's Chromium, installed where it is missing."""

import os
import shutil
import subprocess
from pathlib import Path

from unitgraph.rules.toolchain import Toolchain
from unitgraph.rules.toolchain.install import locked

SCRIPT = Path(__file__).with_name("browser.ts")
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
    folder.mkdir(parents=True, exist_ok=True)
    script = folder / SCRIPT.name
    shutil.copy(SCRIPT, script)
    (folder / "node_modules").symlink_to(dev.modules)
    done = subprocess.run(
        [dev.bun, script, browser, f"http://127.0.0.1:{port}/", title],
        cwd=folder,
        env={"PATH": os.defpath, "HOME": str(folder)},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "visited\n"), done.stdout + done.stderr
