"""Truncated and mutated sources: facts and analysis come to an end, with problems and never with a traceback."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.units.small import write
from tests.units.test_analyze import EVERYTHING, INLINE
from tests.units.test_split import SERVICES
from unitgraph.errors import UnitgraphError
from unitgraph.units.analyze import analyze
from unitgraph.units.project import Project, load_project
from unitgraph.units.resolve import Resolver
from unitgraph.units.source import read_facts
from unitgraph.units.split import split

BOOKSHOP = Path(__file__).resolve().parents[2] / "examples" / "bookshop" / "src"
SEEDS = [text.encode() for text in (EVERYTHING, INLINE, *SERVICES.values())] + [
    path.read_bytes() for path in sorted(BOOKSHOP.rglob("*.ts"))
]
PIECES = [
    b"{", b"}", b"(", b")", b"[", b"]", b"'", b"`", b"${", b"=>", b"...", b",", b";", b"\n", b"\x00", b"\xff", b"/*", b"//", b"<", b">", b"p.",
    b"export default ", b"async ", b"const ", b"import ", b"from '#pikku'", b"as const", b"func: ", b"routes: ", b"wireHTTP(", b"undefined",
    b"null", b"{}", b"[]", b"''", b"0", b"name", b"for (const x of y) ", b"export * from './app'\n",
]  # fmt: skip


@st.composite
def broken(draw: st.DrawFn) -> bytes:
    """A real source with parts cut out, doubled, swapped or put in."""
    text = draw(st.sampled_from(SEEDS))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 60)))
        text = {
            "cut": text[:start] + text[end:],
            "truncate": text[:start] if start else text,
            "double": text[:end] + text[start:],
            "insert": text[:start] + draw(st.sampled_from(PIECES)) + text[start:],
            "replace": text[:start] + draw(st.sampled_from(PIECES)) + text[end:],
            "bytes": text[:start] + draw(st.binary(max_size=4)) + text[end:],
        }[draw(st.sampled_from(["cut", "truncate", "double", "insert", "replace", "bytes"]))]
    return text


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    files = {"src/app.ts": "", **dict.fromkeys(SERVICES, "")}
    return load_project(write(tmp_path_factory.mktemp("fuzz"), files, {"serverlessIncompatible": ["db"]}))


@settings(max_examples=2000)
@given(text=broken(), other=broken())
def test_broken_sources_give_problems_and_no_traceback(text: bytes, other: bytes, project: Project) -> None:
    facts = {"src/app.ts": read_facts(text, ".ts"), "src/services.ts": read_facts(other, ".tsx")}
    analysis = analyze(project, facts, Resolver(project))
    for problem in analysis.problems:
        assert isinstance(problem, UnitgraphError)
        assert str(problem)
    if not analysis.problems:
        split(analysis, project)
