"""Keys that travel: another user, folder, home, locale, zone and environment give the same keys and the same bytes."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.harness import Checkout, command, environment
from tests.system.projects import SHOP

Make = Callable[..., Checkout]
OTHER = 4711

PACKAGE = {"name": "shop", "private": True, "type": "module", "dependencies": {"dep": "1.0.0", "loose": "*"}}
LOCK = {
    "name": "shop",
    "lockfileVersion": 3,
    "packages": {
        "": {"name": "shop", "dependencies": PACKAGE["dependencies"]},
        "node_modules/dep": {"version": "1.0.0", "integrity": "sha512-one"},
    },
}
# A pinned package and one that counts by its files, an asset, a cycle of imports, names that other alphabets sort
# and fold otherwise, several functions in a file, services, routes, wirings of every runnable kind.
FILES = SHOP | {
    "package.json": json.dumps(PACKAGE),
    "package-lock.json": json.dumps(LOCK),
    "node_modules/dep/package.json": '{ "name": "dep", "version": "1.0.0", "type": "module", "main": "index.js" }',
    "node_modules/dep/index.js": "export const dep = 'dep'\n",
    "node_modules/loose/package.json": '{ "name": "loose", "version": "3.0.0", "type": "module", "main": "index.js" }',
    "node_modules/loose/index.js": "export * from './b.js'\nexport const loose = 'loose'\n",
    "node_modules/loose/b.js": "export const b = 'b'\n",
    "src/lib/table.json": '{ "İstanbul": "ı", "i": "I" }\n',
    "src/lib/ring.ts": "import { ringed } from './rung.js'\nexport const ring = (n: number): number => (n ? ringed(n - 1) : 0)\n",
    "src/lib/rung.ts": "import { ring } from './ring.js'\nexport const ringed = (n: number): number => ring(n)\n",
    "src/lib/text.ts": (
        "import { dep } from 'dep'\nimport { loose, b } from 'loose'\nimport table from './table.json'\n"
        "import { ring } from './ring.js'\n"
        "export const heading = (text: string): string => `heading:${text}${dep}${loose}${b}${table.i}${ring(1)}`\n"
    ),
    "src/idle.functions.ts": (
        "import { addHTTPMiddleware, pikkuMiddleware, pikkuSessionlessFunc, pikkuVoidFunc, wireQueueWorker, wireScheduler, wireSecret } from '#pikku'\n"
        "export const timed = pikkuMiddleware(async ({ logger }, _wire, next) => { logger.info('in'); await next() })\n"
        "addHTTPMiddleware('/orders', [timed])\n"
        "export const IdleIt = pikkuVoidFunc(async ({ logger }) => logger.info('idle'))\n"
        "export const taken = pikkuSessionlessFunc<{ id: string; of?: Record<string, number[]> }, { done: boolean }>({\n"
        "  expose: true,\n"
        "  func: async ({ secrets, shelf, mailer, logger }, { id }) => {\n"
        "    await secrets.getSecret('TOKEN'); logger.info(shelf.title(id) ?? ''); await mailer.send('a', id)\n"
        "    return { done: true }\n"
        "  },\n"
        "})\n"
        "wireSecret({ name: 'token', secretId: 'TOKEN' })\n"
        "wireScheduler({ name: 'idle', schedule: '* * * * *', func: IdleIt })\n"
        "wireQueueWorker({ queue: 'takings', func: taken })\n"
    ),
}
HERE = {"LANG": "C.UTF-8", "TZ": "UTC", "PYTHONHASHSEED": "1"}
THERE = {
    "LANG": "tr_TR.UTF-8",
    "LC_ALL": "tr_TR.UTF-8",
    "TZ": "Pacific/Kiritimati",
    "PYTHONHASHSEED": "4242",
    "PYTHONDONTWRITEBYTECODE": "1",
    "USER": "somebody",
    "LOGNAME": "somebody",
    "HOSTNAME": "elsewhere",
    "CI": "true",
    "TERM": "dumb",
    "COLUMNS": "20",
    "NODE_ENV": "development",
    "NODE_PATH": "/nowhere",
    "NODE_OPTIONS": "--no-warnings",
    "ESBUILD_BINARY_PATH": "/nowhere/esbuild",
    "ESBUILD_WORKER_THREADS": "1",
    "GOGC": "10",
    "GOMAXPROCS": "1",
    "GOFLAGS": "-x",
    "TS_NODE_PROJECT": "/nowhere/tsconfig.json",
    "npm_config_registry": "http://127.0.0.1:9/",
    "HTTPS_PROXY": "http://127.0.0.1:9/",
    "SOURCE_DATE_EPOCH": "1",
    "EMPTY": "",
}


class Traveller(Checkout):
    """A checkout of somebody else, on a machine of his own as far as a process can tell."""

    def settle(self, told: Mapping[str, str], *, is_other: bool, umask: str) -> None:
        self.told = dict(told)
        user = other_user() if is_other else []
        self.prefix = ["sh", "-c", f'umask {umask}; exec "$@"', "sh", *user]
        self.home = self.root.parent / f"{self.root.name}.home"
        for folder in (self.home, self.home / "tmp", self.cache):
            folder.mkdir(parents=True, exist_ok=True)
        environment(self.tools, self.cache)
        if user[:1] == ["setpriv"]:
            self._hand_over()

    def _hand_over(self) -> None:
        """Gives him his files, the toolchain among them, and the way to them."""
        link = self.cache / "unitgraph" / "toolchain"
        if link.is_symlink():
            link.unlink()
            for part in ("build", "runtime"):
                (found,) = (self.tools.cache / "toolchain").glob(f"{part}-*")
                shutil.copytree(found, link / found.name, symlinks=True)
        for top in (self.root, self.home, self.cache):
            for parent, folders, files in os.walk(top):
                for name in (".", *folders, *files):
                    os.chown(os.path.join(parent, name), OTHER, OTHER, follow_symlinks=False)
            for folder in top.parents:
                if folder.stat().st_uid == os.getuid() and len(folder.parts) > 2:
                    folder.chmod(folder.stat().st_mode | 0o055)

    def build(self, *arguments: str) -> str:
        """Plans; returns the user that it ran as."""
        there = {
            "PATH": os.environ["PATH"], "HOME": str(self.home), "TMPDIR": str(self.home / "tmp"),
            "XDG_CACHE_HOME": str(self.cache), **self.told,
        }  # fmt: skip
        shown = subprocess.run([*self.prefix, "id", "-u"], env=there, capture_output=True, text=True, check=True)
        done = subprocess.run(
            [*self.prefix, *command("unitgraph", "plan", *arguments)], cwd=self.root, env=there, capture_output=True,
            text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return shown.stdout.strip()

    def actions(self) -> dict[tuple[str, str], tuple[str, str, str]]:
        """(provider, action) → its key, what that is made of, and the digests of what it made."""
        database = sqlite3.connect(self.root / ".deploy/cache/build.db")
        try:
            rows = database.execute("SELECT scope, name, key, components, outputs FROM actions").fetchall()
        finally:
            database.close()
        return {(scope, name): (key, components, outputs) for scope, name, key, components, outputs in rows}


def other_user() -> list[str]:
    """What runs a command as somebody else who may do what we may: by a name space, in which our files are his, or as
    nobody with the right to read everything, where such name spaces are forbidden."""
    able = "+dac_override"
    ways = (
        ["unshare", "--user", f"--map-user={OTHER}", f"--map-group={OTHER}"],
        ["setpriv", f"--reuid={OTHER}", f"--regid={OTHER}", "--clear-groups", f"--inh-caps={able}", f"--ambient-caps={able}"],
    )
    for way in ways:
        done = subprocess.run([*way, "id", "-u"], capture_output=True, text=True, check=False) if shutil.which(way[0]) else None
        if done and done.stdout.strip() == str(OTHER):
            return way
    pytest.fail("no second user can be had: neither 'unshare --user' nor 'setpriv --reuid' works here")


@pytest.fixture
def two(tools: object, tmp_path: Path) -> tuple[Traveller, Traveller]:
    """The same sources twice. The second's files were made in the opposite order, decades ago, and are behind a link."""
    first = Traveller(tmp_path / "first", tools, tmp_path / "first.cache")  # type: ignore[arg-type]
    first.write(FILES)
    first.settle(HERE, is_other=False, umask="022")
    far = tmp_path / "elsewhere" / "an even longer way to it" / "ändere Stelle"
    second = Traveller(far, tools, tmp_path / "second cache")  # type: ignore[arg-type]
    second.write(dict(reversed(FILES.items())))
    for number, path in enumerate(sorted(second.root.rglob("*"))):
        os.utime(path, (86_400 * number, 86_400 * number))
    second.settle(THERE, is_other=True, umask="077")
    (tmp_path / "link").symlink_to(far)
    second.root = tmp_path / "link"
    return first, second


