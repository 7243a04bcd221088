"""What stands outside the source folders and changes bundles all the same: packages, workspaces, package.json."""

import json
from collections.abc import Callable

import pytest

from tests.harness import Checkout
from tests.system.projects import SHOP

Make = Callable[..., Checkout]
USES_TEXT = {"shop-get-book"}
DEPENDENCY = json.dumps({"name": "shop", "private": True, "type": "module", "dependencies": {"dep": "^1.0.0"}})
IMPORTS = SHOP["src/lib/text.ts"].replace("heading:", "${dep}:").replace("export", "import { dep } from 'dep'\n\nexport", 1)
INSTALLED = {
    "package.json": DEPENDENCY,
    "src/lib/text.ts": IMPORTS,
    "node_modules/dep/package.json": '{ "name": "dep", "version": "1.0.0", "type": "module", "main": "index.js" }',
    "node_modules/dep/index.js": "export { dep } from './inner.js'\n",
    "node_modules/dep/inner.js": "export const dep = 'dep-one'\n",
}


def lock(version: str, integrity: str) -> str:
    packages = {
        "": {"name": "shop", "dependencies": {"dep": "^1.0.0"}},
        "node_modules/dep": {"version": version, "integrity": f"sha512-{integrity}"},
    }
    return json.dumps({"name": "shop", "lockfileVersion": 3, "requires": True, "packages": packages})


def agrees_with_clean(work: Checkout) -> None:
    clean = work.clone(work.root.parent / "clean" / "shop")
    clean.plan()
    assert work.tree() == clean.tree()


def test_a_package_that_no_lockfile_pins_counts_by_its_content(checkout: Make) -> None:
    shop = checkout(SHOP | INSTALLED, name="shop")
    shop.plan()
    assert b"dep-one" in shop.units()["shop-get-book"]
    shop.bundled()
    shop.edit("node_modules/dep/inner.js", "dep-one", "dep-two")
    shop.plan()
    assert shop.bundled() == USES_TEXT
    assert b"dep-two" in shop.units()["shop-get-book"]
    agrees_with_clean(shop)


def test_a_pinned_package_counts_by_its_lockfile_s_entry(checkout: Make) -> None:
    shop = checkout(SHOP | INSTALLED | {"package-lock.json": lock("1.0.0", "one")}, name="shop")
    shop.plan()
    shop.bundled()
    shop.write({"package-lock.json": lock("1.0.0", "one") + "\n"})
    shop.plan()
    assert shop.bundled() == frozenset()
    shop.write({
        "package-lock.json": lock("1.0.1", "two"),
        "node_modules/dep/package.json": INSTALLED["node_modules/dep/package.json"].replace("1.0.0", "1.0.1"),
        "node_modules/dep/inner.js": "export const dep = 'dep-two'\n",
    })  # fmt: skip
    shop.plan()
    assert shop.bundled() == USES_TEXT
    assert b"dep-two" in shop.units()["shop-get-book"]
    agrees_with_clean(shop)


def test_side_effects_in_package_json_count(checkout: Make) -> None:
    effect = {
        "src/lib/effect.ts": "Object.assign(globalThis, { marked: 'effect-marker' })\n",
        "src/lib/text.ts": "import './effect.js'\n" + SHOP["src/lib/text.ts"],
    }
    shop = checkout(SHOP | effect, name="shop")
    shop.plan()
    assert b"effect-marker" in shop.units()["shop-get-book"]
    shop.edit("package.json", '"private": true', '"private": true, "sideEffects": false')
    shop.plan()
    assert b"effect-marker" not in shop.units()["shop-get-book"]
    agrees_with_clean(shop)


@pytest.fixture
def monorepo(checkout: Make) -> Checkout:
    """The shop as one package of a workspace, with another beside it."""
    top = checkout(
        {
            "package.json": '{ "name": "top", "private": true, "workspaces": ["packages/*"] }',
            "packages/shared/package.json": '{ "name": "@acme/shared", "version": "1.0.0", "type": "module", "exports": { ".": "./src/index.ts" } }',
            "packages/shared/src/index.ts": "export * from './words.js'\n",
            "packages/shared/src/words.ts": "export const dep = 'shared-one'\n",
            **{f"packages/shop/{path}": text for path, text in SHOP.items()},
            "packages/shop/package.json": DEPENDENCY.replace('"dep": "^1.0.0"', '"@acme/shared": "workspace:*"'),
            "packages/shop/src/lib/text.ts": IMPORTS.replace("'dep'", "'@acme/shared'"),
        },
        name="top",
    )
    (top.root / "node_modules/@acme").mkdir(parents=True)
    (top.root / "node_modules/@acme/shared").symlink_to("../../packages/shared")
    return top


def test_a_package_of_the_workspace_counts_as_source(monorepo: Checkout) -> None:
    shop = Checkout(monorepo.root / "packages/shop", monorepo.tools, monorepo.cache)
    shop.plan()
    assert b"shared-one" in shop.units()["shop-get-book"]
    tree = shop.tree()
    shop.bundled()
    shop.plan()
    assert shop.bundled() == frozenset()
    monorepo.edit("packages/shared/src/words.ts", "export", "// words\nexport")
    shop.plan()
    assert shop.bundled() == frozenset()
    monorepo.edit("packages/shared/src/words.ts", "shared-one", "shared-two")
    shop.plan()
    assert shop.bundled() == USES_TEXT
    assert b"shared-two" in shop.units()["shop-get-book"]
    monorepo.edit("packages/shared/src/words.ts", "shared-two", "shared-one")
    shop.plan()
    assert shop.tree() == tree


def test_an_asset_counts(checkout: Make) -> None:
    files = {
        "src/lib/words.json": '{ "dep": "json-one", "unused": 1 }\n',
        "src/lib/text.ts": IMPORTS.replace("import { dep } from 'dep'", "import words from './words.json'\nconst { dep } = words"),
    }
    shop = checkout(SHOP | files, name="shop")
    shop.plan()
    shop.bundled()
    shop.edit("src/lib/words.json", "json-one", "json-two")
    shop.plan()
    assert shop.bundled() == USES_TEXT
    assert b"json-two" in shop.units()["shop-get-book"]
    agrees_with_clean(shop)
