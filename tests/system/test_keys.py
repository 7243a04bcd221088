"""What each action's key depends on: everything is flipped once, and exactly the right keys move.

Every row starts from one build of the same project, changes one thing, builds again, and names the actions whose keys
must be others. All the rest must be what they were, and where a bundle's key stays, its bytes must stay, too.
"""

import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import unitgraph
from tests.harness import Checkout, Tools, wait
from tests.system.projects import SHOP
from unitgraph.units.config import DeployConfig, camel
from unitgraph.units.tsconfig import OPTIONS

PROVIDERS = ("cloudflare", "standalone")
Edit = Callable[["Bench"], None]

PACKAGE = {"name": "shop", "version": "1.0.0", "private": True, "type": "module", "dependencies": {"dep": "*", "other": "*"}}
LOCK: dict[str, dict[str, object]] = {
    "": {"name": "shop", "dependencies": PACKAGE["dependencies"]},
    "node_modules/dep": {"version": "1.0.0", "integrity": "sha512-dep", "dependencies": {"inner": "*"}},
    "node_modules/inner": {"version": "2.0.0", "integrity": "sha512-inner"},
    "node_modules/other": {"version": "3.0.0", "integrity": "sha512-other"},
}
CONFIG = {
    "srcDirectories": ["src"],
    "tsconfig": "./tsconfig.json",
    "deploy": {
        "providers": {"cloudflare": "@pikku/deploy-cloudflare", "standalone": "@pikku/deploy-standalone"},
        "environments": {"staging": {"variables": {"GREETING": "hi"}}},
    },
}


def lock(**moved: dict[str, object]) -> dict[str, str]:
    packages = {path: {**entry, **moved.get(path.rpartition("/")[2], {})} for path, entry in LOCK.items()}
    return {"package-lock.json": json.dumps({"name": "shop", "lockfileVersion": 3, "packages": packages})}


def installed(name: str, version: str, code: str) -> dict[str, str]:
    return {
        f"node_modules/{name}/package.json": json.dumps({"name": name, "version": version, "type": "module", "main": "index.js"}),
        f"node_modules/{name}/index.js": code,
    }


def config(**deploy: object) -> dict[str, str]:
    return {"pikku.config.json": json.dumps({**CONFIG, "deploy": {**CONFIG["deploy"], **deploy}})}  # type: ignore[dict-item]


def tsconfig(**options: object) -> dict[str, str]:
    return {"tsconfig.json": json.dumps({"compilerOptions": {"target": "es2022", "strict": True, **options}})}


# getBook: text (→ dep → inner, table.json, Shelf's type); listBooks: shelf; createOrder, cancelOrder: money → rounding;
# cancelOrder: smtp. `other` is imported by no unit; loose is pinned by nobody.
FILES = (
    SHOP | lock() | config() | tsconfig()
    | installed("dep", "1.0.0", "export { inner as dep } from 'inner'\n")
    | installed("inner", "2.0.0", "export const inner = 'inner'\n")
    | installed("other", "3.0.0", "export const other = 'other'\n")
    | installed("loose", "4.0.0", "export const loose = 'loose'\n")
    | {
        "package.json": json.dumps(PACKAGE),
        "README.md": "# Shop\n",
        "src/lib/table.json": '{ "sign": ":" }\n',
        "src/lib/unused.ts": "export const unused = 1\n",
        "src/lib/text.ts": (
            "import { dep } from 'dep'\nimport table from './table.json'\nimport type { Shelf } from './shelf.js'\n\n"
            "// How titles look.\n"
            "export function heading(text: string, _shelf?: Shelf): string {\n  return `heading:${text.trim()}${table.sign}${dep}`\n}\n"
        ),
        "src/lib/rounding.ts": (
            "import { loose } from 'loose'\n\nexport function round(value: number): number {\n"
            "  return loose ? Math.round(value * 100) / 100 : value\n}\n"
        ),
    }
)  # fmt: skip

GET, LIST, CREATE, CANCEL = (f"shop-{name}" for name in ("get-book", "list-books", "create-order", "cancel-order"))
ALL = frozenset((GET, LIST, CREATE, CANCEL))
NONE: frozenset[str] = frozenset()
BOOKS, ORDERS = frozenset((GET, LIST)), frozenset((CREATE, CANCEL))


