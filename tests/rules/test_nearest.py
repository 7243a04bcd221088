"""The nearest build: what is published of one comes back as it was, anybody's text is refused, misses are counted."""

import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unitgraph.cache.key import Component, make
from unitgraph.providers.base import Reason
from unitgraph.rules.action import How, Result
from unitgraph.rules.known_build import LARGEST_BYTES, KnownBuild, decode, encode, short
from unitgraph.rules.misses import Missed, missed
from unitgraph.rules.nearest import Nearest, since
from unitgraph.rules.options import table
from unitgraph.rules.reasons import FIRST, LAST, WIRING, Node, compare, mark

COMMIT = "0123456789abcdef" * 2 + "01234567"


def digest(letter: str) -> str:
    return letter * 64


KNOWN = KnownBuild(
    COMMIT,
    "refs/heads/main",
    {
        "bundle:a": (digest("a")[:16], (Component("closure", "src/a.ts", digest("c")), Component("tool", "esbuild", "1.0"))),
        "bundle:b": (digest("b")[:16], (Component("closure", "src/a.ts", digest("c")), Component("tool", "esbuild", "1.0"))),
    },
    {"a": ("sha256:" + digest("d")[:16], "bundle:a")},
    {digest("c")[:16]: {"files": [["src/a.ts", digest("e")[:16]]], "packages": [], "children": []}},
    {digest("f")[:16]: "gen:" + digest("0")[:16]},
)


def test_a_build_comes_back_as_it_was_with_no_more_of_digests_than_needed() -> None:
    back = decode(encode(KNOWN))
    assert (back.commit, back.ref, back.bundles, back.nodes, back.entries) == (
        KNOWN.commit, KNOWN.ref, KNOWN.bundles, KNOWN.nodes, KNOWN.entries,
    )  # fmt: skip
    assert back.actions["bundle:a"][1] == (
        Component("closure", "src/a.ts", digest("c")[:16]), Component("tool", "esbuild", "1.0"),
    )  # fmt: skip
    assert encode(back) == encode(KNOWN), "equal builds, equal bytes"


def test_it_knows_what_a_bundle_was_made_of_by_either_digest() -> None:
    assert KNOWN.made("a", "sha256:" + digest("d")) == KNOWN.actions["bundle:a"][1]
    assert KNOWN.made("a", "sha256:" + digest("e")) is None
    assert KNOWN.made("z", "sha256:" + digest("d")) is None
    assert KNOWN.node(FIRST + digest("f")[:16]) == {"children": ["gen:" + digest("0")[:16]]}
    assert KNOWN.node(LAST + digest("1")[:16]) is None


def edited(**changes: Any) -> bytes:
    data = json.loads(zlib.decompress(encode(KNOWN)))
    return zlib.compress(json.dumps({**data, **changes}).encode())


BAD: Mapping[str, bytes] = {
    "nothing": b"",
    "no deflated data": b"{}",
    "cut": encode(KNOWN)[:-5],
    "no JSON": zlib.compress(b"{"),
    "no object": zlib.compress(b"[]"),
    "another schema": edited(schema=2),
    "no commit": edited(commit=None),
    "what a terminal obeys": edited(ref="main\x1b[2J"),
    "a name of two lines": edited(nodes={"a" * 16: {"files": [["a\nb", "c"]]}}),
    "a name without an end": edited(ref="m" * 5000),
    "a number that isn't there": edited(actions={"bundle:a": ["a", [99]]}),
    "a part too long": edited(parts=[["tool", "esbuild", "1", "2"]]),
    "a row too short": edited(nodes={"a" * 16: {"pins": [["dep", "1.0.0"]]}}),
    "an object for a list": edited(nodes={"a" * 16: {"children": 7}}),
    "lists without end": zlib.compress(b"[" * 100_000),
    "more than there can be": zlib.compress(b" " * (65 << 20)),
}


@pytest.mark.parametrize("data", BAD.values(), ids=BAD)
def test_what_is_no_such_document_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whatever is wrong with it is said in its text, for nobody
        decode(data)


