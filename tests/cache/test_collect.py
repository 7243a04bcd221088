"""What goes from the cache and what stays: the longest unused goes, and nothing that a living build may still ask for."""

import os
import signal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cache.machine import (
    DAY_NS,
    Clock,
    blob_path,
    entry_path,
    files_below,
    key_of,
    made_of,
    race,
    script,
    started,
)
from unitgraph.cache import growth, inventory
from unitgraph.cache.collect import Collected, Limits, alone, choose, collect
from unitgraph.cache.digest import sha256
from unitgraph.cache.inventory import Held, HeldEntry, Inventory
from unitgraph.cache.layout import Layout
from unitgraph.cache.local import LocalCache
from unitgraph.cache.store import Made

BLOCK = 4096


def keep(root: Path, clock: Clock, *names: str) -> None:
    """One build that makes a result of one block each, and one blob of their own of one block."""
    cache = LocalCache(root, clock_ns=clock, bound_bytes=None)
    for name in names:
        cache.keep(key_of(name), f"bundle:{name}", *made_of(name.encode() * 100))
    cache.close()


def collected(root: Path, clock: Clock, limits: Limits, *, dry_run: bool = False) -> Collected:
    with alone(Layout(root)) as is_alone:
        assert is_alone
        return collect(Layout(root), limits, clock(), dry_run=dry_run)


def held(root: Path, *names: str) -> str:
    """Those of ``names`` that are still there, with all their bytes."""
    cache = LocalCache(root, bound_bytes=None)
    found = cache.look_up([key_of(name) for name in names])
    for made in found.values():
        assert len(cache.fetch(made.outputs.values())) == len(made.outputs)
    cache.close()
    return "".join(name for name in names if key_of(name) in found)


def test_the_longest_unused_goes_first_with_its_blobs(tmp_path: Path) -> None:
    clock = Clock()
    for name in "abcdef":
        keep(tmp_path, clock, name)
        clock.pass_days(1)
    cache = LocalCache(tmp_path, clock_ns=clock, bound_bytes=None)
    cache.look_up([key_of("a")])
    cache.close()
    clock.pass_days(1)
    done = collected(tmp_path, clock, Limits(max_bytes=6 * BLOCK))
    assert done == Collected(entries=3, blobs=3, parts=0, freed_bytes=6 * BLOCK, left_entries=3, left_bytes=6 * BLOCK)
    assert held(tmp_path, *"abcdef") == "aef"
    assert len(list(files_below(tmp_path / "cas"))) == 3


def test_what_is_too_old_goes_whatever_the_size(tmp_path: Path) -> None:
    clock = Clock()
    keep(tmp_path, clock, "a", "b")
    clock.pass_days(40)
    keep(tmp_path, clock, "c")
    clock.pass_days(1)
    assert collected(tmp_path, clock, Limits(max_age_ns=30 * DAY_NS)).entries == 2
    assert held(tmp_path, *"abc") == "c"


def test_without_a_limit_only_what_nobody_can_ask_for_goes(tmp_path: Path) -> None:
    clock = Clock()
    keep(tmp_path, clock, "a", "b", "c")
    damaged = entry_path(tmp_path, "b")
    damaged.chmod(0o644)
    damaged.write_bytes(b"damaged")
    os.utime(damaged, ns=(clock(), clock()))
    entry_path(tmp_path, "c").unlink()
    clock.pass_days(1)
    done = collected(tmp_path, clock, Limits())
    assert (done.entries, done.blobs, done.left_entries) == (1, 2, 1)
    assert held(tmp_path, *"abc") == "a"


def test_a_dry_run_says_the_same_and_removes_nothing(tmp_path: Path) -> None:
    clock = Clock()
    for name in "abc":
        keep(tmp_path, clock, name)
        clock.pass_days(1)
    before = sorted(files_below(tmp_path))
    said = collected(tmp_path, clock, Limits(max_bytes=2 * BLOCK), dry_run=True)
    assert sorted(files_below(tmp_path)) == sorted({*before, Layout(tmp_path).lock})
    assert said == collected(tmp_path, clock, Limits(max_bytes=2 * BLOCK))
    assert held(tmp_path, *"abc") == "c"