@dataclass(frozen=True, slots=True)
class Moves:
    """The actions whose keys an edit moves: the units of ``bundle`` and ``codegen``, and others by name. In a process,
    one action stands for all units, so any of them moves it."""

    bundle: frozenset[str] = NONE
    codegen: frozenset[str] = NONE
    others: frozenset[str] = NONE
    process: bool | None = None         # whether the process's bundle moves, where it isn't told by ``bundle``

    def of(self, provider: str) -> set[str]:
        if provider == "standalone":
            bundle = bool(self.bundle) if self.process is None else self.process
            kinds = {"bundle": bundle, "codegen": bool(self.codegen)}
            return {f"{kind}:process" for kind, moves in kinds.items() if moves} | self.others
        return {f"bundle:{unit}" for unit in self.bundle} | {f"codegen:{unit}" for unit in self.codegen} | self.others


@dataclass
class Bench:
    """A copy of the built project with an edit to be made, the program that builds it again, and how it is asked."""

    work: Checkout
    arguments: list[str] = field(default_factory=list)
    environ: dict[str, str] = field(default_factory=dict)

    def write(self, files: Mapping[str, str]) -> None:
        self.work.write(files)

    def edit(self, path: str, old: str, new: str) -> None:
        self.work.edit(path, old, new)

    def program(self) -> Path:
        """A copy of unitgraph itself, which the next build uses."""
        there = self.work.root.parent / "program"
        if not there.exists():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(Path(unitgraph.__file__).parent, there / "unitgraph", ignore=ignored)
        self.environ["PYTHONPATH"] = str(there)
        return there / "unitgraph"

    def change(self, path: str, old: str, new: str) -> None:
        """Changes a file of the program."""
        place = self.program() / path
        text = place.read_text("utf-8")
        assert old in text, f"{path} has no {old}"
        place.write_text(text.replace(old, new, 1), "utf-8")

    def build(self, provider: str) -> None:
        process = self.work.start("plan", "--provider", provider, *self.arguments)
        done = wait(process)
        assert done.status == 0, done.text


class Rebuilt(Checkout):
    """A checkout whose command line is told more, and may be that of another copy of the program."""

    told: Mapping[str, str] = {}

    def environment(self) -> dict[str, str]:
        return {**super().environment(), **self.told}


def rows(root: Path, provider: str) -> dict[str, tuple[str, dict[str, str]]]:
    """Action → its key, and the digests of what it made."""
    database = sqlite3.connect(root / ".deploy/cache/build.db")
    try:
        found = database.execute("SELECT name, key, outputs FROM actions WHERE scope = ?", (provider,)).fetchall()
    finally:
        database.close()
    return {name: (key, json.loads(outputs)) for name, key, outputs in found}


