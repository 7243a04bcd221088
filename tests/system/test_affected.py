"""`--affected-by`: which units a change touches, against what building both states gives."""

import json
import os
import random
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.harness import Checkout
from tests.system.edits import start, step
from tests.system.projects import MALL, SHOP, SHOP_UNITS
from tests.system.repository import commit, committed, git
from tests.system.test_freshness import EDITS, EDITS_WITHOUT_EFFECT

Make = Callable[..., Checkout]
WIRING = "its wiring changed: routes, options, or what it calls"
Reasons = dict[str, tuple[str, list[tuple[str, str]]]]
ALL = set(SHOP_UNITS)


@pytest.fixture
def shop(checkout: Make) -> Checkout:
    return committed(checkout(SHOP, name="shop"))


def affected(checkout: Checkout, revision: str = "base") -> Reasons:
    """Unit → (action, reasons as (path, detail))."""
    found = checkout.run("info", "--affected-by", revision, "--json").json["affectedBy"]
    return {
        unit["name"]: (unit["action"], [(why["path"], why["detail"]) for why in unit["reasons"]])
        for unit in found["units"]
    }


def first_reason(found: Reasons, unit: str) -> tuple[str, str]:
    return found[unit][1][0]


# One edit at a time.

@pytest.mark.parametrize(("path", "old", "new"), EDITS_WITHOUT_EFFECT.values(), ids=EDITS_WITHOUT_EFFECT)
def test_an_edit_without_effect_touches_no_unit(shop: Checkout, path: str, old: str, new: str) -> None:
    if old:
        shop.edit(path, old, new)
    else:
        os.utime(shop.root / path)
    assert affected(shop) == {}


@pytest.mark.parametrize(("path", "old", "new", "units"), EDITS.values(), ids=EDITS)
def test_an_edit_touches_exactly_the_units_that_hold_it(
    shop: Checkout, path: str, old: str, new: str, units: set[str]
) -> None:
    shop.edit(path, old, new)
    found = affected(shop)
    assert set(found) == units
    assert {first_reason(found, unit)[0] for unit in units} == {path}
    assert {action for action, _ in found.values()} == {"update"}


def config(**deploy: object) -> dict[str, str]:
    made = json.loads(SHOP["pikku.config.json"])
    made["deploy"] |= deploy
    return {"pikku.config.json": json.dumps(made)}


def tsconfig(**options: object) -> dict[str, str]:
    made = json.loads(SHOP["tsconfig.json"])
    made["compilerOptions"] |= options
    return {"tsconfig.json": json.dumps(made)}


CHANGES: dict[str, tuple[Mapping[str, str], set[str], tuple[str, str]]] = {
    "a document": ({"README.md": "# Shop\n"}, set(), ("", "")),
    "a file that nothing imports": ({"src/lib/unused.ts": "export const unused = 1\n"}, set(), ("", "")),
    "the formatting of the configuration": ({"pikku.config.json": SHOP["pikku.config.json"].replace("\n", "\n\n")}, set(), ("", "")),
    "an option of every unit": (config(cloudflare={"compatibilityDate": "2026-06-01"}), ALL, ("compatibility_date", "2026-07-01 → 2026-06-01")),
    "an option of another provider": (config(standalone={"port": 4000}), set(), ("", "")),
    "the provider": (config(defaultProvider="standalone"), ALL, ("pikku.config.json", "provider: cloudflare → standalone")),
    "an option of the compiler that bundles have": (tsconfig(experimentalDecorators=True), ALL, ("tsconfig.json", "experimentalDecorators: nothing → True")),
    "an option that only the type checker reads": (tsconfig(noUnusedLocals=True), set(), ("", "")),
    "package.json: side effects": ({"package.json": SHOP["package.json"].replace('"private"', '"sideEffects": false, "private"')}, ALL, ("package.json", "sideEffects or type changed")),
    "package.json: another version": ({"package.json": SHOP["package.json"].replace("1.0.0", "1.0.1")}, set(), ("", "")),
    "a wiring": ({"src/wiring.ts": SHOP["src/wiring.ts"].replace("'/books/:id'", "'/titles/:id'")}, {"shop-get-book"}, ("src/wiring.ts", WIRING)),
}  # fmt: skip


