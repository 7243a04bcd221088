"""Keys as people write them down, and what a signature is worth."""

import base64
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from unitgraph.cache import signature

SEED = bytes(range(32))
KEY = Ed25519PrivateKey.from_private_bytes(SEED)
PUBLIC = KEY.public_key().public_bytes_raw()
PEM = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
LOCKED = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")).decode()
RSA = generate_private_key(65537, 2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
PLAIN = base64.b64encode(SEED).decode()


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_a_signature_is_good_for_its_message_alone(message: bytes, other: bytes) -> None:
    key = signature.read_private(PLAIN)
    made = key.sign(message)
    assert signature.verify(key.public, message, made)
    assert signature.verify(key.public, other, made) is (other == message)


def test_a_new_key_reads_back_and_is_another_each_time() -> None:
    first, second = signature.generate(), signature.generate()
    assert signature.read_private(first.private).public == signature.read_public(first.public)
    assert first.private != second.private
    assert first.public.startswith("ed25519:")


@pytest.mark.parametrize(
    "text",
    [PLAIN, PLAIN.rstrip("="), f"ed25519:{PLAIN}", f"  {PLAIN}\n", base64.urlsafe_b64encode(SEED).decode(), PEM,
     PEM.replace("\n", "\\n")],
    ids=["base64", "unpadded", "prefixed", "with a line end", "of URLs", "PEM", "PEM on one line"],
)  # fmt: skip
def test_a_private_key_is_read_as_it_stands_and_from_a_file(text: str, tmp_path: Path) -> None:
    assert signature.read_private(text).public == PUBLIC
    (tmp_path / "key").write_text(text)
    assert signature.read_private(str(tmp_path / "key")).public == PUBLIC


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("secret-value-that-is-none", "neither a key in base64, nor a PEM, nor the path"),
        (base64.b64encode(b"secret-value" * 4).decode(), "neither a key in base64, nor a PEM, nor the path"),
        ("/secret-value/is/not/there", "neither a key in base64, nor a PEM, nor the path"),
        ("secret\0value", "neither a key in base64, nor a PEM, nor the path"),
        ("secret-value" * 500, "neither a key in base64, nor a PEM, nor the path"),
        ("-----BEGIN PRIVATE KEY-----\nsecret-value\n-----END PRIVATE KEY-----", "without a private key"),
        (LOCKED, "with a password"),
        (RSA, "isn't Ed25519"),
    ],
    ids=["text", "too long", "no file", "NUL", "longer than paths", "broken PEM", "locked PEM", "RSA"],
)
def test_what_is_no_private_key_is_refused_without_being_repeated(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says) as caught:
        signature.read_private(text)
    assert "secret-value" not in str(caught.value)


@pytest.mark.parametrize("content", ["", "secret-value", PLAIN[:-9]], ids=["empty", "text", "cut"])
def test_a_file_without_a_key_is_refused_without_being_repeated(content: str, tmp_path: Path) -> None:
    (tmp_path / "key").write_text(content)
    with pytest.raises(ValueError, match=r"isn't base64|bytes; a key of Ed25519") as caught:
        signature.read_private(str(tmp_path / "key"))
    assert "secret-value" not in str(caught.value)


def test_a_private_key_shows_nothing_of_itself() -> None:
    pair = signature.generate()
    key = signature.read_private(pair.private)
    for shown in (repr(key), str(key), repr(pair), str(pair)):
        assert pair.private.rstrip("=") not in shown


@pytest.mark.parametrize(
    "text",
    ["", "ed25519:", "ed25519:AAAA", base64.b64encode(PUBLIC + b"x").decode(), "rsa:" + PLAIN, "ä" * 44, "ssh-ed25519 AAAA"],
)
def test_what_is_no_public_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        signature.read_public(text)


def small_order_points() -> list[bytes]:
    """Every encoding of a point whose order divides 8, calculated: y of the points themselves, with either sign."""
    prime = 2**255 - 19
    d = -121665 * pow(121666, -1, prime) % prime
    root = pow(2, (prime - 1) // 4, prime)

    def recovered(y: int) -> int | None:
        square = (y * y - 1) * pow(d * y * y + 1, -1, prime) % prime
        x = pow(square, (prime + 3) // 8, prime)
        if (x * x - square) % prime:
            x = x * root % prime
        return x if (x * x - square) % prime == 0 else None

    def doubled(x: int, y: int) -> tuple[int, int]:
        product = d * x * x * y * y % prime
        return (
            2 * x * y * pow(1 + product, -1, prime) % prime,
            (y * y + x * x) * pow(1 - product, -1, prime) % prime,
        )

    found = []
    for start in range(2, 200):     # eight times less the order of the large subgroup: what remains is of small order
        x = recovered(start)
        if x is None:
            continue
        point = multiplied((x, start), 2**252 + 27742317777372353535851937790883648493, d, prime)
        if point not in found:
            found.append(point)
        if len(found) == 8:
            break
    assert len(found) == 8
    for x, y in found:
        assert doubled(*doubled(*doubled(x, y))) == (0, 1)
    return sorted({bytes([*y.to_bytes(32, "little")[:-1], y.to_bytes(32, "little")[-1] | sign]) for _, y in found for sign in (0, 0x80)})


def multiplied(point: tuple[int, int], times: int, d: int, prime: int) -> tuple[int, int]:
    result, factor = (0, 1), point
    while times:
        if times & 1:
            result = added(result, factor, d, prime)
        factor = added(factor, factor, d, prime)
        times >>= 1
    return result


def added(one: tuple[int, int], two: tuple[int, int], d: int, prime: int) -> tuple[int, int]:
    product = d * one[0] * two[0] * one[1] * two[1] % prime
    x = (one[0] * two[1] + two[0] * one[1]) * pow(1 + product, -1, prime) % prime
    return x, (one[1] * two[1] + one[0] * two[0]) * pow(1 - product, -1, prime) % prime


def test_a_key_that_anybody_can_sign_for_is_refused() -> None:
    points = small_order_points()
    assert len(points) == 10, "five values of y, each with either sign"
    for point in points:
        with pytest.raises(ValueError, match="anybody can sign"):
            signature.read_public(base64.b64encode(point).decode())


def test_the_library_itself_would_believe_such_a_key() -> None:
    neutral = bytes([1, *[0] * 31])
    Ed25519PublicKey.from_public_bytes(neutral).verify(neutral + bytes(32), b"any message at all")


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda made: made[:-1], id="short"),
        pytest.param(lambda made: made + b"\0", id="long"),
        pytest.param(lambda _: b"", id="empty"),
        pytest.param(lambda made: made[:32] + (int.from_bytes(made[32:], "little") + 2**252 + 27742317777372353535851937790883648493).to_bytes(32, "little"), id="the same number plus the order"),
    ],
)
def test_a_signature_has_one_form(change: Callable[[bytes], bytes]) -> None:
    key = signature.read_private(PLAIN)
    assert signature.verify(key.public, b"message", key.sign(b"message"))
    assert not signature.verify(key.public, b"message", change(key.sign(b"message")))