@pytest.fixture(scope="module")
def built(tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project, built for each provider."""
    folder = tmp_path_factory.mktemp("keys")
    work = Checkout(folder / "shop", tools, folder / "cache")
    work.write(FILES)
    for provider in PROVIDERS:
        work.plan("--provider", provider)
    return work.root


def files(*texts: Mapping[str, str]) -> Edit:
    def change(bench: Bench) -> None:
        for each in texts:
            bench.write(each)

    return change


def source(path: str, old: str, new: str) -> Edit:
    return lambda bench: bench.edit(path, old, new)


def program(path: str, old: str, new: str) -> Edit:
    return lambda bench: bench.change(path, old, new)


def both(*edits: Edit) -> Edit:
    def change(bench: Bench) -> None:
        for each in edits:
            each(bench)

    return change


def asked(*arguments: str, **environ: str) -> Edit:
    def change(bench: Bench) -> None:
        bench.arguments += arguments
        bench.environ |= environ

    return change


def touched(bench: Bench) -> None:
    for path in bench.work.root.rglob("*"):
        if ".deploy" not in path.parts and path.is_file():
            os.utime(path, (1, 1))


def elsewhere(bench: Bench) -> None:
    """The whole checkout, with what was built, at another place."""
    there = bench.work.root.parent / "some other" / "plåce"
    there.parent.mkdir()
    bench.work.root.rename(there)
    bench.work.root = there


def renamed(bench: Bench) -> None:
    bench.edit("src/orders.functions.ts", "export const cancelOrder", "export const voidOrder")
    bench.edit("src/wiring.ts", "{ cancelOrder,", "{ voidOrder,")
    bench.edit("src/wiring.ts", "func: cancelOrder", "func: voidOrder")


def another_esbuild(bench: Bench) -> None:
    """One that stands for the toolchain's, and says that it is of another version."""
    text = bench.work.esbuild.read_text()
    bench.work.esbuild.write_text(text.replace("#!/bin/sh\n", "#!/bin/sh\n[ \"$1\" = --version ] && echo 9.9.9 && exit\n", 1))


def other_packages(bench: Bench) -> None:
    """Another lock of what the runtime imports, installed already."""
    bench.change("rules/toolchain/locate.py", '"runtime": "', '"runtime": "0')
    cache = bench.work.root.parent / "own.cache"
    bench.environ["XDG_CACHE_HOME"] = str(cache)
    there = cache / "unitgraph" / "toolchain"
    there.mkdir(parents=True)
    for part in (bench.work.tools.cache / "toolchain").iterdir():
        (there / part.name).symlink_to(part)
        if part.name.startswith("runtime-"):
            (there / part.name.replace("runtime-", "runtime-0")).symlink_to(part)


def the_same_esbuild(bench: Bench) -> None:
    bench.environ["UNITGRAPH_ESBUILD"] = ""


def copied(bench: Bench) -> None:
    bench.program()


def linked(bench: Bench) -> None:
    """The program, reached through a link, as a folder of packages or a home often is."""
    link = bench.work.root.parent / "link"
    link.symlink_to(bench.program().parent)
    bench.environ["PYTHONPATH"] = str(link)
    bench.edit("src/lib/text.ts", "heading:", "title:")


def upgraded(name: str, version: str, code: str) -> Edit:
    entry: dict[str, object] = {"version": version, "integrity": f"sha512-{name}-{version}"}
    return files(lock(**{name: entry}), installed(name, version, code))


ROWS: dict[str, tuple[Edit, Moves]] = {
    # Sources.
    "a function's body": (source("src/orders.functions.ts", "* 12.5", "* 13"), Moves(frozenset({CREATE}), ALL)),
    "a helper of two units": (source("src/lib/money.ts", "EUR ", "GBP "), Moves(ORDERS)),
    "a helper behind a helper": (source("src/lib/rounding.ts", "* 100) / 100", "* 1000) / 1000"), Moves(ORDERS)),
    "a helper of one unit": (source("src/lib/text.ts", "heading:", "title:"), Moves(frozenset({GET}))),
    "one service's code": (source("src/lib/smtp.ts", "smtp:", "smtps:"), Moves(frozenset({CANCEL}))),
    "one service's making": (source("src/services.ts", "new Smtp(config.from)", "new Smtp(config.from.trim())"), Moves(frozenset({CANCEL}), ALL)),
    "an asset": (files({"src/lib/table.json": '{ "sign": ";" }\n'}), Moves(frozenset({GET}))),
    "a route": (source("src/wiring.ts", "'/books/:id'", "'/titles/:id'"), Moves(frozenset({GET}), ALL, frozenset({"files", "typings"}))),
    "a route's option": (source("src/wiring.ts", "func: listBooks, auth: false", "func: listBooks, auth: true"), Moves(frozenset({LIST}), ALL)),
    "one more route before all others": (source("src/wiring.ts", "\nwireHTTP({ method: 'get', route: '/books', ", "\nwireHTTP({ method: 'get', route: '/tomes/:id', func: getBook, auth: false })\nwireHTTP({ method: 'get', route: '/books', "), Moves(frozenset({GET}), ALL, frozenset({"files", "typings"}))),
    "a type that a schema comes from": (source("src/orders.functions.ts", "{ orderId: string }", "{ orderId: string; why?: string }"), Moves(frozenset({CANCEL}), ALL)),
    "a type that nobody needs": (source("src/lib/money.ts", "export function", "export interface Price { a: 1 }\nexport function"), Moves(NONE, ALL, frozenset({"typings"}))),
    "an annotation": (source("src/lib/rounding.ts", "(value: number): number", "(value: number): 0 | number"), Moves()),
    "a comment in a helper": (source("src/lib/text.ts", "// How titles look.", "// How all titles look."), Moves()),
    "a comment in a function": (source("src/orders.functions.ts", "return { refund", "// refunds are fixed\n      return { refund"), Moves(NONE, ALL)),
    "a comment that steers tree shaking": (source("src/lib/text.ts", "// How titles look.", "/* @__NO_SIDE_EFFECTS__ */"), Moves(frozenset({GET}))),
    "a file that nothing imports": (files({"src/lib/unused.ts": "export const unused = 2\n"}), Moves()),
    "a new file that nothing imports": (files({"src/lib/new.ts": "export const fresh = 2\n"}), Moves(others=frozenset({"typings"}))),
    "a function's name": (renamed, Moves(frozenset({"shop-void-order"}), ALL - {CANCEL} | {"shop-void-order"}, frozenset({"files", "typings"}))),
    # Packages.
    "a package's version": (upgraded("dep", "1.1.0", "export const dep = 'new'\n"), Moves(frozenset({GET}))),
    "a package's content, by its integrity": (files(lock(dep={"integrity": "sha512-another"})), Moves(frozenset({GET}))),
    "a package that a package needs": (upgraded("inner", "2.1.0", "export const inner = 'new'\n"), Moves(frozenset({GET}))),
    "a package that no unit imports": (upgraded("other", "3.1.0", "export const other = 'new'\n"), Moves()),
    "a package that isn't pinned": (files(installed("loose", "4.0.0", "export const loose = 'new'\n")), Moves(ORDERS)),
    "the formatting of the lockfile": (files({"package-lock.json": json.dumps(json.loads(lock()["package-lock.json"]), indent=4)}), Moves()),
    "a pinned package's files, behind the lockfile's back": (files({"node_modules/dep/index.js": "export const dep = 'patched'\n"}), Moves()),
    "package.json: side effects": (files({"package.json": json.dumps(PACKAGE | {"sideEffects": False})}), Moves(ALL)),
    "package.json: type": (files({"package.json": json.dumps(PACKAGE | {"type": "commonjs"})}), Moves(ALL)),
    "package.json: version": (files({"package.json": json.dumps(PACKAGE | {"version": "2.0.0"})}), Moves()),
    "package.json: one more dependency": (files({"package.json": json.dumps(PACKAGE | {"dependencies": {"dep": "*", "other": "*", "loose": "*"}})}), Moves(others=frozenset({"typings"}))),
    # The compiler's options.
    "tsconfig: decorators": (files(tsconfig(experimentalDecorators=True)), Moves(ALL)),
    "tsconfig: class fields": (files(tsconfig(useDefineForClassFields=False)), Moves(ALL)),
    "tsconfig: target": (files(tsconfig(target="es2020")), Moves(ALL)),
    "tsconfig: jsx": (files(tsconfig(jsx="react-jsx", jsxImportSource="preact")), Moves(ALL)),
    "tsconfig: verbatim module syntax": (files(tsconfig(verbatimModuleSyntax=True)), Moves(ALL)),
    "tsconfig: strict": (files(tsconfig(strict=False)), Moves(ALL)),
    "tsconfig: paths": (files(tsconfig(paths={"~/*": ["./src/*"]})), Moves(ALL)),
    "tsconfig: an option of the type checker": (files(tsconfig(noUnusedLocals=True)), Moves()),
    "tsconfig: formatting": (files({"tsconfig.json": "// comment\n" + FILES["tsconfig.json"].replace(",", ", ")}), Moves()),
    # The configuration.
    "deploy.serverlessIncompatible": (files(config(serverlessIncompatible=["mailer"])), Moves(frozenset({"shop-server"}), frozenset({"shop-server"}), frozenset({"files"}))),
    "deploy.defaultTarget": (files(config(defaultTarget="server")), Moves(frozenset({"shop-server"}), frozenset({"shop-server"}), frozenset({"files"}))),
    "deploy.defaultProvider": (files(config(defaultProvider="standalone")), Moves()),
    "deploy.providers": (files(config(providers={"cloudflare": "cloudflare", "standalone": "standalone"})), Moves()),
    "deploy.cloudflare.compatibilityDate": (files(config(cloudflare={"compatibilityDate": "2026-01-01"})), Moves(others=frozenset({"files"}))),
    "deploy.cloudflare.compatibilityFlags": (files(config(cloudflare={"compatibilityFlags": ["x"]})), Moves(others=frozenset({"files"}))),
    "deploy.cloudflare.domain": (files(config(cloudflare={"domain": "shop.example"})), Moves(others=frozenset({"files"}))),
    "deploy.cloudflare.observability": (files(config(cloudflare={"observability": False})), Moves(others=frozenset({"files"}))),
    "deploy.standalone.port": (files(config(standalone={"port": 4000})), Moves(others=frozenset({"files"}))),
    "deploy.standalone.target": (files(config(standalone={"target": "bun-linux-arm64"})), Moves(others=frozenset({"files"}))),
    "deploy.state": (files(config(state={"url": "./state"})), Moves(others=frozenset({"files"}))),
    "deploy.models": (files(config(models={"house": {"baseUrl": "http://127.0.0.1:1/v1"}})), Moves(others=frozenset({"files"}))),
    "deploy.cache": (files(config(cache={"write": False})), Moves()),
    "deploy.environments": (files(config(environments={"staging": {"variables": {"GREETING": "ho"}}})), Moves()),
    "outDir": (files({"pikku.config.json": json.dumps(CONFIG | {"outDir": ".other"})}), Moves(others=frozenset({"typings"}))),
    "the formatting of the configuration": (files({"pikku.config.json": json.dumps(CONFIG, indent=8)}), Moves()),
    # How it is asked.
    "--sourcemap": (asked("--sourcemap"), Moves(ALL, ALL)),
    "--env": (asked("--env", "staging"), Moves(others=frozenset({"files"}))),
    "--jobs": (asked("--jobs", "1"), Moves()),
    "--refresh": (asked("--refresh", "full"), Moves()),
    "the environment": (asked(NODE_ENV="test", NODE_PATH="/nowhere", GOGC="1", GOMAXPROCS="1", ESBUILD_BINARY_PATH="/nowhere", TZ="Asia/Tokyo", LC_ALL="tr_TR.UTF-8", PYTHONHASHSEED="7", CI="1", USER="x", HOME="/nonexistent", COLUMNS="9", npm_config_target="x"), Moves()),
    # The tools.
    "a copy of the program": (copied, Moves()),
    "a program behind a link, which builds a unit": (linked, Moves(frozenset({GET}))),
    "another esbuild": (another_esbuild, Moves(ALL)),
    "the toolchain's own esbuild": (the_same_esbuild, Moves()),
    "the toolchain's version of esbuild": (both(the_same_esbuild, program("rules/toolchain/locate.py", 'ESBUILD_VERSION: Final = "', 'ESBUILD_VERSION: Final = "9.')), Moves(ALL)),
    "the runtime's packages": (other_packages, Moves(ALL)),
    "a file of the runtime": (program("runtime/core/text.ts", "\n", "\n// another comment\n"), Moves(ALL, NONE, frozenset({"typings"}))),
    "a template": (program("rules/templates/definition.ts.j2", "\n", "\n\n"), Moves(NONE, ALL, frozenset({"typings"}))),
    "a provider's options": (program("providers/cloudflare/__init__.py", 'target="es2024"', 'target="es2023"'), Moves(ALL, NONE, frozenset({"files"}), process=False)),
    "another provider's options": (program("providers/standalone/__init__.py", 'target="esnext"', 'target="es2024"'), Moves(NONE, NONE, frozenset({"files"}), process=True)),
    "what a provider writes": (program("providers/cloudflare/wrangler.py", "Written by unitgraph", "Made by unitgraph"), Moves(others=frozenset({"files"}))),
    "how bundles are made": (program("rules/bundle.py", '"--keep-names", ', ""), Moves(ALL)),
    "the code around bundles": (program("rules/chunks.py", "Names for shared chunks", "The names of shared chunks"), Moves(ALL)),
    "the analyzer": (program("units/split.py", '"""', '"""A new sentence. '), Moves(NONE, ALL)),
    "the generator": (program("rules/generate.py", '"""', '"""A new sentence. '), Moves(NONE, ALL)),
    "a command": (program("rules/commands/why.py", '"""', '"""A new sentence. '), Moves()),
    # What must be of no matter.
    "times": (touched, Moves()),
    "the folder": (elsewhere, Moves()),
    "a document": (files({"README.md": "# Other\n"}), Moves()),
    "a file beside the sources": (files({"notes.txt": "x", "src/notes.txt": "x", "test/a.test.ts": "x"}), Moves()),
    "git": (files({".git/HEAD": "ref: refs/heads/main\n"}), Moves()),
}  # fmt: skip


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize(("edit", "moves"), ROWS.values(), ids=ROWS)
def test_exactly_the_right_keys_move(
    built: Path, tools: Tools, tmp_path: Path, edit: Edit, moves: Moves, provider: str
) -> None:
    root = tmp_path / "shop"
    shutil.copytree(built, root, symlinks=True)
    work = Rebuilt(root, tools, tmp_path / "cache")
    bench = Bench(work)
    edit(bench)
    work.told = bench.environ
    bench.build(provider)
    before, after = rows(built, provider), rows(work.root, provider)
    moved = {name for name, (key, _) in after.items() if name not in before or before[name][0] != key}
    assert moved == moves.of(provider)
    assert before.keys() <= after.keys()
    for name in before.keys() - moved:
        assert after[name] == before[name], f"the key of {name} stayed, and what it gives didn't"


def test_every_setting_is_in_the_table() -> None:
    """A new setting of ``deploy`` needs its row."""
    settings = {camel(name) for name in DeployConfig.__dataclass_fields__}
    assert {name for name in settings if not any(row.startswith(f"deploy.{name}") for row in ROWS)} == set()


def test_every_option_of_the_compiler_is_in_the_table() -> None:
    """What esbuild reads of a tsconfig moves every bundle, whichever option it is; that of types moves none."""
    assert len(OPTIONS) == 11, "another option: does it move every bundle?"