def test_a_blob_that_two_results_share_stays_with_either(tmp_path: Path) -> None:
    clock = Clock()
    cache = LocalCache(tmp_path, clock_ns=clock, bound_bytes=None)
    cache.keep(key_of("old"), "bundle:old", *made_of(b"shared", b"old"))
    clock.pass_days(2)
    cache.keep(key_of("new"), "bundle:new", *made_of(b"shared", b"new"))
    cache.close()
    clock.pass_days(1)
    collected(tmp_path, clock, Limits(max_age_ns=2 * DAY_NS))
    assert held(tmp_path, "old", "new") == "new"
    assert not blob_path(tmp_path, b"old").exists()


def test_what_a_living_build_has_looked_up_stays_whatever_the_size(tmp_path: Path) -> None:
    clock = Clock()
    keep(tmp_path, clock, "a", "b")
    clock.pass_days(5)
    living = LocalCache(tmp_path, clock_ns=clock, bound_bytes=None)
    made = living.look_up([key_of("a")])[key_of("a")]
    clock.pass_days(3)
    done = collected(tmp_path, clock, Limits(max_bytes=0, max_age_ns=0))
    assert (done.entries, done.left_entries) == (1, 1)
    assert len(living.fetch(made.outputs.values())) == 1
    living.close()
    clock.pass_days(1)
    collected(tmp_path, clock, Limits(max_bytes=0))
    assert held(tmp_path, "a", "b") == ""


def test_a_killed_build_holds_nothing_back(tmp_path: Path) -> None:
    text = """
        import sys
        from pathlib import Path
        from tests.cache.machine import key_of, made_of
        from unitgraph.cache.local import LocalCache

        cache = LocalCache(Path(sys.argv[1]))
        cache.keep(key_of("a"), "bundle:a", *made_of(b"x"))
        print("ready", flush=True)
        sys.stdin.readline()
    """
    clock = Clock()
    with started(script(text, tmp_path)) as process:
        clock.pass_days(1)
        assert collected(tmp_path, clock, Limits(max_bytes=0)).entries == 0
        assert len(list(Layout(tmp_path).builds.iterdir())) == 1
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert collected(tmp_path, clock, Limits(max_bytes=0)).entries == 1
        assert list(Layout(tmp_path).builds.iterdir()) == []


@pytest.mark.parametrize("years", [-1, 1])
def test_a_clock_that_was_a_year_off_keeps_nothing_for_a_year(tmp_path: Path, years: int) -> None:
    clock = Clock()
    keep(tmp_path, clock, "before")
    clock.pass_days(1 + 365 * years)
    keep(tmp_path, clock, "astray")
    clock.pass_days(-365 * years)
    keep(tmp_path, clock, "after")
    clock.pass_days(1)
    assert held(tmp_path, "before", "astray", "after") == "beforeastrayafter"
    keep(tmp_path, clock, "last")
    for _ in range(2):
        clock.pass_days(1)
        collected(tmp_path, clock, Limits(max_bytes=4 * BLOCK))
    clock.pass_days(1)
    collected(tmp_path, clock, Limits(max_bytes=0))
    assert held(tmp_path, "before", "astray", "after", "last") == ""


def test_while_a_build_lives_that_saw_another_clock_everything_stays(tmp_path: Path) -> None:
    clock = Clock()
    keep(tmp_path, clock, "a")
    clock.pass_days(365)
    living = LocalCache(tmp_path, clock_ns=clock, bound_bytes=None)
    assert living.look_up([key_of("a")])
    clock.pass_days(-364)
    for _ in range(2):
        assert collected(tmp_path, clock, Limits(max_bytes=0)).entries == 0
        clock.pass_days(1)
    living.close()


