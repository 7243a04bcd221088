"""A build that is killed, doubled, or whose inputs move under it: nothing finished is lost, nothing wrong is kept."""

import os
import signal
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.generate import Shape, project
from tests.harness import Checkout, kill, wait, wait_for
from tests.system.projects import SHOP, SHOP_UNITS

Make = Callable[..., Checkout]
UNITS = 80
MOMENTS = 7


@pytest.fixture(scope="module")
def many() -> dict[str, str]:
    """A project of several batches."""
    return dict(project(Shape(UNITS, seed=3)))


def finished(checkout: Checkout) -> frozenset[str]:
    """The units whose bundle was committed to the build database."""
    path = next((checkout.root / ".deploy" / "cache").glob("*.db"), None)
    if path is None:
        return frozenset()
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        names = [name for (name,) in connection.execute("SELECT name FROM actions")]
    except sqlite3.OperationalError:
        return frozenset()
    finally:
        connection.close()
    return frozenset(name.rpartition(":")[2] for name in names if name.startswith("bundle:"))


def test_killed_at_any_moment_nothing_finished_is_redone_and_nothing_wrong_is_kept(
    checkout: Make, many: dict[str, str]
) -> None:
    whole = checkout(many, name="whole")
    start = time.monotonic()
    whole.plan()
    took_s = time.monotonic() - start
    tree = whole.tree()
    seen = set()
    for moment in range(MOMENTS):
        cut = checkout(many, name=f"cut{moment}")
        process = cut.start("plan")
        time.sleep(took_s * (moment + 0.5) / MOMENTS)   # a moment of the build, not a wait for something
        kill(process)
        done = finished(cut)
        seen.add(len(done))
        cut.bundled()
        cut.plan()
        again = cut.bundled()
        assert not again & done, f"built twice after a kill at moment {moment}: {sorted(again & done)}"
        assert cut.tree() == tree, f"another tree after a kill at moment {moment}"
        cut.plan()
        assert not cut.bundled(), f"not fresh after a kill at moment {moment}"


@pytest.mark.parametrize("calls", [1, 2])
def test_killed_while_esbuild_runs(checkout: Make, many: dict[str, str], calls: int) -> None:
    """The moment is exact here: the kill falls while the nth call of esbuild is in flight."""
    cut = checkout(many, name="cut")
    process = cut.start("plan")
    end = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < end:
        log = cut.log.read_text() if cut.log.exists() else ""
        if log.count("--bundle") >= calls:
            break
        time.sleep(0.002)
    kill(process)
    done = finished(cut)
    cut.bundled()
    cut.plan()
    assert not cut.bundled() & done
    fresh = cut.clone(cut.root.parent / "fresh")
    fresh.plan()
    assert cut.tree() == fresh.tree()


def test_interrupted_from_the_keyboard(checkout: Make) -> None:
    shop = checkout(SHOP, name="shop")
    shop.hold.touch()
    process = shop.start("plan")
    wait_for(shop.held, process)
    os.kill(process.pid, signal.SIGINT)
    shop.hold.unlink()
    done = wait(process)
    assert done.status == 130
    assert "Traceback" not in done.text
    shop.plan()
    assert set(shop.units()) == SHOP_UNITS


