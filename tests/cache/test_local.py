"""The cache on disk: whole or not at all, and never bytes that aren't what their name says."""

import errno
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unitgraph.cache.digest import sha256
from unitgraph.cache.local import LocalActions, LocalBlobs, write_atomic
from unitgraph.cache.store import Made


@given(data=st.binary(max_size=200))
def test_what_was_put_is_got(data: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    blobs = LocalBlobs(tmp_path_factory.mktemp("cas"))
    assert blobs.get(blobs.put(data)) == data


def test_a_blob_with_other_bytes_counts_as_absent_and_is_removed(tmp_path: Path) -> None:
    blobs = LocalBlobs(tmp_path)
    name = blobs.put(b"export default 1")
    stored = tmp_path / name[:2] / name
    stored.write_bytes(b"export default 2")
    assert blobs.get(name) is None
    assert not stored.exists()
    assert blobs.put(b"export default 1") == name
    assert blobs.get(name) == b"export default 1"


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"[]", b'{"outputs": {"index.js": 1}, "facts": {}}', b'{"outputs": {}}', b"\xff"],
    ids=["empty", "cut", "list", "number", "no facts", "bytes"],
)
def test_a_damaged_record_is_a_miss(tmp_path: Path, text: bytes) -> None:
    actions = LocalActions(tmp_path)
    key = sha256(b"key")
    actions.put(key, Made({"index.js": sha256(b"x")}, {"sizes": {"index.js": 1}}))
    assert actions.get(key) is not None
    (tmp_path / key[:2] / key).write_bytes(text)
    assert actions.get(key) is None


def test_a_write_that_fails_leaves_the_old_file_and_no_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "index.js"
    write_atomic(target, b"old")

    def full(source: str, destination: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", source)

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        write_atomic(target, b"new")
    assert target.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["index.js"]
