"""The kept answer: given only while nothing that it stood on has moved."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from unitgraph.rules import snapshot

ANSWER = {"out": "nothing to do", "err": "", "status": 0}




def keep(root: Path) -> Path:
    source, output, kept = root / "src" / "a.ts", root / "out" / "a.js", root / "kept.json"
    for path in (source, output):
        path.parent.mkdir()
        path.write_text("1")
    inputs = snapshot.take([str(source), str(source.parent), str(root / "absent.ts")])
    now = time.time_ns() + 10**9
    snapshot.save(kept, "salt", inputs, now, [str(output)], ANSWER)
    return kept


def test_it_is_given_while_nothing_moves(tmp_path: Path) -> None:
    kept = keep(tmp_path)
    assert snapshot.read(kept, "salt") == ANSWER


def _edit(root: Path) -> None:
    (root / "src" / "a.ts").write_text("2")


def _edit_keeping_mtime(root: Path) -> None:
    path = root / "src" / "a.ts"
    before = path.stat()
    path.write_text("2")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def _add(root: Path) -> None:
    (root / "src" / "b.ts").write_text("")


def _appear(root: Path) -> None:
    (root / "absent.ts").write_text("")


def _remove_output(root: Path) -> None:
    (root / "out" / "a.js").unlink()


def _damage(root: Path) -> None:
    (root / "kept.json").write_text('{"version": 1, "salt": "salt", "watched": [')


@pytest.mark.parametrize("change", [_edit, _edit_keeping_mtime, _add, _appear, _remove_output, _damage])
def test_it_is_not_given_once_something_moved(tmp_path: Path, change: Callable[[Path], None]) -> None:
    kept = keep(tmp_path)
    change(tmp_path)
    assert snapshot.read(kept, "salt") is None


def test_it_is_not_given_to_another_question(tmp_path: Path) -> None:
    assert snapshot.read(keep(tmp_path), "other") is None


def test_it_is_not_kept_when_an_input_is_younger_than_the_look_at_it(tmp_path: Path) -> None:
    source, kept = tmp_path / "a.ts", tmp_path / "kept.json"
    source.write_text("1")
    snapshot.save(kept, "salt", snapshot.take([str(source)]), source.stat().st_ctime_ns + 1, [], ANSWER)
    assert not kept.exists()
