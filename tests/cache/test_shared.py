"""Two layers: what is looked up where, what goes out, and that nothing a place does wrong is more than a warning."""

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest

from tests.cache.layers import BRIEF, CI_KEY, DESK, PATIENT, Machine, Place, failing, text_of, texts
from tests.cache.machine import key_of, made_of
from unitgraph.cache.breaker import ENOUGH, Worth
from unitgraph.cache.digest import sha256
from unitgraph.cache.remote.base import BackendError, Trouble
from unitgraph.cache.remote.pool import Partial
from unitgraph.cache.store import Blob
from unitgraph.cache.tier import signed_by
from unitgraph.cache.uploads import CI, Patience

NAMES = tuple(f"unit-{number}" for number in range(600))
FEW = NAMES[:40]
SIGNED = signed_by(CI_KEY.fingerprint)


@pytest.fixture
def place() -> Place:
    return Place()


@pytest.fixture
def one(tmp_path: Path, place: Place) -> Machine:
    return Machine(tmp_path / "one", place)


@pytest.fixture
def two(tmp_path: Path, place: Place) -> Machine:
    return Machine(tmp_path / "two", place)


def test_what_one_machine_makes_another_takes(one: Machine, two: Machine) -> None:
    made = one.make(texts(*NAMES))
    assert (made.traffic.warnings, made.traffic.bytes_sent) == ([], sum(map(len, texts(*NAMES).values())))
    taken = two.take(*NAMES, "other")
    assert taken.texts == texts(*NAMES)
    assert set(taken.origins.values()) == {SIGNED}
    traffic = taken.cache.traffic
    assert (traffic.local, traffic.remote, traffic.missed, traffic.warnings) == (0, 600, 1, [])
    assert traffic.bytes_received == made.traffic.bytes_sent


def test_what_was_taken_is_here_from_then_on(one: Machine, two: Machine, place: Place) -> None:
    one.make(texts("a", "b"))
    two.take("a", "b")
    place.before = {name: failing("unreachable") for name in ("entries", "blobs")}
    again = two.take("a", "b")
    assert again.texts == texts("a", "b")
    assert again.origins == {"a": SIGNED, "b": SIGNED}
    assert again.cache.traffic.local == 2
    assert again.warnings == []


def test_what_was_built_here_is_looked_up_here(one: Machine, place: Place) -> None:
    one.make(texts("a"))
    place.calls.clear()
    assert one.take("a").origins == {"a": "built"}
    assert place.calls == []


def test_a_lookup_brings_no_bytes_and_near_asks_nobody(one: Machine, two: Machine, place: Place) -> None:
    one.make(texts("a", "b"))
    with two.building() as cache:
        assert cache.look_up([key_of("a")], near=True) == {}
        assert cache.traffic.missed == 0
        found = cache.look_up([key_of("a"), key_of("b")])
        blobs = [blob for made in found.values() for blob in made.outputs.values()]
        assert len(blobs) == 2
        assert cache.fetch(blobs, near=True) == {}
        assert place.asked("blobs") == 0
        assert cache.fetch(blobs) == {sha256(text): text for text in texts("a", "b").values()}
        assert place.asked("blobs") == 1
    with two.building() as cache:
        assert cache.look_up([key_of("a"), key_of("b")], near=True) == found


def test_lookups_and_bytes_go_in_few_requests(one: Machine, two: Machine, place: Place) -> None:
    one.make(texts(*NAMES))
    place.calls.clear()
    two.take(*NAMES)
    assert sorted(count for method, count in place.calls if method == "entries") == [88, 256, 256]
    assert sum(count for method, count in place.calls if method == "blobs") == 600
    assert place.asked("blobs") == 5


def test_large_files_are_asked_for_by_their_size(one: Machine, two: Machine, place: Place) -> None:
    large = {name: name.encode() * (3 << 20) for name in ("a", "b", "c", "d", "e")}
    one.make(large)
    assert two.take(*large).texts == large
    assert [count for method, count in place.calls if method == "blobs"] == [2, 2, 1]


