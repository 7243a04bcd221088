"""What scripts hold on to: exit statuses, JSON and nothing else, no colour when piped, a start without heavy imports."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.harness import Checkout
from tests.system.projects import MALL, SHOP, SHOP_UNITS

Make = Callable[..., Checkout]
HEAVY = ("doit", "pydantic", "networkx", "rich", "jinja2", "tree_sitter", "sqlite3", "xxhash", "asyncio")


@pytest.fixture
def shop(checkout: Make) -> Checkout:
    made = checkout(SHOP, name="shop")
    made.plan()
    return made


@pytest.mark.parametrize("program", ["doit", "unitgraph"])
@pytest.mark.parametrize("command", [["info"], ["plan"], ["why", "shop-get-book"]], ids=" ".join)
def test_output_that_is_piped_is_plain(shop: Checkout, command: list[str], program: str) -> None:
    done = shop.run(*command, program=program)
    assert done.out.strip()
    assert "\x1b" not in done.text
    assert "\r" not in done.text


@pytest.mark.parametrize("program", ["doit", "unitgraph"])
@pytest.mark.parametrize("command", [["info", "--json"], ["plan", "--json"], ["why", "shop-get-book", "--json"]], ids=" ".join)
def test_json_is_one_document_and_nothing_else(shop: Checkout, command: list[str], program: str) -> None:
    assert isinstance(json.loads(shop.run(*command, program=program).out), dict)


def test_both_programs_print_the_same_plan(shop: Checkout) -> None:
    assert shop.plan().out == shop.run("plan", program="doit").out


def test_the_manifest_is_what_info_prints(shop: Checkout) -> None:
    printed = shop.run("info", "--json").json
    assert printed == json.loads(shop.read(".deploy/cloudflare/manifest.json"))
    assert list(printed) == [
        "projectId", "manifestVersion", "units", "queues", "scheduledTasks", "channels", "agents", "mcpEndpoints", "workflows",
        "secrets", "variables", "unresolvedSecretReads", "migrations",
    ]  # fmt: skip


def test_lists_of_the_manifest_are_sorted(checkout: Make) -> None:
    mall = checkout(MALL, name="mall")
    found = mall.run("info", "--json").json
    for key, value in found.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            names = [each.get("name") or each.get("secretId") or each.get("unitName") for each in value]
            assert names == sorted(names), key


def test_a_plan_has_the_contract_s_fields(shop: Checkout) -> None:
    plan = json.loads(shop.read(".deploy/cloudflare/plan.json"))
    assert {"planVersion", "provider", "environment", "project", "commit", "dirty", "migrationsDigest", "basis", "changes", "summary"} <= set(plan)
    assert set(plan["summary"]) == {"create", "update", "delete", "unchanged"}
    for change in plan["changes"]:
        assert {"action", "kind", "name", "key", "reasons"} <= set(change)
        assert change["action"] in {"create", "update", "delete", "unchanged"}
        for reason in change["reasons"]:
            assert reason["kind"] in {"source-changed", "option-changed", "tool-changed", "drift", "new", "removed"}
    units = [change for change in plan["changes"] if change["kind"] == "unit"]
    assert {change["name"] for change in units} == {*SHOP_UNITS, "shop-router"}
    assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", change["bundle"] or "") for change in units)
    sizes = {change["name"]: change["sizeBytes"] for change in units if change["name"] in SHOP_UNITS}
    assert sizes == {name: len(bundle) for name, bundle in shop.units().items()}


def test_the_plan_is_written_to_the_file_that_was_asked_for(shop: Checkout) -> None:
    shop.plan("--result-file", "plan-of-mine.json")
    assert json.loads(shop.read("plan-of-mine.json")) == json.loads(shop.read(".deploy/cloudflare/plan.json"))


@pytest.mark.parametrize("program", ["doit", "unitgraph"])
def test_a_folder_inside_the_project_will_do(shop: Checkout, program: str) -> None:
    inside = Checkout(shop.root / "src" / "lib", shop.tools, shop.cache)
    assert inside.run("plan", program=program).out == shop.plan().out
    outside = Checkout(shop.root.parent / "elsewhere", shop.tools, shop.cache)
    assert outside.run("plan", "-d", str(shop.root), program=program).out == shop.plan().out


@pytest.mark.parametrize("program", ["doit", "unitgraph"])
@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["plan", "--provider", "moon"], "unknown-provider"),
        (["why", "shop-get-bok"], "unknown-task"),
        (["apply"], "cloudflare-upload-unavailable"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_a_wrong_word_is_an_error_of_the_user(shop: Checkout, words: list[str], code: str, program: str) -> None:
    done = shop.run(*words, status=1, program=program)
    assert f"[{code}]" in done.err
    assert "Traceback" not in done.text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["plan", "--no-such-option"], "option --no-such-option not recognized\n"),
        (["plan", "--provder", "standalone"], "did you mean --provider?"),
        (["no-such-command"], "no-such-command"),
        (["plan", "--jobs", "many"], "'many'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_command_line_that_cannot_be_read_is_an_error_of_the_user(shop: Checkout, words: list[str], said: str) -> None:
    done = shop.run(*words, status=1)
    assert said in done.err
    assert "Traceback" not in done.text
    assert "CmdOption" not in done.text


@pytest.mark.parametrize(("command", "says"), [("plan", "--affected-by"), ("list", "--status")])
def test_each_command_says_what_it_takes(tmp_path: Path, command: str, says: str) -> None:
    """In no project, too."""
    words = [sys.executable, "-m", "unitgraph.rules.main", command, "--help"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, check=True, text=True)
    assert done.stderr == ""
    assert says in done.stdout


@pytest.mark.parametrize("program", ["doit", "unitgraph"])
def test_single_tasks_are_listed_and_run_without_a_dodo_file(shop: Checkout, program: str) -> None:
    listed = shop.run("list", "--all", program=program).out
    assert re.search(r"^bundle:shop-get-book\b", listed, flags=re.MULTILINE)
    assert re.search(r"^analyze\b", listed, flags=re.MULTILINE)
    shop.edit("src/lib/money.ts", "EUR ", "GBP ")
    shop.edit("src/lib/text.ts", "heading:", "title:")
    shop.bundled()
    shop.run("bundle:shop-get-book", program=program)
    assert shop.bundled() == {"shop-get-book"}


def test_why_names_the_file_that_changed(shop: Checkout) -> None:
    shop.edit("src/lib/money.ts", "EUR ", "GBP ")
    assert "src/lib/money.ts" in shop.run("why", "shop-create-order").out
    assert "src/lib/money.ts" not in shop.run("why", "shop-get-book").out


def test_an_unchanged_plan_imports_nothing_heavy(shop: Checkout) -> None:
    shop.plan()
    program = str(Path(sys.executable).parent / "unitgraph")
    done = subprocess.run(
        [sys.executable, "-X", "importtime", program, "plan"],
        cwd=shop.root, env=shop.environment(), capture_output=True, text=True, check=True,
    )  # fmt: skip
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines() if "|" in line}
    assert not imported & set(HEAVY)


STALE = {
    "a new file": lambda shop: shop.write({"src/new.ts": "import { pikkuVoidFunc } from '#pikku'\nexport const fresh = pikkuVoidFunc(async () => {})\n"}),
    "a new folder": lambda shop: shop.write({"src/a/b/new.ts": "import { pikkuVoidFunc } from '#pikku'\nexport const fresh = pikkuVoidFunc(async () => {})\n"}),
    "a removed file": lambda shop: (shop.root / "src/lib/text.ts").unlink(),
    "a file that shadows another": lambda shop: shop.write({"src/lib/money.tsx": "export const price = (amount: number) => `JSX ${amount}`\n"}),
    "the configuration": lambda shop: shop.edit("pikku.config.json", '"defaultProvider": "cloudflare"', '"serverlessIncompatible": ["getBook"], "defaultProvider": "cloudflare"'),
    "package.json": lambda shop: shop.edit("package.json", '"shop"', '"store"'),
    "the tsconfig": lambda shop: shop.edit("tsconfig.json", '"strict": true', '"strict": true, "useDefineForClassFields": false'),
    "a removed bundle": lambda shop: (shop.root / ".deploy/cloudflare/units/shop-get-book/index.js").unlink(),
    "a changed wrangler.toml": lambda shop: (shop.root / ".deploy/cloudflare/units/shop-get-book/wrangler.toml").write_text("name = 'x'\n"),
    "a file in a unit that is not of ours": lambda shop: (shop.root / ".deploy/cloudflare/units/stray").mkdir(),
    "no build database": lambda shop: [path.unlink() for path in (shop.root / ".deploy/cache").glob("build.db*")],
}  # fmt: skip


@pytest.mark.parametrize("change", STALE.values(), ids=STALE)
def test_the_quick_answer_is_never_an_old_one(shop: Checkout, change: Callable[[Checkout], object]) -> None:
    """What a second plan prints and leaves is what a clean build of the same sources does."""
    shop.plan()
    change(shop)
    done = shop.run("plan", status=None)
    clean = shop.clone(shop.root.parent / "clean")
    expected = clean.run("plan", status=None)
    assert (done.status, done.out) == (expected.status, expected.out)
    if done.status == 0:
        assert shop.tree() == clean.tree()


def test_output_into_a_closed_pipe_is_no_fault(shop: Checkout) -> None:
    done = subprocess.run(
        f"'{Path(sys.executable).parent}/unitgraph' info --json | head -c 1",
        shell=True, cwd=shop.root, env=shop.environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stderr == ""


def test_files_dated_in_the_future_are_built_once(shop: Checkout) -> None:
    future = time.time() + 1_000_000
    os.utime(shop.root / "src/lib/money.ts", (future, future))
    shop.plan()
    shop.bundled()
    shop.plan()
    assert shop.bundled() == frozenset()
