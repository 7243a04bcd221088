"""The envelope of a shared cache's entries: what goes in comes out, and nothing else does."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unitgraph.cache import signature
from unitgraph.cache.digest import sha256
from unitgraph.cache.entry import LARGEST_BYTES, Entry, Producer, Refusal, Sealed, decode, encode
from unitgraph.cache.paths import LONGEST, fit_together, is_inside
from unitgraph.cache.store import Blob

SIGNER = signature.read_private(signature.generate().private)
PRODUCER = Producer("0.1.0", "github our/shop 17", "0123abcd+changes", "refs/heads/main")
ENTRY = Entry(
    sha256(b"key"), "bundle:shop-get-books",
    {"index.js": Blob(sha256(b"x"), 1), "chunks/a.js": Blob(sha256(b""), 0)},
    {"sizes": {"index.js": 1}, "notices": ["größer"], "ratio": 0.5, "none": None}, PRODUCER, "trusted", 3,
)  # fmt: skip

hex_digests = st.binary(max_size=8).map(sha256)
names = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z"), exclude_characters='\\/:"<>|?*'), min_size=1, max_size=20).filter(lambda name: name not in (".", ".."))
paths = st.lists(names, min_size=1, max_size=4).map("/".join)
texts = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), max_size=30)
plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(st.characters(codec="utf-8"), max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=8), inner, max_size=4),
    max_leaves=10,
)
entries = st.builds(
    Entry,
    key=hex_digests,
    action=texts,
    outputs=st.dictionaries(paths, st.builds(Blob, hex_digests, st.integers(0, 1 << 27)), max_size=5).filter(fit_together),
    facts=st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=8), plain, max_size=4),
    producer=st.builds(Producer, texts, texts, texts, texts),
    tier=st.just("trusted") | st.from_regex(r"untrusted:[a-z0-9][a-z0-9._-]{0,20}", fullmatch=True),
    generation=st.integers(0, 1 << 40),
)


@given(entries, st.booleans())
def test_what_goes_in_comes_out(entry: Entry, signed: bool) -> None:
    sealed = decode(encode(entry, SIGNER if signed else None))
    assert isinstance(sealed, Sealed), sealed
    assert sealed.entry == replace(entry, signer=SIGNER.fingerprint if signed else "")
    assert signature.verify(SIGNER.public, sealed.message, sealed.signature) is signed


@given(entries)
def test_equal_entries_are_equal_bytes(entry: Entry) -> None:
    outputs, facts = list(entry.outputs.items()), list(entry.facts.items())
    other = replace(entry, outputs=dict(outputs[::-1]), facts=dict(facts[::-1]))
    assert encode(entry, SIGNER) == encode(other, SIGNER)


def refused(data: bytes) -> bool:
    """By form or by signature."""
    sealed = decode(data)
    return isinstance(sealed, Refusal) or not signature.verify(SIGNER.public, sealed.message, sealed.signature)


@given(entries, st.data())
@settings(max_examples=200)
def test_any_changed_byte_is_refused(entry: Entry, data: st.DataObject) -> None:
    whole = encode(entry, SIGNER)
    place = data.draw(st.integers(0, len(whole) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != whole[place]))
    assert refused(whole[:place] + bytes([byte]) + whole[place + 1 :])


@given(entries, st.data())
def test_any_cut_and_anything_added_is_refused(entry: Entry, data: st.DataObject) -> None:
    whole = encode(entry, SIGNER)
    place = data.draw(st.integers(0, len(whole) - 1))
    more = data.draw(st.binary(min_size=1, max_size=3))
    assert refused(whole[:place])
    assert refused(whole[:place] + whole[place + 1 :])
    assert refused(whole[:place] + more + whole[place:])
    assert refused(whole + more)


@pytest.mark.parametrize("bit", range(8))
def test_every_flipped_bit_of_every_byte_is_refused_signed_or_not(bit: int) -> None:
    for whole in (encode(ENTRY, SIGNER), encode(ENTRY)):
        for place in range(len(whole)):
            changed = whole[:place] + bytes([whole[place] ^ 1 << bit]) + whole[place + 1 :]
            assert refused(changed), (place, chr(whole[place]))
            if whole == encode(ENTRY):
                assert isinstance(decode(changed), Refusal), (place, chr(whole[place]))


@given(st.binary(max_size=300) | st.text().map(str.encode))
def test_anything_at_all_is_read_or_refused_and_never_raises(data: bytes) -> None:
    assert isinstance(decode(data), Refusal)


def body() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(encode(ENTRY).partition(b"\n")[0])
    return found


def sealed(value: object, *, canonical: bool = True) -> bytes:
    """``value`` as an entry of the right form, with a good checksum, whatever it says."""
    text = json.dumps(value, sort_keys=canonical, separators=(",", ":"), ensure_ascii=False).encode()
    return text + b"\n" + sha256(b"unitgraph cache entry\0" + text).encode()


def test_the_helper_of_the_tests_below_makes_good_entries() -> None:
    assert sealed(body()) == encode(ENTRY)


BLOB = [sha256(b"x"), 1]
DEEP: Any = {}
for _ in range(40):
    DEEP = {"in": DEEP}


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"schema": 2}, id="another schema"),
        pytest.param({"schema": True}, id="schema true, which equals 1"),
        pytest.param({"more": 1}, id="a field more"),
        pytest.param({"key": "ABC"}, id="no key"),
        pytest.param({"key": sha256(b"key").upper()}, id="key in capitals"),
        pytest.param({"key": "../" + "a" * 61}, id="key as a path"),
        pytest.param({"tier": "production"}, id="no tier"),
        pytest.param({"tier": "untrusted:../ac"}, id="tier that leads elsewhere"),
        pytest.param({"tier": "untrusted:PR"}, id="tier in capitals"),
        pytest.param({"generation": -1}, id="negative generation"),
        pytest.param({"generation": "3"}, id="generation as text"),
        pytest.param({"generation": True}, id="generation true"),
        pytest.param({"signer": "me"}, id="signer by name"),
        pytest.param({"action": "bundle\x1b[2J"}, id="action with what a terminal obeys"),
        pytest.param({"action": "x" * 501}, id="long action"),
        pytest.param({"action": None}, id="no action"),
        pytest.param({"producer": ["1", "", ""]}, id="short producer"),
        pytest.param({"producer": ["1", "", "", "main\nforged: line"]}, id="producer in two lines"),
        pytest.param({"facts": []}, id="facts as a list"),
        pytest.param({"facts": DEEP}, id="facts nested deep"),
        pytest.param({"outputs": [["index.js", BLOB]]}, id="outputs as a list"),
        pytest.param({"outputs": {"index.js": sha256(b"x")}}, id="output without a size"),
        pytest.param({"outputs": {"index.js": [*BLOB, 1]}}, id="output with more"),
        pytest.param({"outputs": {"index.js": ["x" * 64, 1]}}, id="no digest"),
        pytest.param({"outputs": {"index.js": [sha256(b"x"), -1]}}, id="negative size"),
        pytest.param({"outputs": {"index.js": [sha256(b"x"), 1.0]}}, id="size with a point"),
        pytest.param({"outputs": {"index.js": [sha256(b"x"), True]}}, id="size true"),
        pytest.param({"outputs": {"index.js": [sha256(b"x"), 1 << 60]}}, id="an exabyte"),
        pytest.param({"outputs": {f"{number}.js": [sha256(b"x"), 200 << 20] for number in range(6)}}, id="more than a gigabyte in all"),
        pytest.param({"outputs": {"a": BLOB, "a/b": BLOB}}, id="a file that is a folder"),
        pytest.param({"outputs": {"../index.js": BLOB}}, id="output above its folder"),
        pytest.param({"outputs": {f"{number}.js": BLOB for number in range(50_001)}}, id="too many outputs"),
    ],
)  # fmt: skip
def test_what_no_build_writes_is_malformed(change: dict[str, Any]) -> None:
    found = decode(sealed({**body(), **change}))
    assert isinstance(found, Refusal)
    assert found.reason == "malformed"


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(sealed(dict(reversed(body().items())), canonical=False), id="other order"),
        pytest.param(sealed(body()).replace(b'"schema":1', b'"schema": 1'), id="a space"),
        pytest.param(sealed(body()).replace(b'"schema":1', b'"schema":1,"schema":1'), id="a key twice"),
        pytest.param(b"[" * 100_000, id="brackets without end"),
        pytest.param(b'{"a":' * 100_000, id="objects without end"),
        pytest.param(b"9" * 100_000, id="a long number"),
        pytest.param(b'{"schema":1e999}\n', id="infinity"),
        pytest.param(b"<html>Sign in to the guest network</html>", id="a page of HTML"),
        pytest.param(b" " * (LARGEST_BYTES + 1), id="larger than any"),
        pytest.param(b"", id="empty"),
    ],
)
def test_what_no_build_has_written_so_is_malformed(data: bytes) -> None:
    found = decode(data)
    assert isinstance(found, Refusal)
    assert found.reason == "malformed"


@pytest.mark.parametrize(
    "change",
    [
        {"outputs": {"../x": Blob(sha256(b"x"), 1)}},
        {"outputs": {"x": Blob("x", 1)}},
        {"facts": {"bytes": b""}},
        {"facts": {"nan": float("nan")}},
        {"facts": {"half": "\ud800"}},
        {"facts": DEEP},
        {"action": "two\nlines"},
        {"tier": "mine"},
    ],
    ids=lambda change: str(change)[:40],
)
def test_what_would_be_refused_is_not_written(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        encode(replace(ENTRY, **change), SIGNER)


@given(paths)
def test_ordinary_paths_are_inside(path: str) -> None:
    assert is_inside(path)


@pytest.mark.parametrize(
    "path",
    ["", "/", "/etc/passwd", "..", "../x", "a/../../x", "a/..", "./x", "a//b", "a/", "a/.", "~\0", "a\0b", "C:x", "c:/x",
     "a\\b", "\\\\host\\share", "a:stream", "a\nb", "a\x1b[2J", "a\u202eb", "\ud800", "x" * 256, "é" * 128, "a?", "a*",
     "/".join(["abcdefgh"] * (LONGEST // 9 + 1))],
    ids=repr,
)  # fmt: skip
def test_paths_that_could_lead_elsewhere_are_not_inside(path: str) -> None:
    assert not is_inside(path)


@pytest.mark.parametrize(
    ("together", "fit"),
    [(["a", "b"], True), (["a/b", "a/c"], True), (["a", "a/b"], False), (["a/b/c", "a"], False), (["a.b", "a"], True)],
)
def test_no_file_is_a_folder_of_another(together: list[str], fit: bool) -> None:
    assert fit_together(together) is fit


ALTER: list[tuple[str, Callable[[Entry], Entry]]] = [
    ("key", lambda entry: replace(entry, key=sha256(b"another"))),
    ("action", lambda entry: replace(entry, action="bundle:another")),
    ("outputs", lambda entry: replace(entry, outputs={"index.js": Blob(sha256(b"evil"), 4)})),
    ("a path", lambda entry: replace(entry, outputs={"other.js": Blob(sha256(b"x"), 1)})),
    ("facts", lambda entry: replace(entry, facts={})),
    ("producer", lambda entry: replace(entry, producer=replace(PRODUCER, ref="refs/heads/other"))),
    ("tier", lambda entry: replace(entry, tier="untrusted:pr-1")),
    ("generation", lambda entry: replace(entry, generation=4)),
]


@pytest.mark.parametrize("change", [each[1] for each in ALTER], ids=[each[0] for each in ALTER])
def test_the_signature_covers_every_field(change: Callable[[Entry], Entry]) -> None:
    seal = encode(ENTRY, SIGNER).rpartition(b"\n")[2]
    other = encode(change(ENTRY), SIGNER).rpartition(b"\n")[0] + b"\n" + seal
    found = decode(other)
    assert isinstance(found, Sealed)
    assert not signature.verify(SIGNER.public, found.message, found.signature)


def test_a_signature_for_another_purpose_is_none_here() -> None:
    line = encode(ENTRY, SIGNER).rpartition(b"\n")[0]
    found = decode(line + b"\n" + SIGNER.sign(line).hex().encode())
    assert isinstance(found, Sealed)
    assert not signature.verify(SIGNER.public, found.message, found.signature)