@pytest.mark.parametrize("days", [2, -200], ids=["later", "by a clock that is behind"])
def test_what_a_build_has_looked_up_stays_when_another_one_replaces_it(tmp_path: Path, days: float) -> None:
    clock = Clock()
    keep(tmp_path, clock, "a")
    clock.pass_days(2)
    first = LocalCache(tmp_path, clock_ns=clock, bound_bytes=None)
    made = first.look_up([key_of("a")])[key_of("a")]
    clock.pass_days(days)
    second = LocalCache(tmp_path, clock_ns=clock, bound_bytes=None)
    second.keep(key_of("a"), "bundle:a", *made_of(b"another result of the same action"))
    second.close()
    clock.pass_days(1 - min(days, 0))
    assert collected(tmp_path, clock, Limits(max_bytes=0)).entries == 0 or days < 0
    assert len(first.fetch(made.outputs.values())) == 1
    first.close()


def test_a_clock_that_is_set_back_takes_nothing_from_a_build(tmp_path: Path) -> None:
    clock = Clock()
    keep(tmp_path, clock, "old")
    clock.pass_days(9)
    living = LocalCache(tmp_path, clock_ns=clock, bound_bytes=None)
    living.look_up([])
    clock.pass_days(-3)
    living.look_up([key_of("old")])
    living.keep(key_of("new"), "bundle:new", *made_of(b"new"))
    clock.pass_days(4)
    assert collected(tmp_path, clock, Limits(max_bytes=0)).entries == 0
    living.close()


# What killed writers left.


def test_half_files_go_by_their_age(tmp_path: Path) -> None:
    clock = Clock()
    keep(tmp_path, clock, "a")
    shard = blob_path(tmp_path, b"a" * 100).parent
    places = {"young": shard / ".part-1-1", "old": shard / ".part-1-2", "future": shard / ".part-1-3", "root": tmp_path / ".part-1-4"}
    ages = {"young": 0.01, "old": 1, "future": -30, "root": 1}
    for name, path in places.items():
        path.write_bytes(b"x" * 5000)
        when = clock() - int(ages[name] * DAY_NS)
        os.utime(path, ns=(when, when))
    done = collected(tmp_path, clock, Limits())
    assert (done.parts, done.freed_bytes) == (3, 3 * 2 * BLOCK)
    assert [name for name, path in places.items() if path.exists()] == ["young"]


# By itself.


def test_a_store_that_has_outgrown_its_bound_is_collected_when_a_build_ends(tmp_path: Path) -> None:
    clock = Clock()
    bound = 20 * BLOCK
    seen = []
    for number in range(40):
        cache = LocalCache(tmp_path, clock_ns=clock, bound_bytes=bound)
        cache.keep(key_of(str(number)), "bundle:x", *made_of(str(number).encode() * 100))
        cache.close()
        clock.pass_days(0.01)
        seen.append(inventory.take(Layout(tmp_path)).size_bytes)
    assert max(seen) <= 1.1 * bound + 2 * BLOCK, "a tenth of margin, and the build's own"
    assert seen[-1] > bound / 2
    assert held(tmp_path, "39", "38", "0") == "3938"


def test_nothing_is_counted_while_the_bound_is_far(tmp_path: Path) -> None:
    clock = Clock()
    keep(tmp_path, clock, "a")
    growth.counted(Layout(tmp_path), 5 * BLOCK, clock())
    growth.note(Layout(tmp_path), BLOCK)
    growth.note(Layout(tmp_path), 0)
    assert Layout(tmp_path).size.read_bytes().count(b"\n") == 2
    assert not growth.has_outgrown(Layout(tmp_path), 6 * BLOCK, clock())
    assert growth.has_outgrown(Layout(tmp_path), 5 * BLOCK, clock())
    assert growth.has_outgrown(Layout(tmp_path), 6 * BLOCK, clock() + 31 * DAY_NS), "what was counted long ago is counted again"


@pytest.mark.parametrize("text", [b"", b"\n", b"x\n", b"counted\n", b"counted 1 x\n", b"counted 1 2\nx\n", b"12\n", b"\xff\xff"])
def test_a_damaged_size_is_counted_anew(tmp_path: Path, text: bytes) -> None:
    clock = Clock()
    keep(tmp_path, clock, "a")
    Layout(tmp_path).size.write_bytes(text)
    assert growth.has_outgrown(Layout(tmp_path), 10**9, clock())
    collected(tmp_path, clock, Limits())
    assert not growth.has_outgrown(Layout(tmp_path), 10**9, clock())


