"""What a run says of itself: the line at its end, the execution log, the profile, and why a machine that has built
nothing yet missed the cache."""

import json
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.generate import Shape, project
from tests.cache.remote import servers
from tests.harness import Checkout, Finished, kill, wait, wait_for
from tests.rules.test_trace import check, complete
from tests.system.projects import CONFIG, SHOP, SHOP_UNITS

Make = Callable[..., Checkout]
BUNDLES = {f"bundle:{unit}" for unit in SHOP_UNITS}
ENDED = re.compile(
    r"(?P<counts>.*?) in \d+\.\d\d s(; critical path \d+\.\d\d s: (?P<path>.*))?\n", re.DOTALL,
)  # fmt: skip
PROGRESS = re.compile(r"\[\d+/\d+\] ")


def said(done: Finished) -> str:
    """Standard error without the progress of a run that takes long, as on a busy machine."""
    return "".join(line for line in done.err.splitlines(keepends=True) if not PROGRESS.match(line))


def log_of(work: Checkout) -> list[dict[str, Any]]:
    """The lines of the last build's log."""
    path = max((work.root / ".deploy/cache/log").glob("*.jsonl"))
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def actions(work: Checkout) -> dict[str, dict[str, Any]]:
    return {line["action"]: line for line in log_of(work) if line["type"] == "action"}


def commit(work: Checkout, message: str = "a change") -> str:
    """Commits everything; returns the commit."""
    work.write({".gitignore": ".deploy\n.pikku\n"})
    git = ("git", "-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main")
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", message]):
        subprocess.run([*git, *words], cwd=work.root, check=True, capture_output=True)
    return subprocess.run([*git, "rev-parse", "HEAD"], cwd=work.root, check=True, capture_output=True, text=True).stdout.strip()


# The line at the end.


def test_a_run_ends_with_what_was_built_and_what_took_longest(checkout: Make) -> None:
    shop = checkout(SHOP, name="shop")
    ended = ENDED.fullmatch(said(shop.plan()))
    assert ended
    assert re.fullmatch(r"9 built, \d+\.\d KB written", ended["counts"])
    path = [step["name"] for step in log_of(shop)[-1]["criticalPath"]["steps"]]
    assert sum(name in BUNDLES for name in path) == 1, path
    assert path.index("analyse") < path.index(next(name for name in path if name in BUNDLES))
    shown = ended["path"].split(" → ")
    assert shown == [name for name in path if name in shown], "in the order in which they waited"


def test_a_run_that_built_nothing_has_no_critical_path(checkout: Make) -> None:
    shop = checkout(SHOP, name="shop")
    shop.plan()
    for path in (shop.root / ".deploy/cache").glob("plan-*.json"):
        path.unlink()
    ended = ENDED.fullmatch(said(shop.plan()))
    assert ended
    assert (ended["counts"], ended["path"]) == ("9 up to date", None)


def test_a_failed_run_says_what_it_did_as_well(checkout: Make) -> None:
    shop = checkout(SHOP, name="shop")
    shop.edit("src/lib/money.ts", "{ round }", "{ rond as round }")
    done = shop.run("plan", status=1)
    assert re.match(r"7 built, 2 failed, \d+\.\d KB written in \d+\.\d\d s; critical path .*\n", said(done))
    assert "[bundle-failed]" in done.err
    assert {name for name, line in actions(shop).items() if line["how"] == "failed"} == {
        "bundle:shop-create-order", "bundle:shop-cancel-order",
    }  # fmt: skip
    assert {line.get("error") for line in actions(shop).values()} == {None, "bundle-failed"}
    assert log_of(shop)[-1]["error"] == "problems"


def test_apply_says_it_too(checkout: Make) -> None:
    shop = checkout(SHOP, name="shop")
    assert re.search(r"^\d+ built, .* in \d+\.\d\d s; critical path ", shop.run("apply", "--provider", "standalone").err, re.MULTILINE)


# The execution log.


