"""Lockfiles of every package manager: who gets which version, and when a closure's digest changes."""

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

import pytest

from tests.units.tiny_project import write
from unitgraph.units.lockfile import Lockfile
from unitgraph.units.lockfile_formats import read_lockfile
from unitgraph.units.packages import PackageJson
from unitgraph.units.sources import Sources
from unitgraph.units.yamltext import NotYaml, parse

# One tree in five notations: app → a@1 (→ b@1), b@2, the workspace package tool (→ b@1). a and c need each other.
NPM = """
{ "lockfileVersion": 3, "packages": {
  "": { "dependencies": { "a": "^1", "b": "^2", "tool": "*" }, "workspaces": ["packages/*"] },
  "node_modules/a": { "version": "1.0.0", "integrity": "sha512-a1", "dependencies": { "b": "^1", "c": "^1" } },
  "node_modules/a/node_modules/b": { "version": "1.5.0", "integrity": "sha512-b1" },
  "node_modules/b": { "version": "2.0.0", "integrity": "sha512-b2" },
  "node_modules/c": { "version": "1.1.0", "integrity": "sha512-c1", "dependencies": { "a": "^1" } },
  "node_modules/tool": { "resolved": "packages/tool", "link": true },
  "packages/tool": { "name": "tool", "version": "0.0.1", "dependencies": { "b": "^1" } },
  "packages/tool/node_modules/b": { "version": "1.5.0", "integrity": "sha512-b1" }
} }
"""
BUN = """
{ "lockfileVersion": 1,
  "workspaces": {
    "": { "name": "app", "dependencies": { "a": "^1", "b": "^2", "tool": "*", }, },
    "packages/tool": { "name": "tool", "version": "0.0.1", "dependencies": { "b": "^1", }, },
  },
  "packages": {
    "a": ["a@1.0.0", "", { "dependencies": { "b": "^1", "c": "^1" } }, "sha512-a1"],
    "a/b": ["b@1.5.0", "", {}, "sha512-b1"],
    "b": ["b@2.0.0", "", {}, "sha512-b2"],
    "c": ["c@1.1.0", "", { "dependencies": { "a": "^1" } }, "sha512-c1"],
    "tool": ["tool@workspace:packages/tool"],
    "tool/b": ["b@1.5.0", "", {}, "sha512-b1"],
  } }
"""
PNPM = """
lockfileVersion: '9.0'

settings:
  autoInstallPeers: true

importers:

  .:
    dependencies:
      a:
        specifier: ^1
        version: 1.0.0(c@1.1.0)
      b:
        specifier: ^2
        version: 2.0.0
      tool:
        specifier: workspace:*
        version: link:packages/tool

  packages/tool:
    dependencies:
      b:
        specifier: ^1
        version: 1.5.0

packages:

  a@1.0.0:
    resolution: {integrity: sha512-a1}
    engines: {node: '>=18', npm: '>=1'}
    deprecated: |-
      Use something else: really
    hasBin: true
    cpu: [x64, arm64]

  b@1.5.0:
    resolution: {integrity: sha512-b1}

  b@2.0.0:
    resolution: {integrity: sha512-b2}

  c@1.1.0:
    resolution: {integrity: sha512-c1}

snapshots:

  a@1.0.0(c@1.1.0):
    dependencies:
      b: 1.5.0
      c: 1.1.0
    transitivePeerDependencies:
      - supports-color

  b@1.5.0: {}

  b@2.0.0: {}

  c@1.1.0:
    dependencies:
      a: 1.0.0(c@1.1.0)
"""
YARN_1 = """
# yarn lockfile v1


"a@^1":
  version "1.0.0"
  resolved "https://registry.test/a-1.0.0.tgz#abc"
  integrity sha512-a1
  dependencies:
    b "^1"
    c "^1"

b@^1, "b@>=1 <2":
  version "1.5.0"
  integrity sha512-b1

b@^2:
  version "2.0.0"
  integrity sha512-b2

c@^1:
  version "1.1.0"
  integrity sha512-c1
  dependencies:
    a "^1"
"""
YARN_4 = """
__metadata:
  version: 8
  cacheKey: 10c0

"a@npm:^1":
  version: 1.0.0
  resolution: "a@npm:1.0.0"
  dependencies:
    b: "npm:^1"
    c: "npm:^1"
  checksum: 10c0/a1
  languageName: node
  linkType: hard

"app@workspace:.":
  version: 0.0.0-use.local
  resolution: "app@workspace:."
  dependencies:
    a: "npm:^1"
    b: "npm:^2"
    tool: "workspace:*"
  languageName: unknown
  linkType: soft

"b@npm:^1, b@npm:>=1 <2":
  version: 1.5.0
  resolution: "b@npm:1.5.0"
  checksum: 10c0/b1

"b@npm:^2":
  version: 2.0.0
  resolution: "b@npm:2.0.0"
  checksum: 10c0/b2

"c@npm:^1":
  version: 1.1.0
  resolution: "c@npm:1.1.0"
  dependencies:
    a: "npm:^1"
  checksum: 10c0/c1

"tool@workspace:*, tool@workspace:packages/tool":
  version: 0.0.0-use.local
  resolution: "tool@workspace:packages/tool"
  dependencies:
    b: "npm:^1"
"""
NPM_1 = """
{ "lockfileVersion": 1, "dependencies": {
  "a": { "version": "1.0.0", "integrity": "sha512-a1", "requires": { "b": "^1", "c": "^1" },
         "dependencies": { "b": { "version": "1.5.0", "integrity": "sha512-b1" } } },
  "b": { "version": "2.0.0", "integrity": "sha512-b2" },
  "c": { "version": "1.1.0", "integrity": "sha512-c1", "requires": { "a": "^1" } }
} }
"""
LOCKFILES = {
    "npm": ("package-lock.json", NPM),
    "npm-shrinkwrap": ("npm-shrinkwrap.json", NPM),
    "npm-1": ("package-lock.json", NPM_1),
    "bun": ("bun.lock", BUN),
    "pnpm": ("pnpm-lock.yaml", PNPM),
    "yarn-1": ("yarn.lock", YARN_1),
    "yarn-4": ("yarn.lock", YARN_4),
}
MEMBERS = {
    "": PackageJson("", name="app", dependencies={"a": "^1", "b": "^2", "tool": "*"}),
    "packages/tool": PackageJson("packages/tool", name="tool", dependencies={"b": "^1"}),
}


