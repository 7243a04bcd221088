"""How much memory there is, and how bundles are cut into runs that stay within it."""

import threading
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unitgraph.rules import batches, memory
from unitgraph.rules.batches import MIB, MOST_BYTES, MOST_ENTRIES, Budget, Load, Reads
from unitgraph.rules.memory import Group, Readings

GIB = 1 << 30
PLENTY = "MemTotal: 33554432 kB\nMemFree: 1024 kB\nMemAvailable:   16777216 kB\n"      # 16 GiB available
NO_LIMIT_1 = "9223372036854771712\n"

READINGS = {
    "nothing can be read": (Readings(), None),
    "the machine alone": (Readings(PLENTY), 16 * GIB),
    "an old kernel without MemAvailable": (Readings("MemTotal: 33554432 kB\nMemFree: 1024 kB\n"), None),
    "no number": (Readings("MemAvailable: lots kB\n"), None),
    "2: no limit": (Readings(PLENTY, (Group("max\n", "123\n"),)), 16 * GIB),
    "2: a limit below the machine": (Readings(PLENTY, (Group(f"{2 * GIB}\n", f"{GIB}\n"),)), GIB),
    "2: a limit above the machine": (Readings(PLENTY, (Group(f"{64 * GIB}\n", "0\n"),)), 16 * GIB),
    "2: cached files can be given up": (
        Readings(PLENTY, (Group(f"{2 * GIB}", f"{2 * GIB}", f"anon 5\ninactive_file {GIB}\nactive_file 7\n"),)), GIB,
    ),
    "2: a group above is tighter": (
        Readings(PLENTY, (Group("max", "0"), Group(f"{3 * GIB}", f"{2 * GIB}"), Group(f"{8 * GIB}", f"{2 * GIB}"))), GIB,
    ),
    "2: more in use than allowed": (Readings(PLENTY, (Group(f"{GIB}", f"{2 * GIB}"),)), 0),
    "1: no limit": (Readings(PLENTY, (Group(NO_LIMIT_1, "123\n"),)), 16 * GIB),
    "1: a limit": (Readings(PLENTY, (Group(f"{GIB}\n", f"{GIB // 2}\n"),)), GIB // 2),
    "1: cached files of the whole tree": (
        Readings(PLENTY, (Group(f"{GIB}", f"{GIB}", f"inactive_file 1\ntotal_inactive_file {MIB}\n"),)), MIB,
    ),
    "a limit on a machine that says nothing": (Readings("", (Group(f"{GIB}", "0"),)), GIB),
    "a usage that can't be read": (Readings(PLENTY, (Group(f"{GIB}", ""),)), 16 * GIB),
    "a damaged line in memory.stat": (Readings(PLENTY, (Group(f"{GIB}", "0", "inactive_file\n\nanon x y\n"),)), GIB),
}  # fmt: skip


@pytest.mark.parametrize(("readings", "expected"), READINGS.values(), ids=READINGS)
def test_available_is_the_least_that_is_left(readings: Readings, expected: int | None) -> None:
    assert memory.available(readings) == expected


TREES: dict[str, tuple[dict[str, str], tuple[Group, ...]]] = {
    "version 2, a group in a group": (
        {
            "proc/self/cgroup": "0::/user.slice/build.scope\n",
            "fs/user.slice/build.scope/memory.max": "max\n",
            "fs/user.slice/build.scope/memory.current": "7\n",
            "fs/user.slice/memory.max": "500\n",
            "fs/user.slice/memory.current": "9\n",
            "fs/user.slice/memory.stat": "inactive_file 3\n",
        },
        (Group("max\n", "7\n"), Group("500\n", "9\n", "inactive_file 3\n")),
    ),
    "version 2, seen from inside a container": (
        {"proc/self/cgroup": "0::/../../x\n", "fs/memory.max": "500\n", "fs/memory.current": "9\n"},
        (Group("500\n", "9\n"),),
    ),
    "version 1, by the path of the host, of which the container sees nothing": (
        {
            "proc/self/cgroup": "5:cpu,cpuacct:/docker/a\n4:memory:/docker/a\n0::/docker/a\n",
            "fs/memory/memory.limit_in_bytes": "500\n",
            "fs/memory/memory.usage_in_bytes": "9\n",
        },
        (Group("500\n", "9\n"),),
    ),
    "version 1, with controllers mounted together": (
        {
            "proc/self/cgroup": "4:cpu,memory:/a:b\n",
            "fs/memory/a:b/memory.limit_in_bytes": "5\n",
            "fs/memory/a:b/memory.usage_in_bytes": "4\n",
        },
        (Group("5\n", "4\n"),),
    ),
    "no control groups": ({"proc/self/cgroup": ""}, ()),
    "a line of another form": ({"proc/self/cgroup": "what\n"}, ()),
    "no /proc": ({}, ()),
}


@pytest.mark.parametrize(("files", "expected"), TREES.values(), ids=TREES)
def test_the_groups_of_this_process_are_found(
    tmp_path: Path, files: Mapping[str, str], expected: tuple[Group, ...]
) -> None:
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    assert memory.read(tmp_path / "proc", tmp_path / "fs") == Readings("", expected)


def test_this_machine_has_memory() -> None:
    found = memory.available(memory.read())
    assert found is not None
    assert found > 16 * MIB


# How many at once.

SIZINGS = {
    "plenty, two processors": (16 * GIB, 2, 2, MOST_BYTES),
    "plenty, sixty-four processors": (64 * GIB, 64, 64, 512 * MIB),
    "many processors, little memory": (2 * GIB, 64, 10, GIB // 10),
    "a container of 512 MB": (400 * MIB, 2, 2, 100 * MIB),
    "hardly any": (60 * MIB, 4, 1, 30 * MIB),
    "none": (0, 4, 1, 0),
    "unknown": (None, 2, 2, 512 * MIB),
}


@pytest.mark.parametrize(("available", "jobs", "runs", "share"), SIZINGS.values(), ids=SIZINGS)
def test_shares_add_up_to_half_of_what_is_available(available: int | None, jobs: int, runs: int, share: int) -> None:
    found = batches.sizing(available, jobs)
    assert (found.runs, found.share_bytes) == (runs, share)
    assert found.runs * found.share_bytes <= found.budget_bytes
    assert available is None or found.budget_bytes <= available // 2


ENTRIES = {
    "small units, plenty": (512 * MIB, 450_000, MOST_ENTRIES),
    "small units in 200 MiB": (200 * MIB, 450_000, 18),
    "with zod": (512 * MIB, 1_100_000, 22),
    "five megabytes each": (512 * MIB, 5_000_000, 2),
    "one is more than its share": (512 * MIB, 50_000_000, 1),
    "no memory at all": (0, 450_000, 1),
    "nothing read": (512 * MIB, 0, MOST_ENTRIES),
}


@pytest.mark.parametrize(("share", "read", "expected"), ENTRIES.values(), ids=ENTRIES)
def test_the_more_a_unit_reads_the_fewer_go_together(share: int, read: int, expected: int) -> None:
    assert batches.entries(share, read) == expected


SIZES = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 3_000_000), max_size=6)
ALL_READS = st.dictionaries(st.text("xyz", min_size=1, max_size=3), st.builds(Reads, SIZES, st.integers(0, 900_000)))


