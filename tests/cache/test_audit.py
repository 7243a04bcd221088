"""What a look into a shared cache finds: who made what, what isn't to be believed and why, which bytes are gone."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.cache.layers import CI_KEY, NEXT_KEY, OTHER_KEY, TRUSTED, Machine, Place, pull_request, text_of, texts
from tests.cache.machine import key_of
from unitgraph.cache.audit import Finding, damaged, inspect
from unitgraph.cache.digest import sha256
from unitgraph.cache.entry import Entry, Refusal
from unitgraph.cache.store import Blob

NAMES = tuple(f"unit-{number}" for number in range(300))


def test_what_is_there_is_found_with_who_made_it(tmp_path: Path) -> None:
    place = Place()
    Machine(tmp_path / "ci", place).make(texts(*NAMES))
    Machine(tmp_path / "pr", place).make(texts("mine", "unit-1"), pull_request(1))
    found = list(inspect(place, TRUSTED, [key_of(name) for name in (*NAMES, "mine")]))
    assert {(each.key, each.tier) for each in found} == {(key_of(name), "trusted") for name in NAMES}
    assert all(isinstance(each.found, Entry) and each.found.producer.label == "test" for each in found)
    seen = list(inspect(place, pull_request(1), [key_of("unit-1"), key_of("mine")]))
    assert [(each.key, each.tier) for each in seen] == [
        (key_of("unit-1"), "trusted"), (key_of("unit-1"), "untrusted:pr-1"), (key_of("mine"), "untrusted:pr-1"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("reader", "reason"),
    [
        (replace(TRUSTED, keys={NEXT_KEY.fingerprint: NEXT_KEY.public}), "unknown-key"),
        (replace(TRUSTED, revoked=frozenset({CI_KEY.fingerprint})), "revoked-key"),
    ],
)
def test_what_is_refused_is_found_too(tmp_path: Path, reader: object, reason: str) -> None:
    place = Place()
    Machine(tmp_path / "ci", place).make(texts("a"))
    (finding,) = inspect(place, reader, [key_of("a")])  # type: ignore[arg-type]  # a Trust of the table
    assert isinstance(finding, Finding)
    assert isinstance(finding.found, Refusal)
    assert finding.found.reason == reason
    assert OTHER_KEY.fingerprint not in finding.found.detail


def test_bytes_that_are_gone_or_others_are_found(tmp_path: Path) -> None:
    place = Place()
    Machine(tmp_path / "ci", place).make(texts("a", "b", "c"))
    blobs = {name: Blob(sha256(text_of(name)), len(text_of(name))) for name in "abc"}
    assert list(damaged(place, blobs.values())) == []
    del place.stored[blobs["a"].digest]
    place.stored[blobs["b"].digest] = b"evil"
    assert list(damaged(place, blobs.values())) == [blobs["a"], blobs["b"]]
