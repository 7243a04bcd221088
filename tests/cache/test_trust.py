"""Whom a build believes: each way in which an entry can be wrong, each tier, rotation and revocation."""

from dataclasses import replace
from itertools import product

import pytest

from unitgraph.cache import signature
from unitgraph.cache.digest import sha256
from unitgraph.cache.entry import Entry, Producer, Refusal, encode
from unitgraph.cache.store import BUILT, Blob, Made
from unitgraph.cache.tier import is_tier, is_untrusted, signed_by, together
from unitgraph.cache.trust import MEANING, Trust, said_of, silent_reason

OURS, NEXT, THEIRS = (signature.read_private(signature.generate().private) for _ in range(3))
KEY = sha256(b"key")
OTHER = sha256(b"another key")
ENTRY = Entry(KEY, "bundle:a", {"index.js": Blob(sha256(b"x"), 1)}, {"sizes": 1}, Producer("0.1.0"), "trusted")
TRUST = Trust({OURS.fingerprint: OURS.public}, signer=OURS)
READER = replace(TRUST, signer=None)
OPEN = Trust()


def untrusted(trust: Trust, name: str = "pr-1") -> Trust:
    return replace(trust, tier=f"untrusted:{name}", signer=None)


def test_what_one_build_seals_another_opens() -> None:
    data = TRUST.seal(KEY, "bundle:a", Made(ENTRY.outputs, ENTRY.facts), ENTRY.producer, "trusted")
    assert READER.open(data, KEY, "trusted") == replace(ENTRY, signer=OURS.fingerprint)


def test_what_one_unsigned_build_seals_another_opens_as_unsigned() -> None:
    data = OPEN.seal(KEY, "bundle:a", Made(ENTRY.outputs, ENTRY.facts), ENTRY.producer, "untrusted:shared")
    assert OPEN.open(data, KEY, "untrusted:shared") == replace(ENTRY, tier="untrusted:shared")


SIGNED = encode(ENTRY, OURS)


@pytest.mark.parametrize(
    ("trust", "data", "key", "tier", "reason"),
    [
        pytest.param(READER, SIGNED[:-1], KEY, "trusted", "malformed", id="cut"),
        pytest.param(READER, encode(ENTRY), KEY, "trusted", "unsigned", id="unsigned"),
        pytest.param(READER, encode(ENTRY, THEIRS), KEY, "trusted", "unknown-key", id="another's key"),
        pytest.param(replace(READER, revoked=frozenset({OURS.fingerprint})), SIGNED, KEY, "trusted", "revoked-key", id="revoked"),
        pytest.param(READER, SIGNED[:-4] + b"0000", KEY, "trusted", "forged", id="forged"),
        pytest.param(READER, SIGNED, OTHER, "trusted", "wrong-key", id="under another key"),
        pytest.param(READER, encode(replace(ENTRY, tier="untrusted:pr-1"), OURS), KEY, "trusted", "wrong-tier", id="signed for another tier"),
        pytest.param(replace(READER, generation=1), SIGNED, KEY, "trusted", "wrong-generation", id="of the generation before"),
        pytest.param(READER, encode(replace(ENTRY, generation=1), OURS), KEY, "trusted", "wrong-generation", id="of the next generation"),
        pytest.param(untrusted(READER), SIGNED, KEY, "untrusted:pr-1", "wrong-tier", id="a trusted one in a namespace"),
        pytest.param(untrusted(READER), encode(replace(ENTRY, tier="untrusted:pr-2")), KEY, "untrusted:pr-1", "wrong-tier", id="of another namespace"),
        pytest.param(untrusted(READER), encode(replace(ENTRY, tier="untrusted:pr-1"), OURS), KEY, "untrusted:pr-1", "wrong-tier", id="signed, where nobody signs"),
        pytest.param(untrusted(READER), encode(replace(ENTRY, tier="untrusted:pr-1")), OTHER, "untrusted:pr-1", "wrong-key", id="of a namespace under another key"),
        pytest.param(OPEN, encode(ENTRY), KEY, "untrusted:shared", "wrong-tier", id="unsigned and calls itself trusted"),
    ],
)
def test_why_an_entry_is_refused(trust: Trust, data: bytes, key: str, tier: str, reason: str) -> None:
    found = trust.open(data, key, tier)
    assert isinstance(found, Refusal)
    assert found.reason == reason