@pytest.mark.parametrize(("files", "units", "reason"), CHANGES.values(), ids=CHANGES)
def test_a_change_beside_the_sources(
    shop: Checkout, files: Mapping[str, str], units: set[str], reason: tuple[str, str]
) -> None:
    shop.write(files)
    found = affected(shop)
    assert set(found) == units
    for unit in units:
        assert reason in found[unit][1]


# Files that come and go.

def test_units_that_are_new_gone_or_renamed(shop: Checkout) -> None:
    shop.write({"src/new.functions.ts": SHOP["src/books.functions.ts"].replace("getBook", "showBook").replace("listBooks", "countBooks")})
    shop.edit("src/orders.functions.ts", "export const cancelOrder", "export const voidOrder")
    shop.edit("src/wiring.ts", "{ cancelOrder,", "{ voidOrder,")
    shop.edit("src/wiring.ts", "func: cancelOrder", "func: voidOrder")
    found = affected(shop)
    assert {unit: action for unit, (action, _) in found.items()} == {
        "shop-show-book": "create", "shop-count-books": "create", "shop-void-order": "create", "shop-cancel-order": "delete",
    }  # fmt: skip
    assert first_reason(found, "shop-cancel-order") == ("src/orders.functions.ts", "no unit of this name is in the project any more")
    assert first_reason(found, "shop-show-book")[0] == "src/new.functions.ts"


def test_a_helper_that_is_gone_touches_who_held_it(shop: Checkout) -> None:
    (shop.root / "src/lib/rounding.ts").unlink()
    shop.write({"src/lib/money.ts": "export function price(amount: number): string {\n  return `EUR ${amount}`\n}\n"})
    found = affected(shop)
    assert set(found) == {"shop-create-order", "shop-cancel-order"}
    assert ("src/lib/rounding.ts", "no longer in the closure") in found["shop-create-order"][1]


def test_a_file_that_moves_touches_who_holds_it(shop: Checkout) -> None:
    git(shop.root, "mv", "src/lib/text.ts", "src/lib/headings.ts")
    shop.edit("src/books.functions.ts", "./lib/text.js", "./lib/headings.js")
    found = affected(shop)
    assert set(found) == {"shop-get-book"}
    assert ("src/lib/headings.ts", "new in the closure") in found["shop-get-book"][1]


def test_a_new_file_that_takes_the_place_of_another_counts(shop: Checkout) -> None:
    """Nothing that was there has changed: the import leads elsewhere now."""
    shop.write({"src/lib/text.tsx": SHOP["src/lib/text.ts"].replace("heading:", "other:")})
    shop.edit("src/books.functions.ts", "./lib/text.js", "./lib/text")
    commit(shop.root)
    (shop.root / "src/lib/text.tsx").unlink()
    commit(shop.root)
    assert set(affected(shop, "HEAD~1")) == {"shop-get-book"}
    assert first_reason(affected(shop, "HEAD~1"), "shop-get-book")[0] in ("src/lib/text.ts", "src/lib/text.tsx", "src/books.functions.ts")


def test_an_asset_counts_by_its_bytes(checkout: Make) -> None:
    files = SHOP | {
        "src/lib/table.json": '{ "a": 1 }\n',
        "src/lib/text.ts": "import table from './table.json'\n" + SHOP["src/lib/text.ts"].replace("heading:", "${table.a}:"),
    }
    shop = committed(checkout(files, name="shop"))
    shop.write({"src/lib/table.json": '{ "a": 2 }\n'})
    assert affected(shop) == {"shop-get-book": ("update", [("src/lib/table.json", "changed")])}


def lock(**packages: tuple[str, str]) -> dict[str, str]:
    """package-lock.json: name → (version, integrity); ``inner`` is what ``dep`` needs."""
    entries: dict[str, dict[str, Any]] = {
        f"node_modules/{name}": {"version": version, "integrity": f"sha512-{integrity}"}
        for name, (version, integrity) in packages.items()
    }
    entries["node_modules/dep"]["dependencies"] = {"inner": "*"}
    root = {"name": "shop", "dependencies": {"dep": "*", "other": "*"}}
    return {"package-lock.json": json.dumps({"name": "shop", "lockfileVersion": 3, "packages": {"": root, **entries}})}