def test_one_process_at_a_time_removes_things(tmp_path: Path) -> None:
    text = """
        import sys
        from pathlib import Path
        from unitgraph.cache.collect import alone
        from unitgraph.cache.layout import Layout

        with alone(Layout(Path(sys.argv[1]))) as is_alone:
            print(is_alone, flush=True)
            sys.stdin.readline()
    """
    with started(script(text, tmp_path)) as process:
        with alone(Layout(tmp_path)) as is_alone:
            assert not is_alone
        said: list[str] = []

        def waiting() -> None:
            said.append("waits")
            process.kill()

        with alone(Layout(tmp_path), waiting) as is_alone:
            assert is_alone
        assert said == ["waits"]


def test_while_builds_run_collections_break_none_of_them(tmp_path: Path) -> None:
    """Builds keep and look up, each with new results and old ones; a collection to nothing runs again and again."""
    builder = """
        import random, sys
        from pathlib import Path
        from tests.cache.machine import key_of, made_of
        from unitgraph.cache.local import LocalCache

        root, seed = Path(sys.argv[1]), int(sys.argv[2])
        order = random.Random(seed)
        print("ready", flush=True)
        sys.stdin.readline()
        found_count = 0
        for turn in range(25):
            cache = LocalCache(root, bound_bytes=None)
            needed = {}
            for step in range(30):
                name = str(order.randrange(40))
                found = cache.look_up([key_of(name)])
                if key_of(name) in found:
                    needed[name] = found[key_of(name)]
                    found_count += 1
                else:
                    needed[name], data = made_of(name.encode() * 50, b"shared")
                    cache.keep(key_of(name), f"bundle:{name}", needed[name], data)
            for name, made in needed.items():
                assert len(cache.fetch(made.outputs.values())) == 2, name
            assert cache.traffic.warnings == []
            cache.close()
        print(found_count)
    """
    collector = """
        import sys, time
        from pathlib import Path
        from unitgraph.cache.collect import Limits, alone, collect
        from unitgraph.cache.layout import Layout

        layout = Layout(Path(sys.argv[1]))
        print("ready", flush=True)
        sys.stdin.readline()
        entries = 0
        for _ in range(150):
            with alone(layout, lambda: None):
                entries += collect(layout, Limits(max_bytes=0), time.time_ns()).entries
        print(entries)
    """
    ends = race([script(builder, tmp_path, 1), script(builder, tmp_path, 2), script(collector, tmp_path)])
    assert all(int(end) > 0 for end in ends), ends


# Whatever happens.

WHICH = st.integers(0, 2)
NAMES = st.sampled_from("abcd")
LIVELY = st.one_of(
    st.tuples(st.just("use"), WHICH, NAMES),
    st.tuples(st.just("make"), WHICH, NAMES, st.integers(0, 1)),
    st.tuples(st.just("collect"), st.sampled_from([0, 0, 3, 9]), st.sampled_from([0, 3, 50])),
    st.tuples(st.just("pass"), st.sampled_from([0.0001, 0.5, 2])),
)
STEPS = st.one_of(
    LIVELY,
    LIVELY,
    st.tuples(st.just("start")),
    st.tuples(st.just("end"), WHICH),
    st.tuples(st.just("kill"), WHICH),
    st.tuples(st.just("remember"), WHICH, NAMES),
    st.tuples(st.just("set"), st.sampled_from([-400, -3, 3, 400])),
)


