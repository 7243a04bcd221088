"""``unitgraph cache``: what it says of a cache that real builds filled, what it removes, finds and mends."""

import json
import os
import re
import stat
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.cache.machine import files_below, key_of, made_of
from tests.harness import Checkout, Finished, command, wait, wait_for
from tests.system.projects import SHOP, SHOP_UNITS
from unitgraph.cache import signature
from unitgraph.cache.layout import Layout
from unitgraph.cache.local import LocalCache
from unitgraph.cache.local_entry import LocalEntry, decode, encode

Make = Callable[..., Checkout]


@pytest.fixture
def shop(checkout: Make) -> Checkout:
    """A project that has been built."""
    shop = checkout(SHOP, name="shop")
    shop.plan()
    return shop


def folder(checkout: Checkout) -> Path:
    return checkout.cache / "unitgraph"


def cache(checkout: Checkout, *words: str, status: int = 0, at: Path | None = None, **environment: str) -> Finished:
    done = subprocess.run(
        command("unitgraph", "cache", *words), cwd=at or checkout.root, env={**checkout.environment(), **environment},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == status, f"{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr
    return Finished(done.returncode, done.stdout, done.stderr)


def shipped(checkout: Checkout) -> dict[str, str]:
    """Every file of the build output but for generated sources, which nobody writes who doesn't need them."""
    return {path: mark for path, mark in checkout.tree().items() if not path.startswith("gen/")}


def as_json(checkout: Checkout, *words: str, status: int = 0, **environment: str) -> Any:
    done = cache(checkout, *words, "--json", status=status, at=None, **environment)
    return json.loads(done.out)


def entry_of(checkout: Checkout, action: str) -> Path:
    """The entry that one action of a checkout left."""
    found = [path for path in files_below(folder(checkout) / "ac") if decode(path.read_bytes()).action == action]
    assert len(found) == 1, found
    return found[0]


def overwrite(path: Path, data: bytes) -> None:
    path.chmod(0o644)
    path.write_bytes(data)
    path.chmod(0o444)


# The command line.


def test_without_a_task_it_says_what_there_is(checkout: Make) -> None:
    said = cache(checkout(SHOP)).out
    assert set(re.findall(r"^    (\w+) +\S", said.partition("TASKS")[2], flags=re.MULTILINE)) == {
        "stats", "gc", "verify", "doctor", "keygen",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["stat"], "cache-task-unknown"),
        (["empty"], "cache-task-unknown"),
        (["stats", "--dry-run"], "cache-option-misplaced"),
        (["verify", "--max-size", "1"], "cache-option-misplaced"),
        (["gc", "--rebuild", "5%"], "cache-option-misplaced"),
        (["doctor", "--provider", "cloudflare"], "cache-option-misplaced"),
        (["gc", "all"], "cache-arguments-too-many"),
        (["keygen", "a", "b"], "cache-arguments-too-many"),
        (["gc", "--max-size", "much"], "amount-invalid"),
        (["gc", "--max-age", "30"], "amount-invalid"),
        (["verify", "--rebuild", "200%"], "amount-invalid"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else value,
)
def test_what_cannot_be_done_is_an_error(checkout: Make, words: list[str], code: str) -> None:
    assert f"[{code}]" in cache(checkout(SHOP), *words, status=1).err


def test_an_empty_word_is_an_error(checkout: Make) -> None:
    assert "one of the words is empty" in cache(checkout(SHOP), "stats", "", status=1).err


def test_a_bound_that_cannot_be_read_is_an_error_of_every_command(checkout: Make) -> None:
    done = cache(checkout(SHOP), "stats", status=1, UNITGRAPH_CACHE_SIZE="plenty")
    assert "UNITGRAPH_CACHE_SIZE is 'plenty'" in done.err


@pytest.mark.parametrize("task", ["stats", "gc", "verify", "doctor"])
def test_outside_a_project_and_without_a_cache_there_is_nothing_wrong(checkout: Make, tmp_path: Path, task: str) -> None:
    shop = checkout(SHOP)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    cache(shop, task, at=elsewhere)
    cache(shop, task, at=elsewhere, UNITGRAPH_CACHE=str(tmp_path / "none"))
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("task", ["stats", "gc", "verify", "doctor"])
def test_a_folder_that_is_a_file_is_an_error(checkout: Make, tmp_path: Path, task: str) -> None:
    (tmp_path / "file").write_bytes(b"")
    done = cache(checkout(SHOP), task, status=1, UNITGRAPH_CACHE=str(tmp_path / "file"))
    assert "[cache-folder-unusable]" in done.err


# stats.


def test_stats_count_what_is_there(shop: Checkout) -> None:
    said = as_json(shop, "stats")
    entries, blobs = list(files_below(folder(shop) / "ac")), list(files_below(folder(shop) / "cas"))
    assert said["folder"] == str(folder(shop))
    assert said["entries"]["count"] == len(entries) >= len(SHOP_UNITS)
    assert said["blobs"] == {"count": len(blobs), "sizeBytes": said["blobs"]["sizeBytes"], "unnamed": 0}
    assert said["sizeBytes"] == said["entries"]["sizeBytes"] + said["blobs"]["sizeBytes"]
    assert said["sizeBytes"] >= sum(path.stat().st_size for path in (*entries, *blobs))
    assert [(row["tier"], row["generation"]) for row in said["entries"]["tiers"]] == [("built", 0)]
    assert said["boundBytes"] == 10_000_000_000
    assert (said["leftovers"], said["builds"]) == (0, 0)
    assert said["lastRuns"] == {"builds": 1, "hits": {"local": 0, "remote": 0}, "misses": said["lastRuns"]["misses"], "hitRate": 0}
    text = cache(shop, "stats", UNITGRAPH_CACHE_SIZE="5GB").out
    assert "of 5.0 GB" in text
    assert f"built: {len(entries)} results" in text
    assert "The project's last 1 build: 0% found" in text


def test_stats_tell_tiers_apart_and_how_well_builds_were_served(shop: Checkout) -> None:
    own = LocalCache(folder(shop), reads=("untrusted:pr-7",), writes="untrusted:pr-7", generation=2)
    own.keep(key_of("a"), "bundle:a", *made_of(b"x"))
    own.close()
    shop.clean()
    shop.plan()
    said = as_json(shop, "stats")
    assert {(row["tier"], row["generation"]): row["count"] for row in said["entries"]["tiers"]}["untrusted:pr-7", 2] == 1
    assert said["lastRuns"]["hitRate"] > 0.3
    assert "untrusted:pr-7, generation 2: 1 result\n" in cache(shop, "stats").out


def test_a_log_that_is_damaged_counts_for_nothing(shop: Checkout) -> None:
    logs = shop.root / ".deploy" / "cache" / "log"
    for number, text in enumerate((b"", b"{", b"[]\n[]\n", b'{"type":"build"}\n{"type":"totals"}\n', b"\xff\n\xff")):
        (logs / f"{number}.jsonl").write_bytes(text)
    assert as_json(shop, "stats")["lastRuns"]["builds"] == 1


# gc.


def test_what_is_collected_is_built_again(shop: Checkout) -> None:
    tree = shipped(shop)
    before = as_json(shop, "stats")
    planned = as_json(shop, "gc", "--max-size", "0", "--dry-run")
    assert as_json(shop, "stats")["entries"] == before["entries"]
    done = as_json(shop, "gc", "--max-size", "0")
    assert {**planned, "dryRun": False} == done
    assert done["removed"]["entries"] == before["entries"]["count"]
    assert done["removed"]["blobs"] == before["blobs"]["count"]
    assert done["left"] == {"entries": 0, "sizeBytes": 0}
    assert not list(files_below(folder(shop) / "ac"))
    shop.clean()
    shop.bundled()
    shop.plan()
    assert shop.bundled() == SHOP_UNITS
    assert shipped(shop) == tree


def test_what_was_used_stays_by_age(shop: Checkout) -> None:
    kept, old = entry_of(shop, "bundle:shop-get-book"), entry_of(shop, "bundle:shop-list-books")
    then = time.time() - 40 * 86_400
    os.utime(old, (then, then))
    assert as_json(shop, "gc", "--max-age", "30d")["removed"]["entries"] == 1
    assert kept.exists()
    assert not old.exists()
    assert "nothing removed" in cache(shop, "gc", "--max-age", "30d").out


def test_a_collection_takes_nothing_from_a_build_that_runs(shop: Checkout) -> None:
    """The build has found some of its units in the cache and makes the others when everything else goes."""
    second = Checkout(shop.root.parent / "second", shop.tools, shop.cache)
    second.write(SHOP)
    second.edit("src/lib/money.ts", "EUR ", "GBP ")
    second.hold.touch()
    process = second.start("plan")
    wait_for(second.held, process)
    assert as_json(shop, "stats")["builds"] == 1
    as_json(shop, "gc", "--max-size", "0")
    second.hold.unlink()
    assert wait(process).status == 0
    assert second.bundled() == {"shop-create-order", "shop-cancel-order"}
    fresh = second.clone(second.root.parent / "fresh")
    fresh.plan()
    assert shipped(second) == shipped(fresh)
    assert cache(second, "verify").status == 0


def test_a_build_ends_with_a_collection_where_the_cache_has_outgrown_its_bound(shop: Checkout) -> None:
    sizes = []
    for number in range(6):
        shop.edit("src/lib/rounding.ts", "return ", f"// {number}\n  globalThis.turn{number} = {number}\n  return ")
        done = wait(subprocess.Popen(
            command("unitgraph", "plan"), cwd=shop.root, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**shop.environment(), "UNITGRAPH_CACHE_SIZE": "100KB"},
        ))  # fmt: skip
        assert done.status == 0
        sizes.append(as_json(shop, "stats")["sizeBytes"])
    unbound = as_json(shop, "stats")["entries"]["count"]
    assert max(sizes[1:]) < 600_000, sizes
    assert unbound < 6 * 3
    assert b"turn5" in shop.units()["shop-create-order"]