def read(root: Path, files: Mapping[str, str], workspace: str = "") -> Lockfile:
    lock, problems = read_lockfile(Sources(write(root, files), ["src"]), workspace, MEMBERS)
    assert not problems
    assert lock is not None
    return lock


def version(lock: Lockfile, name: str, importer: str = "") -> str | None:
    entry = lock.entry(name, importer)
    return entry.version if entry else None


@pytest.fixture(params=LOCKFILES, ids=str)
def lock(request: pytest.FixtureRequest, tmp_path: Path) -> Lockfile:
    name, text = LOCKFILES[request.param]
    return read(tmp_path, {name: text})


def test_each_importer_gets_its_own_version(lock: Lockfile) -> None:
    assert version(lock, "b", "src/x.ts") == "2.0.0"
    entry = lock.entry("a")
    assert entry is not None
    assert version(lock, "b", entry.key) == "1.5.0"
    assert lock.entry("none", "src/x.ts") is None


def test_an_importer_outside_the_project_is_looked_for_to_an_end(lock: Lockfile) -> None:
    assert lock.entry("missing", "/somewhere/else/entirely") is None
    assert lock.entry("missing", "../../above") is None


def test_a_closure_holds_what_is_needed_and_ends_at_cycles(lock: Lockfile) -> None:
    closure = {(locked.name, locked.version) for locked in lock.closure(["a"])}
    assert closure == {("a", "1.0.0"), ("b", "1.5.0"), ("c", "1.1.0")}
    assert {locked.name for locked in lock.closure(["b"])} == {"b"}


@pytest.mark.parametrize("kind", ["npm", "bun", "pnpm", "yarn-4"])
def test_workspace_packages_count_as_sources(kind: str, tmp_path: Path) -> None:
    name, text = LOCKFILES[kind]
    lock = read(tmp_path, {name: text})
    entry = lock.entry("tool", "src/x.ts")
    assert entry is not None
    assert entry.source == "packages/tool"
    assert version(lock, "b", "packages/tool/src/x.ts") == "1.5.0"
    assert {(locked.name, locked.version) for locked in lock.closure(["tool"]) if not locked.source} == {("b", "1.5.0")}