class Builds:
    """Builds that live at once and what each has been given; after every step all of it must still be there."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.clock = Clock()
        self.living: list[tuple[LocalCache, dict[str, Made]]] = []

    def step(self, what: str, *values: object) -> None:
        getattr(self, f"do_{what}")(*values)
        for cache, needed in self.living:
            for made in needed.values():
                assert len(cache.fetch(made.outputs.values())) == len(made.outputs)

    def do_start(self) -> None:
        if len(self.living) < 3:
            self.living.append((LocalCache(self.root, clock_ns=self.clock, bound_bytes=8 * BLOCK), {}))

    def one(self, which: int) -> tuple[LocalCache, dict[str, Made]]:
        if not self.living:
            self.do_start()
        return self.living[which % len(self.living)]

    def do_end(self, which: int) -> None:
        ended = self.one(which)
        self.living.remove(ended)
        ended[0].close()

    def do_kill(self, which: int) -> None:
        """What the kernel does at the end of a process; its file stays."""
        killed = self.one(which)
        self.living.remove(killed)
        if killed[0]._membership is not None:
            os.close(killed[0]._membership._handle)

    def do_use(self, which: int, name: str) -> None:
        cache, needed = self.one(which)
        for made in cache.look_up([key_of(name)]).values():
            if len(cache.fetch(made.outputs.values())) == len(made.outputs):
                needed[name] = made

    def do_make(self, which: int, name: str, variant: int) -> None:
        cache, needed = self.one(which)
        needed[name], data = made_of(f"{name}{variant}".encode() * 50, b"shared")
        cache.keep(key_of(name), f"bundle:{name}", needed[name], data)

    def do_remember(self, which: int, name: str) -> None:
        cache, _ = self.one(which)
        cache.remember(key_of(name), f"bundle:{name}", made_of(f"{name}0".encode() * 50)[0], "built")

    def do_collect(self, blocks: int, days: int) -> None:
        collected(self.root, self.clock, Limits(blocks * BLOCK, days * DAY_NS))

    def do_pass(self, days: float) -> None:
        self.clock.pass_days(days)

    def do_set(self, days: int) -> None:
        """Somebody, or the network, sets the clock."""
        self.clock.pass_days(days)


@settings(max_examples=300)
@given(steps=st.lists(STEPS, min_size=8, max_size=30))
def test_nothing_that_a_living_build_was_given_ever_goes(steps: list[tuple[str, ...]], tmp_path_factory: pytest.TempPathFactory) -> None:
    builds = Builds(tmp_path_factory.mktemp("cache"))
    for what, *values in steps:
        builds.step(what, *values)
    for cache, _ in builds.living:
        cache.close()
    builds.clock.pass_days(500)
    collected(builds.root, builds.clock, Limits(max_bytes=0))
    builds.clock.pass_days(1)
    assert collected(builds.root, builds.clock, Limits(max_bytes=0)).left_bytes == 0, "in the end everything can go"


HELD = st.builds(
    lambda number, size, used: Held(f"/{number}", sha256(str(number).encode()), size, used),
    st.integers(0, 15), st.integers(1, 9), st.integers(0, 30),
)  # fmt: skip


@given(
    blobs=st.lists(HELD, max_size=8, unique_by=lambda blob: blob.name),
    files=st.lists(HELD, max_size=8, unique_by=lambda file: file.name),
    named=st.lists(st.lists(st.integers(0, 15), max_size=4), min_size=8, max_size=8),
    limit=st.integers(0, 100),
    since=st.integers(0, 40),
)
def test_the_choice_is_the_least_that_fits(
    blobs: list[Held], files: list[Held], named: list[list[int]], limit: int, since: int
) -> None:
    """Oldest first, nothing used since, and not one more than the bound asks for."""
    entries = tuple(
        HeldEntry(file, "built", 0, "x", tuple({sha256(str(number).encode()) for number in names}))
        for file, names in zip(files, named, strict=False)
    )
    found = Inventory(entries, tuple(blobs), (), ())
    chosen = choose(found, Limits(max_bytes=limit), since, now_ns=50)

    def left_bytes(gone: list[HeldEntry]) -> int:
        stay = [entry for entry in entries if entry not in gone]
        names = {name for entry in stay for name in entry.names}
        return sum(entry.file.size_bytes for entry in stay) + sum(
            blob.size_bytes for blob in blobs if blob.name in names or blob.used_ns >= since
        )

    assert all(entry.file.used_ns < since for entry in chosen)
    removable = [entry for entry in entries if entry.file.used_ns < since]
    assert left_bytes(chosen) <= limit or len(chosen) == len(removable)
    if chosen:
        assert left_bytes(chosen[:-1]) > limit, "the last one needn't have gone"
        oldest_left = min((entry.file.used_ns for entry in removable if entry not in chosen), default=50)
        assert max(entry.file.used_ns for entry in chosen) <= oldest_left
