"""Tiers: which results stand apart from which, on this machine and in a shared place. Knows names only.

On this machine: "built", "trusted:<signer>", "untrusted:<namespace>"; in a shared place: "trusted" and the last.
"""

import re
from collections.abc import Iterable
from typing import Final

from unitgraph.cache.store import TRUSTED

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
    """Of a tier, or of the origin of a result, which is the tier that this machine has it in."""
    return tier.startswith(f"{UNTRUSTED}:")


def signed_by(signer: str) -> str:
    """The tier on this machine of what a key has signed, by its fingerprint."""
    return f"{TRUSTED}:{signer}"


def together(origins: Iterable[str], own: str) -> str | None:
    """The origin of what is made of results of several origins by a build whose own is ``own``.

    It is as doubtful as the most doubtful of them, and goes with any key that has signed one. None where no single
    tier says so: then it can't be kept.
    """
    others = {*origins} - {own}
    doubtful = {origin for origin in (*others, own) if is_untrusted(origin)}
    if doubtful:
        return doubtful.pop() if len(doubtful) == 1 else None
    return own if not others else others.pop() if len(others) == 1 else None