LOCKED = {"dep": ("1.0.0", "a"), "inner": ("2.0.0", "b"), "other": ("3.0.0", "c")}
PACKAGES: dict[str, tuple[dict[str, tuple[str, str]], list[tuple[str, str]]]] = {
    "a version": ({"dep": ("1.1.0", "d")}, [("package-lock.json", "dep 1.0.0 → 1.1.0")]),
    "a content": ({"dep": ("1.0.0", "d")}, [("package-lock.json", "dep another content")]),
    "what it needs": ({"inner": ("2.0.1", "d")}, [("package-lock.json", "inner 2.0.0 → 2.0.1, which dep needs")]),
    "one that no unit imports": ({"other": ("3.0.1", "d")}, []),
}


@pytest.mark.parametrize("installed", [True, False])
@pytest.mark.parametrize(("moved", "reasons"), PACKAGES.values(), ids=PACKAGES)
def test_packages_count_by_the_lockfile_whatever_is_installed(
    checkout: Make, moved: dict[str, tuple[str, str]], reasons: list[tuple[str, str]], *, installed: bool
) -> None:
    files = SHOP | lock(**LOCKED) | {
        "package.json": json.dumps({"name": "shop", "type": "module", "dependencies": {"dep": "*", "other": "*"}}),
        "src/lib/text.ts": "import { dep } from 'dep'\n" + SHOP["src/lib/text.ts"].replace("heading:", "${dep}:"),
    }
    if installed:
        files |= {
            "node_modules/dep/package.json": '{ "name": "dep", "version": "1.0.0", "main": "index.js" }',
            "node_modules/dep/index.js": "export const dep = 1\n",
        }
    shop = committed(checkout(files, name="shop"))
    shop.write(lock(**(LOCKED | moved)))
    assert affected(shop) == ({"shop-get-book": ("update", reasons)} if reasons else {})


def test_without_a_lockfile_the_versions_that_are_asked_for_count(checkout: Make) -> None:
    package = {"name": "shop", "type": "module", "dependencies": {"dep": "^1.0.0"}}
    files = SHOP | {
        "package.json": json.dumps(package),
        "src/lib/text.ts": "import { dep } from 'dep'\n" + SHOP["src/lib/text.ts"].replace("heading:", "${dep}:"),
    }
    shop = committed(checkout(files, name="shop"))
    shop.write({"package.json": json.dumps(package | {"dependencies": {"dep": "^2.0.0"}})})
    assert affected(shop) == {"shop-get-book": ("update", [("package.json", "dep ^1.0.0 → ^2.0.0")])}


# Where the change begins.

def test_committed_uncommitted_and_unknown_files_count_alike(shop: Checkout) -> None:
    shop.edit("src/lib/text.ts", "heading:", "title:")
    commit(shop.root)
    shop.edit("src/lib/smtp.ts", "smtp:", "smtps:")
    git(shop.root, "add", "-A")
    shop.edit("src/lib/shelf.ts", "shelf:all", "all")
    shop.write({"src/new.functions.ts": SHOP["src/orders.functions.ts"].replace("createOrder", "askOrder").replace("cancelOrder", "dropOrder")})
    found = affected(shop)
    assert set(found) == {"shop-get-book", "shop-cancel-order", "shop-list-books", "shop-ask-order", "shop-drop-order"}
    assert set(affected(shop, "HEAD")) == set(found)        # get-book holds the shelf, too
    commit(shop.root)
    assert set(affected(shop)) == set(found)
    assert affected(shop, "HEAD") == {}


def test_what_the_other_branch_did_meanwhile_is_not_ours(shop: Checkout) -> None:
    git(shop.root, "checkout", "-q", "-b", "feature")
    shop.edit("src/lib/text.ts", "heading:", "title:")
    commit(shop.root)
    git(shop.root, "checkout", "-q", "main")
    shop.edit("src/lib/money.ts", "EUR ", "GBP ")
    commit(shop.root)
    git(shop.root, "checkout", "-q", "feature")
    found = shop.run("info", "--affected-by", "main", "--json").json["affectedBy"]
    assert found["ref"] == "main"
    assert found["commit"] == git(shop.root, "rev-parse", "base")
    assert [unit["name"] for unit in found["units"]] == ["shop-get-book"]


REVISIONS = ("base", "refs/heads/base", "v1", "annotated", "main~1", "origin/main", ":/begin", "HEAD@{1}")


def test_a_revision_is_whatever_git_takes_for_one(shop: Checkout) -> None:
    git(shop.root, "tag", "v1")
    git(shop.root, "tag", "-a", "-m", "first", "annotated")
    git(shop.root, "update-ref", "refs/remotes/origin/main", "HEAD")
    shop.edit("src/lib/text.ts", "heading:", "title:")
    commit(shop.root)
    for revision in (*REVISIONS, git(shop.root, "rev-parse", "base"), git(shop.root, "rev-parse", "--short", "base")):
        assert set(affected(shop, revision)) == {"shop-get-book"}, revision