def test_old_parts_of_the_toolchain_go_and_current_ones_stay(checkout: Make, tmp_path: Path) -> None:
    shop = checkout(SHOP)
    own = tmp_path / "own"
    toolchain = own / "toolchain"
    current = sorted(path.name for path in (shop.tools.cache / "toolchain").iterdir() if path.name.startswith(("build-", "runtime-")))
    old, young, abandoned = "build-0000000000000000-bun1.0.0-linux-x64", "build-1111111111111111-bun1.0.0-linux-x64", ".tmp-build-abc"
    for name in (*current, old, young, abandoned):
        (toolchain / name / "node_modules").mkdir(parents=True)
        (toolchain / name / "toolchain.json").write_text("{}")
        (toolchain / name / "node_modules" / "file").write_bytes(b"x" * 1000)
    ages = dict.fromkeys((*current, old), 400) | {young: 2, abandoned: 3}
    for name, days in ages.items():
        then = time.time() - days * 86_400
        os.utime(toolchain / name / "toolchain.json", (then, then))
    said = as_json(shop, "gc", "--dry-run", UNITGRAPH_CACHE=str(own))
    assert set(said["toolchain"]) == {old, abandoned}
    done = as_json(shop, "gc", UNITGRAPH_CACHE=str(own))
    assert done["freedBytes"] >= 2000
    left = {path.name for path in toolchain.iterdir()}
    assert left >= {young}
    assert not left & {old, abandoned}
    shown = as_json(shop, "stats", UNITGRAPH_CACHE=str(own))["toolchain"]
    assert {part["name"]: part["current"] for part in shown}[young] is False
    assert any(part["current"] for part in shown), "this version's own parts are among those that stay"


