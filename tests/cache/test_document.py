"""Documents have the text that the standard library gives them."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from unitgraph.cache.document import render

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))


@given(st.dictionaries(st.text(), values))
def test_a_document_is_what_json_makes_of_it_with_indents(document: dict[str, Any]) -> None:
    assert render(document) == json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def test_tuples_are_arrays() -> None:
    assert render({"a": (1, ("b",))}) == json.dumps({"a": [1, ["b"]]}, indent=2) + "\n"
