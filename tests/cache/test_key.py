"""Action keys: what moves them and what doesn't."""

from hypothesis import given
from hypothesis import strategies as st

from unitgraph.cache import digest
from unitgraph.cache.key import Component, difference, make

names = st.text(st.characters(blacklist_characters="\0\n", codec="utf-8"), min_size=1, max_size=8)
components = st.lists(st.builds(Component, names, names, names), max_size=6, unique_by=lambda part: (part.kind, part.name))


@given(components, st.randoms())
def test_a_key_is_the_same_in_any_order(parts: list[Component], random: object) -> None:
    shuffled = list(parts)
    random.shuffle(shuffled)  # type: ignore[attr-defined] # hypothesis types its random as object
    assert make("bundle", parts).digest == make("bundle", shuffled).digest


@given(components, components)
def test_two_keys_are_the_same_only_if_their_components_are(left: list[Component], right: list[Component]) -> None:
    assert (make("bundle", left).digest == make("bundle", right).digest) == (sorted(left) == sorted(right))


def test_the_action_is_part_of_its_key() -> None:
    assert make("bundle", []).digest != make("codegen", []).digest


@given(st.dictionaries(names, st.integers() | names | st.none(), max_size=5))
def test_a_json_digest_does_not_depend_on_key_order(value: dict[str, object]) -> None:
    assert digest.of(value) == digest.of(dict(reversed(value.items())))


def test_the_difference_of_two_keys_names_what_moved() -> None:
    old = [Component("tool", "esbuild", "1"), Component("closure", "a.ts", "x"), Component("closure", "b.ts", "y")]
    new = [Component("tool", "esbuild", "2"), Component("closure", "a.ts", "x"), Component("closure", "c.ts", "z")]
    assert difference(old, new) == (
        (Component("closure", "b.ts", "y"), Component("closure", "b.ts", "y")),
        (Component("closure", "c.ts", "z"), None),
        (Component("tool", "esbuild", "2"), Component("tool", "esbuild", "1")),
    )
