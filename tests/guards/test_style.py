"""The rules of the house that no linter knows: what a module may hold, where the outside is touched."""

import ast
import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent.parent
PACKAGE = REPOSITORY / "unitgraph"
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if "node_modules" not in path.parts)
SCRIPTS = sorted(
    path
    for path in PACKAGE.rglob("*")
    if path.suffix in {".ts", ".tsx", ".j2"} and "node_modules" not in path.parts
)
READS_PROJECTS = {"sources.py"}
"""The one place of ``units`` that reads a project's files."""

COMMAND_LINE = {"rules/main.py", "rules/settings.py"}
"""Where the environment is read."""


def name(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_a_module_says_what_it_knows(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    if not text.strip():
        return
    docstring = ast.get_docstring(ast.parse(text))
    assert docstring, "no docstring"
    assert len(docstring.splitlines()[0]) > 20


@pytest.mark.parametrize("path", [*MODULES, *SCRIPTS], ids=name)
def test_a_module_is_one_noun(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 400, f"{len(lines)} lines: look for the second noun"


@pytest.mark.parametrize("path", [*MODULES, *SCRIPTS], ids=name)
def test_nothing_is_left_for_later(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"\b(TODO|FIXME|XXX)\b", text)
    assert "raise NotImplementedError" not in text
    assert not re.search(r"\b(as any|@ts-ignore|@ts-nocheck)\b", text)


@pytest.mark.parametrize("path", sorted((REPOSITORY / "tests").rglob("*.py")), ids=lambda path: path.name)
def test_fakes_are_passed_never_patched(path: Path) -> None:
    if path == Path(__file__):
        return
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"mock\.patch|from unittest|import mock|pytest\.mark\.(skip|xfail)\b", text)


def test_units_reads_files_in_one_place() -> None:
    touching = re.compile(r"\b(open\(|os\.(scandir|listdir|walk|stat|lstat|open)\b|\.read_(bytes|text)\(|\.iterdir\(|\.r?glob\()")
    found = {
        path.name
        for path in (PACKAGE / "units").rglob("*.py")
        if touching.search(path.read_text(encoding="utf-8"))
    }
    assert found <= READS_PROJECTS


def test_the_environment_is_read_at_the_command_line_only() -> None:
    found = {name(path) for path in MODULES if re.search(r"os\.(environ|getenv)\b", path.read_text(encoding="utf-8"))}
    found = {each for each in found if not each.startswith("rules/commands/")}
    assert found <= COMMAND_LINE
