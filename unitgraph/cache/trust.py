"""Whom a build believes, what it may read and where it writes: one project's keys, the build's tier, its private key.

Knows names, keys and entries; touches neither disk nor network. Nothing here looks at a clock: a key is believed until
it is revoked, an entry until its key is, or until the generation moves on.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from unitgraph.cache import digest, signature
from unitgraph.cache.entry import Entry, Producer, Reason, Refusal, Sealed, decode, encode
from unitgraph.cache.store import BUILT, TRUSTED, Made
from unitgraph.cache.tier import UNSIGNED, is_untrusted, signed_by

MEANING: Final[Mapping[Reason, str]] = {
    "malformed": "they can't be read",
    "unsigned": "nobody has signed them",
    "unknown-key": "they are signed with a key that deploy.cache.keys doesn't have",
    "revoked-key": "they are signed with a key that deploy.cache.revoked names",
    "forged": "their signature is false",
    "wrong-key": "they were made for another action",
    "wrong-tier": "they belong to another tier",
    "wrong-generation": "they are of another generation",
}
"""Why results of a shared cache were left aside, for people."""

_FORGED: Final = frozenset({"unsigned", "forged", "wrong-key", "wrong-tier"})
"""What doesn't come about by itself."""

_ALARM: Final = " Somebody may be writing to it who shouldn't: 'doit cache verify' lists them."


@dataclass(frozen=True, slots=True)
class Trust:
    """``keys`` maps fingerprints to public keys and ``revoked`` names some of them. ``tier`` is the build's own, as
    written; "" leaves the choice to whether there are keys. ``signer`` is the private key, where the build has one."""

    keys: Mapping[str, bytes] = field(default_factory=dict)
    revoked: frozenset[str] = frozenset()
    tier: str = ""
    generation: int = 0
    signer: signature.PrivateKey | None = None

    @property
    def is_untrusted(self) -> bool:
        """Whether it was said of this build that nobody vouches for it."""
        return is_untrusted(self.tier)

    @property
    def believed(self) -> tuple[str, ...]:
        """The fingerprints of the keys whose entries are taken."""
        return tuple(sorted(self.keys.keys() - self.revoked))

    def reads(self, *, trusted_only: bool = False) -> tuple[str, ...]:
        """The tiers of a shared cache that this build looks into, in order."""
        shared = (TRUSTED,) if self.keys else () if trusted_only else (UNSIGNED,)
        own = (self.tier,) if self.is_untrusted and not trusted_only else ()
        return tuple(dict.fromkeys((*shared, *own)))

    @property
    def writes(self) -> str | None:
        """The tier of a shared cache that this build's results go to; None where it may write none."""
        if self.is_untrusted:
            return self.tier
        if not self.keys:
            return UNSIGNED
        return TRUSTED if self.signer and self.signer.fingerprint in self.believed else None

    @property
    def near_reads(self) -> tuple[str, ...]:
        """The same for this machine: a tier a key, so that what a key has signed goes with the key."""
        signed = (signed_by(signer) for signer in self.believed)
        return (BUILT, *signed, *(tier for tier in self.reads() if is_untrusted(tier)))

    @property
    def near_writes(self) -> str:
        """Where results of this build go on this machine."""
        return self.tier if self.is_untrusted else BUILT

    def address(self, key: str, tier: str) -> str:
        """What an entry is called in a shared cache. Tiers and generations never meet under one name."""
        return digest.sha256(f"unitgraph\0{self.generation}\0{tier}\0{key}".encode())

    def seal(self, key: str, action: str, made: Made, producer: Producer, tier: str) -> bytes:
        """The entry that this build writes to ``tier``, signed where that is the trusted one. Raises ValueError."""
        entry = Entry(key, action, made.outputs, made.facts, producer, tier, self.generation)
        return encode(entry, self.signer if tier == TRUSTED else None)

    def open(self, data: bytes, key: str, tier: str) -> Entry | Refusal:
        """The entry for ``key`` that ``tier`` holds, if it is to be believed there, or why it isn't."""
        sealed = decode(data)
        if isinstance(sealed, Refusal):
            return sealed
        entry = sealed.entry
        refused = self._distrusted(sealed) if tier == TRUSTED else None
        if refused is not None:
            return refused
        if entry.tier != tier or (entry.signer and tier != TRUSTED):
            return Refusal("wrong-tier", f"it says {entry.tier!r}, and was found in {tier!r}")
        if entry.key != key:
            return Refusal("wrong-key", f"it is the entry of {entry.key}, and was found for {key}")
        if entry.generation != self.generation:
            return Refusal("wrong-generation", f"it is of generation {entry.generation}, not of {self.generation}")
        return entry

    def _distrusted(self, sealed: Sealed) -> Refusal | None:
        signer = sealed.entry.signer
        if not signer:
            return Refusal("unsigned", "nobody has signed it")
        if signer in self.revoked:
            return Refusal("revoked-key", f"the key {signer[:16]} is revoked")
        if signer not in self.keys:
            return Refusal("unknown-key", f"the key {signer[:16]} isn't configured")
        if not signature.verify(self.keys[signer], sealed.message, sealed.signature):
            return Refusal("forged", f"the key {signer[:16]} hasn't signed this")
        return None


def silent_reason(trust: Trust) -> str:
    """Why nothing is written to the shared cache, "" where something is: for those who ask, since most machines
    have no key and needn't hear of it."""
    if trust.writes is not None:
        return ""
    if trust.signer is None:
        return "Nothing is written to the shared cache: this build has no private key (UNITGRAPH_CACHE_KEY)."
    return "Nothing is written to the shared cache: the key of UNITGRAPH_CACHE_KEY " + (
        "is revoked." if trust.signer.fingerprint in trust.revoked else "isn't among deploy.cache.keys."
    )


def said_of(refused: Reason, count: int, place: str) -> str:
    """The line about results of ``place`` that were left aside."""
    results = "1 result" if count == 1 else f"{count} results"
    alarm = _ALARM if refused in _FORGED else ""
    return f"{results} in the shared cache {place} weren't used and are made here: {MEANING[refused]}.{alarm}"