def test_in_the_middle_of_a_merge_with_conflicts(shop: Checkout) -> None:
    git(shop.root, "checkout", "-q", "-b", "feature")
    shop.edit("src/lib/text.ts", "heading:", "title:")
    commit(shop.root)
    git(shop.root, "checkout", "-q", "main")
    shop.edit("src/lib/text.ts", "heading:", "name:")
    shop.edit("src/lib/money.ts", "EUR ", "GBP ")
    commit(shop.root)
    with pytest.raises(AssertionError, match="git merge feature"):
        git(shop.root, "merge", "feature")
    shop.write({"src/lib/text.ts": SHOP["src/lib/text.ts"].replace("heading:", "both:")})
    assert set(affected(shop)) == {"shop-get-book", "shop-create-order", "shop-cancel-order"}


def test_a_file_that_git_was_told_to_forget_is_the_same_file(shop: Checkout) -> None:
    git(shop.root, "rm", "-q", "--cached", "src/lib/text.ts")
    assert affected(shop) == {}
    shop.edit("src/lib/text.ts", "heading:", "title:")
    assert set(affected(shop)) == {"shop-get-book"}


def test_ends_of_lines_that_git_changes_are_no_change(checkout: Make) -> None:
    shop = committed(checkout(SHOP | {".gitattributes": "* text eol=crlf\n", "src/lib/t.txt": "a\nb\n"}, name="shop"))
    for path in (shop.root / "src").rglob("*.ts"):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert affected(shop) == {}
    shop.write({"src/lib/money.ts": "// more\r\n" + SHOP["src/lib/money.ts"].replace("\n", "\r\n")})
    assert affected(shop) == {}
    shop.write({"src/lib/text.ts": SHOP["src/lib/text.ts"].replace("heading:", "title:").replace("\n", "\r\n")})
    assert set(affected(shop)) == {"shop-get-book"}


# Where the project stands in its repository.

def test_a_project_in_a_folder_of_a_repository_with_a_workspace(checkout: Make) -> None:
    shop = checkout(SHOP, name="mono/apps/shop")
    top = shop.root.parent.parent
    shop.write({
        "../../package.json": '{ "name": "mono", "private": true, "workspaces": ["apps/*", "packages/*"] }\n',
        "../../packages/text/package.json": '{ "name": "@mono/text", "version": "1.0.0", "type": "module", "exports": "./index.ts" }\n',
        "../../packages/text/index.ts": "import { mark } from './mark.js'\nexport const heading = (text: string) => `${mark}${text}`\n",
        "../../packages/text/mark.ts": "export const mark = 'mark:'\n",
        "../../packages/unrelated/package.json": '{ "name": "@mono/unrelated" }\n',
        "../../packages/unrelated/index.ts": "export const unrelated = 1\n",
        "src/lib/text.ts": "export { heading } from '@mono/text'\n",
    })  # fmt: skip
    (top / "node_modules/@mono").mkdir(parents=True)
    (top / "node_modules/@mono/text").symlink_to("../../packages/text")
    committed(shop, top)
    shop.write({"../../packages/unrelated/index.ts": "export const unrelated = 2\n", "../other.txt": "x"})
    assert affected(shop) == {}
    shop.write({"../../packages/text/mark.ts": "export const mark = 'sign:'\n"})
    assert affected(shop) == {"shop-get-book": ("update", [("../../packages/text/mark.ts", "changed")])}
    shop.write({"../../packages/text/mark.ts": "// was mark.ts\nexport const mark = 'mark:'\n"})
    assert affected(shop) == {}
    shop.write({"../../packages/text/index.ts": "export const heading = (text: string) => `mark:${text}`\n"})
    (top / "packages/text/mark.ts").unlink()
    found = affected(shop)
    assert set(found) == {"shop-get-book"}
    assert ("../../packages/text/mark.ts", "no longer in the closure") in found["shop-get-book"][1]


