"""The threats of docs/cache.md and the tests that try them name each other."""

import ast
import re
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
PAGE = TESTS.parent.parent / "docs" / "cache.md"


def rows() -> list[tuple[str, list[str]]]:
    """Threat, and the tests that its row names."""
    section = PAGE.read_text(encoding="utf-8").split("### Threats\n")[1].split("\n### ")[0]
    lines = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("| ")][1:]
    return [(cells[0].strip(), re.findall(r"`(test_\w+)`", cells[2])) for cells in lines]


def defined_in(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def test_every_threat_is_tried_by_tests_that_are_there() -> None:
    there = {name for path in TESTS.rglob("test_*.py") for name in defined_in(path)}
    assert len(rows()) > 20
    assert {threat: named for threat, named in rows() if not named or not set(named) <= there} == {}


def test_every_file_of_threats_is_on_the_page() -> None:
    named = {name for _, names in rows() for name in names}
    files = [path for path in (TESTS / "threats").glob("test_*.py") if path != Path(__file__).resolve()]
    assert [path.name for path in files if not defined_in(path) & named] == []
