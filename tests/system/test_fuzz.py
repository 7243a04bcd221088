"""Broken text in any form ends as an error with a place or as facts, never as another exception."""

import random
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.harness import REPOSITORY, Checkout
from tests.system.projects import MALL, SHOP
from unitgraph.cache import digest
from unitgraph.errors import Problems
from unitgraph.rules.database import Database
from unitgraph.rules.memo import Memo
from unitgraph.rules.workspace import analyse
from unitgraph.units.project import load_project
from unitgraph.units.source import read_facts

CORPUS = {
    **{path: text.encode() for path, text in (SHOP | MALL).items() if path.endswith(".ts")},
    **{
        path.relative_to(REPOSITORY).as_posix(): path.read_bytes()
        for path in sorted((REPOSITORY / "examples" / "bookshop" / "src").rglob("*.ts"))
    },
}
TOKENS = re.compile(rb"\w+|\s+|[^\w\s]")
STRANGE = [
    b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"`", b"${", b"/*", b"*/", b"<", b">", b"{", b"}", b"(", b")", b"=>", b"...", b"'", b"\\",
    b"\xe2\x80\xa8", b"wireHTTP(", b"pikkuFunc(", b"export default ", b"import ", b"as const", b"satisfies", b"#!", b"@", b"\r",
    b"for (const x of ", b"async ", b"[", b"]: ", b"?.", b"\xf0\x9f\x93\x9a", b"export * from './a'\n", b"enum E {", b"<<<<<<<",
]  # fmt: skip


def truncated(text: bytes, rng: random.Random) -> bytes:
    return text[: rng.randrange(len(text) + 1)]


def tokens_dropped(text: bytes, rng: random.Random) -> bytes:
    return b"".join(token for token in TOKENS.findall(text) if rng.random() > 0.03)


def tokens_swapped(text: bytes, rng: random.Random) -> bytes:
    tokens = TOKENS.findall(text)
    for _ in range(3):
        left, right = rng.randrange(len(tokens)), rng.randrange(len(tokens))
        tokens[left], tokens[right] = tokens[right], tokens[left]
    return b"".join(tokens)


def strange_inserted(text: bytes, rng: random.Random) -> bytes:
    place = rng.randrange(len(text) + 1)
    return text[:place] + rng.choice(STRANGE) + text[place:]


def bytes_changed(text: bytes, rng: random.Random) -> bytes:
    changed = bytearray(text)
    for _ in range(rng.randrange(1, 6)):
        changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed)


def part_repeated(text: bytes, rng: random.Random) -> bytes:
    start = rng.randrange(len(text))
    end = min(len(text), start + rng.randrange(1, 400))
    return text[:end] + text[start:end] * rng.randrange(1, 4) + text[end:]


MUTATIONS = (truncated, tokens_dropped, tokens_swapped, strange_inserted, bytes_changed, part_repeated)


def mutants(seed: int, count: int) -> Iterator[tuple[str, bytes]]:
    rng = random.Random(seed)
    names = sorted(CORPUS)
    for _ in range(count):
        name = rng.choice(names)
        text = CORPUS[name]
        for _ in range(rng.choice((1, 1, 2, 3))):
            text = rng.choice(MUTATIONS)(text, rng) or b"x"
        yield name, text


@pytest.mark.parametrize("seed", range(4))
def test_facts_are_read_of_any_text(seed: int) -> None:
    for name, text in mutants(seed, 400):
        facts = read_facts(text, Path(name).suffix)
        assert type(facts).from_data(facts.to_data()) == facts, f"{name}: {text!r}"


@pytest.mark.parametrize("name", sorted(CORPUS))
def test_facts_are_read_of_every_beginning(name: str) -> None:
    text = CORPUS[name]
    for end in range(0, len(text), max(1, len(text) // 60)):
        read_facts(text[:end], Path(name).suffix)


@given(st.binary(max_size=200))
@example(b"")
@example(b"\x00")
@example("\ufeffexport const a = 1".encode())
@example(b"(" * 3000)
@example(b"{[" * 2000)
@example(b"a?" * 3000)
@example(b"export * from '" + b"x" * 5000 + b"'")
@settings(max_examples=300)
def test_facts_are_read_of_any_bytes(text: bytes) -> None:
    read_facts(text, ".ts")


@pytest.mark.parametrize("suffix", [".ts", ".tsx", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs"])
def test_facts_are_read_whatever_the_suffix(suffix: str) -> None:
    for _, text in mutants(99, 60):
        read_facts(text, suffix)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("base", [SHOP, MALL], ids=["shop", "mall"])
def test_a_project_with_a_mutated_file_is_analysed_or_refused(
    checkout: Callable[..., Checkout], base: dict[str, str], seed: int
) -> None:
    work = checkout(base, name="work")
    rng = random.Random(seed)
    paths = [path for path in base if path.startswith("src/")]
    database = Database(work.root / ".deploy" / "cache" / "build.db")
    for _ in range(60):
        path = rng.choice(paths)
        text = base[path].encode()
        for _ in range(rng.choice((1, 2))):
            text = rng.choice(MUTATIONS)(text, rng) or b"x"
        (work.root / path).write_bytes(text)
        with suppress(Problems):
            project = load_project(work.root)
            analyse(project, database, Memo(project.root, database, digest.local))
        (work.root / path).write_text(base[path])
    database.close()


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("path", ["pikku.config.json", "package.json", "tsconfig.json", "package-lock.json", "bun.lock"])
def test_a_project_with_a_mutated_setting_is_loaded_or_refused(
    checkout: Callable[..., Checkout], path: str, seed: int
) -> None:
    locks = {
        "package-lock.json": '{ "lockfileVersion": 3, "packages": { "": { "name": "shop" }, "node_modules/a": { "version": "1.0.0", "integrity": "sha512-x" } } }',
        "bun.lock": '{ "lockfileVersion": 1, "workspaces": { "": { "name": "shop" } }, "packages": { "a": ["a@1.0.0", "", {}, "sha512-x"] } }',
    }
    text = (SHOP | locks)[path].encode()
    work = checkout(SHOP, name="work")
    rng = random.Random(seed)
    for _ in range(150):
        (work.root / path).write_bytes(rng.choice(MUTATIONS)(text, rng))
        with suppress(Problems):
            load_project(work.root)