def test_a_folder_that_is_a_link(checkout: Make) -> None:
    files = {path: text for path, text in SHOP.items() if not path.startswith("src/lib/")}
    shop = checkout(files | {f"common/{path[8:]}": text for path, text in SHOP.items() if path.startswith("src/lib/")}, name="shop")
    (shop.root / "src/lib").symlink_to("../common")
    committed(shop)
    assert affected(shop) == {}
    shop.write({"README.md": "x"})
    assert affected(shop) == {}
    shop.edit("common/text.ts", "heading:", "title:")
    assert affected(shop) == {"shop-get-book": ("update", [("common/text.ts", "changed")])}
    shutil.copytree(shop.root / "common", shop.root / "other")
    (shop.root / "src/lib").unlink()
    (shop.root / "src/lib").symlink_to("../other")
    assert set(affected(shop)) == ALL


def test_a_submodule_is_looked_into(checkout: Make, tmp_path: Path) -> None:
    library = tmp_path / "library"
    library.mkdir()
    (library / "text.ts").write_text(SHOP["src/lib/text.ts"])
    (library / "unused.ts").write_text("export const unused = 1\n")
    git(library, "init", "-q", "-b", "main")
    commit(library)
    shop = checkout({path: text for path, text in SHOP.items() if path != "src/lib/text.ts"}, name="shop")
    shop.edit("src/books.functions.ts", "./lib/text.js", "./vendor/text.js")
    git(shop.root, "init", "-q", "-b", "main")
    git(shop.root, "submodule", "add", "-q", str(library), "src/vendor")
    committed(shop)
    inner = shop.root / "src/vendor"
    assert affected(shop) == {}
    (inner / "unused.ts").write_text("export const unused = 2\n")
    assert affected(shop) == {}
    (inner / "text.ts").write_text(SHOP["src/lib/text.ts"].replace("heading:", "title:"))
    expected = {"shop-get-book": ("update", [("src/vendor/text.ts", "changed")])}
    assert affected(shop) == expected
    commit(inner)
    assert affected(shop) == expected
    commit(shop.root)
    assert affected(shop) == expected


def test_a_submodule_without_the_commit_that_it_stood_at(checkout: Make, tmp_path: Path) -> None:
    library = tmp_path / "library"
    library.mkdir()
    (library / "text.ts").write_text(SHOP["src/lib/text.ts"])
    git(library, "init", "-q", "-b", "main")
    commit(library)
    shop = checkout(SHOP, name="shop")
    git(shop.root, "init", "-q", "-b", "main")
    git(shop.root, "submodule", "add", "-q", str(library), "src/vendor")
    committed(shop)
    (library / "text.ts").write_text(SHOP["src/lib/text.ts"].replace("heading:", "title:"))
    commit(library)
    inner = shop.root / "src/vendor"
    shutil.rmtree(inner)
    git(shop.root, "clone", "-q", "--depth", "1", f"file://{library}", "src/vendor")
    done = shop.run("info", "--affected-by", "base", status=1)
    assert "[submodule-too-short]" in done.err
    assert "git -C src/vendor fetch" in done.err


# What git doesn't have.

def test_sources_that_git_ignores_are_named_and_taken_as_unchanged(checkout: Make) -> None:
    shop = committed(checkout(SHOP, name="shop"))
    (shop.root / ".gitignore").write_text(".deploy/\n.pikku/\nsrc/lib/rounding.ts\n")
    git(shop.root, "rm", "-q", "--cached", "src/lib/rounding.ts")
    commit(shop.root)
    shop.edit("src/lib/text.ts", "heading:", "title:")
    done = shop.run("info", "--affected-by", "HEAD")
    assert "note: Not in git, so taken as unchanged: src/lib/rounding.ts." in done.out
    assert "1 of 4 units affected" in done.out
    assert "shop-get-book\n      src/lib/text.ts: changed\n" in done.out


DODO = '''\
from pathlib import Path
from unitgraph.rules import Graph

graph = Graph(before=["rates"])
task_analyze, task_codegen, task_bundle, task_upload = graph.tasks()


def task_rates():
    return {"actions": [write], "file_dep": ["rates.csv"], "targets": ["src/lib/rates.ts"]}


def write():
    Path("src/lib/rates.ts").write_text(f"export const rate = {Path('rates.csv').read_text().strip()}\\n")
'''


