"""A new key to sign results with, as people and scripts get it. The arithmetic is cache/signature.py's."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unitgraph.cache import signature
from unitgraph.errors.store import CacheFolderUnusable, KeyFileExists


@dataclass(frozen=True, slots=True)
class KeyPair:
    """``file`` holds the private part where it was asked for; then nobody is shown it."""

    pair: signature.Pair
    file: Path | None

    def document(self) -> dict[str, Any]:
        private = {"private": self.pair.private} if self.file is None else {"privateFile": str(self.file)}
        return {"public": self.pair.public, **private}

    def text(self) -> str:
        lines = [
            "The public line, for deploy.cache.keys in pikku.config.json, under a name of your choice:",
            "",
            f"    {self.pair.public}",
            "",
            "The private one, for the secrets of the builds that may sign, as UNITGRAPH_CACHE_KEY:",
            "",
            f"    {self.pair.private if self.file is None else f'in {self.file}'}",
        ]
        return "\n".join(lines) + "\n"


def made(file: Path | None) -> KeyPair:
    """A new key. Raises KeyFileExists."""
    pair = signature.generate()
    if file is not None:
        try:
            handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except FileExistsError:
            raise KeyFileExists(file) from None
        except OSError as error:
            raise CacheFolderUnusable(file.parent, error.strerror or str(error)) from error
        with open(handle, "w", encoding="ascii") as opened:
            opened.write(f"{pair.private}\n")
    return KeyPair(pair, file)
