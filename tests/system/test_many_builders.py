"""Sixteen processes that build one project at once: nothing is corrupted, and nothing is made twice."""

import random
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from benchmarks.generate import Shape, project
from tests.harness import Checkout, Tools, entries, kill, wait, wait_for
from tests.system.projects import SHOP, SHOP_UNITS
from unitgraph.cache import doctor
from unitgraph.cache.layout import Layout

BUILDERS = 16
UNITS = 30
KILLED = 6


@pytest.fixture(scope="module")
def sources() -> dict[str, str]:
    return dict(project(Shape(UNITS, seed=11)))


@pytest.fixture
def builders(tools: Tools, tmp_path: Path, sources: dict[str, str]) -> list[Checkout]:
    """Checkouts of one project by one user: each has a folder of its own, all have one cache."""
    made = [Checkout(tmp_path / f"checkout{number:02}", tools, tmp_path / "cache") for number in range(BUILDERS)]
    for checkout in made:
        checkout.write(sources)
    return made


def bundlings(builders: Iterable[Checkout]) -> Counter[str]:
    """How often each unit was bundled, by the command lines that esbuild was called with."""
    logs = [checkout.log.read_text().splitlines() for checkout in builders if checkout.log.exists()]
    return Counter(unit for log in logs for call in log if "--bundle" in call.split() for unit in entries(call))


def plan_all(builders: Iterable[Checkout]) -> "list[subprocess.Popen[str]]":
    return [checkout.start("plan") for checkout in builders]


def alone(builder: Checkout) -> dict[str, bytes]:
    """The bundles as one build makes them that shares nothing with anybody."""
    fresh = builder.clone(builder.root.parent / "alone")
    fresh.plan()
    return fresh.units()


def sound(builder: Checkout) -> bool:
    """Whether the cache has no wrong byte, no result without its bytes, and nothing that was left halfway."""
    return doctor.examine(Layout(builder.cache / "unitgraph"), time.time_ns()).faults == ()


def test_sixteen_checkouts_share_the_work(builders: list[Checkout]) -> None:
    ends = [wait(process) for process in plan_all(builders)]
    assert [end.status for end in ends] == [0] * BUILDERS, [end.text for end in ends if end.status]
    assert not [end.err for end in ends if "warning" in end.err]
    made = bundlings(builders)
    assert len(made) == UNITS
    assert set(made.values()) == {1}, f"made twice: {[unit for unit, count in made.items() if count > 1]}"
    expected = alone(builders[0])
    for builder in builders:
        assert builder.units() == expected
    assert sound(builders[0])


def test_killed_ones_hold_nobody_up_and_leave_nothing_wrong(builders: list[Checkout]) -> None:
    moments = random.Random(23)
    processes = plan_all(builders)
    doomed = processes[1 :: BUILDERS // KILLED][:KILLED]
    for process in moments.sample(doomed, KILLED):
        time.sleep(moments.uniform(0.05, 0.8))      # a moment of the build, not a wait for something
        kill(process)
    rest = [(builder, process) for builder, process in zip(builders, processes, strict=True) if process not in doomed]
    ends = [wait(process) for _, process in rest]
    assert [end.status for end in ends] == [0] * len(rest), [end.text for end in ends if end.status]
    assert not [end.err for end in ends if "warning" in end.err]
    made = bundlings(builders)
    assert len(made) == UNITS
    assert max(bundlings(builder for builder, _ in rest).values()) == 1, "none of those that live made it twice"
    expected = alone(builders[0])
    for builder, _ in rest:
        assert builder.units() == expected
    assert sound(builders[0])
    victims = [builder for builder, process in zip(builders, processes, strict=True) if process in doomed]
    for builder in victims:
        builder.log.unlink(missing_ok=True)
    for process in plan_all(victims):
        assert wait(process).status == 0
    assert not bundlings(victims), "what others have finished isn't made again"
    for builder in victims:
        assert builder.units() == expected
    assert sound(builders[0])


def test_sixteen_processes_in_one_checkout(checkout: Callable[..., Checkout]) -> None:
    shop = checkout(SHOP, name="shop")
    ends = [wait(process) for process in [shop.start("plan") for _ in range(BUILDERS)]]
    assert [end.status for end in ends] == [0] * BUILDERS, [end.text for end in ends if end.status]
    assert bundlings([shop]) == dict.fromkeys(SHOP_UNITS, 1)
    assert shop.units() == alone(shop)
    assert sound(shop)


def test_the_work_of_one_that_is_killed_at_it_is_taken_over_once(builders: list[Checkout]) -> None:
    """The moment is exact here: the first is at its bundles, and the others wait for them."""
    first, others = builders[0], builders[1:5]
    first.hold.touch()
    process = first.start("plan")
    wait_for(first.held, process)
    waiting = plan_all(others)
    for other, started in zip(others, waiting, strict=True):
        wait_for(other.root / ".deploy" / "cache" / "build.db", started)
    kill(process)
    assert [wait(each).status for each in waiting] == [0] * len(others)
    begun, made = bundlings([first]), bundlings(others)
    assert begun, "it was at none of them when it was killed"
    assert made == dict.fromkeys(made, 1)
    assert len(made) == UNITS, "what the first had begun was made by the others"
    expected = alone(others[0])
    for other in others:
        assert other.units() == expected
    assert sound(first)