@given(st.data())
def test_a_document_of_any_other_form_is_a_value_error_and_nothing_else(data: st.DataObject) -> None:
    found = json.loads(zlib.decompress(encode(KNOWN)))
    name = data.draw(st.sampled_from(sorted(found)))
    leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5)
    found[name] = data.draw(st.recursive(leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)))
    try:
        back = decode(zlib.compress(json.dumps(found).encode()))
    except ValueError:
        return
    assert encode(back)
    for build in (back, KNOWN):
        compare(back.node, build.actions.get("bundle:a", ("", ()))[1], KNOWN.actions["bundle:b"][1])


def test_a_short_node_holds_the_beginnings_of_digests_and_nothing_less() -> None:
    node = {
        "files": [["a.ts", digest("a")]], "packages": [["dep", f"lock:{digest('b')}"]], "children": [digest("c"), f"gen:{digest('d')}"],
        "tools": [["templates", digest("e")]], "pins": [["dep", "1.0.0", "sha512-" + "f" * 80]], "path": "package-lock.json",
    }  # fmt: skip
    assert short(node) == {
        "files": [["a.ts", "a" * 16]], "packages": [["dep", "lock:" + "b" * 16]], "children": ["c" * 16, "gen:" + "d" * 16],
        "tools": [["templates", "e" * 16]], "pins": [["dep", "1.0.0", "sha512-fffffffff"]], "path": "package-lock.json",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("ref", "commit", "expected"),
    [
        ("refs/heads/main", COMMIT, "commit 0123456 (main)"),
        ("refs/pull/7/merge", COMMIT, "commit 0123456 (pull/7/merge)"),
        ("", COMMIT, "commit 0123456"),
        ("", "", "the last build"),
    ],
)
def test_a_build_has_a_name_for_people(ref: str, commit: str, expected: str) -> None:
    assert since(replace(KNOWN, ref=ref, commit=commit)) == expected


class Fixed:
    """What is near, without a cache: one build, and the nodes of the database here."""

    def __init__(self, build: KnownBuild | None, nodes: Mapping[str, Node]) -> None:
        self._build = build
        self._nodes = nodes

    def build(self) -> KnownBuild | None:
        return self._build

    def node(self, name: str) -> Node | None:
        return (self._build.node(name) if self._build else None) or self._nodes.get(name)


def ran(name: str, *components: Component) -> Result:
    return Result(name, How.RAN, make("bundle", components))


def why(results: list[Result], nodes: Mapping[str, Node], build: KnownBuild | None = KNOWN) -> Missed | None:
    return missed(cast("Nearest", Fixed(build, nodes)), results)


HERE: Mapping[str, Node] = {
    "9" * 16: {"files": [["src/a.ts", "8" * 64]], "packages": [], "children": []},
}
MOVED = Component("closure", "src/a.ts", digest("9"))
SAME = Component("closure", "src/a.ts", digest("c"))
TOOL = Component("tool", "esbuild", "1.0")
MISSES: dict[str, tuple[list[Result], list[str]]] = {
    "a file of one unit": (
        [ran("bundle:a", MOVED, TOOL)],
        ["missed: src/a.ts changed since commit 0123456 (main)"],
    ),
    "a file of several": (
        [ran("bundle:a", MOVED, TOOL), ran("bundle:b", MOVED, TOOL)],
        ["missed: src/a.ts changed since commit 0123456 (main) (2 units)"],
    ),
    "a tool and a file": (
        [ran("bundle:a", MOVED, Component("tool", "esbuild", "2.0")), ran("bundle:b", SAME, Component("tool", "esbuild", "2.0"))],
        [
            "missed: esbuild: 1.0 → 2.0, since commit 0123456 (main) (2 units)",
            "missed: src/a.ts changed since commit 0123456 (main) (1 unit)",
        ],
    ),
    "what the cache has lost": (
        [ran("bundle:a", SAME, TOOL)],
        ["missed: 1 unit built by commit 0123456 (main) and no longer in the cache"],
    ),
    "a unit that is new": (
        [ran("bundle:z", SAME, TOOL)],
        ["missed: 1 unit new since commit 0123456 (main)"],
    ),
    "many reasons": (
        [ran("bundle:a", SAME, TOOL, *(Component("tool", name, "1") for name in "vwxyz"))],
        [
            *(f"missed: {name}: new (tool), since commit 0123456 (main)" for name in "vwx"),
            "missed: 2 reasons more; 'doit why UNIT' has those of one",
        ],
    ),
}


