"""The folder backend alone: who may read and write, what a share does, what is left behind."""

import os
import resource
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cache.remote.conformance import blobs, content, key, name_of, named
from unitgraph.cache.remote import bounds
from unitgraph.cache.remote.base import Backend, BackendError, Connection
from unitgraph.cache.store import Blob

Opened = Callable[[Connection], Backend]
NOBODY = 65534


@pytest.fixture
def share() -> Iterator[Path]:
    """A folder in a place that every user reaches."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        folder.chmod(0o755)
        yield folder


@contextmanager
def as_nobody() -> Iterator[None]:
    """As a user who isn't root, for whom the rights of files don't count."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}


@pytest.mark.parametrize("url", ["{}", "file://{}", "FILE://{}", "file://localhost{}"])
def test_where_things_are(tmp_path: Path, opened: Opened, url: str) -> None:
    root = tmp_path / "shared"
    data, name = content(), key()
    backend = opened(Connection(url.format(root)))
    backend.put_blobs(named(data))
    backend.put_entry(name, b"entry", blobs(named(data)))
    digest = name_of(data)
    assert files(root) == {f"cas/{digest[:2]}/{digest}", f"ac/{name[:2]}/{name}"}
    assert backend.place == str(root)


def test_a_path_with_all_sorts_of_characters(tmp_path: Path, opened: Opened) -> None:
    root = tmp_path / "a b" / "é?#%41@x:y"
    root.mkdir(parents=True)
    for connection in (Connection(str(root)), Connection(root.as_uri())):
        backend = opened(connection)
        name = key()
        backend.put_entry(name, b"entry", [])
        assert backend.entries([name]) == {name: b"entry"}
    assert (root / "ac").is_dir()


@pytest.mark.parametrize("mode", [0o755, 0o700, 0o2775, 0o777])
def test_what_is_below_is_as_open_as_the_folder(share: Path, opened: Opened, mode: int) -> None:
    root = share / "shared"
    root.mkdir()
    root.chmod(mode)
    opened(Connection(str(root))).put_blobs(named(content()))
    for path in root.rglob("*"):
        allowed = mode if path.is_dir() else mode & 0o666
        assert stat.S_IMODE(path.stat().st_mode) == allowed, path


def test_users_of_an_open_folder_write_beside_and_over_each_other(share: Path, opened: Opened) -> None:
    root = share / "shared"
    root.mkdir()
    root.chmod(0o777)
    contents, name = named(content()), key()
    mine = opened(Connection(str(root)))
    mine.put_blobs(contents)
    mine.put_entry(name, b"mine", blobs(contents))
    with as_nobody():
        theirs = opened(Connection(str(root)))
        assert theirs.blobs(blobs(contents)) == contents
        theirs.put_blobs(contents)
        theirs.put_entry(name, b"theirs", blobs(contents))
    assert mine.entries([name]) == {name: b"theirs"}