def test_blobs_come_before_the_entry_and_only_those_that_are_missing(one: Machine, place: Place) -> None:
    same = made_of(b"shared by two", b"own")
    other = made_of(b"shared by two", b"another")
    with one.building() as cache:
        cache.keep(key_of("a"), "bundle:a", *same)
    with one.building() as cache:
        cache.keep(key_of("b"), "bundle:b", *other)
    methods = [method for method, _ in place.calls]
    assert methods == ["missing", "put_blobs", "put_entry"] * 2
    assert [count for method, count in place.calls if method == "put_blobs"] == [2, 1]


def test_bytes_that_the_place_gave_are_not_offered_to_it(one: Machine, two: Machine, place: Place) -> None:
    one.make(texts("a"))
    with two.building() as cache:
        made = cache.look_up([key_of("a")])[key_of("a")]
        data = cache.fetch(made.outputs.values())
        place.calls.clear()
        cache.keep(key_of("b"), "bundle:b", replace(made, origin="built"), data)
    assert [method for method, _ in place.calls] == ["put_entry"]


@pytest.mark.parametrize(("reads", "writes"), [(False, True), (True, False)], ids=["write only", "read only"])
def test_each_direction_can_be_switched_off(one: Machine, two: Machine, place: Place, reads: bool, writes: bool) -> None:
    one.make(texts("a"))
    place.calls.clear()
    manners = replace(PATIENT, reads=reads, writes=writes)
    two.make(texts("b"), manners=manners)
    assert two.take("a", manners=manners).texts == (texts("a") if reads else {})
    assert {method for method, _ in place.calls} == ({"entries", "blobs"} if reads else {"missing", "put_blobs", "put_entry"})


def test_a_desk_without_the_key_reads_and_writes_nothing_and_hears_nothing(one: Machine, two: Machine, place: Place) -> None:
    one.make(texts("a"))
    place.calls.clear()
    made = two.make(texts("b"), DESK)
    assert place.calls == []
    assert made.traffic.warnings == []
    assert two.take("a", "b", trust=DESK).origins == {"a": SIGNED, "b": "built"}


# A place that fails.

READS, WRITES = ("entries", "blobs"), ("missing", "put_blobs", "put_entry")


@pytest.mark.parametrize("trouble", get_args(Trouble))
@pytest.mark.parametrize("method", READS)
def test_a_place_that_fails_to_give_is_a_miss_a_line_and_soon_left_alone(
    one: Machine, two: Machine, place: Place, method: str, trouble: Trouble
) -> None:
    one.make(texts(*FEW))
    place.calls.clear()
    place.before[method] = failing(trouble)
    with two.building() as cache:
        for name in FEW:
            found = cache.look_up([key_of(name)])
            blobs = [blob for made in found.values() for blob in made.outputs.values()]
            assert cache.fetch(blobs) == {}
    assert len(cache.traffic.warnings) == 1
    assert f"memory is {trouble}" in cache.traffic.warnings[0]
    assert place.asked(method) == ENOUGH[trouble]


@pytest.mark.parametrize("trouble", get_args(Trouble))
@pytest.mark.parametrize("method", WRITES)
def test_a_place_that_fails_to_take_is_a_line_and_soon_left_alone(one: Machine, place: Place, method: str, trouble: Trouble) -> None:
    place.before[method] = failing(trouble)
    made = one.make(texts(*FEW))
    assert len(made.traffic.warnings) == 1
    assert f"memory is {trouble}" in made.traffic.warnings[0]
    assert "isn't written any more" in made.traffic.warnings[0]
    assert place.asked(method) < ENOUGH[trouble] + 16, "a batch that was under way"
    assert one.take(*FEW).texts == texts(*FEW), "this machine has them all"


def test_reading_goes_on_where_writing_is_refused(one: Machine, two: Machine, place: Place) -> None:
    one.make(texts("a"))
    place.before["put_blobs"] = failing("denied")
    with two.building() as cache:
        cache.keep(key_of("b"), "bundle:b", *made_of(b"b"))
        assert list(cache.look_up([key_of("a")])) == [key_of("a")]
    assert len(cache.traffic.warnings) == 1