def test_a_signer_is_a_fingerprint_and_not_a_name() -> None:
    """Whoever has a key of their own can't say that it is ours."""
    body, _, _ = SIGNED.rpartition(b"\n")
    forged = body + b"\n" + THEIRS.sign(b"unitgraph cache entry\0" + body).hex().encode()
    found = READER.open(forged, KEY, "trusted")
    assert isinstance(found, Refusal)
    assert found.reason == "forged"


@pytest.mark.parametrize(
    ("trust", "reads", "vouched", "writes", "near_reads", "near_writes"),
    [
        pytest.param(TRUST, ("trusted",), ("trusted",), "trusted", (BUILT, signed_by(OURS.fingerprint)), BUILT, id="with the key"),
        pytest.param(READER, ("trusted",), ("trusted",), None, (BUILT, signed_by(OURS.fingerprint)), BUILT, id="without it"),
        pytest.param(replace(TRUST, signer=THEIRS), ("trusted",), ("trusted",), None, (BUILT, signed_by(OURS.fingerprint)), BUILT, id="with another key"),
        pytest.param(replace(TRUST, revoked=frozenset({OURS.fingerprint})), ("trusted",), ("trusted",), None, (BUILT,), BUILT, id="with a revoked key"),
        pytest.param(untrusted(READER), ("trusted", "untrusted:pr-1"), ("trusted",), "untrusted:pr-1", (BUILT, signed_by(OURS.fingerprint), "untrusted:pr-1"), "untrusted:pr-1", id="a pull request"),
        pytest.param(replace(untrusted(READER), signer=OURS), ("trusted", "untrusted:pr-1"), ("trusted",), "untrusted:pr-1", (BUILT, signed_by(OURS.fingerprint), "untrusted:pr-1"), "untrusted:pr-1", id="a pull request with the key"),
        pytest.param(OPEN, ("untrusted:shared",), (), "untrusted:shared", (BUILT, "untrusted:shared"), BUILT, id="no keys at all"),
        pytest.param(untrusted(OPEN), ("untrusted:shared", "untrusted:pr-1"), (), "untrusted:pr-1", (BUILT, "untrusted:shared", "untrusted:pr-1"), "untrusted:pr-1", id="no keys, a pull request"),
        pytest.param(untrusted(OPEN, "shared"), ("untrusted:shared",), (), "untrusted:shared", (BUILT, "untrusted:shared"), "untrusted:shared", id="no keys, that namespace"),
    ],
)  # fmt: skip
def test_what_a_build_reads_and_writes(
    trust: Trust, reads: tuple[str, ...], vouched: tuple[str, ...], writes: str | None, near_reads: tuple[str, ...], near_writes: str
) -> None:
    assert trust.reads() == reads
    assert trust.reads(trusted_only=True) == vouched
    assert trust.writes == writes
    assert trust.near_reads == near_reads
    assert trust.near_writes == near_writes


def test_no_two_tiers_generations_or_keys_meet_under_one_name() -> None:
    tiers = ("trusted", "untrusted:a", "untrusted:b", "untrusted:shared")
    names = {
        Trust(generation=generation).address(key, tier)
        for tier, generation, key in product(tiers, range(12), (KEY, OTHER))
    }
    assert len(names) == len(tiers) * 12 * 2
    assert all(len(name) == 64 for name in names)


def test_keys_rotate_without_a_gap() -> None:
    """The next key is announced, then used, then the old one goes; entries of both are believed while both are listed."""
    old, new = encode(ENTRY, OURS), encode(ENTRY, NEXT)
    both = Trust({OURS.fingerprint: OURS.public, NEXT.fingerprint: NEXT.public})
    assert isinstance(both.open(old, KEY, "trusted"), Entry)
    assert isinstance(both.open(new, KEY, "trusted"), Entry)
    after = Trust({NEXT.fingerprint: NEXT.public})
    assert isinstance(after.open(new, KEY, "trusted"), Entry)
    found = after.open(old, KEY, "trusted")
    assert isinstance(found, Refusal)
    assert found.reason == "unknown-key"