def test_sources_that_a_task_makes_from_a_changed_file_have_changed(checkout: Make) -> None:
    files = SHOP | {
        "dodo.py": DODO,
        "rates.csv": "100\n",
        "src/lib/rounding.ts": "import { rate } from './rates.js'\nexport const round = (value: number) => value * rate\n",
    }
    shop = committed(checkout(files, name="shop"))
    (shop.root / ".gitignore").write_text(".deploy/\n.pikku/\n__pycache__/\nsrc/lib/rates.ts\n")
    commit(shop.root)
    shop.plan()
    shop.write({"README.md": "x"})
    assert affected(shop, "HEAD") == {}
    shop.write({"rates.csv": "200\n"})
    shop.plan()
    found = affected(shop, "HEAD")
    assert set(found) == {"shop-create-order", "shop-cancel-order"}
    assert first_reason(found, "shop-create-order") == ("src/lib/rates.ts", "made by rates from rates.csv, which changed")


# What can go wrong.

def test_without_a_repository(checkout: Make) -> None:
    shop = checkout(SHOP, name="shop")
    for command in ("info", "plan"):
        done = shop.run(command, "--affected-by", "main", status=1)
        assert "[not-a-repository]" in done.err


def test_a_revision_that_git_does_not_know(shop: Checkout) -> None:
    git(shop.root, "update-ref", "refs/remotes/origin/main", "HEAD")
    for command in ("info", "plan"):
        done = shop.run(command, "--affected-by", "origin/mian", status=1)
        assert "[unknown-revision]" in done.err
        assert "Did you mean origin/main?" in done.err
    for odd in ("--all", "-n1", "base..main", "HEAD:src", "", " ", "base\n"):
        done = shop.run("info", f"--affected-by={odd}", status=None)
        assert done.status == (0 if odd == "" else 1), odd
        assert not odd or "[unknown-revision]" in done.err, odd


def test_a_clone_that_is_too_shallow(shop: Checkout, checkout: Make) -> None:
    shop.edit("src/lib/text.ts", "heading:", "title:")
    commit(shop.root)
    git(shop.root, "checkout", "-q", "-b", "feature")
    shop.edit("src/lib/money.ts", "EUR ", "GBP ")
    commit(shop.root)
    git(shop.root, "checkout", "-q", "main")
    shop.edit("src/lib/shelf.ts", "shelf:all", "all")
    commit(shop.root)
    clone = checkout({}, name="clone")
    git(clone.root.parent, "clone", "-q", "--depth", "1", "--no-single-branch", f"file://{shop.root}", "shallow")
    clone.root.rmdir()
    (clone.root.parent / "shallow").rename(clone.root)
    git(clone.root, "checkout", "-q", "feature")
    done = clone.run("info", "--affected-by", "origin/main", status=1)
    assert "[history-too-short]" in done.err
    assert "git fetch --unshallow" in done.err
    assert "fetch-depth: 0" in done.err
    done = clone.run("info", "--affected-by", "HEAD~1", status=1)
    assert "[unknown-revision]" in done.err
    assert "git fetch --unshallow" in done.err
    git(clone.root, "fetch", "-q", "--unshallow")
    assert set(affected(clone, "origin/main")) == {"shop-create-order", "shop-cancel-order"}


def test_histories_that_never_met(shop: Checkout) -> None:
    git(shop.root, "checkout", "-q", "--orphan", "other")
    commit(shop.root)
    assert "[no-common-history]" in shop.run("info", "--affected-by", "base", status=1).err


def test_a_project_that_git_ignores(checkout: Make, tmp_path: Path) -> None:
    shop = checkout(SHOP, name="top/build/shop")
    (tmp_path / "top/.gitignore").write_text("build/\n")
    git(tmp_path / "top", "init", "-q", "-b", "main")
    commit(tmp_path / "top")
    assert "[project-ignored]" in shop.run("info", "--affected-by", "main", status=1).err


def test_without_git(shop: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(shop.root / "nowhere"))
    assert "[git-missing]" in shop.run("info", "--affected-by", "base", status=1).err


def test_a_past_that_can_t_be_read_touches_everything(checkout: Make) -> None:
    broken = SHOP | {"src/lib/text.ts": "export const = 1\n"}
    shop = committed(checkout(broken, name="shop"))
    shop.write({"src/lib/text.ts": SHOP["src/lib/text.ts"]})
    found = affected(shop)
    assert set(found) == ALL
    assert "can't be compared with" in first_reason(found, "shop-list-books")[1]


