"""What a cache is to those who build: results by key, bytes by digest, claims on work. Knows no place.

One interface for the folder on this machine, for what machines share, and for both in layers. A lookup brings
digests and sizes only; bytes come when somebody asks for them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

BUILT: Final = "built"
TRUSTED: Final = "trusted"
"""Origins: "built", on this machine by a build that may write what is trusted; "trusted:<key>", from a shared cache and
signed with that key; "untrusted:<namespace>", made by, or for, a build that nobody vouches for."""


@dataclass(frozen=True, slots=True, order=True)
class Blob:
    """Bytes by name: their SHA-256 as 64 hex digits, and how many they are."""

    digest: str
    size: int


@dataclass(frozen=True, slots=True)
class Made:
    """What an action made: ``outputs``, relative path → blob, and ``facts`` about them, plain JSON.

    ``origin`` is where this machine has it from, and never part of what is stored or signed as such.
    """

    outputs: Mapping[str, Blob]
    facts: Mapping[str, object]
    origin: str = BUILT


@dataclass(slots=True)
class Traffic:
    """What one command's lookups came to. ``local`` and ``remote`` count found results. Bytes are those of blobs: read
    and written on this machine, received from and sent to a shared place."""

    local: int = 0
    remote: int = 0
    missed: int = 0
    bytes_read: int = 0
    bytes_written: int = 0
    bytes_received: int = 0
    bytes_sent: int = 0
    warnings: list[str] = field(default_factory=list)


class Cache(Protocol):
    """Everything here is safe to call from the runner's thread alone. Nothing but ``keep`` may raise OSError."""

    traffic: Traffic

    @property
    def own(self) -> str:
        """The origin of what this build makes."""

    def believes(self, origin: str, *, trusted_only: bool = False) -> bool:
        """Whether this build takes results of ``origin``: a key may be revoked by now, a tier may be another's."""

    def look_up(self, keys: Sequence[str], *, trusted_only: bool = False, near: bool = False) -> Mapping[str, Made]:
        """What is recorded for ``keys``, of those that are known. ``trusted_only`` leaves untrusted origins out,
        ``near`` asks this machine alone and counts in no traffic."""

    def fetch(self, blobs: Iterable[Blob], *, near: bool = False) -> Mapping[str, bytes]:
        """Digest → bytes, each verified; what isn't held whole is left out. ``near`` as above."""

    def keep(self, key: str, action: str, made: Made, data: Mapping[str, bytes]) -> None:
        """Records what ``action`` made; ``data``, digest → bytes, holds every blob of ``made``. May raise OSError."""

    def claim(self, keys: Sequence[str]) -> frozenset[str]:
        """Those of ``keys`` that this process may work on: no other process of this machine is at them.

        A claim ends with ``release`` or with the process, however that ends.
        """

    def release(self, keys: Iterable[str]) -> None:
        """Lets claims go."""

    def await_others(self, keys: Sequence[str]) -> None:
        """Returns as soon as one of ``keys``, claimed by another process, is free. The caller holds no claims."""

    def close(self, *, at_once: bool = False) -> None:
        """Ends what goes on in the background; waits for writes as long as is worth it, or not at all."""
