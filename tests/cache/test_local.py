"""The cache on this machine: whole or not at all, never bytes that aren't what their name says, and never in the way."""

import errno
import json
import os
import random
import shutil
import signal
import stat
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cache.machine import (
    DAY_NS,
    Clock,
    blob_path,
    entry_path,
    files_below,
    key_of,
    made_of,
    on_own_disk,
    race,
    run,
    script,
    started,
)
from unitgraph.cache.digest import local, sha256
from unitgraph.cache.files import write_atomic
from unitgraph.cache.layout import Layout, others_can_write
from unitgraph.cache.local import OTHERS, LocalCache
from unitgraph.cache.local_entry import LocalEntry, decode, encode
from unitgraph.cache.store import BUILT, Blob, Made

SIGNER = f"trusted:{sha256(b'a signing key')}"
DIGESTS = st.binary(max_size=8).map(sha256)
MADE = st.builds(
    Made,
    st.dictionaries(st.text(max_size=20), st.builds(Blob, DIGESTS, st.integers(0, 2**53)), max_size=4),
    st.dictionaries(st.text(max_size=8), st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=8), lambda inner: st.lists(inner, max_size=3)), max_size=3),
)


@given(texts=st.lists(st.binary(max_size=300), max_size=4))
def test_what_was_kept_is_found(texts: list[bytes], tmp_path_factory: pytest.TempPathFactory) -> None:
    cache = LocalCache(tmp_path_factory.mktemp("cache"))
    made, data = made_of(*texts)
    cache.keep(key_of("a"), "bundle:a", made, data)
    found = cache.look_up([key_of("a"), key_of("b")])
    assert found == {key_of("a"): made}
    assert cache.fetch(made.outputs.values()) == data
    assert (cache.traffic.local, cache.traffic.missed, cache.traffic.warnings) == (1, 1, [])
    cache.close()


@given(made=MADE, action=st.text(max_size=20), away=st.booleans())
def test_an_entry_reads_as_it_was_written(made: Made, action: str, *, away: bool) -> None:
    entry = LocalEntry(made, action, away=away)
    assert decode(encode(entry)) == entry


@given(place=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_a_flipped_bit_of_an_entry_is_noticed(place: int, bit: int) -> None:
    made, _ = made_of(b"one", b"two")
    text = bytearray(encode(LocalEntry(made, "bundle:a")))
    text[place % len(text)] ^= 1 << bit
    with pytest.raises(ValueError, match=r"."):
        decode(bytes(text))


def test_a_blob_with_other_bytes_counts_as_absent_and_is_removed(tmp_path: Path) -> None:
    cache = LocalCache(tmp_path)
    made, data = made_of(b"export default 1")
    cache.keep(key_of("a"), "bundle:a", made, data)
    stored = blob_path(tmp_path, b"export default 1")
    stored.chmod(0o644)
    stored.write_bytes(b"export default 2")
    assert cache.fetch(made.outputs.values()) == {}
    assert not stored.exists()
    assert "aren't what their name says" in cache.traffic.warnings[0]
    cache.keep(key_of("a"), "bundle:a", made, data)
    assert cache.fetch(made.outputs.values()) == data
    cache.close()


def test_a_cut_blob_is_written_anew(tmp_path: Path) -> None:
    cache = LocalCache(tmp_path)
    made, data = made_of(b"export default 1")
    cache.keep(key_of("a"), "bundle:a", made, data)
    stored = blob_path(tmp_path, b"export default 1")
    stored.chmod(0o644)
    stored.write_bytes(b"export")
    cache.keep(key_of("b"), "bundle:b", made, data)
    assert cache.fetch(made.outputs.values()) == data
    cache.close()


@pytest.mark.parametrize("name", ["../../../outside", "/outside", "", "ab", "A" * 64, "a" * 63 + "\n"])
def test_a_digest_that_is_none_leads_nowhere(tmp_path: Path, name: str) -> None:
    root = tmp_path / "deep" / "er" / "cache"
    outside = tmp_path / "outside"
    outside.write_bytes(b"mine")
    cache = LocalCache(root)
    (root / "cas").mkdir(parents=True)
    assert cache.fetch([Blob(name, 4)]) == {}
    assert outside.read_bytes() == b"mine"
    cache.close()


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b'{"outputs": {}, "facts": {}}', b"\xff" * 40, b"0" * 32 + b" {}"])
def test_a_damaged_entry_is_a_miss_and_is_replaced(tmp_path: Path, text: bytes) -> None:
    cache = LocalCache(tmp_path)
    made, data = made_of(b"x")
    cache.keep(key_of("a"), "bundle:a", made, data)
    path = entry_path(tmp_path, "a")
    path.chmod(0o644)
    path.write_bytes(text)
    assert cache.look_up([key_of("a")]) == {}
    cache.keep(key_of("a"), "bundle:a", made, data)
    assert cache.look_up([key_of("a")]) == {key_of("a"): made}
    cache.close()


