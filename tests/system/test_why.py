"""`why`: what moved, named as people know it, before the build and after it."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import unitgraph
from tests.harness import Checkout
from tests.system.projects import SHOP
from tests.system.test_packages import INSTALLED, lock
from unitgraph.rules.toolchain.locate import ESBUILD_VERSION

Make = Callable[..., Checkout]
Reasons = set[tuple[str, str]]


def reasons(shop: Checkout, name: str) -> tuple[str, Reasons]:
    told = shop.run("why", name, "--json").json
    return told["status"], {(why["path"], why["detail"]) for why in told["reasons"]}


def test_the_first_changed_file_before_and_after_the_build(checkout: Make) -> None:
    shop = checkout(SHOP, name="shop")
    assert reasons(shop, "shop-get-book")[0] == "never-built"
    shop.plan()
    assert reasons(shop, "shop-get-book") == ("up-to-date", set())
    shop.edit("src/lib/text.ts", "heading:", "title:")
    assert reasons(shop, "shop-get-book") == ("will-be-built", {("src/lib/text.ts", "changed")})
    shop.plan()
    assert reasons(shop, "shop-get-book") == ("up-to-date", {("src/lib/text.ts", "changed")})
    assert reasons(shop, "shop-cancel-order") == ("up-to-date", set())


def test_a_function_and_a_task_are_names_too(checkout: Make) -> None:
    shop = checkout(SHOP, name="shop")
    shop.plan()
    asked = {shop.run("why", name).out for name in ("getBook", "shop-get-book", "bundle:shop-get-book")}
    assert asked == {"bundle:shop-get-book is up to date.\n"}


USES_MONEY = SHOP["src/lib/text.ts"].replace("export", "import './money.js'\n\nexport", 1)
MANIFEST = '{ "name": "shop", "version": "1.0.0", "private": true, "type": "module" }\n'
FILES: dict[str, tuple[dict[str, str], Reasons]] = {
    "a helper": (
        {"src/lib/text.ts": SHOP["src/lib/text.ts"].replace("heading:", "title:")},
        {("src/lib/text.ts", "changed")},
    ),
    "the function itself": (
        {"src/books.functions.ts": SHOP["src/books.functions.ts"].replace("no book", "no such book")},
        {("src/books.functions.ts", "changed")},
    ),
    "the services' factory": (
        {"src/services.ts": SHOP["src/services.ts"].replace("new Shelf()", "new Shelf() ?? null")},
        {("src/services.ts", "changed")},
    ),
    "an import more": (
        {"src/lib/text.ts": USES_MONEY},
        {
            ("src/lib/text.ts", "changed"),
            ("src/lib/money.ts", "new in the closure"),
            ("src/lib/rounding.ts", "new in the closure"),
        },
    ),
    "its route": (
        {"src/wiring.ts": SHOP["src/wiring.ts"].replace("/books/:id", "/book/:id")},
        {("src/wiring.ts", "changed")},
    ),
    "the type of its input": (
        {"src/books.functions.ts": SHOP["src/books.functions.ts"].replace("{ id: string }", "{ id: string; page?: number }")},
        {("src/books.functions.ts", "changed")},
    ),
    "an option of the tsconfig": (
        {"tsconfig.json": SHOP["tsconfig.json"].replace('"es2022"', '"es2021"')},
        {("tsconfig target", '"es2022" → "es2021"')},
    ),
    "an option of the tsconfig that is new": (
        {"tsconfig.json": SHOP["tsconfig.json"].replace('"strict": true', '"strict": true, "jsx": "react-jsx"')},
        {("tsconfig jsx", 'given now: "react-jsx"')},
    ),
    "the package's own settings": (
        {"package.json": MANIFEST.replace('"private"', '"sideEffects": false, "private"')},
        {("package.json", "sideEffects null → false")},
    ),
    "a comment": ({"src/lib/text.ts": "// Where headings are made.\n" + SHOP["src/lib/text.ts"]}, set()),
}


@pytest.mark.parametrize(("files", "expected"), FILES.values(), ids=FILES)
def test_each_thing_that_moves_is_named_and_nothing_else_is(
    checkout: Make, files: dict[str, str], expected: Reasons
) -> None:
    shop = checkout(SHOP, name="shop")
    shop.plan()
    assert {path for path, text in files.items() if text == SHOP[path]} == set(), "nothing was edited"
    shop.write(files)
    assert reasons(shop, "getBook") == ("will-be-built" if expected else "up-to-date", expected)
    shop.bundled()
    shop.plan()
    assert ("shop-get-book" in shop.bundled()) == bool(expected), "why and the build are of two minds"
    assert reasons(shop, "getBook") == ("up-to-date", expected)


def test_an_option_comes_before_the_files_that_read_otherwise_with_it(checkout: Make) -> None:
    shop = checkout(SHOP, name="shop")
    shop.plan()
    shop.edit("tsconfig.json", ', "strict": true', "")
    first, *rest = shop.run("why", "getBook", "--json").json["reasons"]
    assert first == {"kind": "option-changed", "path": "tsconfig strict", "detail": "no longer given"}
    assert {why["kind"] for why in rest} == {"source-changed"}


def test_edits_that_came_to_nothing_are_not_blamed_for_a_later_one(checkout: Make) -> None:
    """Only what moved since the wiring last came out as it was."""
    shop = checkout(SHOP, name="shop")
    shop.plan()
    shop.edit("src/services.ts", "shop@example.com", "desk@example.com")     # codegen runs, and getBook stays as it is
    shop.plan()
    shop.edit("src/wiring.ts", "/books/:id", "/book/:id")
    assert reasons(shop, "getBook") == ("will-be-built", {("src/wiring.ts", "changed")})


def test_an_edit_that_is_taken_back_is_in_the_cache(checkout: Make) -> None:
    shop = checkout(SHOP, name="shop")
    shop.plan()
    shop.edit("src/lib/text.ts", "heading:", "title:")
    assert shop.run("why", "getBook", "--json").json["cached"] is False
    assert shop.run("why", "getBook").out == "bundle:shop-get-book will be built again, since\n  src/lib/text.ts: changed\n"
    shop.plan()
    shop.edit("src/lib/text.ts", "title:", "heading:")
    assert shop.run("why", "getBook", "--json").json["cached"] is True
    assert shop.run("why", "getBook").out.startswith("bundle:shop-get-book will be taken from the cache, since\n")


def test_what_is_asked_bundles_nothing_and_leaves_the_build_as_it_was(checkout: Make) -> None:
    shop = checkout(SHOP, name="shop")
    shop.run("why", "getBook")
    assert shop.bundled() == frozenset()
    shop.plan()
    shop.bundled()
    shop.edit("src/books.functions.ts", "no book", "no such book")
    shop.run("why", "getBook")
    assert shop.bundled() == frozenset()
    shop.plan()
    assert shop.bundled() == {"shop-get-book"}
    clean = shop.clone(shop.root.parent / "clean" / "shop")
    clean.plan()
    assert shop.tree() == clean.tree()


def pinned(dep: tuple[str, str], under: tuple[str, str] | None) -> str:
    """A lockfile with ``dep`` and, where there is one, ``under``, which it needs: each (version, integrity)."""
    found = json.loads(lock(*dep))
    if under:
        found["packages"]["node_modules/dep"]["dependencies"] = {"under": "*"}
        found["packages"]["node_modules/under"] = {"version": under[0], "integrity": f"sha512-{under[1]}"}
    return json.dumps(found)


LOCKS: dict[str, tuple[str, str, Reasons]] = {
    "a version": (
        pinned(("1.0.0", "one"), None), pinned(("1.0.1", "two"), None),
        {("package-lock.json", "dep 1.0.0 → 1.0.1")},
    ),
    "the same version with another content": (
        pinned(("1.0.0", "one"), None), pinned(("1.0.0", "two"), None),
        {("package-lock.json", "dep 1.0.0 has another content")},
    ),
    "what the package needs": (
        pinned(("1.0.0", "one"), ("2.0.0", "a")), pinned(("1.0.0", "one"), ("2.1.0", "b")),
        {("package-lock.json", "under 2.0.0 → 2.1.0, needed by dep")},
    ),
    "a package more": (
        pinned(("1.0.0", "one"), None), pinned(("1.0.0", "one"), ("2.0.0", "a")),
        {("package-lock.json", "under 2.0.0 is new, needed by dep")},
    ),
    "a package less": (
        pinned(("1.0.0", "one"), ("2.0.0", "a")), pinned(("1.0.0", "one"), None),
        {("package-lock.json", "under 2.0.0 is gone, needed by dep")},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("before", "after", "expected"), LOCKS.values(), ids=LOCKS)
def test_a_lockfile_names_the_package_and_its_versions(
    checkout: Make, before: str, after: str, expected: Reasons
) -> None:
    shop = checkout(SHOP | INSTALLED | {"package-lock.json": before}, name="shop")
    shop.plan()
    version = json.loads(after)["packages"]["node_modules/dep"]["version"]
    manifest = INSTALLED["node_modules/dep/package.json"].replace("1.0.0", version)
    shop.write({"package-lock.json": after, "node_modules/dep/package.json": manifest})
    assert reasons(shop, "getBook") == ("will-be-built", expected)
    shop.plan()
    assert reasons(shop, "getBook") == ("up-to-date", expected)


def test_an_unpinned_package_names_its_version_or_its_files(checkout: Make) -> None:
    shop = checkout(SHOP | INSTALLED, name="shop")
    shop.plan()
    shop.edit("node_modules/dep/inner.js", "dep-one", "dep-two")
    assert reasons(shop, "getBook") == ("will-be-built", {("node_modules/dep/inner.js", "changed")})
    shop.edit("node_modules/dep/package.json", "1.0.0", "1.1.0")
    assert reasons(shop, "getBook") == ("will-be-built", {("node_modules/dep", "1.0.0 → 1.1.0, not pinned")})
    shop.write({"package-lock.json": lock("1.1.0", "one")})
    assert reasons(shop, "getBook") == ("will-be-built", {("node_modules/dep", "pinned by a lockfile now")})


RELEASES = {
    "esbuild": (
        "rules/toolchain/locate.py", f'"{ESBUILD_VERSION}"', '"99.0.0"', "esbuild", f"{ESBUILD_VERSION} → 99.0.0",
    ),
    "the runtime": ("runtime/sse.ts", "export ", "// another release\nexport ", "runtime", "changed"),
    "the templates": (
        "rules/templates/worker.ts.j2", "import { worker }", "console.log('new')\nimport { worker }", "templates", "changed",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("path", "old", "new", "tool", "detail"), RELEASES.values(), ids=RELEASES)
def test_another_release_is_told_by_the_tool_that_it_has_otherwise(
    checkout: Make, tmp_path: Path, path: str, old: str, new: str, tool: str, detail: str
) -> None:
    shop = checkout(SHOP, name="shop")
    shop.plan()
    ours, release = Path(unitgraph.__file__).parent, tmp_path / "release"
    shutil.copytree(ours, release / "unitgraph", ignore=shutil.ignore_patterns("__pycache__"))
    edited = release / "unitgraph" / path
    text = edited.read_text(encoding="utf-8")
    assert old in text
    edited.write_text(text.replace(old, new, 1), encoding="utf-8")
    start = "import sys; from unitgraph.rules.main import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", start, "why", "getBook", "--json"],
        cwd=shop.root, env={**shop.environment(), "PYTHONPATH": str(release), "UNITGRAPH_ESBUILD": ""},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["reasons"] == [{"kind": "tool-changed", "path": tool, "detail": detail}]


def test_the_document_has_the_form_that_is_documented(checkout: Make) -> None:
    shop = checkout(SHOP, name="shop")
    shop.plan()
    shop.edit("src/lib/text.ts", "heading:", "title:")
    told = shop.run("why", "getBook", "--json").json
    assert told == {
        "whyVersion": 1,
        "action": "bundle:shop-get-book",
        "status": "will-be-built",
        "key": told["key"],
        "cached": False,
        "against": {"build": "last", "commit": "", "ref": ""},
        "reasons": [{"kind": "source-changed", "path": "src/lib/text.ts", "detail": "changed"}],
    }
    assert len(told["key"]) == 64


def test_under_process_isolation_all_units_are_one_action(checkout: Make) -> None:
    shop = checkout(SHOP, name="shop")
    shop.plan("--provider", "standalone")
    shop.edit("src/wiring.ts", "/books/:id", "/book/:id")
    told = shop.run("why", "getBook", "--provider", "standalone", "--json").json
    assert told["action"] == "bundle:process"
    assert {why["path"] for why in told["reasons"]} == {"src/wiring.ts"}