def test_a_project_that_was_not_there(checkout: Make) -> None:
    shop = checkout(SHOP, name="shop")
    files = {path: shop.read(path) for path in SHOP}
    shutil.rmtree(shop.root)
    shop.root.mkdir()
    committed(shop)
    shop.write(files)
    found = affected(shop)
    assert {action for action, _ in found.values()} == {"create"}
    assert set(found) == ALL


def test_a_present_that_can_t_be_read_says_so(shop: Checkout) -> None:
    shop.write({"src/lib/text.ts": "export const = 1\n"})
    assert "[syntax-error]" in shop.run("info", "--affected-by", "base", status=1).err


# What is printed.

def test_the_text_of_info(shop: Checkout) -> None:
    head = git(shop.root, "rev-parse", "base")[:12]
    assert shop.run("info", "--affected-by", "base").out == f"No unit is affected since base ({head}).\n"
    shop.edit("src/lib/text.ts", "heading:", "title:")
    shop.edit("src/books.functions.ts", "title: heading(title)", "title: heading(title).trim()")
    assert shop.run("info", "--affected-by", "base").out == (
        f"1 of 4 units affected since base ({head}):\n"
        "  ~ shop-get-book\n"
        "      src/books.functions.ts: changed (and 1 more)\n"
    )


def test_info_of_a_task_is_still_doit_s_own(shop: Checkout) -> None:
    shop.plan()
    done = shop.run("info", "bundle:shop-get-book", program="doit")
    assert "bundle:shop-get-book" in done.out
    assert "affected" not in done.out


def test_the_manifest_of_the_affected_units(checkout: Make) -> None:
    mall = committed(checkout(MALL, name="mall"))
    mall.edit("src/background.functions.ts", "`hello ${person}`", "`good day ${person}`")
    whole = mall.run("info", "--json").json
    found = mall.run("info", "--affected-by", "base", "--json").json
    assert [unit["name"] for unit in found["units"]] == [unit["name"] for unit in found["affectedBy"]["units"]]
    assert found.keys() == whole.keys() | {"affectedBy"}
    assert [unit for unit in whole["units"] if unit["name"] in {each["name"] for each in found["units"]}] == found["units"]
    assert len(found["units"]) == 1
    assert found["scheduledTasks"] == []


def test_units_that_are_listed_and_not_built_count_too(checkout: Make) -> None:
    files = MALL | {
        "src/talk.functions.ts": (
            "import { pikkuChannelFunc, wireChannel } from '#pikku'\n"
            "import { said } from './said.js'\n"
            "export const onTalk = pikkuChannelFunc<{ text: string }, void>(async () => { said() })\n"
            "wireChannel({ name: 'talk', route: '/talk', onMessage: onTalk })\n"
        ),
        "src/said.ts": "export const said = () => 'said'\n",
    }
    mall = committed(checkout(files, name="mall"))
    units = {unit["name"]: unit["role"] for unit in mall.run("info", "--json").json["units"]}
    assert "channel" in units.values()
    mall.edit("src/talk.functions.ts", "route: '/talk'", "route: '/chat'")
    found = affected(mall)
    assert {units[name] for name in found} == {"channel"}


# The plan.

def test_the_plan_shows_what_the_change_touches(shop: Checkout) -> None:
    shop.edit("src/lib/text.ts", "heading:", "title:")
    whole = shop.run("plan", "--json").json
    found = shop.run("plan", "--affected-by", "base", "--json").json
    assert [(change["kind"], change["name"]) for change in found["changes"]] == [("unit", "shop-get-book")]
    assert found["affectedBy"]["leftOut"] == len(whole["changes"]) - 1
    assert found["summary"] == {"create": 1, "update": 0, "delete": 0, "unchanged": 0}
    assert [unit["name"] for unit in found["affectedBy"]["units"]] == ["shop-get-book"]
    kept = json.loads(shop.read(".deploy/cloudflare/plan.json"))
    assert kept["changes"] == whole["changes"], "what is applied is the whole plan"
    text = shop.run("plan", "--affected-by", "base").out
    assert "+ unit shop-get-book" in text
    assert "shop-list-books" not in text
    assert f"{len(whole['changes']) - 1} other changes have nothing to do with what changed since base" in text


