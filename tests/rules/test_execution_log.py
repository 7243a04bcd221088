"""The execution log: a line as soon as something has happened, and never a reason for a build to fail."""

import json
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from unitgraph.cache.key import Component, Key
from unitgraph.cache.store import TRUSTED
from unitgraph.errors.build import BundleFailed
from unitgraph.rules.action import How, Result, Work
from unitgraph.rules.execution_log import KEPT, ExecutionLog

HEAD = {"project": "shop", "commit": None}


def key(name: str) -> Key:
    return Key("bundle", name * 64, ())


def lines(folder: Path) -> list[dict[str, Any]]:
    (path,) = folder.iterdir()
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def log(tmp_path: Path) -> ExecutionLog:
    return ExecutionLog(tmp_path / "log", time.monotonic(), lambda: HEAD, lambda _: ())


def test_the_first_line_says_which_build_and_the_last_what_it_came_to(log: ExecutionLog, tmp_path: Path) -> None:
    log.add(Result("bundle:a", How.CACHED, key("a"), {"index.js": "b" * 64}, {"sizes": {"index.js": 7}}, origin=TRUSTED, placed=False))
    log.total({"misses": 0})
    log.close()
    assert lines(tmp_path / "log") == [
        {"type": "build", "logVersion": 1, "project": "shop", "commit": None},
        {
            "type": "action", "action": "bundle:a", "key": "a" * 64, "how": "cached", "origin": "trusted", "placed": False,
            "outputs": [{"path": "index.js", "digest": "b" * 64, "sizeBytes": 7}],
        },
        {"type": "totals", "misses": 0},
    ]  # fmt: skip


def test_nothing_happened_no_log(log: ExecutionLog, tmp_path: Path) -> None:
    log.close()
    assert not (tmp_path / "log").exists()


def test_work_is_told_by_seconds_since_the_command_began_and_by_thread(tmp_path: Path) -> None:
    log = ExecutionLog(tmp_path / "log", 100.0, lambda: HEAD, lambda _: [Component("tool", "esbuild", "1"), Component("closure", "a.ts", "2")])
    log.add(Result("bundle:a", How.RAN, key("a"), work=Work(100.25, 101.5, "action_0")))
    log.add(Result("bundle:b", How.FAILED, key("b"), error=BundleFailed("b", "no", None), work=Work(101.5, 102, "action_1")))
    log.close()
    _, ran, failed = lines(tmp_path / "log")
    assert (ran["began"], ran["ended"], ran["worker"]) == (0.25, 1.5, "action_0")
    assert ran["moved"] == [{"kind": "tool", "name": "esbuild"}, {"kind": "closure", "name": "a.ts"}], "and no value of it"
    assert failed["error"] == "bundle-failed"
    assert "moved" not in failed


def test_what_had_nothing_to_do_shares_a_line(log: ExecutionLog, tmp_path: Path) -> None:
    for name in "ab":
        log.add(Result(f"bundle:{name}", How.FRESH, key(name)))
    log.add(Result("bundle:c", How.RAN, key("c")))
    log.add(Result("bundle:d", How.FRESH, key("d")))
    log.total({})
    assert [line["type"] for line in lines(tmp_path / "log")] == ["build", "fresh", "action", "fresh", "totals"]
    assert lines(tmp_path / "log")[1]["actions"] == {"bundle:a": "a" * 64, "bundle:b": "b" * 64}


def test_every_line_is_there_before_the_next_thing_happens(log: ExecutionLog, tmp_path: Path) -> None:
    for count, name in enumerate("abc", 2):
        log.add(Result(f"bundle:{name}", How.RAN, key(name)))
        assert len(lines(tmp_path / "log")) == count


def test_the_last_ones_are_kept_and_the_own_one_whatever_the_clock_says(tmp_path: Path) -> None:
    folder = tmp_path / "log"
    folder.mkdir()
    later = [f"2999010{number // 10}T00000{number % 10}.000Z-1.jsonl" for number in range(30)]
    for name in later:
        (folder / name).write_text("")
    (folder / "notes.txt").write_text("mine")
    log = ExecutionLog(folder, 0, lambda: HEAD, lambda _: ())
    log.total({})
    log.close()
    assert log.path is not None
    left = {path.name for path in folder.iterdir()}
    assert left == {log.path.name, "notes.txt", *later[-(KEPT - 1) :]}


def test_two_builds_at_once_have_a_log_each(tmp_path: Path) -> None:
    logs = [ExecutionLog(tmp_path / "log", 0, lambda: HEAD, lambda _: ()) for _ in range(5)]
    for log in logs:
        log.total({})
    assert len({log.path for log in logs}) == 5
    assert len(list((tmp_path / "log").iterdir())) == 5


def in_the_way(folder: Path) -> None:
    folder.write_text("a file where the folder should be")


def unreadable(folder: Path) -> None:
    folder.symlink_to(folder)


@pytest.mark.parametrize("spoil", [in_the_way, unreadable])
def test_a_log_that_cannot_be_written_is_none(tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    spoil(tmp_path / "log")
    log = ExecutionLog(tmp_path / "log", 0, lambda: HEAD, lambda _: ())
    log.add(Result("bundle:a", How.RAN, key("a")))
    log.total({})
    log.close()


def test_a_head_that_cannot_be_told_is_no_reason_to_fail(tmp_path: Path) -> None:
    def head() -> dict[str, object]:
        raise OSError("git has gone")

    log = ExecutionLog(tmp_path / "log", 0, head, lambda _: ())
    log.add(Result("bundle:a", How.RAN, key("a")))
    log.close()


def limited(command: Sequence[str], bytes_: int) -> subprocess.CompletedProcess[str]:
    """The command on a disk on which no file can have more than so many bytes."""

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_, bytes_))

    return subprocess.run(command, preexec_fn=limit, capture_output=True, text=True, check=False)


def test_a_disk_that_fills_up_ends_the_log_and_not_the_build(tmp_path: Path) -> None:
    script = dedent("""\
        import sys
        from pathlib import Path
        from unitgraph.cache.key import Key
        from unitgraph.rules.action import How, Result
        from unitgraph.rules.execution_log import ExecutionLog
        log = ExecutionLog(Path(sys.argv[1]), 0, dict, lambda _: ())
        for number in range(100):
            log.add(Result(f"bundle:{number}", How.RAN, Key("bundle", "a" * 64, ())))
        log.total({})
        log.close()
        print("built")
        """)
    done = limited([sys.executable, "-c", script, str(tmp_path / "log")], 4000)
    assert (done.returncode, done.stdout, done.stderr) == (0, "built\n", "")
    (path,) = (tmp_path / "log").iterdir()
    *whole, cut = path.read_text(encoding="utf-8").split("\n")
    assert len(whole) > 10
    assert [json.loads(line)["type"] for line in whole] == ["build", *["action"] * (len(whole) - 1)]
    assert path.stat().st_size == 4000
    assert cut
