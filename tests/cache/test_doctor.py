"""What the doctor finds in a cache's folder, and that it mends that and nothing else."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.cache.machine import blob_path, entry_path, files_below, key_of, made_of, race, run, script, started
from unitgraph.cache import doctor
from unitgraph.cache.collect import alone
from unitgraph.cache.layout import Layout
from unitgraph.cache.local import LocalCache
from unitgraph.cache.store import BUILT

SIGNER = f"trusted:{'ab' * 32}"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with a few results of every kind."""
    root = tmp_path / "cache"
    for tier, generation in ((BUILT, 0), ("untrusted:pr-7", 0), (BUILT, 3)):
        cache = LocalCache(root, reads=(tier,), writes=tier, generation=generation)
        for name in "abc":
            cache.keep(key_of(name), f"bundle:{name}", *made_of(name.encode() * 9000, b"shared"))
        cache.remember(key_of("away"), "bundle:away", made_of(b"elsewhere")[0], SIGNER)
        cache.close()
    return root


def faults(root: Path) -> list[tuple[str, str]]:
    found = doctor.examine(Layout(root), time.time_ns(), is_alone=True)
    return [(fault.kind, Path(fault.path).name) for fault in found.faults]


def mended(root: Path) -> list[str | None]:
    with alone(Layout(root)):
        found = doctor.examine(Layout(root), time.time_ns(), is_alone=True)
        return [doctor.mend(Layout(root), fault) for fault in found.faults]


def overwrite(path: Path, data: bytes) -> None:
    path.chmod(0o644)
    path.write_bytes(data)
    path.chmod(0o444)


def content(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in files_below(root)}


def test_a_sound_folder_has_no_faults(root: Path) -> None:
    found = doctor.examine(Layout(root), time.time_ns())
    assert (found.entries, found.blobs, found.faults) == (11, 4, ())


def test_a_folder_that_is_not_there_has_none_either(tmp_path: Path) -> None:
    assert doctor.examine(Layout(tmp_path / "missing"), time.time_ns()).faults == ()
    assert not (tmp_path / "missing").exists()


HURT: dict[str, tuple[Callable[[Path], object], list[str]]] = {
    "a flipped bit": (lambda root: overwrite(blob_path(root, b"a" * 9000), b"a" * 8999 + b"A"), ["wrong-bytes", "absent-blob"]),
    "a cut blob": (lambda root: overwrite(blob_path(root, b"b" * 9000), b"b"), ["wrong-bytes", "absent-blob"]),
    "an absent blob": (lambda root: blob_path(root, b"c" * 9000).unlink(), ["absent-blob"]),
    "a damaged entry": (lambda root: overwrite(entry_path(root, "a"), b"{}"), ["damaged-entry"]),
    "an empty entry": (lambda root: overwrite(entry_path(root, "b", "untrusted:pr-7"), b""), ["damaged-entry"]),
    "a half file": (lambda root: (entry_path(root, "a").parent / ".part-x-1").write_bytes(b"x"), ["half-file"]),
    "a half file above": (lambda root: (root / ".part-x-1").write_bytes(b"x"), ["half-file"]),
    "a stray file": (lambda root: (root / "cas" / "README").write_bytes(b"x"), ["stray"]),
    "a folder of something else": (lambda root: (root / "cas" / "zz" / "deep").mkdir(parents=True), ["stray"]),
    "a blob in another's folder": (
        lambda root: (blob_path(root, b"shared").parent / ("0" * 64)).write_bytes(b"x"), ["stray"],
    ),
    "a link": (lambda root: (blob_path(root, b"shared").parent / ("e" * 64)).symlink_to("/etc/hostname"), ["stray"]),
    "a file for all": (lambda root: blob_path(root, b"shared").chmod(0o666), ["mode"]),
    "a file for nobody": (lambda root: entry_path(root, "a").chmod(0o200), ["mode"]),
    "a folder for all": (lambda root: (root / "ac").chmod(0o777), ["mode"]),
    "a root for all": (lambda root: root.chmod(0o777), ["mode"]),
}  # fmt: skip


@pytest.mark.parametrize("name", HURT)
def test_every_hurt_is_found_and_mended_and_the_rest_left_alone(root: Path, name: str) -> None:
    before = content(root)
    hurt, kinds = HURT[name]
    hurt(root)
    found = [kind for kind, _ in faults(root)]
    if "absent-blob" in kinds:
        assert found.count("absent-blob") == 3, "one in each tier"
        found = list(dict.fromkeys(found))
    assert found == kinds
    assert set(mended(root)) == {None}
    assert faults(root) == []
    after = content(root)
    assert {path: data for path, data in before.items() if path in after} == {path: data for path, data in after.items() if path in before}
    assert after.keys() <= before.keys() | {"collect.lock"}
    gone = before.keys() - after.keys()
    assert len(gone) <= {"wrong-bytes": 4, "absent-blob": 4, "damaged-entry": 1}.get(kinds[0], 0)
    cache = LocalCache(root)
    for made in cache.look_up([key_of(each) for each in "abc"], trusted_only=True).values():
        assert len(cache.fetch(made.outputs.values())) == 2
    cache.close()


def test_what_a_shared_cache_is_to_bring_is_not_missed(root: Path) -> None:
    assert entry_path(root, "away", SIGNER).exists()
    assert not blob_path(root, b"elsewhere").exists()
    assert faults(root) == []


