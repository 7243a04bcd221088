"""What a shared cache holds of one project, and whether builds would believe it. Reads; remembers nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from unitgraph.cache import audit
from unitgraph.cache.entry import Entry, Reason
from unitgraph.cache.remote.base import BackendError
from unitgraph.cache.store import Blob
from unitgraph.rules import whole
from unitgraph.rules.cache_layers import open_place

if TYPE_CHECKING:
    from unitgraph.cache.key import Key
    from unitgraph.rules.engine import Engine

EXPECTED: Final[frozenset[Reason]] = frozenset({"unknown-key", "revoked-key", "wrong-generation"})
"""What is left over when keys change or a project begins anew: nobody takes it, and nobody is at fault."""


@dataclass(frozen=True, slots=True)
class Refused:
    """An entry that no build takes. ``action`` is what its key is that of."""

    action: str
    tier: str
    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class Damaged:
    """A blob of an entry that is to be believed, which isn't there or has other bytes."""

    action: str
    digest: str


@dataclass(frozen=True, slots=True)
class SharedCheck:
    """``entries`` were looked at. ``trouble`` is why there was no looking any further, or ""."""

    place: str
    entries: int
    refused: tuple[Refused, ...]
    damaged: tuple[Damaged, ...]
    trouble: str = ""

    @property
    def is_sound(self) -> bool:
        return not self.trouble and not self.damaged and all(each.reason in EXPECTED for each in self.refused)


def check(engine: "Engine", keys: Mapping[str, "Key"]) -> SharedCheck | None:
    """Looks into the project's shared cache for all of its bundles; None where nothing is shared."""
    opened = open_place(engine.project, engine.settings)
    if opened is None:
        return None
    backend, trust = opened
    names = {key.digest: f"{key.action}:{subject}" for subject, key in keys.items()}
    names[whole.key_of(engine).digest] = whole.NAME
    count = 0
    refused: list[Refused] = []
    good: dict[Blob, str] = {}
    damaged: list[Damaged] = []
    trouble = ""
    try:
        for finding in audit.inspect(backend, trust, list(names)):
            count += 1
            found = finding.found
            if isinstance(found, Entry):
                good.update(dict.fromkeys(found.outputs.values(), names[finding.key]))
            else:
                refused.append(Refused(names[finding.key], finding.tier, found.reason, found.detail))
        damaged += (Damaged(good[blob], blob.digest) for blob in audit.damaged(backend, sorted(good)))
        backend.close()
    except BackendError as error:
        trouble = error.detail
    return SharedCheck(backend.place, count, _sorted(refused), tuple(damaged), trouble)


def _sorted(refused: Sequence[Refused]) -> tuple[Refused, ...]:
    return tuple(sorted(refused, key=lambda each: (each.action, each.tier)))