@pytest.mark.parametrize(
    "outputs",
    [{"a": ["../../x", 1]}, {"a": [sha256(b""), -1]}, {"a": [sha256(b""), True]}, {"a": [sha256(b"")]}, {"a": sha256(b"")}, []],
    ids=["path", "negative", "bool", "no size", "old form", "list"],
)
def test_an_entry_of_another_shape_is_refused(outputs: object) -> None:
    made, _ = made_of(b"x")
    text = encode(LocalEntry(made, "a"))
    assert decode(text).made == made
    body = json.dumps({**json.loads(text[33:]), "outputs": outputs}).encode()
    with pytest.raises(ValueError, match=r"."):
        decode(local(body).encode() + b" " + body)


def test_a_result_whose_bytes_are_gone_is_none_unless_they_are_elsewhere(tmp_path: Path) -> None:
    cache = LocalCache(tmp_path)
    made, data = made_of(b"here", b"gone")
    cache.keep(key_of("kept"), "bundle:a", made, data)
    cache.remember(key_of("remembered"), "bundle:a", made, BUILT)
    blob_path(tmp_path, b"gone").unlink()
    assert set(cache.look_up([key_of("kept"), key_of("remembered")])) == {key_of("remembered")}
    cache.hold(data)
    assert set(cache.look_up([key_of("kept"), key_of("remembered")])) == {key_of("kept"), key_of("remembered")}
    cache.close()


# Tiers.


def test_tiers_stand_apart_and_share_their_bytes(tmp_path: Path) -> None:
    made, data = made_of(b"x")
    shared = LocalCache(tmp_path, reads=(BUILT, SIGNER, "untrusted:pr-7"), writes="untrusted:pr-7")
    shared.keep(key_of("mine"), "bundle:a", made, data)
    shared.remember(key_of("signed"), "bundle:a", made, SIGNER)
    shared.close()
    origins = {
        reads: {key: found.origin for key, found in LocalCache(tmp_path, reads=reads).look_up([key_of("mine"), key_of("signed")]).items()}
        for reads in [(BUILT,), (BUILT, SIGNER), (BUILT, "untrusted:pr-7"), (BUILT, "untrusted:pr-8")]
    }
    assert origins == {
        (BUILT,): {},
        (BUILT, SIGNER): {key_of("signed"): SIGNER},
        (BUILT, "untrusted:pr-7"): {key_of("mine"): "untrusted:pr-7"},
        (BUILT, "untrusted:pr-8"): {},
    }
    assert len(list(files_below(tmp_path / "cas"))) == 1


def test_what_must_be_trusted_leaves_the_rest_out(tmp_path: Path) -> None:
    reads = (BUILT, SIGNER, "untrusted:pr-7")
    cache = LocalCache(tmp_path, reads=reads)
    made, data = made_of(b"x")
    cache.keep(key_of("built"), "bundle:a", made, data)
    cache.remember(key_of("signed"), "bundle:a", made, SIGNER)
    cache.keep(key_of("theirs"), "bundle:a", Made(made.outputs, made.facts, "untrusted:pr-7"), data)
    keys = [key_of(name) for name in ("built", "signed", "theirs")]
    assert set(cache.look_up(keys)) == set(keys)
    assert set(cache.look_up(keys, trusted_only=True)) == set(keys[:2])
    assert not entry_path(tmp_path, "theirs").exists(), "an untrusted result may never stand among one's own"
    cache.close()


def test_another_generation_finds_nothing_of_the_one_before(tmp_path: Path) -> None:
    made, data = made_of(b"x")
    for generation in (0, 1, 2):
        cache = LocalCache(tmp_path, generation=generation)
        assert cache.look_up([key_of("a")]) == {}
        cache.keep(key_of("a"), "bundle:a", made, data)
        assert cache.look_up([key_of("a")]) == {key_of("a"): made}
        cache.close()


@pytest.mark.parametrize("tier", ["", "untrusted:", "untrusted:../ac", "untrusted:a/b", "trusted", "trusted:../ac", "other:x", "untrusted:."])
def test_a_tier_cannot_lead_elsewhere(tmp_path: Path, tier: str) -> None:
    with pytest.raises(ValueError, match="no tier"):
        LocalCache(tmp_path, reads=(tier,))
    cache = LocalCache(tmp_path)
    with pytest.raises(ValueError, match="no tier"):
        cache.remember(key_of("a"), "bundle:a", made_of(b"x")[0], tier)


# Uses.


