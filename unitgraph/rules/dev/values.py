"""Secrets and variables of a project that runs on this machine. Nothing of them is an input of a build, or is printed.

The environment comes first, then the project's file ``.env``, then what the configuration says. Secrets that only this
machine's own units have to agree on are made up once, and kept in a file that nobody else can read.
"""

import json
import os
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from dotenv import dotenv_values

FILE: Final = ".env"
MADE_UP: Final = ("UNITGRAPH_RPC_SECRET", "JWT_SECRET", "SESSION_SECRET", "UNITGRAPH_DASHBOARD_TOKEN")
"""Secrets which sign what the same units read again, and what the front shows them in the name of whoever is here."""

ALWAYS: Final = (*MADE_UP, "LOG_LEVEL", "LOG_FORMAT", "UNITGRAPH_ENV")
"""Names that a Worker is given though no unit names them."""


def read_file(root: Path) -> dict[str, str]:
    """What the project's ``.env`` says; nothing where there is none."""
    found = dotenv_values(root / FILE, interpolate=False, encoding="utf-8")
    return {name: value for name, value in found.items() if value is not None}


def made_up(path: Path) -> dict[str, str]:
    """The secrets of this checkout; new ones where they aren't there, or the file says something else."""
    try:
        known = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        known = {}
    kept = known if isinstance(known, dict) else {}
    found = {name: kept[name] for name in MADE_UP if isinstance(kept.get(name), str)}
    if len(found) < len(MADE_UP):
        found = {name: found.get(name) or secrets.token_urlsafe(32) for name in MADE_UP}
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            json.dump(found, file)
    return found


def of_process(*layers: Mapping[str, str]) -> dict[str, str]:
    """The environment of a process; a later layer has the last word."""
    return {name: value for layer in layers for name, value in layer.items()}


def of_workers(names: Iterable[str], written: Mapping[str, str], *layers: Mapping[str, str]) -> dict[str, str]:
    """What Workers are given: of this machine's environment only what the project names, or its file does."""
    merged = of_process(*layers)
    return {name: merged[name] for name in sorted({*names, *written, *ALWAYS}) if name in merged}
