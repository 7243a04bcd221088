"""Expressions are called by what they say: edits elsewhere don't rename them, and no two texts share a name."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.units.slice_lab import Analysis, lab
from unitgraph.units.application import Expression, Fragment
from unitgraph.units.facts import Span
from unitgraph.units.slice import Roots, Sliced
from unitgraph.units.slice_names import Texts
from unitgraph.units.slice_plan import Slicer

MODULE = "src/wiring.ts"


def find(text: str, part: str, number: int = 1) -> Span:
    raw, wanted, start = text.encode(), part.encode(), -1
    for _ in range(number):
        start = raw.index(wanted, start + 1)
    return Span(start, start + len(wanted))


def name(text: str, part: str, *, omit: str = "", loop: str = "") -> str:
    """The name of one expression, alone in its module."""
    bindings = (("{ path }", Fragment(MODULE, find(text, loop))),) if loop else ()
    omitted = (find(text, omit),) if omit else ()
    expression = Expression(Fragment(MODULE, find(text, part)), bindings, omitted)
    return Texts({MODULE: text.encode()}.__getitem__).name(expression)


ONE = "wire({ auth: false, tags: ['a', 'b'] })\n"
SAME = {
    "something before it": f"wire({{ auth: true }})\nconst x = 1\n{ONE}",
    "something behind it": f"{ONE}wire({{ auth: true }})\n",
    "a comment in it": "wire({ auth: false, /* open */ tags: ['a', 'b'] })\n",
    "a comment to a line's end": "wire({ // it's { open\n auth: false, tags: ['a', 'b'] })\n",
    "formatting": "wire({\n  auth: false,\n\n  tags: [ 'a' , 'b' ]\n})\n",
    "commas at the end": "wire({ auth: false, tags: ['a', 'b',], })\n",
    "quotes": 'wire({ auth: false, tags: ["a", "b"] })\n',
}
OTHER = {
    "another value": "wire({ auth: true, tags: ['a', 'b'] })\n",
    "another key": "wire({ auths: false, tags: ['a', 'b'] })\n",
    "another string": "wire({ auth: false, tags: ['a', 'b '] })\n",
    "what looks like a comment in a string": "wire({ auth: false, tags: ['a', 'b/* c */'] })\n",
    "strings that are joined otherwise": "wire({ auth: false, tags: ['a, b'] })\n",
    "one more": "wire({ auth: false, tags: ['a', 'b'], sse: true })\n",
    "a template": "wire({ auth: false, tags: [`a`, 'b'] })\n",
    "a hole in an array": "wire({ auth: false, tags: ['a',, 'b'] })\n",
}


@pytest.mark.parametrize("text", SAME.values(), ids=SAME)
def test_what_says_the_same_has_one_name(text: str) -> None:
    start = text.rindex("wire(", 0, text.index("auth: false")) + len("wire(")
    assert name(text, text[start : text.index("})", text.index("tags")) + 1]) == name(ONE, ONE[5:-2])


@pytest.mark.parametrize("text", OTHER.values(), ids=OTHER)
def test_what_says_something_else_has_another_name(text: str) -> None:
    assert name(text, text[5:-2]) != name(ONE, ONE[5:-2])


def test_what_is_left_out_does_not_count() -> None:
    first, second = "wire({ route: '/a', auth: false })", "wire({ route: '/b/c', auth: false })"
    assert name(first, first[5:-1]) != name(second, second[5:-1])
    assert name(first, first[5:-1], omit="route: '/a',") == name(second, second[5:-1], omit="route: '/b/c',")


def test_what_a_loop_gives_counts() -> None:
    first, second = "for (const { path } of [a]) wire({ path })", "for (const { path } of [b]) wire({ path })"
    assert name(first, "{ path })"[:-1], loop="[a]") != name(second, "{ path })"[:-1], loop="[b]")


def test_equal_texts_share_a_name_and_others_never_do() -> None:
    text = "wire({ a: 1 })\nwire({ a: 1 })\nwire({ a: 1, })\nwire({ a: 2 })\n"
    parts = [find(text, "{ a: 1 }", 1), find(text, "{ a: 1 }", 2), find(text, "{ a: 1, }"), find(text, "{ a: 2 }")]
    texts = Texts({MODULE: text.encode()}.__getitem__)
    found = [texts.name(Expression(Fragment(MODULE, span))) for span in parts]
    assert found[0] == found[1]
    assert len({*found[1:]}) == 3


JSON = st.recursive(
    st.one_of(st.booleans(), st.integers(-9, 9), st.text("ab/*'\" \\{},`$", max_size=4)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", min_size=1, max_size=2), inner, max_size=3),
    max_leaves=5,
)


@given(st.lists(JSON, min_size=1, max_size=5))
def test_no_two_values_share_a_name(values: list[object]) -> None:
    texts = [json.dumps(value, ensure_ascii=False) for value in values]
    text = "".join(f"wire({each})\n" for each in texts)
    expressions, at = [], 0
    for each in texts:
        start = at + len(b"wire(")
        expressions.append(Expression(Fragment(MODULE, Span(start, start + len(each.encode())))))
        at = start + len(each.encode()) + len(b")\n")
    named = Texts({MODULE: text.encode()}.__getitem__)
    names = {one: named.name(one) for one in expressions}
    for first, one in zip(texts, expressions, strict=True):
        for second, other in zip(texts, expressions, strict=True):
            assert (names[one] == names[other]) == (first == second)


WIRING = """
    import { wireHTTP } from '#pikku/http'
    wireHTTP({ tags: ['one'] })
    wireHTTP({ tags: ['two'] })
    wireHTTP({ tags: ['one'] })
"""


def test_units_with_the_same_values_in_another_order_share_a_slice_and_agree_on_its_names(tmp_path: Path) -> None:
    made = lab(tmp_path, {"package.json": '{ "name": "my-app" }', MODULE: WIRING})
    text = made.texts[MODULE].decode()
    first, third = (Expression(Fragment(MODULE, find(text, "{ tags: ['one'] }", number))) for number in (1, 2))
    second = made.expression(MODULE, "{ tags: ['two'] }")
    plans = [made.plan(values=values) for values in ((first, second), (second, third), (third, second))]
    assert len({plan.modules[MODULE].path for plan in plans}) == 1
    assert len({made.text(plan, MODULE) for plan in plans}) == 1
    for plan, one in zip(plans, (first, third, third), strict=True):
        numbers = {plan.values[value][1]: said for value, said in ((one, "one"), (second, "two"))}
        for number, said in numbers.items():
            assert f"export const {number} = ({{ tags: ['{said}'] }})" in made.text(plan, MODULE)
        assert plan.values[one][0] == Sliced(MODULE)


def test_slices_that_keep_their_lines_are_apart(tmp_path: Path) -> None:
    made = lab(tmp_path, {"package.json": '{ "name": "my-app" }', MODULE: WIRING})
    apart = Slicer(Analysis(made.application, made.linker), made.facts, made.slicer.resolver, made.texts.__getitem__, by_place=True)
    text = made.texts[MODULE].decode()
    values = [Expression(Fragment(MODULE, find(text, "{ tags: ['one'] }", number))) for number in (1, 2)]
    plans = [apart.plan(Roots(values=(value,))) for value in values]
    assert plans[0].modules[MODULE].path != plans[1].modules[MODULE].path
    shown = [made.text(plan, MODULE, keep_lines=True).splitlines() for plan in plans]
    places = [next(number for number, line in enumerate(lines) if "tags: ['one']" in line) for lines in shown]
    assert places[1] - places[0] == 2
