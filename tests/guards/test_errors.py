"""Every error has a unique kebab-case code, a remedy, and a row in docs/errors.md."""

import re
from collections import Counter

from tests.guards.errors_page import PAGE, classes, entries, page


def test_codes_are_kebab_case_and_unique() -> None:
    codes = Counter(error.code for error in classes())
    assert [code for code, count in codes.items() if count > 1] == []
    assert [code for code in codes if not re.fullmatch(r"[a-z]+(-[a-z]+)*", code)] == []


def test_every_error_says_what_happened_and_what_to_do() -> None:
    silent = [entry.name for entry in entries() if not entry.says or (not entry.remedy and entry.area != "base")]
    assert silent == []


def test_the_page_of_errors_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run python -m tests.guards.errors_page"