def test_the_plan_ends_as_it_would_for_what_it_shows(shop: Checkout) -> None:
    arguments = ("--provider", "standalone", "--detailed-exitcode")
    nothing = shop.run("plan", "--affected-by", "base", *arguments)
    assert "Nothing to do for what changed since base." in nothing.out
    shop.run("apply", "--provider", "standalone")
    shop.edit("src/lib/text.ts", "heading:", "title:")
    found = shop.run("plan", "--affected-by", "base", "--json", *arguments, status=2).json
    moved = {(change["kind"], change["name"]) for change in found["changes"] if change["action"] != "unchanged"}
    assert moved == {("unit", "shop-get-book"), ("executable", "shop")}
    commit(shop.root)
    shop.run("plan", "--affected-by", "HEAD", *arguments)
    shop.run("plan", *arguments, status=2)


def test_what_was_removed_is_in_the_plan_as_a_deletion(shop: Checkout) -> None:
    shop.run("apply", "--provider", "standalone")
    shop.edit("src/orders.functions.ts", "export const cancelOrder", "export const voidOrder")
    shop.edit("src/wiring.ts", "{ cancelOrder,", "{ voidOrder,")
    shop.edit("src/wiring.ts", "func: cancelOrder", "func: voidOrder")
    found = shop.run("plan", "--affected-by", "base", "--provider", "standalone", "--json").json
    assert {(change["action"], change["name"]) for change in found["changes"]} == {
        ("delete", "shop-cancel-order"), ("create", "shop-void-order"), ("update", "shop"),
    }  # fmt: skip


def test_a_branch_that_moves_is_noticed_though_no_file_does(shop: Checkout) -> None:
    git(shop.root, "update-ref", "refs/remotes/origin/main", "HEAD")
    shop.edit("src/lib/text.ts", "heading:", "title:")
    commit(shop.root)
    for _ in range(2):
        found = shop.run("plan", "--affected-by", "origin/main", "--json").json
        assert [unit["name"] for unit in found["affectedBy"]["units"]] == ["shop-get-book"]
    git(shop.root, "update-ref", "refs/remotes/origin/main", "HEAD")
    assert shop.run("plan", "--affected-by", "origin/main", "--json").json["affectedBy"]["units"] == []
    git(shop.root, "update-ref", "refs/remotes/origin/main", "base")
    git(shop.root, "pack-refs", "--all")
    found = shop.run("plan", "--affected-by", "origin/main", "--json").json
    assert [unit["name"] for unit in found["affectedBy"]["units"]] == ["shop-get-book"]


def test_the_answer_leaves_the_project_as_it_was(shop: Checkout) -> None:
    shop.plan()
    shop.edit("src/lib/text.ts", "heading:", "title:")
    before = git(shop.root, "status", "--porcelain")
    tree = shop.tree()
    affected(shop)
    assert git(shop.root, "status", "--porcelain") == before
    assert shop.tree() == tree
    shop.bundled()
    shop.plan()
    assert shop.bundled() == {"shop-get-book"}


# The law.

def keys(checkout: Checkout) -> dict[str, str]:
    """Unit → what decides whether it is shipped again."""
    plan = json.loads(checkout.read(".deploy/cloudflare/plan.json"))
    names = {unit["name"] for unit in json.loads(checkout.read(".deploy/cloudflare/manifest.json"))["units"]}
    return {change["name"]: change["key"]["new"] for change in plan["changes"] if change["name"] in names}


@pytest.mark.parametrize("seed", range(5))
def test_the_units_are_those_that_building_both_states_tells(checkout: Make, seed: int) -> None:
    """No unit whose bytes differ is missing; of the others, only those whose files have other names are there."""
    rng = random.Random(seed)
    model = start(rng)
    work = committed(checkout(model.files(), name="work"))
    old = work.clone(work.root.parent / "old")
    old.plan()
    for _ in range(4):
        done = [step(model, rng) for _ in range(rng.choice((1, 1, 2)))]
        if model.broken:
            done.append(step(model, rng))
        for path in (work.root / "src").rglob("*.ts"):
            if path.relative_to(work.root).as_posix() not in model.files():
                path.unlink()
        work.write(model.files())
        new = work.clone(work.root.parent / "new")
        new.plan()
        before, after = keys(old), keys(new)
        moved = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
        found = set(affected(work))
        assert moved <= found, done
        if not {"rename helper", "toggle barrel"} & {*done}:
            assert found == moved, (done, affected(work))
        shutil.rmtree(old.root)
        shutil.rmtree(old.cache)
        new.root.rename(old.root)
        new.cache.rename(old.cache)
        commit(work.root)
        git(work.root, "branch", "-f", "base", "HEAD")