def test_a_single_failure_costs_its_own_results_alone(one: Machine, two: Machine, place: Place) -> None:
    one.make(texts(*NAMES))
    fails = iter([failing("failed")])

    def fail_once() -> None:
        for fail in fails:
            fail()

    place.before["entries"] = fail_once
    taken = two.take(*NAMES)
    assert len(taken.texts) in (600 - 256, 600 - 88)
    assert {name: text_of(name) for name in taken.texts} == taken.texts
    assert len(taken.warnings) == 1


def test_what_came_before_a_failure_is_used(one: Machine, two: Machine, place: Place) -> None:
    one.make(texts("a", "b", "c"))

    def half(found: Mapping[str, bytes]) -> Mapping[str, bytes]:
        first = dict(list(found.items())[:2])
        raise Partial(BackendError("failed", "memory failed"), first)

    place.after["entries"] = half
    assert len(two.take("a", "b", "c").texts) == 2


def test_an_upload_that_is_refused_takes_no_other_with_it(one: Machine, two: Machine, place: Place) -> None:
    large = b"x" * 1000
    put = place.put_blobs

    def picky(blobs: Mapping[str, bytes]) -> None:
        if large in blobs.values():
            place.calls.append(("put_blobs", len(blobs)))
            raise BackendError("failed", "memory takes no file of 1000 bytes")
        put(blobs)

    place.put_blobs = picky  # type: ignore[method-assign]  # the place in memory is the test's own
    made = one.make({**texts("a", "b", "c", "d", "e"), "large": large})
    assert two.take("a", "b", "c", "d", "e", "large").texts == texts("a", "b", "c", "d", "e")
    assert made.traffic.warnings == ["memory takes no file of 1000 bytes. Some results of this run aren't in the shared cache."]


@pytest.mark.parametrize("method", [*READS, *WRITES])
def test_a_fault_of_a_library_breaks_no_build(one: Machine, two: Machine, place: Place, method: str) -> None:
    def crash() -> None:
        raise RuntimeError("a library's own")

    one.make(texts("a"))
    place.before[method] = crash
    two.make(texts("b"))
    taken = two.take("a", "b")
    assert taken.texts["b"] == text_of("b")
    assert all("RuntimeError" in line for line in taken.warnings)


# A place that hangs.


class Stuck:
    """Calls that don't return before the test is over."""

    def __init__(self) -> None:
        self.over = threading.Event()
        self.begun = threading.Event()

    def __call__(self) -> None:
        self.begun.set()
        self.over.wait()


@pytest.fixture
def stuck() -> Iterator[Stuck]:
    calls = Stuck()
    yield calls
    calls.over.set()


@pytest.mark.parametrize("method", READS)
def test_a_place_that_hangs_is_left_alone(one: Machine, two: Machine, place: Place, stuck: Stuck, method: str) -> None:
    one.make(texts("a"))
    place.before[method] = stuck
    with two.building(manners=BRIEF) as cache:
        found = cache.look_up([key_of("a")])
        blobs = [blob for made in found.values() for blob in made.outputs.values()]
        assert cache.fetch(blobs) == {}
        asked = len(place.calls)
        assert cache.look_up([key_of("b")]) == {}
        cache.keep(key_of("b"), "bundle:b", *made_of(b"b"))
        assert cache.fetch([Blob(sha256(b"c"), 1)]) == {}
        assert len(place.calls) == asked, "it was left alone"
    (line,) = cache.traffic.warnings
    assert line.startswith("The shared cache memory takes longer than building does. It is left alone")


@pytest.mark.parametrize("method", WRITES)
def test_the_end_waits_no_longer_for_a_place_that_hangs_than_is_worth_it(one: Machine, place: Place, stuck: Stuck, method: str) -> None:
    place.before[method] = stuck
    made = one.make(texts("a", "b", "c"), manners=BRIEF)
    assert not stuck.over.is_set()
    assert made.traffic.warnings == ["3 results didn't get into the shared cache memory: it takes them slower than they are made."]
    assert one.take("a", "b", "c", manners=replace(BRIEF, reads=False)).texts == texts("a", "b", "c")