def test_a_toolchain_that_is_only_linked_to_is_left_alone(shop: Checkout) -> None:
    assert (folder(shop) / "toolchain").is_symlink()
    assert as_json(shop, "gc", "--max-age", "1s")["toolchain"] == []
    assert as_json(shop, "stats")["toolchain"] == []


# verify.


def test_a_sound_cache_is_verified(shop: Checkout) -> None:
    said = as_json(shop, "verify")
    assert said["sound"]
    assert (said["faults"], said["shared"], said["rebuilt"]) == ([], None, None)
    assert said["blobs"] == len(list(files_below(folder(shop) / "cas")))


def test_a_flipped_bit_is_named(shop: Checkout) -> None:
    blob = next(path for path in files_below(folder(shop) / "cas") if path.stat().st_size > 1000)
    data = blob.read_bytes()
    overwrite(blob, data[:-1] + bytes([data[-1] ^ 1]))
    said = as_json(shop, "verify", status=1)
    assert {fault["kind"] for fault in said["faults"]} == {"wrong-bytes", "absent-blob"}
    assert str(blob) in [fault["path"] for fault in said["faults"]]
    assert blob.exists(), "verify changes nothing"
    text = cache(shop, "verify", status=1).out
    assert f"{blob} holds other bytes" in text
    assert "doit cache doctor" in text