@pytest.mark.parametrize("options", [(), ("--sourcemap",), ("--env", "staging")], ids=["plain", "maps", "environment"])
@pytest.mark.parametrize("provider", ["cloudflare", "standalone"])
def test_two_users_in_two_folders_get_the_same_keys_and_bytes(
    two: tuple[Traveller, Traveller], provider: str, options: tuple[str, ...]
) -> None:
    users = set()
    for each in two:
        config = json.loads(FILES["pikku.config.json"])
        config["deploy"]["environments"] = {"staging": {"variables": {"A": "ı"}}}
        each.write({"pikku.config.json": json.dumps(config)})
        users.add(each.build("--provider", provider, *options))
    assert len(users) == 2, "both were built by one user"
    first, second = (each.actions() for each in two)
    assert first.keys() == second.keys()
    assert len(first) >= (3 if provider == "standalone" else 8)
    differing = {name for name in first if first[name] != second[name]}
    assert not differing
    assert two[0].tree(provider) == two[1].tree(provider)
    assert two[0].units(provider).keys() == two[1].units(provider).keys()


def test_what_one_user_built_the_other_takes(two: tuple[Traveller, Traveller]) -> None:
    """Through one cache folder that both may write, as a group's, with keys alone to tell what is the same."""
    first, second = two
    first.build()
    shutil.rmtree(second.cache)
    shutil.copytree(first.cache, second.cache, symlinks=True)
    second.settle(THERE, is_other=True, umask="077")
    second.told["UNITGRAPH_ESBUILD"] = str(second.esbuild)
    second.esbuild.write_text(f"#!/bin/sh\n[ \"$1\" = --version ] && exec '{second.tools.esbuild}' --version\nexit 99\n")
    second.build()
    ours, theirs = ({path: mark for path, mark in each.tree().items() if not path.startswith("gen/")} for each in two)
    assert ours == theirs


def test_the_clock_and_the_host_are_in_no_key(two: tuple[Traveller, Traveller]) -> None:
    """What a key is made of, read: no path, no time, no name of a machine or a user."""
    first, second = two
    for each in two:
        each.build()
        told = " ".join(part for row in each.actions().values() for part in row)
        for word in (str(each.root), str(each.home), str(each.cache), str(first.root.parent), "somebody", "elsewhere", sys.prefix):
            assert word not in told, word
    assert second.root.resolve() != first.root.resolve()
