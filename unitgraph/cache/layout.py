"""Where things are in the cache's folder, and who else can write there. Reads names and modes, no content.

    cas/<two digits>/<SHA-256>                    blobs
    ac/<two digits>/<action key>                  entries that this user's builds made
    trusted/<signer>/ac/…                         those from elsewhere that a key has signed
    untrusted/<namespace>/ac/…                    those of builds that nobody vouches for
    generation-<n>/…                              all three, once the project has begun anew
    claims  builds/  size  collect.lock           what processes tell each other
"""

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from unitgraph.cache.digest import is_sha256
from unitgraph.cache.store import BUILT, TRUSTED
from unitgraph.cache.tier import UNTRUSTED, is_tier

FOLDER_MODE: Final = 0o700      # results of private code: nobody else's to read, whatever the umask
FILE_MODE: Final = 0o444        # nobody edits a blob by mistake through a link to it
_GENERATION: Final = "generation-"
_NUMBERED: Final = re.compile(_GENERATION + r"[1-9][0-9]{0,8}")


@dataclass(frozen=True, slots=True)
class Layout:
    """The cache below ``root``."""

    root: Path

    @property
    def blobs(self) -> Path:
        return self.root / "cas"

    @property
    def claims(self) -> Path:
        return self.root / "claims"

    @property
    def builds(self) -> Path:
        return self.root / "builds"

    @property
    def size(self) -> Path:
        return self.root / "size"

    @property
    def lock(self) -> Path:
        """Held by the one process that removes things."""
        return self.root / "collect.lock"

    def entries(self, tier: str, generation: int = 0) -> Path:
        """The folder of a tier's entries. Raises ValueError where its name could lead elsewhere."""
        kind, _, name = tier.partition(":")
        if tier != BUILT and not (kind == TRUSTED and is_sha256(name)) and not (kind == UNTRUSTED and is_tier(tier)):
            raise ValueError(f"{tier!r} is no tier of this machine")
        base = self.root / f"{_GENERATION}{generation}" if generation else self.root
        return base / "ac" if tier == BUILT else base / kind / name / "ac"

    def tiers(self) -> Iterator[tuple[str, int, Path]]:
        """Every tier that there may be entries of, with its generation and its folder."""
        generations = [int(name.removeprefix(_GENERATION)) for name in _names(self.root) if _NUMBERED.fullmatch(name)]
        for generation in (0, *sorted(generations)):
            base = self.entries(BUILT, generation).parent
            kinds = [f"{kind}:{name}" for kind in (TRUSTED, UNTRUSTED) for name in _names(base / kind)]
            for tier in (BUILT, *kinds):
                try:
                    yield tier, generation, self.entries(tier, generation)
                except ValueError:
                    continue    # a folder that the cache didn't make


def _names(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def below(folder: Path | str, name: str) -> str:
    """The file of a digest or a key, of whose form the caller is sure."""
    return f"{folder}/{name[:2]}/{name}"


def others_can_write(folder: Path, user: int | None = None) -> bool:
    """Whether somebody besides ``user`` (this process's) and root may put files there; what isn't there is nobody's."""
    user = os.geteuid() if user is None else user
    try:
        found = os.stat(folder)
    except OSError:
        return False
    if found.st_uid not in (user, 0) or found.st_mode & stat.S_IWOTH:
        return True
    return bool(found.st_mode & stat.S_IWGRP) and not _is_private(found.st_gid, user)


def _is_private(group: int, user: int) -> bool:
    """Whether a group is this user's alone, as many systems give everybody one and a umask that lets it write."""
    import grp  # noqa: PLC0415 - needed for folders that are group-writable only, and not there on every platform
    import pwd  # noqa: PLC0415 - as above

    try:
        found, own = grp.getgrgid(group), pwd.getpwuid(user)
    except KeyError:
        return False
    return own.pw_gid == group and set(found.gr_mem) <= {own.pw_name} and found.gr_name == own.pw_name
