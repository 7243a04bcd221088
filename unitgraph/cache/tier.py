"""Tiers: which results stand apart from which, on this machine and in a shared place. Knows names only.

On this machine: "built", "trusted:<signer>", "untrusted:<namespace>"; in a shared place: "trusted" and the last.
"""

import re
from typing import Final

from unitgraph.cache.store import BUILT, TRUSTED

UNTRUSTED: Final = "untrusted"
UNSIGNED: Final = "untrusted:shared"
"""Where results go, and come from, while a project trusts no key."""

_NAMESPACE: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
"""Lower case, since it names a folder, and there are file systems that tell no case."""


def is_tier(text: str) -> bool:
    """Whether ``text`` is "trusted" or "untrusted:<namespace>"."""
    head, _, namespace = text.partition(":")
    return text == TRUSTED or (head == UNTRUSTED and _NAMESPACE.fullmatch(namespace) is not None)


def is_untrusted(tier: str) -> bool:
    """Of a tier, or of the origin of a result."""
    return tier.startswith(f"{UNTRUSTED}:")


def signed_by(signer: str) -> str:
    """The tier on this machine of what a key has signed, by its fingerprint."""
    return f"{TRUSTED}:{signer}"


def origin_of(tier: str) -> str:
    """The origin of a result that is found in a tier of this machine."""
    return tier if tier == BUILT or is_untrusted(tier) else TRUSTED
