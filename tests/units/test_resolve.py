"""Where specifiers lead, in tables."""

from pathlib import Path

import pytest

from tests.units.tiny_project import write
from unitgraph.units.project import load_project
from unitgraph.units.resolve import Asset, Builtin, Package, ProjectFile, Resolved, Resolver, Runtime, Unresolved

FILES = {
    "package.json": """
        { "name": "@acme/api", "type": "module",
          "exports": { ".": "./src/index.ts", "./public/*": "./src/*.ts" },
          "imports": { "#db": { "worker": "./src/db.worker.ts", "default": "./src/db.ts" },
                       "#lib/*": "./src/lib/*.ts", "#lib/deep/*": "./src/deep/*.ts", "#zod": "zod", "#gone": "./src/gone.ts" },
          "dependencies": { "hono": "^4", "@scope/pkg": "1", "declared": "*", "events": "3" },
          "workspaces": ["packages/*"] }
    """,
    "tsconfig.json": """
        { "compilerOptions": { "baseUrl": "src", "paths": { "@/*": ["./*"], "@/lib/*": ["lib/*"], "two": ["none.ts", "a.ts"],
                               "short/*": ["missing/*"] } } }
    """,
    "src/index.ts": "", "src/a.ts": "", "src/db.ts": "", "src/view.tsx": "", "src/m.mts": "", "src/c.cts": "",
    "src/bare.js": "", "src/both.js": "", "src/both.ts": "", "src/lib/index.ts": "", "src/lib/x.ts": "", "src/lib.d/y.ts": "",
    "src/types.d.ts": "", "src/data.json": "{}", "src/query.sql": "", "src/mod.wasm": "", "src/dotted.name.ts": "",
    "src/deep/x.ts": "", "src/file.ts": "", "src/file/index.ts": "", "src/only/index.tsx": "",
    "src/main/package.json": '{ "main": "./start.js" }', "src/main/start.ts": "",
    "node_modules/hono/package.json": "{}", "node_modules/@scope/pkg/package.json": "{}", "node_modules/zod/package.json": "{}",
    "packages/plain/package.json": '{ "name": "plain", "main": "./dist/index.js", "source": "./src/index.ts" }',
    "packages/plain/src/index.ts": "", "packages/plain/src/util.ts": "",
    "packages/modern/package.json": """
        { "name": "@acme/modern", "exports": { ".": { "types": "./dist/x.d.ts", "import": "./src/main.ts" }, "./sub/*": "./src/sub/*.ts",
                                               "./secret": null } }
    """,
    "packages/modern/src/main.ts": "", "packages/modern/src/sub/one.ts": "",
    "packages/modern/node_modules/nested/package.json": "{}",
    "packages/unbuilt/package.json": '{ "name": "unbuilt", "main": "./dist/index.js" }',
}  # fmt: skip


@pytest.fixture(scope="module")
def resolver(tmp_path_factory: pytest.TempPathFactory) -> Resolver:
    return Resolver(load_project(write(tmp_path_factory.mktemp("resolve"), FILES)))


