"""The runtime as bundles take it: esbuild gives no name back to its functions, and it means what it meant."""

import os
import subprocess
from pathlib import Path

import pytest

from unitgraph.rules.toolchain import ensure, user_cache
from unitgraph.rules.tools import RUNTIME
from unitgraph.rules.unnamed import prepared, unnamed


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("const f = () => 1", "const f = (0, () => 1)"),
        ("export const f = async <T>(a: T) => a", "export const f = (0, async <T>(a: T) => a)"),
        ("const f = (a) => { const g = () => a; return g }", "const f = (0, (a) => { const g = (0, () => a); return g })"),
        ("const o = { m: () => 1, n() { return 2 } }", "const o = { m: (0, () => 1), n() { return 2 } }"),
        ("const f = ((a) => a) as F", "const f = ((0, (a) => a)) as F"),
        ("x = function () {}", "x = (0, function () {})"),
        ("const f = ({ g = () => 1 }) => g", "const f = (0, ({ g = (0, () => 1) }) => g)"),
        ("class A { b = () => 1 }", "class A { b = (0, () => 1) }"),
        ("each.map((one) => one)", "each.map((one) => one)"),
        ("/* @__NO_SIDE_EFFECTS__ */\nexport const f = () => 1", "/* @__NO_SIDE_EFFECTS__ */\nexport const f = () => 1"),
        ("function f() {}\nclass A {}", "function f() {}\nclass A {}"),
        ("const f = () => 'é'", "const f = (0, () => 'é')"),
    ],
)  # fmt: skip
def test_functions_that_would_be_named(text: str, expected: str) -> None:
    assert unnamed(text.encode(), ".ts").decode() == expected


def test_esbuild_names_the_classes_alone(tmp_path: Path) -> None:
    source = b"const f = () => 1\nconst o = { m: () => 2 }\nclass Told extends Error {}\nconsole.log(f, o, Told)\n"
    (tmp_path / "a.ts").write_bytes(unnamed(source, ".ts"))
    esbuild = ensure("build", user_cache(os.environ)).esbuild
    made = subprocess.run(
        [esbuild, "a.ts", "--bundle", "--minify-syntax", "--keep-names"], cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout
    assert [line.strip() for line in made.splitlines() if "__name(" in line] == ['__name(this, "Told");']


def test_the_folder_is_written_once(tmp_path: Path) -> None:
    place = tmp_path / "cache" / "runtime"
    assert prepared(RUNTIME, place) == place
    written = (place / "core" / "onion.ts").stat()
    assert "(0, " in (place / "core" / "onion.ts").read_text("utf-8")
    assert (place / "aliases.json").read_bytes() == (RUNTIME / "aliases.json").read_bytes()
    assert prepared(RUNTIME, place) == place
    assert (place / "core" / "onion.ts").stat().st_mtime_ns == written.st_mtime_ns
    assert [path.name for path in place.parent.iterdir()] == ["runtime"]