def test_the_log_has_a_line_an_action_and_says_what_it_was_made_of(checkout: Make) -> None:
    shop = checkout(SHOP, name="shop")
    head_commit = commit(shop)
    shop.plan()
    head, *middle, totals = log_of(shop)
    assert head == {
        "type": "build", "logVersion": 1, "unitgraph": head["unitgraph"], "at": head["at"], "project": "shop",
        "provider": "cloudflare", "environment": "", "command": "plan", "commit": head_commit, "ref": "main",
        "jobs": head["jobs"], "cache": str(shop.cache / "unitgraph"),
    }  # fmt: skip
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", head["at"])
    assert Counter(line["how"] for line in middle) == {"ran": 9}
    bundles = {line["action"]: line for line in middle if line["action"].startswith("bundle:")}
    assert set(bundles) == BUNDLES
    for name, line in bundles.items():
        (output,) = line["outputs"]
        data = shop.units()[name.partition(":")[2]]
        assert (output["path"], output["sizeBytes"]) == ("index.js", len(data))
        assert 0 < line["began"] < line["ended"] < totals["seconds"]
        assert line["worker"].startswith("action_")
    assert totals["type"] == "totals"
    assert totals["actions"] == {"fresh": 0, "cached": 0, "ran": 9, "failed": 0}
    assert totals["bytes"]["written"] > sum(map(len, shop.units().values()))
    assert totals["criticalPath"]["seconds"] <= totals["seconds"]


def test_the_log_says_which_part_of_a_key_moved_and_no_value(checkout: Make) -> None:
    shop = checkout(SHOP, name="shop")
    shop.plan()
    shop.edit("src/lib/text.ts", "heading:", "title:")
    shop.plan()
    assert actions(shop)["bundle:shop-get-book"]["moved"] == [{"kind": "closure", "name": "src/lib/text.ts"}]
    fresh = {name for line in log_of(shop) if line["type"] == "fresh" for name in line["actions"]}
    assert BUNDLES - fresh == {"bundle:shop-get-book"}
    assert log_of(shop)[-1]["actions"]["ran"] == len(actions(shop))


def test_what_comes_from_the_cache_and_what_fails_are_in_the_log(checkout: Make) -> None:
    shop = checkout(SHOP, name="shop")
    shop.plan()
    shop.edit("src/lib/text.ts", "heading:", "title:")
    shop.plan()
    shop.edit("src/lib/text.ts", "title:", "heading:")
    shop.edit("src/lib/money.ts", "{ round }", "{ rond as round }")
    assert shop.run("plan", status=1).out == ""
    assert actions(shop)["bundle:shop-get-book"]["how"] == "cached"
    assert actions(shop)["bundle:shop-cancel-order"]["error"] == "bundle-failed"
    assert log_of(shop)[-1]["hits"]["local"] >= 1


def test_the_log_of_a_killed_build_reads_well_and_has_no_end(checkout: Make) -> None:
    work = checkout(dict(project(Shape(120, seed=3))), name="many")
    work.hold.write_text("")
    process = work.start("plan")
    wait_for(work.held, process)
    kill(process)
    lines = log_of(work)
    assert lines[0]["type"] == "build"
    assert {line["type"] for line in lines[1:]} == {"action"}
    assert all(line["how"] == "ran" for line in lines[1:])
    work.hold.unlink()
    work.plan()
    assert log_of(work)[-1]["type"] == "totals"


def test_an_interrupted_build_says_so_at_the_end_of_its_log(checkout: Make) -> None:
    work = checkout(SHOP, name="shop")
    work.hold.write_text("")
    process = work.start("plan")
    wait_for(work.held, process)
    process.send_signal(2)
    work.hold.unlink()
    assert wait(process).status == 130
    assert log_of(work)[-1]["error"] == "interrupted"


def test_a_log_that_cannot_be_written_fails_nothing(checkout: Make) -> None:
    shop = checkout(SHOP | {".deploy/cache/log": "in the way"}, name="shop")
    assert shop.plan().status == 0
    assert shop.read(".deploy/cache/log") == "in the way"


def test_a_build_by_doit_s_own_tasks_has_one_log(checkout: Make) -> None:
    shop = checkout(SHOP, name="shop")
    shop.run("bundle:shop-get-book", "bundle:shop-list-books")
    assert len(list((shop.root / ".deploy/cache/log").iterdir())) == 1
    assert {"bundle:shop-get-book", "bundle:shop-list-books"} <= set(actions(shop))
    assert [line["type"] for line in log_of(shop)].count("totals") == 1


