"""Ed25519 keys: read, made, signed with and verified. Knows bytes and how keys are written, not whom to believe.

The arithmetic is the library ``cryptography``'s, which takes 40 ms to import: only what signs or verifies does that.
"""

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from unitgraph.cache import digest

PREFIX: Final = "ed25519:"
_BYTES: Final = 32
_LONGEST_FILE: Final = 10_000
_WEAK: Final = frozenset(
    bytes.fromhex(text)
    for text in (
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    )
)
"""The points of small order but for the sign of x: anybody can sign for these. Placeholders decode to the first."""


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """Signs; says nothing of itself but its public part."""

    public: bytes
    sign: Callable[[bytes], bytes] = field(repr=False)

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.public)


@dataclass(frozen=True, slots=True)
class Pair:
    """A new key as text: ``public`` for the project's configuration, ``private`` for where its builds keep secrets."""

    public: str
    private: str = field(repr=False)


def fingerprint(public: bytes) -> str:
    """What a key is called wherever it matters; the ids in a configuration are for people."""
    return digest.sha256(public)


def read_public(text: str) -> bytes:
    """The key in ``ed25519:<base64>`` or the base64 alone. Raises ValueError."""
    key = _bytes(text.removeprefix(PREFIX))
    if key[:-1] + bytes([key[-1] & 0x7F]) in _WEAK:
        raise ValueError("it is a key that anybody can sign with")
    return key


def read_private(text: str) -> PrivateKey:
    """The key in ``text``: the base64 of its seed, a PEM, or the path of a file with either.

    Raises ValueError with a sentence that repeats nothing of ``text``, and OSError where a file can't be read.
    """
    text = text.strip()
    if text.startswith("-----BEGIN"):
        return _from_pem(text)
    try:
        return _from_seed(_bytes(text.removeprefix(PREFIX)))
    except ValueError:
        path = Path(text)
        if "\0" in text or "\n" in text or len(text) > 1000 or not path.is_file():
            raise ValueError("it is neither a key in base64, nor a PEM, nor the path of a file with one") from None
    with path.open("rb") as file:
        content = file.read(_LONGEST_FILE).decode("ascii", "replace").strip()
    return _from_pem(content) if content.startswith("-----BEGIN") else _from_seed(_bytes(content.removeprefix(PREFIX)))


def verify(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether ``signature`` is that of the key's owner over ``message``."""
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - see above
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415 - see above

    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def generate() -> Pair:
    """A new key from the system's source of randomness."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415 - see above

    key = Ed25519PrivateKey.generate()
    return Pair(write_public(key.public_key().public_bytes_raw()), base64.b64encode(key.private_bytes_raw()).decode())


def write_public(public: bytes) -> str:
    """A public key as configurations have it."""
    return PREFIX + base64.b64encode(public).decode()


def _from_seed(seed: bytes) -> PrivateKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415 - see above

    key = Ed25519PrivateKey.from_private_bytes(seed)
    return PrivateKey(key.public_key().public_bytes_raw(), key.sign)


def _from_pem(text: str) -> PrivateKey:
    """CI systems that keep a secret on one line write its line breaks as backslash and n."""
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - see above
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415 - see above
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415 - see above

    try:
        key = load_pem_private_key(text.replace("\\n", "\n").encode(), password=None)
    except TypeError:
        raise ValueError("it is a PEM with a password") from None
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("it is a PEM without a private key") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError("it is a PEM with a key that isn't Ed25519")  # noqa: TRY004 - it is the text that is wrong
    return PrivateKey(key.public_key().public_bytes_raw(), key.sign)


def _bytes(text: str) -> bytes:
    """Base64 of either alphabet, with or without its padding."""
    plain = text.strip().rstrip("=").replace("-", "+").replace("_", "/")
    try:
        key = base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("it isn't base64") from None
    if len(key) != _BYTES:
        raise ValueError(f"it has {len(key)} bytes; a key of Ed25519 has {_BYTES}")
    return key