def test_what_another_user_left_is_mended_by_root_alone() -> None:
    """As a build under sudo leaves it in a user's folder."""
    assert os.geteuid() == 0, "only root can give files away, so this test needs root"
    text = """
        import os, sys, time
        from pathlib import Path
        from unitgraph.cache import doctor
        from unitgraph.cache.layout import Layout

        os.setgid(65534)
        os.setuid(65534)
        layout = Layout(Path(sys.argv[1]))
        for fault in doctor.examine(layout, time.time_ns()).faults:
            print(fault.kind, Path(fault.path).name, doctor.mend(layout, fault))
    """
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        root = Path(folder, "cache")
        cache = LocalCache(root)
        cache.keep(key_of("a"), "bundle:a", *made_of(b"x"))
        cache.close()
        left = blob_path(root, b"x")
        for path in (root, *root.rglob("*")):
            if path != left:
                os.chown(path, 65534, 65534)
        name = left.name
        assert run(script(text, root)) == f"owner {name} Operation not permitted\n"
        assert faults(root) == [("owner", name)]
        assert mended(root) == [None]
        assert left.stat().st_uid == 65534
        assert run(script(text, root)) == ""


def test_a_write_that_goes_on_is_no_half_file(root: Path) -> None:
    text = """
        import sys
        from pathlib import Path
        from tests.cache.machine import key_of
        from unitgraph.cache.local import LocalCache

        root = Path(sys.argv[1])
        cache = LocalCache(root)
        cache.look_up([key_of("a")])
        (root / "cas" / ".part-now").parent.mkdir(exist_ok=True)
        shard = next((root / "cas").iterdir())
        (shard / ".part-now").write_bytes(b"half")
        print("ready", flush=True)
        sys.stdin.readline()
    """
    with started(script(text, root)) as process:
        assert faults(root) == []
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert faults(root) == [("half-file", ".part-now")]


def test_mending_looks_once_more(root: Path) -> None:
    """A build that runs at the same time has made good what was found."""
    overwrite(blob_path(root, b"a" * 9000), b"other")
    found = doctor.examine(Layout(root), time.time_ns()).faults
    cache = LocalCache(root)
    cache.keep(key_of("a"), "bundle:a", *made_of(b"a" * 9000, b"shared"))
    cache.close()
    before = content(root)
    assert {doctor.mend(Layout(root), fault) for fault in found} == {None}
    assert content(root) == before
    blob_path(root, b"a" * 9000).unlink()
    assert {doctor.mend(Layout(root), fault) for fault in found if fault.kind == "wrong-bytes"} == {None}


def test_while_builds_run_the_doctor_takes_nothing_from_them(tmp_path: Path) -> None:
    builder = """
        import random, sys
        from pathlib import Path
        from tests.cache.machine import key_of, made_of
        from unitgraph.cache.local import LocalCache

        root, seed = Path(sys.argv[1]), int(sys.argv[2])
        order = random.Random(seed)
        print("ready", flush=True)
        sys.stdin.readline()
        for turn in range(60):
            cache = LocalCache(root)
            made, data = made_of(str(turn).encode() * 3000, order.randbytes(9))
            cache.keep(key_of(str(turn)), f"bundle:{turn}", made, data)
            assert cache.fetch(made.outputs.values()) == data
            assert key_of(str(turn)) in cache.look_up([key_of(str(turn))])
            assert cache.traffic.warnings == []
            cache.close()
    """
    physician = """
        import sys, time
        from pathlib import Path
        from unitgraph.cache import doctor
        from unitgraph.cache.collect import alone
        from unitgraph.cache.layout import Layout

        layout = Layout(Path(sys.argv[1]))
        print("ready", flush=True)
        sys.stdin.readline()
        for turn in range(30):
            with alone(layout, lambda: None):
                for fault in doctor.examine(layout, time.time_ns(), is_alone=True).faults:
                    print(fault, doctor.mend(layout, fault))
    """
    said = race([script(builder, tmp_path, 1), script(builder, tmp_path, 2), script(physician, tmp_path)])
    assert said == ["", "", ""]


def test_what_goes_while_one_looks_is_no_fault(tmp_path: Path) -> None:
    """``verify`` holds no lock: builds and collections go on around it."""
    builder = """
        import sys
        from pathlib import Path
        from tests.cache.machine import key_of, made_of
        from unitgraph.cache.local import LocalCache

        print("ready", flush=True)
        sys.stdin.readline()
        for turn in range(150):
            cache = LocalCache(Path(sys.argv[1]), bound_bytes=None)
            for name in "abcdef":
                cache.keep(key_of(name), f"bundle:{name}", *made_of(f"{name}{turn}".encode() * 500, b"shared"))
            cache.close()
    """
    collector = """
        import sys, time
        from pathlib import Path
        from unitgraph.cache.collect import Limits, alone, collect
        from unitgraph.cache.layout import Layout

        layout = Layout(Path(sys.argv[1]))
        print("ready", flush=True)
        sys.stdin.readline()
        for _ in range(300):
            with alone(layout, lambda: None):
                collect(layout, Limits(max_bytes=0), time.time_ns())
    """
    watcher = """
        import sys, time
        from pathlib import Path
        from unitgraph.cache import doctor
        from unitgraph.cache.layout import Layout

        print("ready", flush=True)
        sys.stdin.readline()
        for _ in range(150):
            found = doctor.examine(Layout(Path(sys.argv[1])), time.time_ns())
            for fault in found.faults:
                print(fault)
    """
    assert race([script(text, tmp_path) for text in (builder, collector, watcher)]) == ["", "", ""]
