"""Projects as they lie on disk: found, named, listed, read, and told what is wrong with them all at once."""

import time
from pathlib import Path

import pytest

from tests.units.tiny_project import write
from unitgraph.errors import Problems
from unitgraph.errors.project import SourceVanished, UnreadableFile
from unitgraph.units.project import load_project, unit_prefix
from unitgraph.units.resolve import Package, ProjectFile, Resolver, Unresolved
from unitgraph.units.sources import Sources


def codes(root: Path) -> list[tuple[str, str]]:
    with pytest.raises(Problems) as raised:
        load_project(root)
    return [(problem.code, str(problem.place)) for problem in raised.value.problems]


def test_a_project_is_found_from_any_folder_in_it(tmp_path: Path) -> None:
    write(tmp_path, {"src/deep/x.ts": ""})
    assert load_project(tmp_path / "src/deep").root == tmp_path


@pytest.mark.parametrize(
    ("name", "prefix"),
    [("my-app", "my-app"), ("@acme/My_App.v2", "my-app-v2"), ("Über", "-ber"), ("a b", "a-b"), ("@x/y/z", "z")],
)
def test_unit_names_begin_with_the_packages(name: str, prefix: str) -> None:
    assert unit_prefix(name) == prefix


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        pytest.param({"pikku.config.json": None}, [("project-not-found", "None")], id="no-project"),
        pytest.param({"package.json": None}, [("package-json-missing", "package.json:1:1")], id="no-package"),
        pytest.param({"package.json": "{ 3 }"}, [("bad-json", "package.json:1:3")], id="package-no-json"),
        pytest.param({"package.json": "[]"}, [("bad-json", "package.json:1:1")], id="package-no-object"),
        pytest.param({"package.json": "{}"}, [("project-unnamed", "package.json:1:1")], id="no-name"),
        pytest.param({"package.json": '{\n "name": "@acme/__"\n}'}, [("project-unnamed", "package.json:2:2")], id="no-letter"),
        pytest.param(
            {"pikku.config.json": '{ "srcDirectories": ["src", "scr"] }'},
            [("source-directory-missing", "pikku.config.json:1:29")],
            id="no-folder",
        ),
        pytest.param(
            {"pikku.config.json": '{ "tsconfig": "./none.json" }'},
            [("tsconfig-missing", "pikku.config.json:1:3")],
            id="no-tsconfig",
        ),
        pytest.param(
            {"package-lock.json": "{"}, [("lockfile-unreadable", "package-lock.json:1:2")], id="broken-lockfile"
        ),
        pytest.param(
            {
                "pikku.config.json": '{ "srcDir": 1, "tsconfig": "./tsconfig.json" }',
                "package.json": "{}",
                "tsconfig.json": "{",
                "package-lock.json": "[]",
            },
            [
                ("lockfile-unreadable", "package-lock.json:1:1"),
                ("project-unnamed", "package.json:1:1"),
                ("config-unknown-key", "pikku.config.json:1:3"),
                ("bad-json", "tsconfig.json:1:2"),
            ],
            id="all-at-once",
        ),
    ],
)
def test_what_is_wrong_is_told_at_once(tmp_path: Path, files: dict[str, str | None], expected: list[tuple[str, str]]) -> None:
    assert codes(write(tmp_path, files)) == expected


def test_a_configuration_that_is_no_text(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "pikku.config.json").write_bytes(b"\xff\xfe")
    assert codes(tmp_path) == [("unreadable-file", "pikku.config.json:1:1")]


def test_generated_and_hidden_folders_are_no_sources(tmp_path: Path) -> None:
    files = ["src/a.ts", "src/b.tsx", "src/c.js", "src/d.d.ts", "src/e.json", "src/node_modules/x/f.ts", "src/.hidden/g.ts",
             "src/gen/h.ts", "lib/i.ts", ".deploy/j.ts", "src/sub/k.mts", "src/.l.ts"]  # fmt: skip
    write(tmp_path, dict.fromkeys(files, "") | {"pikku.config.json": '{ "srcDirectories": ["./src/"], "outDir": "src/gen" }'})
    sources = load_project(tmp_path).sources
    assert sources.files() == ("src/.l.ts", "src/a.ts", "src/b.tsx", "src/c.js", "src/empty.ts", "src/sub/k.mts")
    assert "lib/i.ts" in sources.all
    assert not any(path.startswith((".deploy", "src/gen")) for path in sources.all)


def test_links_are_followed_once_and_known_by_their_real_path(tmp_path: Path) -> None:
    write(tmp_path, {"src/real/a.ts": "", "shared/b.ts": "", "elsewhere.ts": ""})
    (tmp_path / "src/loop").symlink_to(tmp_path / "src", target_is_directory=True)
    (tmp_path / "src/real/self").symlink_to(tmp_path / "src/real/self")
    (tmp_path / "src/shared").symlink_to(tmp_path / "shared", target_is_directory=True)
    (tmp_path / "src/one.ts").symlink_to(tmp_path / "elsewhere.ts")
    (tmp_path / "src/dangling.ts").symlink_to(tmp_path / "nowhere.ts")
    project = load_project(tmp_path)
    assert project.sources.files() == ("elsewhere.ts", "shared/b.ts", "src/empty.ts", "src/real/a.ts")
    resolver = Resolver(project)
    assert resolver.resolve("src/x.ts", "./shared/b") == ProjectFile("shared/b.ts")
    assert resolver.resolve("src/x.ts", "./loop/loop/real/a") == ProjectFile("src/real/a.ts")
    assert resolver.resolve("src/x.ts", "./one") == ProjectFile("elsewhere.ts")
    assert isinstance(resolver.resolve("src/x.ts", "./dangling"), Unresolved)


