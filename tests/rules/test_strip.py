"""Stripped digests: equal where the bundler can see no difference, different wherever it can."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.harness import Tools
from unitgraph.cache import digest
from unitgraph.rules.database import Database
from unitgraph.rules.memo import Memo
from unitgraph.rules.strip import Stripper

Digest = Callable[[str], str]
TEXT = """
import { helper, type Kind } from './helper.js'
export const made = helper('a  b')
export function later(value: number): Kind { return { value, other: made } }
"""


@pytest.fixture
def stripped(tmp_path: Path, tools: Tools) -> Digest:
    """The stripped digest of a text, as a file of its own."""
    count = iter(range(100))

    def of(text: str) -> str:
        path = f"file{next(count)}.ts"
        (tmp_path / path).write_text(text)
        database = Database(tmp_path / "build.db")
        memo = Memo(tmp_path, database, digest.local)
        stripper = Stripper(tmp_path, database, lambda: tools.esbuild, memo, ("--tsconfig-raw={}",), "1")
        stripper.load([path])
        database.close()
        return stripper.digest(path)

    return of


SAME = {
    "nothing": ("", ""),
    "a comment": ("export const", "// said\nexport const"),
    "a type": ("value: number", "value: bigint"),
    "a type import": ("type Kind", "type Kind, type Other"),
    "white space": ("{ value, other: made }", "{\n\n  value,\n  other: made,\n}"),
    "quotes": ("'./helper.js'", '"./helper.js"'),
}
OTHER = {
    "white space in a string": ("'a  b'", "'a b'"),
    "a name": ("other: made", "others: made"),
    "an import": ("'./helper.js'", "'./helpers.js'"),
    "a pure annotation": ("helper('a", "/* @__PURE__ */ helper('a"),
    "a pure annotation with a hash": ("helper('a", "/* #__PURE__ */ helper('a"),
    "an annotation of a function": ("export function", "/* @__NO_SIDE_EFFECTS__ */ export function"),
}
PURE = ("helper('a", "/* @__PURE__ */ helper('a")


@pytest.mark.parametrize("pure", [False, True], ids=["plain", "annotated"])
@pytest.mark.parametrize(("old", "new"), SAME.values(), ids=SAME)
def test_what_no_bundle_shows_changes_no_digest(stripped: Digest, old: str, new: str, *, pure: bool) -> None:
    text = TEXT.replace(*PURE) if pure else TEXT
    assert stripped(text.replace(old, new, 1) if old else text) == stripped(text)


@pytest.mark.parametrize(("old", "new"), OTHER.values(), ids=OTHER)
def test_what_a_bundle_may_show_changes_the_digest(stripped: Digest, old: str, new: str) -> None:
    assert stripped(TEXT.replace(old, new, 1)) != stripped(TEXT)


def test_an_annotation_that_moves_changes_the_digest(stripped: Digest) -> None:
    first = "export const a = /* @__PURE__ */ f('x'), b = f('y')\n"
    second = "export const a = f('x'), b = /* @__PURE__ */ f('y')\n"
    assert stripped(first) != stripped(second)


def test_a_file_that_cannot_be_parsed_stands_for_itself(stripped: Digest) -> None:
    assert stripped("export const = 1") != stripped("export const  = 1")