def test_a_key_that_is_revoked_takes_none_with_it() -> None:
    both = Trust({OURS.fingerprint: OURS.public, NEXT.fingerprint: NEXT.public}, frozenset({OURS.fingerprint}))
    assert both.believed == (NEXT.fingerprint,)
    assert both.near_reads == (BUILT, signed_by(NEXT.fingerprint))
    assert isinstance(both.open(encode(ENTRY, NEXT), KEY, "trusted"), Entry)
    assert isinstance(both.open(encode(ENTRY, OURS), KEY, "trusted"), Refusal)


@pytest.mark.parametrize(
    ("trust", "says"),
    [
        (TRUST, ""), (OPEN, ""), (untrusted(TRUST), ""), (READER, "has no private key"),
        (replace(TRUST, signer=THEIRS), "isn't among deploy.cache.keys"),
        (replace(TRUST, revoked=frozenset({OURS.fingerprint})), "is revoked"),
    ],
    ids=["signs", "no keys", "a namespace", "no key", "another key", "revoked"],
)  # fmt: skip
def test_why_nothing_is_written(trust: Trust, says: str) -> None:
    assert says in silent_reason(trust)
    assert bool(says) is (trust.writes is None)


@pytest.mark.parametrize("reason", MEANING)
def test_each_kind_of_refusal_has_a_line_with_its_count(reason: str) -> None:
    line = said_of(reason, 1, "https://cache")  # type: ignore[arg-type]  # a key of the table
    assert line.startswith("1 result in the shared cache https://cache")
    assert said_of(reason, 2, "https://cache").startswith("2 results ")  # type: ignore[arg-type]  # as above


@pytest.mark.parametrize(
    ("text", "good"),
    [("trusted", True), ("untrusted:pr-17", True), ("untrusted:a.b_c", True), ("untrusted:" + "x" * 64, True),
     ("", False), ("built", False), ("untrusted", False), ("untrusted:", False), ("untrusted:..", False), ("untrusted:-x", False),
     ("untrusted:a/b", False), ("untrusted:PR", False), ("untrusted:a:b", False), ("untrusted:" + "x" * 65, False), ("trusted:x", False),
     ("trusted\n", False), ("untrusted:a\n", False), ("Trusted", False)],
)  # fmt: skip
def test_what_is_a_tier(text: str, good: bool) -> None:
    assert is_tier(text) is good


@pytest.mark.parametrize(("tier", "doubted"), [(BUILT, False), (signed_by("ab"), False), ("untrusted:a", True)])
def test_whose_results_are_doubted(tier: str, doubted: bool) -> None:
    assert is_untrusted(tier) is doubted


ONE, TWO = signed_by("1" * 64), signed_by("2" * 64)


@pytest.mark.parametrize(
    ("origins", "own", "expected"),
    [
        ([], BUILT, BUILT),
        ([BUILT, BUILT], BUILT, BUILT),
        ([BUILT, ONE], BUILT, ONE),
        ([ONE, ONE], BUILT, ONE),
        ([BUILT, ONE, TWO], BUILT, None),
        ([BUILT, "untrusted:shared"], BUILT, "untrusted:shared"),
        ([ONE, "untrusted:shared"], BUILT, "untrusted:shared"),
        (["untrusted:a", "untrusted:b"], BUILT, None),
        ([], "untrusted:a", "untrusted:a"),
        ([BUILT, ONE, TWO, "untrusted:a"], "untrusted:a", "untrusted:a"),
        (["untrusted:shared"], "untrusted:a", None),
    ],
)
def test_what_is_made_of_several_is_as_doubtful_as_the_most_doubtful(origins: list[str], own: str, expected: str | None) -> None:
    assert together(origins, own) == expected
