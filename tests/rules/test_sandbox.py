"""The sandbox: what a bundle may read, where it would look for it, and nothing else."""

from pathlib import Path

import pytest

from unitgraph.rules.sandbox import sandbox


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A project that is a member of a workspace, two folders below its root."""
    root = tmp_path / "top" / "packages" / "shop"
    for path, text in {
        "src/a.ts": "raw a",
        "src/logo.svg": "<svg/>",
        "package.json": "{}",
        "../shared/src/b.ts": "raw b",
        "../shared/package.json": '{ "name": "@acme/shared" }',
        "../../node_modules/dep/index.js": "dep",
        "node_modules/own/index.js": "own",
    }.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    scope = tmp_path / "top" / "node_modules" / "@acme"
    scope.mkdir()
    (scope / "shared").symlink_to("../../packages/shared")
    return root


def test_sources_are_the_texts_that_are_given(shop: Path) -> None:
    with sandbox(shop, {"src/a.ts": b"stripped a"}, ["src/logo.svg", "package.json"]) as folder:
        assert (folder / "src/a.ts").read_bytes() == b"stripped a"
        assert (folder / "src/logo.svg").read_text() == "<svg/>"
        assert sorted(path.name for path in (folder / "src").iterdir()) == ["a.ts", "logo.svg"]
    assert not folder.exists()


def test_packages_are_found_from_below_and_from_above(shop: Path) -> None:
    with sandbox(shop, {"src/a.ts": b""}, []) as folder:
        assert (folder / "node_modules/own/index.js").read_text() == "own"
        assert (folder / "../../node_modules/dep/index.js").read_text() == "dep"


def test_a_member_of_the_workspace_is_the_one_in_the_sandbox(shop: Path) -> None:
    with sandbox(shop, {"src/a.ts": b"", "../shared/src/b.ts": b"stripped b"}, ["../shared/package.json"]) as folder:
        assert (folder / "../../node_modules/@acme/shared/src/b.ts").read_bytes() == b"stripped b"
        assert (folder / "../shared/src/b.ts").read_bytes() == b"stripped b"
        assert folder.name == "shop"


def test_nothing_is_left_when_it_ends_with_an_error(shop: Path) -> None:
    with pytest.raises(ValueError, match="stop"), sandbox(shop, {"src/a.ts": b""}, []) as folder:
        raise ValueError("stop")
    assert not folder.exists()
    assert (shop / "node_modules/own/index.js").exists()