def test_a_build_stamps_what_it_looks_up_once(tmp_path: Path) -> None:
    clock = Clock()
    first = LocalCache(tmp_path, clock_ns=clock)
    first.keep(key_of("a"), "bundle:a", *made_of(b"x"))
    first.close()
    began = clock.now_ns
    clock.pass_days(3)
    second = LocalCache(tmp_path, clock_ns=clock)
    assert entry_path(tmp_path, "a").stat().st_mtime_ns == began
    second.look_up([key_of("a")])
    assert entry_path(tmp_path, "a").stat().st_mtime_ns == began + 3 * DAY_NS
    clock.pass_days(1)
    second.look_up([key_of("a")])
    assert entry_path(tmp_path, "a").stat().st_mtime_ns == began + 3 * DAY_NS, "this build has stamped it already"
    second.close()


# Writes.


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


def test_nobody_else_reads_the_folder_and_nobody_edits_a_file_by_mistake(tmp_path: Path) -> None:
    root = tmp_path / "new" / "cache"
    old = os.umask(0)
    try:
        cache = LocalCache(root)
        cache.keep(key_of("a"), "bundle:a", *made_of(b"x"))
        cache.close()
    finally:
        os.umask(old)
    modes = {path.relative_to(tmp_path).parts[-1][:2]: stat.S_IMODE(path.stat().st_mode) for path in root.rglob("*") if path.is_dir()}
    assert set(modes.values()) == {0o700}
    assert stat.S_IMODE(root.stat().st_mode) == 0o700
    assert stat.S_IMODE(blob_path(root, b"x").stat().st_mode) == 0o444
    assert cache.traffic.warnings == []


WRITER = """
    import sys
    from pathlib import Path
    from tests.cache.machine import key_of, made_of
    from unitgraph.cache.local import LocalCache

    cache = LocalCache(Path(sys.argv[1]))
    print("ready", flush=True)
    number = 0
    while True:
        texts = [bytes([number % 251]) * 70_000 + str(number).encode(), str(number % 7).encode() * 9]
        cache.keep(key_of(str(number)), f"bundle:{number}", *made_of(*texts))
        number += 1
"""


def test_killed_in_the_middle_of_a_store_nothing_half_is_in_its_place(tmp_path: Path) -> None:
    moments = random.Random(7)
    written = 0
    for _ in range(12):
        with started(script(WRITER, tmp_path)) as process:
            time.sleep(moments.uniform(0, 0.02))    # a moment of its work, not a wait for something
            os.kill(process.pid, signal.SIGKILL)
            assert process.wait() == -signal.SIGKILL
        cache = LocalCache(tmp_path)
        entries = [path for path in files_below(tmp_path / "ac") if not path.name.startswith(".part-")]
        for path in entries:
            outputs = decode(path.read_bytes()).made.outputs.values()
            assert set(cache.fetch(outputs)) == {blob.digest for blob in outputs}
        for path in files_below(tmp_path / "cas"):
            assert path.name.startswith(".part-") or sha256(path.read_bytes()) == path.name
        assert cache.traffic.warnings == []
        cache.close()
        written = max(written, len(entries))
    assert written > 1


def test_two_writers_of_one_key_leave_one_whole_result(tmp_path: Path) -> None:
    """Both keep other bytes under the same keys, as an action that isn't deterministic would."""
    text = """
        import sys
        from pathlib import Path
        from tests.cache.machine import key_of, made_of
        from unitgraph.cache.local import LocalCache

        root, own = Path(sys.argv[1]), sys.argv[2].encode()
        print("ready", flush=True)
        sys.stdin.readline()
        cache = LocalCache(root)
        for turn in range(40):
            for number in range(5):
                cache.keep(key_of(str(number)), "bundle:x", *made_of(own * 999, own + bytes([number])))
            found = cache.look_up([key_of(str(number)) for number in range(5)])
            assert len(found) == 5
            for made in found.values():
                data = cache.fetch(made.outputs.values())
                assert len(data) == 2 and len({text[:1] for text in data.values()}) == 1, data
        cache.close()
        assert cache.traffic.warnings == []
    """
    race([script(text, tmp_path, name) for name in ("a", "b", "c")])
    assert not [path for path in files_below(tmp_path) if path.name.startswith(".part-")]


def test_who_does_not_get_on_is_waited_for_so_long_and_then_named(tmp_path: Path) -> None:
    text = """
        import sys
        from pathlib import Path
        from tests.cache.machine import key_of
        from unitgraph.cache.local import LocalCache

        cache = LocalCache(Path(sys.argv[1]))
        cache.claim([key_of("a")])
        print("ready", flush=True)
        sys.stdin.readline()
    """
    cache = LocalCache(tmp_path, patience_s=0.3)
    with started(script(text, tmp_path)) as process:
        process.send_signal(signal.SIGSTOP)
        assert cache.claim([key_of("a"), key_of("b")]) == {key_of("b")}
        cache.release([key_of("b")])
        cache.await_others([key_of("a")])
        assert cache.claim([key_of("a")]) == {key_of("a")}
    assert cache.traffic.warnings == [
        "Another build of this machine holds on to units and doesn't get on: they are built here, too."
    ]
    cache.close()