def test_building_again_gives_the_same_bytes(shop: Checkout) -> None:
    shop.bundled()
    tree = shipped(shop)
    said = as_json(shop, "verify", "--rebuild", "100%")
    assert shop.bundled() == SHOP_UNITS, "really built, not fetched"
    assert set(said["rebuilt"]["units"]) == SHOP_UNITS
    assert (said["rebuilt"]["differences"], said["rebuilt"]["failures"], said["rebuilt"]["absent"]) == ([], [], [])
    assert shipped(shop) == tree
    assert "4 units built again: the same bytes" in cache(shop, "verify", "--rebuild", "100%").out


def test_the_share_that_is_built_again_is_decided_by_the_seed(shop: Checkout) -> None:
    chosen = {seed: as_json(shop, "verify", "--rebuild", "50%", "--seed", seed)["rebuilt"]["units"] for seed in ("a", "b", "c", "d")}
    assert all(len(units) == 2 for units in chosen.values())
    assert len({tuple(units) for units in chosen.values()}) > 1
    twin = shop.clone(shop.root.parent / "twin")
    assert as_json(twin, "verify", "--rebuild", "50%", "--seed", "a")["rebuilt"]["units"] == chosen["a"]
    assert len(as_json(shop, "verify", "--rebuild", "1%")["rebuilt"]["units"]) == 1


def poison(checkout: Checkout, unit: str, changed: Callable[[bytes], bytes]) -> tuple[bytes, bytes]:
    """Puts other bytes into the cache as the result of a unit, with digests that are right."""
    path = entry_of(checkout, f"bundle:{unit}")
    entry = decode(path.read_bytes())
    own = LocalCache(folder(checkout))
    (data,) = own.fetch([entry.made.outputs["index.js"]]).values()
    made, blobs = made_of(changed(data))
    own.hold(blobs)
    own.close()
    outputs = {**entry.made.outputs, "index.js": made.outputs["0.js"]}
    overwrite(path, encode(LocalEntry(type(entry.made)(outputs, entry.made.facts), entry.action)))
    return data, changed(data)


@pytest.mark.parametrize(
    ("changed", "offset"),
    [
        (lambda data: data[:40] + b"evil()" + data[46:], lambda _: 40),
        (lambda data: data + b"evil()", len),
        (lambda data: data[:-9], lambda data: len(data) - 9),
    ],
    ids=["other", "longer", "shorter"],
)
def test_a_result_that_building_does_not_give_is_named(
    shop: Checkout, changed: Callable[[bytes], bytes], offset: Callable[[bytes], int]
) -> None:
    good, evil = poison(shop, "shop-get-book", changed)
    assert as_json(shop, "verify")["sound"], "its digests are right"
    said = as_json(shop, "verify", "--rebuild", "100%", status=1)
    (found,) = said["rebuilt"]["differences"]
    assert (found["unit"], found["path"], found["origin"]) == ("shop-get-book", "index.js", "built")
    assert (found["held"], found["built"]) == tuple(next(iter(made_of(text)[1])) for text in (evil, good))
    assert found["offset"] == offset(good)
    text = cache(shop, "verify", "--rebuild", "100%", status=1).out
    assert f"from byte {offset(good):,} on" in text
    assert "1 unit came out otherwise" in text


def test_what_no_cache_holds_is_said(shop: Checkout) -> None:
    entry_of(shop, "bundle:shop-get-book").unlink()
    assert as_json(shop, "verify", "--rebuild", "100%")["rebuilt"]["absent"] == ["shop-get-book"]