@given(ALL_READS, st.integers(0, 600 * MIB), st.integers(1, 60))
def test_packing_keeps_all_in_order_within_the_share(reads: dict[str, Reads], share: int, most: int) -> None:
    # One file has one size, whoever reads it.
    sizes = {path: size for one in reads.values() for path, size in one.files.items()}
    reads = {name: Reads({path: sizes[path] for path in one.files}, one.besides_bytes) for name, one in reads.items()}
    loads = batches.pack(reads, share, most=most)
    assert [name for load in loads for name in load.names] == list(reads)
    for load in loads:
        assert len(load.names) <= most
        assert load.cost_bytes <= share or len(load.names) == 1


@given(st.lists(st.builds(Reads, SIZES), min_size=1, max_size=5))
def test_what_one_more_would_cost_is_what_it_costs(several: list[Reads]) -> None:
    sizes = {path: size for one in several for path, size in one.files.items()}
    load = Load()
    for number, one in enumerate(several):
        reads = Reads({path: sizes[path] for path in one.files}, one.besides_bytes)
        expected = load.with_more(reads)
        load.add(str(number), reads)
        assert load.cost_bytes == expected


def test_files_that_are_shared_are_parsed_once_and_linked_for_each() -> None:
    alike = {str(number): Reads({"shared.ts": 1_000_000}, 0) for number in range(4)}
    apart = {str(number): Reads({f"{number}.ts": 1_000_000}, 0) for number in range(4)}
    assert [load.names for load in batches.pack(alike, 200 * MIB)] == [["0", "1", "2", "3"]]
    assert [load.names for load in batches.pack(apart, 200 * MIB)] == [["0", "1"], ["2", "3"]]


# The budget.

def test_no_more_is_taken_than_there_is() -> None:
    budget, lock = Budget(100), threading.Lock()
    now, most = 0, 0
    started = threading.Barrier(12)

    def work(count: int) -> None:
        nonlocal now, most
        started.wait()
        for _ in range(50):
            with budget.taken(count):
                with lock:
                    now += min(count, 100)
                    most = max(most, now)
                with lock:
                    now -= min(count, 100)

    threads = [threading.Thread(target=work, args=(count,)) for count in (10, 30, 60, 100, 150, 20) * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    assert now == 0
    assert 0 < most <= 100


def test_who_needs_all_of_it_gets_its_turn() -> None:
    """Small runs that come later wait behind a great one, or it would never start."""
    budget, order = Budget(100), list[str]()
    waiting = threading.Event()

    def great() -> None:
        waiting.set()
        with budget.alone():
            order.append("great")

    def small() -> None:
        with budget.taken(10):
            order.append("small")

    with budget.taken(10):
        first = threading.Thread(target=great)
        first.start()
        waiting.wait(10)
        while not budget.waiting:       # until it stands in the queue
            pass
        second = threading.Thread(target=small)
        second.start()
        second.join(0.2)
        assert order == []
    first.join(10)
    second.join(10)
    assert order == ["great", "small"]


def test_what_fails_gives_its_memory_back() -> None:
    budget = Budget(100)

    def fail() -> None:
        with budget.taken(100):
            raise ValueError("as a run does that is killed")

    with pytest.raises(ValueError, match="killed"):
        fail()
    with budget.alone():
        pass
