"""Which providers' units run on this machine, and how. Knows folders below ``.deploy/dev``; starts nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from unitgraph.errors.dev import DevElsewhere

FOLDER: Final = ".deploy/dev"


@dataclass(frozen=True, slots=True)
class Local:
    """``runs`` says in what; ``needs`` are parts of the toolchain for that."""

    runs: Literal["process", "workers"]
    needs: tuple[str, ...] = ()


LOCAL: Final[Mapping[str, Local]] = {
    "cloudflare": Local("workers", ("workers",)),
    "standalone": Local("process"),
}


@dataclass(frozen=True, slots=True)
class Folders:
    """Of one project and provider. All of them may be deleted; ``data`` is what units keep between runs."""

    top: Path

    @property
    def data(self) -> Path:
        return self.top / "data"

    @property
    def versions(self) -> Path:
        return self.top / "versions"

    @property
    def lock(self) -> Path:
        return self.top / "lock"

    @property
    def running(self) -> Path:
        return self.top / "running.json"


def local(provider: str) -> Local:
    """How a provider's units run here. Raises DevElsewhere."""
    found = LOCAL.get(provider)
    if found is None:
        raise DevElsewhere(provider, known=LOCAL)
    return found


def folders(root: Path, provider: str) -> Folders:
    return Folders(root / FOLDER / provider)


def secrets_file(root: Path) -> Path:
    """Values that this checkout made up for itself."""
    return root / FOLDER / "secrets.json"