def test_who_may_not_write_may_read(share: Path, opened: Opened) -> None:
    root = share / "shared"
    contents, name = named(content()), key()
    mine = opened(Connection(str(root)))
    mine.put_blobs(contents)
    mine.put_entry(name, b"entry", blobs(contents))
    for path in (root, *root.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    with as_nobody():
        theirs = opened(Connection(str(root)))
        assert theirs.blobs(blobs(contents)) == contents
        assert theirs.entries([name]) == {name: b"entry"}
        with pytest.raises(BackendError, match="Permission denied") as caught:
            theirs.put_blobs(named(content()))
        assert caught.value.trouble == "denied"
    for path in (root, *root.rglob("*")):
        path.chmod(0o755)


def test_who_may_not_read_is_denied(share: Path, opened: Opened) -> None:
    root = share / "shared"
    root.mkdir()
    opened(Connection(str(root))).put_blobs(named(content()))
    root.chmod(0)
    with as_nobody():
        backend = opened(Connection(str(root)))
        for call in (lambda: backend.entries([key()]), lambda: backend.missing([Blob(key(), 1)])):
            with pytest.raises(BackendError) as caught:
                call()
            assert caught.value.trouble == "denied"
    root.chmod(0o755)


def test_a_share_that_is_not_mounted_is_unreachable(tmp_path: Path, opened: Opened) -> None:
    backend = opened(Connection(str(tmp_path / "mnt" / "share" / "cache")))
    contents = named(content())
    calls: list[Callable[[], object]] = [
        lambda: backend.entries([key()]),
        lambda: backend.blobs(blobs(contents)),
        lambda: backend.missing(blobs(contents)),
        lambda: backend.put_blobs(contents),
        lambda: backend.put_entry(key(), b"entry", []),
    ]
    for call in calls:
        with pytest.raises(BackendError, match="No such file") as caught:
            call()
        assert caught.value.trouble == "unreachable"
    assert list(tmp_path.iterdir()) == [], "nothing is made on this machine's disk in its place"


def test_the_folder_is_made_where_the_one_above_is_there(tmp_path: Path, opened: Opened) -> None:
    backend = opened(Connection(str(tmp_path / "cache")))
    name = key()
    assert backend.entries([name]) == {}
    backend.put_entry(name, b"entry", [])
    assert backend.entries([name]) == {name: b"entry"}


def test_a_file_in_the_place_of_the_folder(tmp_path: Path, opened: Opened) -> None:
    (tmp_path / "cache").write_text("")
    with pytest.raises(BackendError, match="Not a directory") as caught:
        opened(Connection(str(tmp_path / "cache"))).put_blobs(named(content()))
    assert caught.value.trouble == "failed"


def test_a_disk_without_room_keeps_nothing_half(tmp_path: Path, opened: Opened) -> None:
    """A limit of the process on the size of files stands for the full disk: the write ends in the middle, too."""
    backend = opened(Connection(str(tmp_path / "cache")))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3_000_000, hard))
    try:
        with pytest.raises(BackendError, match="File too large") as caught:
            backend.put_blobs(named(content(5_000_000)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.trouble == "full"
    assert files(tmp_path) == set()


def test_a_pipe_or_a_folder_in_the_place_of_a_file_is_not_waited_for(tmp_path: Path, opened: Opened) -> None:
    pipe, folder, fine = key(), key(), key()
    backend = opened(Connection(str(tmp_path)))
    for name in (pipe, folder):
        (tmp_path / "ac" / name[:2]).mkdir(parents=True, exist_ok=True)
    os.mkfifo(tmp_path / "ac" / pipe[:2] / pipe)
    (tmp_path / "ac" / folder[:2] / folder).mkdir()
    backend.put_entry(fine, b"entry", [])
    assert backend.entries([pipe, folder, fine]) == {fine: b"entry"}


def test_an_entry_without_measure_is_not_taken(tmp_path: Path, opened: Opened) -> None:
    name = key()
    path = tmp_path / "ac" / name[:2] / name
    path.parent.mkdir(parents=True)
    path.touch()
    os.truncate(path, bounds.ENTRY_BYTES + 1)
    assert opened(Connection(str(tmp_path))).entries([name]) == {}


def test_the_time_of_a_file_says_when_it_was_last_of_use(tmp_path: Path, opened: Opened) -> None:
    contents, name = named(content(), content()), key()
    read, named_again = contents
    backend = opened(Connection(str(tmp_path)))
    backend.put_blobs(contents)
    backend.put_entry(name, b"entry", [])
    old = time.time() - 40 * 86_400
    for path in tmp_path.rglob("*"):
        os.utime(path, (old, old))
    backend.blobs([Blob(read, 100)])
    backend.entries([name])
    backend.put_entry(key(), b"another", [Blob(named_again, 100)])
    stamps = [path.stat().st_mtime for path in tmp_path.rglob("*") if path.is_file()]
    assert min(stamps) > old + 39 * 86_400


def test_what_others_remove_meanwhile_is_made_again(tmp_path: Path, opened: Opened) -> None:
    contents = named(content())
    backend = opened(Connection(str(tmp_path / "cache")))
    backend.put_blobs(contents)
    (path,) = (path for path in tmp_path.rglob("*") if path.is_file())
    path.unlink()
    path.parent.rmdir()
    assert backend.missing(blobs(contents)) == contents.keys()
    backend.put_blobs(contents)
    assert backend.blobs(blobs(contents)) == contents