def test_who_is_interrupted_waits_for_nothing(one: Machine, place: Place, stuck: Stuck) -> None:
    """With the patience of CI: the test would take minutes if it waited."""
    place.before["missing"] = stuck
    cache = one.cache(manners=replace(PATIENT, patience=CI))
    cache.keep(key_of("a"), "bundle:a", *made_of(text_of("a")))
    stuck.begun.wait()
    cache.close(at_once=True)
    assert not stuck.over.is_set()
    assert cache.traffic.warnings == []
    assert one.take("a", manners=replace(BRIEF, reads=False)).texts == texts("a")


def test_the_end_waits_while_something_gets_through(one: Machine, two: Machine, place: Place) -> None:
    """Each upload waits for the clock to pass less than the stall; together they take far longer than it."""
    clock = [0.0]

    def slow() -> None:
        clock[0] += 0.9

    place.before["put_entry"] = slow
    cache = one.cache(manners=replace(PATIENT, patience=Patience(stall_s=1, limit_s=1e6)))
    cache._uploads._clock = lambda: clock[0]
    for name in NAMES:
        cache.keep(key_of(name), f"bundle:{name}", *made_of(text_of(name)))
    cache.close()
    assert clock[0] == pytest.approx(540)
    assert cache.traffic.warnings == []
    assert len(two.take(*NAMES).texts) == 600


def test_what_comes_faster_than_it_goes_is_dropped_and_counted(one: Machine, place: Place, stuck: Stuck) -> None:
    place.before["missing"] = stuck
    cache = one.cache(manners=BRIEF)
    cache._uploads._bound_bytes = 10 * len(text_of("unit-100"))
    for name in NAMES[100:200]:
        cache.keep(key_of(name), f"bundle:{name}", *made_of(text_of(name)))
    assert cache._uploads.sent.dropped == 90
    cache.close()
    assert cache.traffic.warnings == ["100 results didn't get into the shared cache memory: it takes them slower than they are made."]


def test_time_is_measured_for_all_lookups_together(one: Machine, two: Machine, place: Place) -> None:
    """A place that is slow and answers is left alone, too, once it has cost more than building would."""
    one.make(texts(*NAMES))
    clock = [0.0]

    def slow() -> None:
        clock[0] += 0.5

    place.before["entries"] = slow
    cache = two.cache(manners=replace(PATIENT, worth=Worth(start_s=3, asked_s=0.1, found_s=0.1)))
    cache._budget._clock = lambda: clock[0]
    found = 0
    for name in NAMES:
        found += len(cache.look_up([key_of(name)]))
    cache.close()
    assert 5 <= found <= 15, "each costs 0.5 seconds and earns 0.2; there were 3 to begin with"
    assert len(cache.traffic.warnings) == 1
    assert "takes longer than building" in cache.traffic.warnings[0]


# A place that lies.


def test_bytes_that_are_wrong_count_as_absent(one: Machine, two: Machine, place: Place) -> None:
    one.make(texts("a", "b"))
    place.stored[sha256(text_of("a"))] = b"evil of a"
    taken = two.take("a", "b")
    assert taken.texts == {"a": None, "b": text_of("b")}
    assert len(taken.warnings) == 1
    assert f"gave wrong bytes for 1 file ({sha256(text_of('a'))[:12]}…)" in taken.warnings[0]
    assert not list((two.root / "cas").rglob(sha256(text_of("a"))))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda data: data[:-1], id="cut"),
        pytest.param(lambda data: data + b"\0", id="longer"),
        pytest.param(lambda _: b"", id="empty"),
        pytest.param(lambda data: bytes([data[0] ^ 1]) + data[1:], id="a bit flipped"),
        pytest.param(lambda data: data * 100_000, id="much longer"),
    ],
)
def test_bytes_that_are_damaged_on_the_way_count_as_absent(
    one: Machine, two: Machine, place: Place, change: Callable[[bytes], bytes]
) -> None:
    one.make(texts("a"))
    place.after["blobs"] = lambda found: {name: change(data) for name, data in found.items()}
    assert two.take("a").texts == {"a": None}
    place.after.clear()
    assert two.take("a").texts == texts("a")