# The profile.


@pytest.mark.parametrize(("command", "phases"), [("plan", {"plan", "deployed"}), ("apply", {"plan", "deployed", "apply"})])
def test_a_profile_shows_phases_batches_units_and_the_cache(checkout: Make, command: str, phases: set[str]) -> None:
    shop = checkout(SHOP, name="shop")
    shop.run(command, "--provider", "standalone", "--profile", "../trace.json")
    document = json.loads((shop.root.parent / "trace.json").read_text())
    check(document)
    assert document["otherData"] == {"command": command, "project": "shop", "provider": "standalone"}
    names = {event["name"] for event in complete(document, "phase")}
    assert {"load", "analyse", "codegen", "strip", "bundle", "finish"} | phases <= names
    assert {"look up", "keep"} <= {event["name"] for event in complete(document, "cache")}
    assert "bundle:process" in {event["name"] for event in complete(document, "action")}


def test_units_of_a_batch_are_in_the_profile_one_by_one(checkout: Make) -> None:
    shop = checkout(SHOP, name="shop")
    shop.plan("--profile", "trace.json", "--jobs", "1")
    document = json.loads(shop.read("trace.json"))
    check(document)
    (batch,) = complete(document, "batch")
    assert batch["args"]["actions"] == 4
    inside = [event for event in complete(document, "action") if event["tid"] == batch["tid"]]
    assert {event["name"] for event in inside} == BUNDLES
    assert sum(event["dur"] for event in inside) == batch["dur"]
    assert sum(event["args"]["bytes"] for event in inside) == batch["args"]["bytes"] == sum(map(len, shop.units().values()))
    assert any(event["ph"] == "C" and event["args"] == {"running": 4, "waiting": 0} for event in document["traceEvents"])


def test_a_profile_is_written_of_an_unchanged_project_and_of_a_failed_run_too(checkout: Make) -> None:
    shop = checkout(SHOP, name="shop")
    for _ in range(2):
        shop.plan("--profile", "../trace.json")
        assert (shop.root.parent / "trace.json").exists()
        (shop.root.parent / "trace.json").unlink()
    shop.edit("src/lib/money.ts", "{ round }", "{ rond as round }")
    shop.run("plan", "--profile", "../trace.json", status=1)
    check(json.loads((shop.root.parent / "trace.json").read_text()))


def test_a_profile_that_cannot_be_written_is_a_warning(checkout: Make) -> None:
    shop = checkout(SHOP, name="shop")
    done = shop.plan("--profile", "src")
    assert "warning: the profile can't be written to " in done.err
    assert (shop.root / "src/services.ts").exists()


# Two machines.