@pytest.mark.parametrize("kind", LOCKFILES)
def test_a_digest_moves_with_its_closure_only(kind: str, tmp_path: Path) -> None:
    name, text = LOCKFILES[kind]
    old = read(tmp_path / "old", {name: text})
    pinned = "10c0/b1" if kind == "yarn-4" else "sha512-b1"
    new = read(tmp_path / "new", {name: text.replace(pinned, f"{pinned}x")})
    assert old.closure_digest(["a"]) != new.closure_digest(["a"])
    assert old.closure_digest(["b"]) == new.closure_digest(["b"])
    assert old.closure_digest(["a", "b"]) == old.closure_digest(["b", "a", "b"])


def test_the_lockfile_of_a_workspace_above(tmp_path: Path) -> None:
    write(tmp_path, {"package-lock.json": NPM})
    (tmp_path / "packages/tool/src").mkdir(parents=True)
    lock, problems = read_lockfile(Sources(tmp_path / "packages/tool", ["src"]), "../..", {})
    assert not problems
    assert lock is not None
    assert version(lock, "b", "src/x.ts") == "1.5.0"
    assert version(lock, "a", "src/x.ts") == "1.0.0"
    assert version(lock, "b", "../../other/x.ts") == "2.0.0"


@pytest.mark.parametrize(
    ("name", "text", "place"),
    [
        pytest.param("package-lock.json", "{", "package-lock.json:1:2", id="npm"),
        pytest.param("package-lock.json", "[]", "package-lock.json:1:1", id="npm-array"),
        pytest.param("package-lock.json", "{}", "package-lock.json:1:1", id="npm-empty"),
        pytest.param("package-lock.json", '{\n<<<<<<< HEAD\n"a": 1 }', "package-lock.json:2:1", id="npm-conflict"),
        pytest.param("bun.lock", '{ "packages": 3 }', "bun.lock:1:1", id="bun"),
        pytest.param("pnpm-lock.yaml", "lockfileVersion: 3", "pnpm-lock.yaml:1:1", id="pnpm-old"),
        pytest.param("pnpm-lock.yaml", "a:\n- b\n  c", "pnpm-lock.yaml:3:1", id="pnpm"),
        pytest.param("yarn.lock", "<<<<<<< ours\na: 1\n", "yarn.lock:1:1", id="yarn-conflict"),
    ],
)
def test_a_broken_lockfile_is_told_with_what_to_type(tmp_path: Path, name: str, text: str, place: str) -> None:
    lock, problems = read_lockfile(Sources(write(tmp_path, {name: text}), ["src"]), "", MEMBERS)
    assert lock is None
    assert [(problem.code, str(problem.place)) for problem in problems] == [("lockfile-unreadable", place)]


def test_without_a_lockfile_there_is_none(tmp_path: Path) -> None:
    assert read_lockfile(Sources(write(tmp_path), ["src"]), "", MEMBERS) == (None, ())


def test_yaml_as_package_managers_write_it() -> None:
    text = dedent("""
        ---
        '@scope/a@1.0.0(b@2)':
          resolution: {integrity: sha512-x==, tarball: https://r.test/a.tgz}
          "quoted: key": 'it''s'
          list:
            - one
            - 'two'
          flow: ['>=1', b]
          folded: >-
            some: text
            more
          empty: {}
          after: yes # not cut: comments are not written
    """)
    assert parse(text) == {
        "@scope/a@1.0.0(b@2)": {
            "resolution": {"integrity": "sha512-x==", "tarball": "https://r.test/a.tgz"},
            "quoted: key": "it's",
            "list": ["one", "two"],
            "flow": [">=1", "b"],
            "folded": "",
            "empty": {},
            "after": "yes # not cut: comments are not written",
        }
    }


@pytest.mark.parametrize("text", ["a\n", "- x\n", "a: {b: c\n", "a: b\n    c: d\n"])
def test_what_is_not_understood_is_said(text: str) -> None:
    with pytest.raises(NotYaml):
        parse(text)