def test_a_place_that_gives_nothing_but_wrong_bytes_is_left_alone(one: Machine, two: Machine, place: Place) -> None:
    one.make(texts(*NAMES[:20]))
    place.after["blobs"] = lambda found: dict.fromkeys(found, b"evil")
    with two.building() as cache:
        found = cache.look_up([key_of(name) for name in NAMES[:20]])
        for made in found.values():
            assert cache.fetch(made.outputs.values()) == {}
    assert place.asked("blobs") == ENOUGH["garbled"]
    assert sum("gave wrong bytes for 4 files" in line for line in cache.traffic.warnings) == 1


def test_answers_to_what_was_not_asked_are_ignored(one: Machine, two: Machine, place: Place) -> None:
    one.make(texts("a", "b"))
    place.after["entries"] = lambda _: dict(place.held)
    place.after["blobs"] = lambda _: dict(place.stored)
    with two.building() as cache:
        found = cache.look_up([key_of("a")])
        assert list(found) == [key_of("a")]
        assert set(cache.fetch(found[key_of("a")].outputs.values())) == {sha256(text_of("a"))}
        assert cache.look_up([key_of("b")], near=True) == {}


def test_an_entry_whose_bytes_are_gone_is_made_whole_by_who_builds_it_again(one: Machine, two: Machine, tmp_path: Path, place: Place) -> None:
    """The place says that it has what it doesn't have; whoever saw that sends it all the same."""
    one.make(texts("a"))
    del place.stored[sha256(text_of("a"))]
    place.after["missing"] = lambda _: frozenset()
    with two.building() as cache:
        found = cache.look_up([key_of("a")])
        assert cache.fetch(found[key_of("a")].outputs.values()) == {}
        cache.keep(key_of("a"), "bundle:a", *made_of(text_of("a")))
    assert Machine(tmp_path / "three", place).take("a").texts == texts("a")


def test_a_size_that_an_entry_claims_is_the_size_of_the_bytes(one: Machine, tmp_path: Path, place: Place) -> None:
    made, data = made_of(b"four")
    (blob,) = made.outputs.values()
    lie = replace(made, outputs={"0.js": Blob(blob.digest, 5)})
    with one.building() as cache:
        cache.keep(key_of("a"), "bundle:a", lie, data)
        assert cache.fetch([Blob(blob.digest, 5)]) == {}, "of this machine"
    assert Machine(tmp_path / "two", place).take("a").texts == {"a": None}


# Others.


def test_two_writers_of_one_key_are_both_right(one: Machine, two: Machine, tmp_path: Path, place: Place) -> None:
    """Made twice, with other bytes: whoever comes last stands, whole, and both sets of bytes are there."""
    gate = threading.Barrier(2, timeout=30)
    place.before["put_entry"] = lambda: (gate.wait(), None)[1]
    threads = [
        threading.Thread(target=machine.make, args=({"a": text},)) for machine, text in ((one, b"one"), (two, b"two"))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    taken = Machine(tmp_path / "three", place).take("a")
    assert taken.texts["a"] in (b"one", b"two")
    assert taken.warnings == []


def test_a_disk_that_is_full_keeps_nothing_from_being_taken(one: Machine, two: Machine) -> None:
    """A machine whose own cache can't be written: a file stands where its folder should."""
    one.make(texts("a"))
    two.root.parent.mkdir(exist_ok=True)
    two.root.write_text("not a folder")
    taken = two.take("a")
    assert taken.texts == texts("a")
    assert len(taken.warnings) == 1


def test_the_place_is_closed(one: Machine, place: Place) -> None:
    one.make(texts("a"))
    assert place.closed


def test_claims_are_those_of_this_machine(one: Machine) -> None:
    with one.building() as cache:
        assert cache.claim([key_of("a")]) == frozenset({key_of("a")})
        cache.release([key_of("a")])
        cache.await_others([key_of("a")])


def test_threads_end_with_the_cache(one: Machine, two: Machine) -> None:
    before = threading.active_count()
    one.make(texts(*NAMES))
    cache = two.take(*NAMES).cache
    for thread in (*cache._lanes._threads, *cache._uploads._threads):
        thread.join(30)
    for thread in threading.enumerate():
        if thread.name in ("upload", "shared cache"):
            thread.join(30)
    assert threading.active_count() <= before
