"""Builds on disks that are full or can only be read, really: each has a mount of its own, which ends with it."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cache.machine import on_own_disk
from tests.harness import Checkout, Finished, command
from tests.system.projects import SHOP, SHOP_UNITS

Make = Callable[..., Checkout]


def plan(checkout: Checkout, mount: str, status: int) -> Finished:
    done = subprocess.run(
        on_own_disk(command("unitgraph", "plan"), mount), cwd=checkout.root, env=checkout.environment(),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == status, f"{done.stdout}\n{done.stderr}"
    return Finished(done.returncode, done.stdout, done.stderr)


def warnings(done: Finished) -> list[str]:
    return [line for line in done.err.splitlines() if line.startswith("warning: ")]


def tiny(folder: Path, size: str, *, keep: str = "") -> str:
    """A file system of ``size`` at ``folder``; ``keep`` is a link that is there again afterwards."""
    folder.mkdir(parents=True, exist_ok=True)
    again = f" && ln -s '{(folder / keep).readlink()}' '{folder / keep}'" if keep else ""
    return f"mount -t tmpfs -o size={size},mode=700 tmpfs '{folder}'{again}"


@pytest.mark.parametrize("size", ["16k", "60k", "150k"])
def test_a_build_whose_cache_has_no_room_is_built_all_the_same(checkout: Make, size: str) -> None:
    shop = checkout(SHOP, name="shop")
    shop.environment()
    cache = shop.cache / "unitgraph"
    done = plan(shop, tiny(cache, size, keep="toolchain"), 0)
    assert warnings(done) == [
        f"warning: The cache in {cache} can't be written (No space left on device); what is built now isn't kept there."
    ]
    assert set(shop.units()) == SHOP_UNITS
    fresh = shop.clone(shop.root.parent / "fresh")
    fresh.plan()
    assert shop.tree() == fresh.tree()


def test_a_cache_that_can_only_be_read_is_read(checkout: Make) -> None:
    shop = checkout(SHOP, name="shop")
    shop.plan()
    tree = shop.units()
    shop.clean()
    shop.bundled()
    cache = shop.cache / "unitgraph"
    done = plan(shop, f"mount --bind '{cache}' '{cache}' && mount -o remount,bind,ro '{cache}'", 0)
    assert warnings(done) == [
        f"warning: The cache in {cache} can't be written (Read-only file system); what is built now isn't kept there."
    ]
    assert not shop.bundled()
    assert shop.units() == tree


@pytest.mark.parametrize("size", ["16k", "100k", "200k", "300k", "400k", "450k"])
def test_outputs_without_room_are_an_error_and_nothing_is_half_written(checkout: Make, size: str) -> None:
    shop = checkout(SHOP, name="shop")
    whole = shop.clone(shop.root.parent / "whole")
    whole.plan()
    deploy = shop.root / ".deploy"
    left = shop.root.parent / "left"
    watched = ["sh", "-c", f'"$@"; status=$?; cp -r "{deploy}/." "{left}"; exit $status', "sh"]
    done = subprocess.run(
        on_own_disk([*watched, *command("unitgraph", "plan")], tiny(deploy, size)), cwd=shop.root,
        env=shop.environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert "[disk-full]" in done.stderr
    assert "internal-fault" not in done.stderr
    for path in (left / "cloudflare").rglob("*"):
        relative = path.relative_to(left)
        if path.is_file() and relative.parts[1] == "units":
            assert path.read_bytes() == (whole.root / ".deploy" / relative).read_bytes()
    shop.plan()
    assert shop.units() == whole.units()