@pytest.fixture(params=["folder"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of what machines share: a folder, or what a test asks for."""
    if request.param == "folder":
        yield (tmp_path / "place").as_uri()
        return
    (tmp_path / "server").mkdir()
    with servers.nginx(tmp_path / "server") as server:
        yield f"http://{server.address[0]}:{server.address[1]}/open"


@pytest.fixture
def machines(checkout: Make, tmp_path: Path, place: str) -> Callable[[dict[str, str]], tuple[Checkout, Checkout]]:
    """A machine that has built a committed project, and a fresh clone on another one, which share a place."""

    def make(files: dict[str, str]) -> tuple[Checkout, Checkout]:
        config = CONFIG.replace('"deploy": {', f'"deploy": {{\n    "cache": {{ "url": "{place}" }},')
        first = checkout(files | {"pikku.config.json": config}, name="first")
        commit(first, "the first")
        first.plan()
        return first, cloned(first, tmp_path / "second")

    return make


def cloned(work: Checkout, folder: Path) -> Checkout:
    """As CI checks out: one commit, no history."""
    words = ["git", "clone", "-q", "--depth=1", work.root.as_uri(), str(folder)]
    subprocess.run(words, check=True, capture_output=True)
    return Checkout(folder, work.tools, folder.parent / f"{folder.name}.cache")


Machines = Callable[[dict[str, str]], tuple[Checkout, Checkout]]


def test_a_fresh_machine_says_that_all_came_from_elsewhere(machines: Machines) -> None:
    _, second = machines(SHOP)
    assert re.fullmatch(r"4 from the cache \(remote\), \d+\.\d KB received in \d+\.\d\d s\n", said(second.plan()))
    assert not second.log.exists(), "esbuild was started"
    assert log_of(second)[-1]["hits"] == {"local": 0, "remote": 1}


@pytest.mark.parametrize("place", ["folder", "http"], indirect=True)
def test_a_miss_on_a_fresh_machine_is_explained_before_and_after(machines: Machines) -> None:
    first, second = machines(SHOP)
    built = _head(first)[:7]
    second.edit("src/lib/text.ts", "heading:", "title:")
    commit(second, "the second")
    told = second.run("why", "getBook", "--json").json
    assert (told["status"], told["cached"]) == ("never-built", False)
    assert told["against"] == {"build": "commit", "commit": _head(first), "ref": "main"}
    assert told["reasons"] == [{"kind": "source-changed", "path": "src/lib/text.ts", "detail": "changed"}]
    assert second.run("why", "getBook").out == (
        "bundle:shop-get-book was never built here, and the cache holds no result of it."
        f" Since commit {built} (main):\n  src/lib/text.ts: changed\n"
    )
    assert second.run("why", "cancelOrder").out == (
        "bundle:shop-cancel-order was never built here; the cache holds its result.\n"
    )
    lines = said(second.plan()).splitlines()
    assert lines[0] == f"missed: src/lib/text.ts changed since commit {built} (main)"
    assert " from the cache (" in lines[1]
    assert second.bundled() == {"shop-get-book"}


def _head(work: Checkout) -> str:
    return subprocess.run(["git", "rev-parse", "HEAD"], cwd=work.root, check=True, capture_output=True, text=True).stdout.strip()


OTHERWISE: dict[str, tuple[dict[str, str], str]] = {
    "an option": (
        {"tsconfig.json": SHOP["tsconfig.json"].replace('"es2022"', '"es2021"')},
        'missed: tsconfig target: "es2022" → "es2021", since commit {built} (main) (4 units)',
    ),
    "a route": (
        {"src/wiring.ts": SHOP["src/wiring.ts"].replace("/books/:id", "/book/:id")},
        "missed: src/wiring.ts changed since commit {built} (main)",
    ),
    "a unit more": (
        {"src/wiring.ts": SHOP["src/wiring.ts"], "src/more.functions.ts": """
import { pikkuSessionlessFunc } from '#pikku'
export const ping = pikkuSessionlessFunc<void, { ok: boolean }>(async () => ({ ok: true }))
"""},
        "missed: 1 unit new since commit {built} (main)",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("files", "expected"), OTHERWISE.values(), ids=OTHERWISE)
def test_whatever_else_is_otherwise_is_named(machines: Machines, files: dict[str, str], expected: str) -> None:
    first, second = machines(SHOP)
    second.write(files)
    commit(second, "the second")
    assert said(second.plan()).splitlines()[0] == expected.format(built=_head(first)[:7])


def test_a_machine_that_has_built_it_before_has_reasons_of_its_own(machines: Machines) -> None:
    _, second = machines(SHOP)
    second.edit("src/lib/text.ts", "heading:", "title:")
    second.plan()
    second.edit("src/lib/text.ts", "title:", "caption:")
    told = second.run("why", "getBook", "--json").json
    assert (told["status"], told["against"]["build"]) == ("will-be-built", "last")
    assert "missed" not in second.plan().err


def test_a_result_that_the_cache_has_lost_is_no_riddle(machines: Machines, tmp_path: Path) -> None:
    first, second = machines(SHOP)
    for path in (tmp_path / "place" / "ac").rglob("*"):
        if path.is_file() and b'"action":"components"' not in path.read_bytes():
            path.unlink()
    built = _head(first)[:7]
    assert said(second.plan()).startswith(f"missed: 4 units built by commit {built} (main) and no longer in the cache\n")


def test_where_no_build_is_known_nothing_is_said_of_misses(machines: Machines, tmp_path: Path) -> None:
    _, second = machines(SHOP)
    shutil.rmtree(tmp_path / "place")
    assert "missed" not in second.plan().err


def test_an_uncommitted_build_is_nobody_s_nearest(machines: Machines, tmp_path: Path) -> None:
    first, second = machines(SHOP)
    first.edit("src/lib/text.ts", "heading:", "title:")
    first.plan()
    second.edit("src/lib/money.ts", "EUR", "USD")
    commit(second, "the second")
    assert said(second.plan()).splitlines()[0].startswith("missed: src/lib/money.ts changed since ")


def test_a_document_that_is_no_document_is_as_if_it_were_not_there(checkout: Make, tmp_path: Path) -> None:
    """Of builds outside git only the last one is known; here its document is damaged, and whoever reads it goes on."""
    cache = tmp_path / "shared.cache"
    first = checkout(SHOP, name="first", cache=cache)
    first.plan()
    second = checkout(SHOP, name="second", cache=cache)
    second.edit("src/lib/text.ts", "heading:", "title:")
    told = second.run("why", "getBook", "--json").json
    assert told["against"] == {"build": "commit", "commit": "", "ref": ""}
    assert second.run("why", "getBook").out.endswith(" Since the last build:\n  src/lib/text.ts: changed\n")
    damaged = [path for path in (cache / "unitgraph/cas").glob("*/*") if path.read_bytes()[:2] == b"x\x01"]
    assert damaged
    for path in damaged:
        path.chmod(0o644)
        path.write_bytes(b"no such thing")
    told = second.run("why", "getBook", "--json").json
    assert (told["against"], told["reasons"]) == (None, [])


def test_a_plan_on_a_fresh_machine_has_the_reasons_of_what_is_deployed(machines: Machines, tmp_path: Path) -> None:
    """What is deployed was built elsewhere: the documents of builds say what it was made of."""
    first, _ = machines(SHOP)
    shipped = tmp_path / "shipped"
    config = first.read("pikku.config.json").replace('"deploy": {', f'"deploy": {{\n    "standalone": {{ "directory": "{shipped}" }},')
    first.write({"pikku.config.json": config})
    commit(first, "where it goes")
    first.run("apply", "--provider", "standalone")
    second = cloned(first, tmp_path / "third")
    second.edit("src/lib/text.ts", "heading:", "title:")
    commit(second, "an edit")
    plan = second.run("plan", "--provider", "standalone", "--json").json
    changed = [change for change in plan["changes"] if change["action"] == "update" and change["kind"] == "executable"]
    assert [why["path"] for change in changed for why in change["reasons"]] == ["src/lib/text.ts"]


def test_a_plan_of_a_build_that_was_taken_over_has_reasons_too(machines: Machines, tmp_path: Path) -> None:
    """Neither what is deployed nor what would be was built here."""
    first, _ = machines(SHOP)
    config = first.read("pikku.config.json")
    place = f'"deploy": {{\n    "standalone": {{ "directory": "{tmp_path / "shipped"}" }},'
    first.write({"pikku.config.json": config.replace('"deploy": {', place)})
    commit(first, "where it goes")
    first.run("apply", "--provider", "standalone")
    first.edit("src/lib/text.ts", "heading:", "title:")
    commit(first, "an edit")
    first.plan("--provider", "standalone")
    third = cloned(first, tmp_path / "third")
    plan = third.run("plan", "--provider", "standalone", "--json").json
    assert not third.log.exists(), "esbuild was started"
    changed = [change for change in plan["changes"] if change["action"] == "update" and change["kind"] == "executable"]
    assert [why["path"] for change in changed for why in change["reasons"]] == ["src/lib/text.ts"]


def test_a_place_that_is_not_there_is_one_warning_and_the_build_goes_on(checkout: Make) -> None:
    config = CONFIG.replace('"deploy": {', '"deploy": {\n    "cache": { "url": "http://127.0.0.1:9/cache" },')
    shop = checkout(SHOP | {"pikku.config.json": config}, name="shop")
    lines = said(shop.plan()).splitlines()
    assert [line.startswith("warning: ") for line in lines] == [True, False]
    assert lines[-1].startswith("9 built")
    assert log_of(shop)[-1]["warnings"]