def test_building_again_needs_a_project(shop: Checkout, tmp_path: Path) -> None:
    done = cache(shop, "verify", "--rebuild", "5%", at=tmp_path, status=1)
    assert "[project-not-found]" in done.err


# The shared one.


def shared(place: Path, pair: signature.Pair, **more: object) -> dict[str, str]:
    config = json.loads(SHOP["pikku.config.json"])
    config["deploy"]["cache"] = {"url": str(place), "keys": {"ci": pair.public}, **more}
    return {**SHOP, "pikku.config.json": json.dumps(config)}


def signed_plan(checkout: Checkout, pair: signature.Pair) -> None:
    done = subprocess.run(
        command("unitgraph", "plan"), cwd=checkout.root, env={**checkout.environment(), "UNITGRAPH_CACHE_KEY": pair.private},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stderr


def test_a_shared_cache_is_verified_as_far_as_the_project_goes(checkout: Make, tmp_path: Path) -> None:
    place, pair = tmp_path / "shared", signature.generate()
    shop = checkout(shared(place, pair), name="shop")
    signed_plan(shop, pair)
    said = as_json(shop, "verify")
    assert said["sound"], said
    assert said["shared"]["place"] == str(place)
    assert said["shared"]["entries"] == len(SHOP_UNITS) + 1, "a unit each, and the project as a whole"
    assert f"{len(SHOP_UNITS) + 1} results of this project in {place}: all is well" in cache(shop, "verify").out


def test_what_is_wrong_in_a_shared_cache_is_named(checkout: Make, tmp_path: Path) -> None:
    place, pair = tmp_path / "shared", signature.generate()
    shop = checkout(shared(place, pair), name="shop")
    signed_plan(shop, pair)
    first, second, *_ = [path for path in files_below(place / "ac") if b'"bundle:shop-' in path.read_bytes()]
    forged = bytearray(first.read_bytes())
    forged[-5] ^= 1
    first.chmod(0o644)
    first.write_bytes(forged)
    second.chmod(0o644)
    second.write_bytes(b"nothing that can be read")
    blob = next(path for path in files_below(place / "cas") if path.stat().st_size > 5000)
    blob.chmod(0o644)
    blob.write_bytes(b"other bytes")
    said = as_json(shop, "verify", status=1)["shared"]
    assert {each["reason"] for each in said["refused"]} <= {"forged", "malformed"}
    assert len(said["refused"]) == 2
    assert all(each["action"].startswith("bundle:shop-") for each in said["refused"])
    assert [each["digest"] for each in said["damaged"]] in ([blob.name], [])
    assert "2 faults" in cache(shop, "verify", status=1).out or "3 faults" in cache(shop, "verify", status=1).out


def test_what_a_key_that_is_gone_has_signed_is_listed_and_no_fault(checkout: Make, tmp_path: Path) -> None:
    place, pair = tmp_path / "shared", signature.generate()
    shop = checkout(shared(place, pair), name="shop")
    signed_plan(shop, pair)
    shop.write(shared(place, pair, revoked=["ci"]))
    said = as_json(shop, "verify")
    assert said["sound"]
    assert {each["reason"] for each in said["shared"]["refused"]} == {"revoked-key"}


@pytest.mark.parametrize("way", ["{}", "{}/", "file://{}", "{}/../unitgraph"])
def test_the_own_folder_is_no_place_to_share(checkout: Make, tmp_path: Path, way: str) -> None:
    """Its collections would take what other machines have put there."""
    own = tmp_path / "shop.cache" / "unitgraph"
    shop = checkout(shared(own, signature.generate(), url=way.format(own)), name="shop")
    done = shop.run("plan", status=1)
    assert "[cache-address-invalid]" in done.err


def test_a_shared_cache_that_is_not_there_is_said(checkout: Make, tmp_path: Path) -> None:
    shop = checkout(shared(Path("/"), signature.generate(), url="http://127.0.0.1:9/"), name="shop")
    said = as_json(shop, "verify", status=1)
    assert "127.0.0.1:9" in said["shared"]["trouble"]
    assert not said["sound"]


# doctor.


def test_the_doctor_mends_and_the_next_build_is_right(shop: Checkout) -> None:
    tree = shipped(shop)
    blobs = [path for path in files_below(folder(shop) / "cas") if path.stat().st_size > 1000]
    overwrite(blobs[0], b"other")
    blobs[1].unlink()
    overwrite(entry_of(shop, "bundle:shop-list-books"), b"{}")
    (blobs[0].parent / ".part-of-a-killed-build").write_bytes(b"half")
    (folder(shop) / "cas" / "notes.txt").write_bytes(b"?")
    (folder(shop) / "ac").chmod(0o777)
    seen = as_json(shop, "doctor", "--dry-run", status=1)
    kinds = {fault["kind"] for fault in seen["faults"]}
    assert kinds == {"wrong-bytes", "absent-blob", "damaged-entry", "half-file", "stray", "mode"}
    assert not any(fault["mended"] for fault in seen["faults"])
    done = as_json(shop, "doctor")
    assert {fault["path"] for fault in done["faults"]} == {fault["path"] for fault in seen["faults"]}
    assert all(fault["mended"] for fault in done["faults"])
    assert as_json(shop, "doctor")["faults"] == []
    assert "all is well" in cache(shop, "doctor").out
    shop.clean()
    shop.plan()
    shop.run("run", *(f"bundle:{unit}" for unit in sorted(SHOP_UNITS)))
    assert shipped(shop) == tree
    assert cache(shop, "verify").status == 0


def test_a_damaged_build_database_is_set_aside(shop: Checkout) -> None:
    tree = shipped(shop)
    assert as_json(shop, "doctor")["database"] is None
    for path in (shop.root / ".deploy" / "cache").glob("build.db-*"):
        path.unlink()
    database = shop.root / ".deploy" / "cache" / "build.db"
    data = bytearray(database.read_bytes())
    data[4096:] = bytes(each ^ 0x5A for each in data[4096:])
    database.write_bytes(data)
    assert as_json(shop, "doctor", "--dry-run", status=1)["database"]["mended"] is False
    assert as_json(shop, "doctor")["database"]["mended"] is True
    assert not database.exists()
    assert database.with_name("build.db.damaged").exists()
    assert as_json(shop, "doctor")["database"] is None
    shop.plan()
    assert shipped(shop) == tree


def test_a_database_in_use_is_not_taken_for_a_damaged_one(shop: Checkout) -> None:
    shop.edit("src/lib/money.ts", "EUR ", "GBP ")
    shop.hold.touch()
    process = shop.start("plan")
    wait_for(shop.held, process)
    assert as_json(shop, "doctor")["database"] is None
    shop.hold.unlink()
    assert wait(process).status == 0


# keygen.


def test_a_new_key_signs_and_is_never_the_same(checkout: Make) -> None:
    shop = checkout(SHOP)
    keys = [as_json(shop, "keygen") for _ in range(2)]
    assert keys[0] != keys[1]
    private = signature.read_private(keys[0]["private"])
    assert signature.read_public(keys[0]["public"]) == private.public
    text = cache(shop, "keygen").out
    lines = [line.strip() for line in text.splitlines() if line.startswith("    ")]
    assert signature.read_private(lines[1]).public == signature.read_public(lines[0])


def test_a_private_key_in_a_file_is_shown_to_nobody(checkout: Make) -> None:
    shop = checkout(SHOP)
    said = as_json(shop, "keygen", "signing.key")
    path = shop.root / "signing.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert signature.read_private(str(path)).public == signature.read_public(said["public"])
    assert set(said) == {"public", "privateFile"}
    before = path.read_bytes()
    assert "[key-file-exists]" in cache(shop, "keygen", "signing.key", status=1).err
    assert path.read_bytes() == before
    assert "[cache-folder-unusable]" in cache(shop, "keygen", "nowhere/signing.key", status=1).err
    assert before.decode().strip() not in cache(shop, "keygen", "other.key").out


def test_names_of_tiers_are_folders_of_the_cache(shop: Checkout) -> None:
    tiers: Mapping[tuple[str, int], Path] = {(tier, generation): place for tier, generation, place in Layout(folder(shop)).tiers()}
    assert set(tiers) == {("built", 0)}
