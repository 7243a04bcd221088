"""Claims between real processes: one works, the others wait, and nobody waits for the dead or for ever."""

import os
import signal
from pathlib import Path

from tests.cache.machine import key_of, race, run, script, started
from unitgraph.cache.claims import Claims

HOLDER = """
    import sys
    from pathlib import Path
    from unitgraph.cache.claims import Claims

    claims = Claims(Path(sys.argv[1]))
    print(*sorted(claims.take(sys.argv[2:])), flush=True)
    for line in sys.stdin:
        claims.drop(line.split())
        print("dropped", flush=True)
"""


def test_what_another_process_holds_is_not_given_out(tmp_path: Path) -> None:
    a, b, c = (key_of(name) for name in "abc")
    with started(script(HOLDER, tmp_path / "claims", a, b)) as process:
        ours = Claims(tmp_path / "claims")
        assert ours.take([a, b, c]) == {c}
        assert run(script(HOLDER, tmp_path / "claims", a, b, c), PYTHONUNBUFFERED="1").split() == []
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{a}\n")
        process.stdin.flush()
        assert process.stdout.readline() == "dropped\n"
        assert ours.take([a, b]) == {a}
        ours.close()


def test_a_claim_ends_with_its_process_however_that_ends(tmp_path: Path) -> None:
    ours = Claims(tmp_path / "claims")
    for end in (signal.SIGKILL, signal.SIGTERM):
        with started(script(HOLDER, tmp_path / "claims", key_of("a"))) as process:
            assert ours.take([key_of("a")]) == set()
            process.send_signal(end)
            process.wait()
            assert ours.take([key_of("a")]) == {key_of("a")}
        ours.drop([key_of("a")])
    ours.close()


def test_waiting_ends_with_the_first_that_is_free(tmp_path: Path) -> None:
    """The one that is named first stays held all the while."""
    a, b = key_of("a"), key_of("b")
    ours = Claims(tmp_path / "claims")
    with started(script(HOLDER, tmp_path / "claims", a)), started(script(HOLDER, tmp_path / "claims", b)) as second:
        os.kill(second.pid, signal.SIGKILL)
        assert ours.await_one([a, b])
        assert ours.take([a, b]) == {b}
        ours.drop([b])
    assert ours.await_one([a])
    assert ours.take([a]) == {a}
    ours.close()


def test_far_down_a_long_list_a_free_one_is_found(tmp_path: Path) -> None:
    keys = [key_of(str(number)) for number in range(450)]
    ours = Claims(tmp_path / "claims")
    with started(script(HOLDER, tmp_path / "claims", *keys[:-1])):
        assert ours.await_one(keys)
        assert ours.take(keys) == {keys[-1]}
    ours.close()


def test_nobody_waits_for_ever_for_a_process_that_was_stopped(tmp_path: Path) -> None:
    a, b = key_of("a"), key_of("b")
    ours = Claims(tmp_path / "claims", patience_s=0.3)
    with started(script(HOLDER, tmp_path / "claims", a, b)) as process:
        process.send_signal(signal.SIGSTOP)
        assert not ours.await_one([a])
        assert ours.take([a, b]) == {a}, "only what was waited for"
        ours.drop([a])
        assert not ours.await_one([b])
    ours.close()


def test_two_keys_on_one_byte_are_free_when_both_are(tmp_path: Path) -> None:
    first, second = "ab" * 7 + "0" * 50, "ab" * 7 + "1" * 50
    with started(script(HOLDER, tmp_path / "claims", first, second)) as process:
        ours = Claims(tmp_path / "claims")
        for line in (first, second):
            assert ours.take([first, second]) == set()
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(f"{line}\n")
            process.stdin.flush()
            process.stdout.readline()
        assert ours.take([first, second]) == {first, second}
        ours.close()


def test_where_no_file_can_be_locked_everybody_may_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    claims = Claims(tmp_path / "file" / "claims")
    assert claims.take([key_of("a")]) == {key_of("a")}
    claims.drop([key_of("a")])
    assert claims.await_one([key_of("a")])
    claims.close()


def test_no_two_of_many_processes_are_ever_at_one_key(tmp_path: Path) -> None:
    """A file that is made alone stands for the work: a second worker at the same key would find it there."""
    text = """
        import os, random, sys
        from pathlib import Path
        from tests.cache.machine import key_of
        from unitgraph.cache.claims import Claims

        folder, seed = Path(sys.argv[1]), int(sys.argv[2])
        order = random.Random(seed)
        claims = Claims(folder / "claims", patience_s=60)
        keys = [key_of(str(number)) for number in range(30)]
        left = set(keys)
        made = 0
        print("ready", flush=True)
        sys.stdin.readline()
        while left:
            done = {key for key in left if (folder / f"{key}.done").exists()}
            left -= done
            mine = claims.take(order.sample(sorted(left), min(4, len(left))))
            for key in mine:
                if (folder / f"{key}.done").exists():
                    continue
                os.close(os.open(folder / key, os.O_CREAT | os.O_EXCL))
                made += 1
                os.rename(folder / key, folder / f"{key}.done")
            claims.drop(mine)
            if left and not mine:
                assert claims.await_one(sorted(left))
        print(made)
    """
    ends = race([script(text, tmp_path, seed) for seed in range(6)])
    assert sum(map(int, ends)) == 30