# Folders that can't be used as they should.

USE = """
    import json, sys
    from pathlib import Path
    from tests.cache.machine import key_of, made_of
    from unitgraph.cache.local import LocalCache

    cache = LocalCache(Path(sys.argv[1]))
    found = cache.look_up([key_of("old")])
    old, data = made_of(b"old")
    assert cache.fetch(old.outputs.values()) == (data if found else {})
    for number in range(40):
        cache.keep(key_of(str(number)), "bundle:x", *made_of(bytes([number]) * 50_000))
    kept = cache.look_up([key_of(str(number)) for number in range(40)])
    for made in kept.values():
        assert len(cache.fetch(made.outputs.values())) == 1
    assert cache.claim([key_of("a")]) == {key_of("a")}
    cache.close()
    print(json.dumps({"old": len(found), "kept": len(kept), "warnings": cache.traffic.warnings}))
"""


def told(output: str) -> Mapping[str, object]:
    found: Mapping[str, object] = json.loads(output)
    return found


def test_a_full_disk_is_said_once_and_everything_kept_is_whole(tmp_path: Path) -> None:
    root = tmp_path / "cache"
    root.mkdir()
    said = told(run(on_own_disk(script(USE, root), f"mount -t tmpfs -o size=1m,mode=700 tmpfs '{root}'")))
    assert said["warnings"] == [f"The cache in {root} can't be written (No space left on device); what is built now isn't kept there."]
    kept = said["kept"]
    assert isinstance(kept, int)
    assert 5 < kept < 21


def test_a_disk_that_was_full_from_the_start(tmp_path: Path) -> None:
    root = tmp_path / "cache"
    root.mkdir()
    mount = f"mount -t tmpfs -o size=64k,mode=700 tmpfs '{root}' && (head -c 70000 /dev/zero >'{root}/x' 2>/dev/null; true)"
    said = told(run(on_own_disk(script(USE, root), mount)))
    assert said["kept"] == 0
    assert len(said["warnings"]) == 1  # type: ignore[arg-type] # a list, as USE prints it


def test_a_folder_that_can_only_be_read_is_read(tmp_path: Path) -> None:
    root = tmp_path / "cache"
    cache = LocalCache(root)
    cache.keep(key_of("old"), "bundle:x", *made_of(b"old"))
    cache.close()
    mount = f"mount --bind '{root}' '{root}' && mount -o remount,bind,ro '{root}'"
    said = told(run(on_own_disk(script(USE, root), mount)))
    assert said == {
        "old": 1,
        "kept": 0,
        "warnings": [f"The cache in {root} can't be written (Read-only file system); what is built now isn't kept there."],
    }


def test_a_folder_that_cannot_be_made_is_said_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    root = tmp_path / "file" / "cache"
    said = told(run(script(USE, root)))
    assert said == {
        "old": 0,
        "kept": 0,
        "warnings": [f"The cache in {root} can't be written (Not a directory); what is built now isn't kept there."],
    }


def test_a_folder_that_is_removed_meanwhile_is_made_anew(tmp_path: Path) -> None:
    root = tmp_path / "cache"
    cache = LocalCache(root)
    made, data = made_of(b"x")
    cache.keep(key_of("a"), "bundle:a", made, data)
    shutil.rmtree(root)
    assert cache.look_up([key_of("a")]) == {}
    assert cache.fetch(made.outputs.values()) == {}
    cache.keep(key_of("a"), "bundle:a", made, data)
    assert cache.fetch(made.outputs.values()) == data
    cache.close()
    assert cache.traffic.warnings == []


@pytest.mark.parametrize("inside", [".", "ac"])
def test_what_others_may_write_is_never_trusted(tmp_path: Path, inside: str) -> None:
    made, data = made_of(b"x")
    cache = LocalCache(tmp_path)
    cache.keep(key_of("a"), "bundle:a", made, data)
    cache.close()
    assert cache.traffic.warnings == []
    (tmp_path / inside).chmod(0o777)
    again = LocalCache(tmp_path, reads=(BUILT, SIGNER))
    assert again.look_up([key_of("a")])[key_of("a")].origin == OTHERS
    assert again.look_up([key_of("a")], trusted_only=True) == {}
    assert "Others than you can write" in again.traffic.warnings[0]
    assert len(again.traffic.warnings) == 1
    again.close()


def test_a_folder_of_another_user_is_one_that_others_may_write(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    assert not others_can_write(tmp_path)
    own = tmp_path.stat().st_uid
    assert others_can_write(tmp_path, own + 1) == (own != 0), "root may do anything anyway"
    assert not others_can_write(tmp_path / "missing")
    assert Layout(tmp_path).root == tmp_path