def test_a_file_that_vanishes_is_an_error_with_its_place(tmp_path: Path) -> None:
    sources = load_project(write(tmp_path, {"src/a.ts": ""})).sources
    assert "src/a.ts" in sources.files()
    (tmp_path / "src/a.ts").unlink()
    for look in (sources.read, sources.stat):
        with pytest.raises(SourceVanished, match=r"src/a\.ts:1:1"):
            look("src/a.ts")


def test_a_folder_where_a_file_was_is_an_error(tmp_path: Path) -> None:
    sources = load_project(write(tmp_path, {"src/a.ts/b.ts": ""})).sources
    with pytest.raises(UnreadableFile):
        sources.read("src/a.ts")


def test_listing_three_thousand_files_takes_no_time(tmp_path: Path) -> None:
    write(tmp_path)
    for folder in range(60):
        (tmp_path / f"src/f{folder}").mkdir()
        for file in range(50):
            (tmp_path / f"src/f{folder}/m{file}.ts").touch()
    Sources(tmp_path, ["src"]).files()
    started = time.process_time()
    assert len(Sources(tmp_path, ["src"]).files()) == 3_001
    assert time.process_time() - started < 0.3      # some 10 ms; a busy machine is granted more


MEMBERS = {
    "packages/tool/package.json": '{ "name": "@acme/tool", "main": "index.ts" }',
    "packages/tool/index.ts": "",
    "packages/none/readme": "",
    "apps/other/package.json": '{ "name": "other" }',
}


@pytest.mark.parametrize(
    "files",
    [
        pytest.param({"package.json": '{ "name": "my-app", "workspaces": ["packages/*"] }'}, id="array"),
        pytest.param({"package.json": '{ "name": "my-app", "workspaces": { "packages": ["./packages/tool/"] } }'}, id="object"),
        pytest.param({"pnpm-workspace.yaml": "packages:\n  - 'packages/*'\n  - \"!packages/old\"\n"}, id="pnpm"),
        pytest.param({"pnpm-workspace.yaml": "packages: ['packages/**']\ncatalog:\n  - x\n"}, id="pnpm-flow"),
        pytest.param({"package.json": '{ "name": "my-app", "workspaces": ["*/*", "!apps/*"] }'}, id="negated"),
    ],
)
def test_workspaces(tmp_path: Path, files: dict[str, str]) -> None:
    project = load_project(write(tmp_path, {**MEMBERS, **files}))
    assert list(project.workspace.packages) == ["@acme/tool"]
    assert Resolver(project).resolve("src/x.ts", "@acme/tool") == ProjectFile("packages/tool/index.ts")


def test_a_project_inside_a_workspace(tmp_path: Path) -> None:
    write(tmp_path, {
        **MEMBERS,
        "pikku.config.json": None,
        "package.json": '{ "name": "all", "workspaces": ["packages/*", "apps/*"] }',
        "package-lock.json": '{ "lockfileVersion": 3, "packages": { "node_modules/zod": { "version": "4.0.0", "integrity": "x" } } }',
        "node_modules/zod/package.json": "{}",
    })  # fmt: skip
    write(tmp_path / "apps/api", {"package.json": '{ "name": "@acme/api", "dependencies": { "zod": "4" } }'})
    project = load_project(tmp_path / "apps/api")
    assert project.workspace.root == "../.."
    assert list(project.workspace.packages) == ["@acme/tool", "other"]
    resolver = Resolver(project)
    assert resolver.resolve("src/x.ts", "@acme/tool") == ProjectFile("../../packages/tool/index.ts")
    assert resolver.resolve("src/x.ts", "zod") == Package("zod")
    assert resolver.resolve("../../packages/tool/index.ts", "zod") == Package("zod")
    assert project.lock is not None
    assert project.lock.entry("zod", "src/x.ts") is not None
    assert project.installed("zod", "src") == "../../node_modules/zod"


def test_a_package_that_is_not_installed_says_what_to_type(tmp_path: Path) -> None:
    write(tmp_path, {"bun.lock": '{ "workspaces": {}, "packages": { "zod": ["zod@4.0.0", "", {}, "sha512-x"] } }'})
    project = load_project(tmp_path)
    [problem] = project.missing(["zod"], "src/x.ts")
    assert (problem.code, problem.remedy) == ("package-not-installed", "Run 'bun install'.")
    found = Resolver(project).resolve("src/x.ts", "left-pad")
    assert isinstance(found, Unresolved)
    assert "bun add left-pad" in Resolver(project).error(project.config_text.place(), "left-pad", found).remedy