@pytest.mark.parametrize(
    ("specifier", "expected"),
    [
        ("./a", ProjectFile("src/a.ts")),
        ("./a.ts", ProjectFile("src/a.ts")),
        ("./a.js", ProjectFile("src/a.ts")),
        ("./view.js", ProjectFile("src/view.tsx")),
        ("./view.jsx", ProjectFile("src/view.tsx")),
        ("./m.mjs", ProjectFile("src/m.mts")),
        ("./c.cjs", ProjectFile("src/c.cts")),
        ("./bare", ProjectFile("src/bare.js")),
        ("./both.js", ProjectFile("src/both.js")),
        ("./both", ProjectFile("src/both.ts")),
        ("./dotted.name", ProjectFile("src/dotted.name.ts")),
        ("./lib", ProjectFile("src/lib/index.ts")),
        ("./lib/", ProjectFile("src/lib/index.ts")),
        ("./lib/index.js", ProjectFile("src/lib/index.ts")),
        ("./file", ProjectFile("src/file.ts")),
        ("./file/", ProjectFile("src/file/index.ts")),
        ("./only", ProjectFile("src/only/index.tsx")),
        ("./main", ProjectFile("src/main/start.ts")),
        (".", ProjectFile("src/index.ts")),
        ("./../src/a", ProjectFile("src/a.ts")),
        ("./types", ProjectFile("src/types.d.ts")),
        ("./types.js", ProjectFile("src/types.d.ts")),
        ("./data.json", Asset("src/data.json")),
        ("./query.sql", Asset("src/query.sql")),
        ("./mod.wasm?module", Asset("src/mod.wasm")),
        ("@/a", ProjectFile("src/a.ts")),
        ("@/lib/x", ProjectFile("src/lib/x.ts")),
        ("two", ProjectFile("src/a.ts")),
        ("lib/x", ProjectFile("src/lib/x.ts")),
        ("#db", ProjectFile("src/db.ts")),
        ("#lib/x", ProjectFile("src/lib/x.ts")),
        ("#lib/deep/x", ProjectFile("src/deep/x.ts")),
        ("#zod", Package("zod")),
        ("@acme/api", ProjectFile("src/index.ts")),
        ("@acme/api/public/a", ProjectFile("src/a.ts")),
        ("plain", ProjectFile("packages/plain/src/index.ts")),
        ("plain/src/util", ProjectFile("packages/plain/src/util.ts")),
        ("@acme/modern", ProjectFile("packages/modern/src/main.ts")),
        ("@acme/modern/sub/one", ProjectFile("packages/modern/src/sub/one.ts")),
        ("hono", Package("hono")),
        ("hono/cors", Package("hono", "/cors")),
        ("@scope/pkg/x.js", Package("@scope/pkg", "/x.js")),
        ("declared", Package("declared")),
        ("fs", Builtin("fs")),
        ("fs/promises", Builtin("fs/promises")),
        ("node:test", Builtin("node:test")),
        ("cloudflare:workers", Builtin("cloudflare:workers")),
        ("bun:sqlite", Builtin("bun:sqlite")),
        ("events", Package("events")),
        ("#pikku", Runtime("#pikku")),
        ("#pikku/http", Runtime("#pikku/http")),
        ("#pikku/workflow/pikku-workflow-types.gen.js", Runtime("#pikku/workflow")),
        ("#pikku/pikku-types.gen", Runtime("#pikku")),
        ("../.pikku/pikku-types.gen.js", Runtime("#pikku")),
        ("../.pikku/pikku-types.gen", Runtime("#pikku")),
        ("../.pikku/function/index.js", Runtime("#pikku/function")),
        ("@pikku/core/errors", Runtime("@pikku/core/errors")),
        ("@pikku/core", Runtime("@pikku/core")),
    ],
)
def test_specifiers_lead_to(resolver: Resolver, specifier: str, expected: Resolved) -> None:
    assert resolver.resolve("src/x.ts", specifier) == expected


@pytest.mark.parametrize(
    ("specifier", "reason", "near"),
    [
        ("./A", "there is no file 'src/A'", ("./a.ts",)),
        ("./viev", "there is no file 'src/viev'", ("./view.tsx",)),
        ("./none/x", "there is no folder 'src/none'", ()),
        ("#lob/x", "'imports' of 'package.json' lacks it", ("#lib/*",)),
        ("#gone", "there is no file 'src/gone.ts', which package.json names: build that package first", ()),
        ("honno", "no package 'honno' is installed or declared", ("hono",)),
        ("short/x", "no package 'short' is installed or declared", ()),
        ("@acme/modern/secret", "'@acme/modern' does not export './secret'", ()),
        ("unbuilt", "'unbuilt' has no file './dist/index.js': build that package first", ()),
        ("/etc/passwd", "it is an absolute path, which means another file on every machine", ()),
        ("https://x.test/a.js", "code can't be imported from the network", ()),
        ("", "it is empty", ()),
        ("@broken", "it is neither a path nor the name of a package", ()),
    ],
)
def test_what_leads_nowhere_says_why(resolver: Resolver, specifier: str, reason: str, near: tuple[str, ...]) -> None:
    found = resolver.resolve("src/x.ts", specifier)
    assert isinstance(found, Unresolved)
    assert (found.reason, found.near) == (reason, near)


def test_a_package_of_a_workspace_package_is_found_beside_it(resolver: Resolver) -> None:
    assert resolver.resolve("packages/modern/src/main.ts", "nested") == Package("nested")
    assert isinstance(resolver.resolve("src/x.ts", "nested"), Unresolved)


def test_conditions_choose(tmp_path: Path) -> None:
    project = load_project(write(tmp_path, {**FILES, "src/db.worker.ts": ""}))
    assert Resolver(project, ("worker",)).resolve("src/x.ts", "#db") == ProjectFile("src/db.worker.ts")


def test_the_reference_core_is_used_where_it_is_installed(tmp_path: Path) -> None:
    project = load_project(write(tmp_path, {"node_modules/@pikku/core/package.json": "{}"}))
    assert Resolver(project).resolve("src/x.ts", "@pikku/core/errors") == Package("@pikku/core", "/errors")
