"""tsconfig.json: comments, inheritance, paths, and what is told about a broken one."""

from pathlib import Path
from typing import Any

import pytest

from tests.units.tiny_project import write
from unitgraph.errors import Place
from unitgraph.units.sources import Sources
from unitgraph.units.tsconfig import Tsconfig, read_tsconfig

ASKED = Place("pikku.config.json", 1, 1)


def read(root: Path, path: str = "tsconfig.json", asked: Place | None = ASKED) -> tuple[Tsconfig, list[tuple[str, str]]]:
    tsconfig, problems = read_tsconfig(Sources(root, ["src"]), path, asked=asked)
    return tsconfig, [(problem.code, str(problem.place)) for problem in problems]


def options(tsconfig: Tsconfig) -> dict[str, Any]:
    result = tsconfig.bundling()["compilerOptions"]
    assert isinstance(result, dict)
    return result


def test_comments_and_trailing_commas(tmp_path: Path) -> None:
    write(tmp_path, {"tsconfig.json": """
        // a "comment"
        { "compilerOptions": { /* here , } */ "target": "ES2022", "jsxImportSource": "a//b", "lib": ["x",], }, }
    """})
    tsconfig, problems = read(tmp_path)
    assert not problems
    assert options(tsconfig) == {"jsxImportSource": "a//b", "target": "ES2022"}


def test_only_what_changes_a_bundle_is_in_it(tmp_path: Path) -> None:
    write(tmp_path, {"tsconfig.json": '{ "compilerOptions": { "noUnusedLocals": true, "strict": true } }'})
    assert options(read(tmp_path)[0]) == {"strict": True}


def test_extends_relative_package_and_array(tmp_path: Path) -> None:
    write(tmp_path, {
        "tsconfig.json": '{ "extends": ["./base", "@acme/tsconfig/strict.json"], "compilerOptions": { "target": "ES2022" } }',
        "base.json": '{ "compilerOptions": { "target": "ES5", "jsx": "react", "experimentalDecorators": true } }',
        "node_modules/@acme/tsconfig/strict.json": '{ "compilerOptions": { "jsx": "react-jsx", "strict": true } }',
    })
    tsconfig, problems = read(tmp_path)
    assert not problems
    assert options(tsconfig) == {"experimentalDecorators": True, "jsx": "react-jsx", "strict": True, "target": "ES2022"}
    assert tsconfig.files == ("tsconfig.json", "base.json", "node_modules/@acme/tsconfig/strict.json")


def test_extends_a_package_by_its_name(tmp_path: Path) -> None:
    write(tmp_path, {
        "tsconfig.json": '{ "extends": "acme-tsconfig" }',
        "node_modules/acme-tsconfig/tsconfig.json": '{ "compilerOptions": { "strict": true } }',
    })
    assert options(read(tmp_path)[0]) == {"strict": True}


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        pytest.param(
            {"tsconfig.json": '{ "compilerOptions": { "paths": { "@/*": ["./src/*"] } } }'},
            {"paths": {"@/*": ["./src/*"]}},
            id="without-baseUrl",
        ),
        pytest.param(
            {"tsconfig.json": '{ "compilerOptions": { "baseUrl": "src", "paths": { "@/*": ["*"] } } }'},
            {"baseUrl": "./src", "paths": {"@/*": ["./*"]}},
            id="under-baseUrl",
        ),
        pytest.param(
            {
                "tsconfig.json": '{ "extends": "./config/base.json" }',
                "config/base.json": '{ "compilerOptions": { "paths": { "@/*": ["../src/*"] } } }',
            },
            {"paths": {"@/*": ["./src/*"]}},
            id="relative-to-the-file-that-has-them",
        ),
        pytest.param(
            {
                "tsconfig.json": '{ "extends": "./config/base.json", "compilerOptions": { "baseUrl": "src" } }',
                "config/base.json": '{ "compilerOptions": { "paths": { "@/*": ["./*"] } } }',
            },
            {"baseUrl": "./src", "paths": {"@/*": ["./*"]}},
            id="another-file's-baseUrl-wins",
        ),
        pytest.param(
            {
                "tsconfig.json": '{ "extends": "./config/base.json" }',
                "config/base.json": '{ "compilerOptions": { "paths": { "@/*": ["${configDir}/src/*"] } } }',
            },
            {"paths": {"@/*": ["./src/*"]}},
            id="configDir",
        ),
    ],
)
def test_paths(tmp_path: Path, files: dict[str, str], expected: dict[str, Any]) -> None:
    tsconfig, problems = read(write(tmp_path, files))
    assert (options(tsconfig), problems) == (expected, [])


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        pytest.param({}, [("tsconfig-missing", "pikku.config.json:1:1")], id="not-there"),
        pytest.param({"tsconfig.json": '{ "a": }'}, [("bad-json", "tsconfig.json:1:8")], id="no-json"),
        pytest.param({"tsconfig.json": "[]"}, [("tsconfig-bad-value", "tsconfig.json:1:1")], id="no-object"),
        pytest.param(
            {"tsconfig.json": '{\n  "extends": "./gone"\n}'}, [("tsconfig-missing", "tsconfig.json:2:3")], id="extends"
        ),
        pytest.param(
            {"tsconfig.json": '{ "extends": ["./a", 3] }'}, [("tsconfig-bad-value", "tsconfig.json:1:3")], id="extends-3"
        ),
        pytest.param(
            {"tsconfig.json": '{ "extends": "./b.json" }', "b.json": '{ "extends": "./tsconfig.json" }'},
            [("tsconfig-cycle", "b.json:1:3")],
            id="cycle",
        ),
        pytest.param({"tsconfig.json": '{ "extends": "./tsconfig" }'}, [("tsconfig-cycle", "tsconfig.json:1:3")], id="itself"),
        pytest.param(
            {"tsconfig.json": '{ "compilerOptions": { "paths": { "a": "b" }, "target": 5, "jsx": "vue" } }'},
            [
                ("tsconfig-bad-value", "tsconfig.json:1:60"),
                ("tsconfig-bad-value", "tsconfig.json:1:47"),
                ("tsconfig-bad-value", "tsconfig.json:1:35"),
            ],
            id="values",
        ),
    ],
)
def test_mistakes_have_a_place(tmp_path: Path, files: dict[str, str], expected: list[tuple[str, str]]) -> None:
    assert read(write(tmp_path, files))[1] == expected


def test_without_a_tsconfig_nobody_asked_for_there_are_no_options(tmp_path: Path) -> None:
    assert read(write(tmp_path), asked=None) == (Tsconfig(), [])