def test_killed_between_writing_and_recording(checkout: Make) -> None:
    """Half-written output of a dead build is never taken for a bundle: files are put there that one could leave."""
    shop = checkout(SHOP, name="shop")
    shop.plan()
    tree = shop.tree()
    unit = shop.root / ".deploy/cloudflare/units/shop-get-book"
    (unit / "index.js").write_bytes((unit / "index.js").read_bytes()[:100])
    for blob in sorted((shop.cache / "unitgraph").rglob("*")):
        inside = blob.relative_to(shop.cache / "unitgraph").parts
        if inside[0] != "toolchain" and blob.is_file() and blob.stat().st_size > 1 and blob.suffix != ".db":
            blob.write_bytes(blob.read_bytes()[: blob.stat().st_size // 2])
    shop.plan()
    assert shop.tree() == tree


def test_a_damaged_build_database_is_begun_anew(checkout: Make) -> None:
    shop = checkout(SHOP, name="shop")
    shop.plan()
    tree = shop.tree()
    for path in (shop.root / ".deploy" / "cache").glob("*.db*"):
        path.write_bytes(b"not a database at all" * 500)
    shop.plan()
    assert shop.tree() == tree


@pytest.mark.parametrize("attempt", range(3))
def test_two_builds_at_once_are_both_right(checkout: Make, attempt: int) -> None:
    shop = checkout(SHOP, name="shop")
    done = [wait(process) for process in [shop.start("plan") for _ in range(3)]]
    assert [each.status for each in done] == [0, 0, 0], done
    alone = shop.clone(shop.root.parent / "alone")
    alone.plan()
    assert shop.tree() == alone.tree()
    damaged = [path.name for path in (shop.root / ".deploy").rglob("*.damaged")]
    assert not damaged, "a database in use was taken for a damaged one"
    shop.bundled()
    shop.plan()
    assert not shop.bundled()


def test_two_builds_of_two_checkouts_share_a_cache_safely(checkout: Make, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    both = [checkout(SHOP, name=name, cache=cache) for name in ("left", "right")]
    done = [wait(process) for process in [each.start("plan") for each in both]]
    assert [each.status for each in done] == [0, 0], done
    assert both[0].tree() == both[1].tree()


def test_a_second_build_while_the_first_is_in_the_middle(checkout: Make) -> None:
    shop = checkout(SHOP, name="shop")
    shop.hold.touch()
    first = shop.start("plan")
    wait_for(shop.held, first)
    shop.edit("src/lib/money.ts", "EUR ", "GBP ")
    second = shop.start("plan")
    shop.hold.unlink()
    wait(first), wait(second)
    shop.plan()
    fresh = shop.clone(shop.root.parent / "fresh")
    fresh.plan()
    assert shop.tree() == fresh.tree()


@pytest.mark.parametrize("keep_time", [False, True], ids=["plain edit", "edit that keeps size and mtime"])
def test_an_input_edited_while_its_action_runs_is_noticed(checkout: Make, *, keep_time: bool) -> None:
    shop = checkout(SHOP, name="shop")
    shop.hold.touch()
    process = shop.start("plan")
    wait_for(shop.held, process)
    helper = shop.root / "src/lib/money.ts"
    stat = helper.stat()
    shop.edit("src/lib/money.ts", "EUR ", "GBP ")
    if keep_time:
        os.utime(helper, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    shop.hold.unlink()
    done = wait(process)
    assert done.status == 1
    assert "[input-changed]" in done.text
    assert "src/lib/money.ts" in done.text
    assert finished(shop).isdisjoint({"shop-create-order", "shop-cancel-order"})
    shop.plan()
    assert b"GBP " in shop.units()["shop-create-order"]
    fresh = shop.clone(shop.root.parent / "fresh")
    fresh.plan()
    assert shop.tree() == fresh.tree()


def test_an_input_edited_and_taken_back_while_its_action_runs(checkout: Make) -> None:
    """esbuild may have read either text: the result can't be recorded under the key of the first."""
    shop = checkout(SHOP, name="shop")
    shop.hold.touch()
    process = shop.start("plan")
    wait_for(shop.held, process)
    shop.edit("src/lib/money.ts", "EUR ", "GBP ")
    shop.edit("src/lib/money.ts", "GBP ", "EUR ")
    shop.hold.unlink()
    wait(process)
    shop.plan()
    fresh = shop.clone(shop.root.parent / "fresh")
    fresh.plan()
    assert shop.tree() == fresh.tree()


def test_an_input_removed_while_its_action_runs(checkout: Make) -> None:
    shop = checkout(SHOP, name="shop")
    shop.hold.touch()
    process = shop.start("plan")
    wait_for(shop.held, process)
    text = shop.read("src/lib/money.ts")
    (shop.root / "src/lib/money.ts").unlink()
    shop.hold.unlink()
    done = wait(process)
    assert done.status == 1
    assert "Traceback" not in done.text
    shop.write({"src/lib/money.ts": text})
    shop.plan()
    assert set(shop.units()) == SHOP_UNITS