@pytest.mark.parametrize(("results", "expected"), MISSES.values(), ids=MISSES)
def test_misses_are_told_by_what_moved_and_how_many_it_concerns(results: list[Result], expected: list[str]) -> None:
    found = why(results, HERE)
    assert found is not None
    assert found.lines() == expected


def test_without_a_build_near_by_or_without_misses_there_is_nothing_to_say() -> None:
    assert why([ran("bundle:a", MOVED)], HERE, None) is None
    assert why([], HERE) is None
    assert why([Result("bundle:a", How.FAILED)], HERE) is None


def test_the_vague_reason_stands_only_alone() -> None:
    entry, slice_ = ".deploy/cloudflare/gen/units/a.ts", "src/a.ts"
    old = [Component("generated", entry, digest("1")), Component("generated", slice_, digest("2"))]
    only = [Component("generated", entry, digest("3")), Component("generated", slice_, digest("2"))]
    both = [Component("generated", entry, digest("3")), Component("generated", slice_, digest("4"))]
    assert compare(lambda _: None, old, only) == (Reason("source-changed", "", WIRING),)
    assert compare(lambda _: None, old, both) == (Reason("source-changed", slice_, "changed"),)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (digest("a"), "a" * 16),
        ("b" * 32, "b" * 16),
        (f"lock:{digest('c')}", "lock:" + "c" * 16),
        ("sha256:" + digest("d"), "sha256:" + "d" * 16),
        ("0.28.2", "0.28.2"),
        ('manner:{"type": "module"}', 'manner:{"type": "module"}'),
        ("", ""),
    ],
)
def test_a_mark_is_the_beginning_of_a_digest_and_all_of_anything_else(value: str, expected: str) -> None:
    assert mark(value) == expected
    assert mark(expected) == expected


OPTIONS: dict[str, tuple[tuple[str, ...], dict[str, str]]] = {
    "with a value": (("--target=es2022",), {"esbuild --target": "es2022"}),
    "without one": (("--minify",), {"esbuild --minify": ""}),
    "given twice": (("--target=es2022", "--target=es2021"), {"esbuild --target": "es2021"}),
    "each external by itself": (("--external:a", "--external:b"), {"esbuild --external:a": "", "esbuild --external:b": ""}),
    "an alias": (("--alias:a=b",), {"esbuild --alias:a": "b"}),
    "each option of the tsconfig": (
        ('--tsconfig-raw={"compilerOptions": {"strict": true, "paths": {"a": ["b"]}}}',),
        {"tsconfig strict": "true", "tsconfig paths": '{"a": ["b"]}'},
    ),
}


@pytest.mark.parametrize(("arguments", "expected"), OPTIONS.values(), ids=OPTIONS)
def test_options_have_the_names_that_people_give_them(arguments: tuple[str, ...], expected: dict[str, str]) -> None:
    assert table(arguments) == expected


def test_what_a_define_puts_into_the_code_is_shown_to_nobody() -> None:
    (told,) = table(('--define:process.env.TOKEN="hush"',)).items()
    assert told[0] == "esbuild --define:process.env.TOKEN"
    assert "hush" not in told[1]
    assert told[1] != table(('--define:process.env.TOKEN="other"',))[told[0]], "that it moved is no secret"


def test_a_document_is_smaller_than_the_bound_at_three_thousand_units() -> None:
    def parts(number: int) -> Iterator[Component]:
        yield TOOL
        for at in range(10):
            yield Component("generated", f"src/area{number // 20}/file{number}-{at}.ts", make("x", [Component("a", str(at), str(number))]).digest)

    actions = {f"bundle:unit-{number}": (str(number), tuple(parts(number))) for number in range(3000)}
    assert len(encode(replace(KNOWN, actions=actions))) < LARGEST_BYTES
