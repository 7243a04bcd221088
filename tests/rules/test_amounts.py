"""Sizes, ages and shares as people write them, and as they are shown."""

import pytest

from unitgraph.errors.store import AmountInvalid
from unitgraph.rules.amounts import age_s, age_text, counted, share, size_bytes, size_text


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0), ("812", 812), ("812B", 812), ("5GB", 5_000_000_000), ("5 gb", 5_000_000_000), ("5G", 5_000_000_000),
        ("1.5MB", 1_500_000), ("2GiB", 2 << 30), ("10k", 10_000), ("1TB", 10**12), (" 7KiB ", 7168),
    ],
)  # fmt: skip
def test_sizes(text: str, size: int) -> None:
    assert size_bytes(text, "--max-size") == size


@pytest.mark.parametrize(("text", "seconds"), [("30d", 2_592_000), ("12h", 43_200), ("90m", 5400), ("10s", 10), ("2w", 1_209_600), ("0.5 D", 43_200)])
def test_ages(text: str, seconds: float) -> None:
    assert age_s(text, "--max-age") == seconds


@pytest.mark.parametrize(("text", "part"), [("5%", 0.05), ("100%", 1), ("0.25", 0.25), ("0%", 0), ("1", 1)])
def test_shares(text: str, part: float) -> None:
    assert share(text, "--rebuild") == pytest.approx(part)


@pytest.mark.parametrize(
    ("read", "text"),
    [
        *((size_bytes, text) for text in ("", "GB", "-1", "5XB", "5GBx", "1e9", "5,000", "٣GB", "inf", "9" * 400)),
        *((age_s, text) for text in ("", "30", "d", "-1d", "30 days", "1y")),
        *((share, text) for text in ("", "%", "101%", "2", "-5%", "5", "five")),
    ],
)
def test_what_cannot_be_read_is_said_with_an_example(read: object, text: str) -> None:
    with pytest.raises(AmountInvalid) as raised:
        read(text, "--option")  # type: ignore[operator] # one of the three of the table
    assert "--option" in raised.value.message
    assert "like" in raised.value.remedy


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"), (999, "999 B"), (1000, "1.0 KB"), (24_100, "24.1 KB"), (999_949, "999.9 KB"), (999_950, "1.0 MB"),
        (1_234_567, "1.2 MB"), (999_949_999, "999.9 MB"), (999_950_000, "1.0 GB"), (12_345_000_000_000, "12,345.0 GB"),
    ],
)  # fmt: skip
def test_sizes_for_people(size: int, text: str) -> None:
    assert size_text(size) == text


@pytest.mark.parametrize(("seconds", "text"), [(0, "less than a minute"), (60, "1 minute"), (7_300, "2 hours"), (86_400, "1 day"), (900_000, "10 days")])
def test_ages_for_people(seconds: float, text: str) -> None:
    assert age_text(seconds) == text


def test_counts() -> None:
    assert [counted(count, "blob") for count in (0, 1, 1204)] == ["0 blobs", "1 blob", "1,204 blobs"]
