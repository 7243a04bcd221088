"""The folder itself: the same bytes everywhere, and nothing touched that didn't change."""

from collections.abc import Callable
from pathlib import Path

from tests.typings.compile import Workshop
from unitgraph.rules.typings import write_typings

FILES = {"index.ts": "export {}\n", "project/queues.d.ts": "export interface Queues {}\n"}


def test_the_same_project_elsewhere_gives_the_same_bytes(workshop: Callable[[], Workshop]) -> None:
    one, other = workshop().bookshop().analysed().typings(), workshop().bookshop().analysed().typings()
    assert one == other
    assert list(one) == sorted(one)


def test_a_function_more_changes_the_maps_of_functions_only(workshop: Callable[[], Workshop]) -> None:
    shop = workshop().bookshop()
    before = shop.analysed().typings()
    shop.write(
        {"src/more.ts": "import { pikkuVoidFunc } from '#pikku'\nexport const more = pikkuVoidFunc(async () => {})\n"}
    )
    after = shop.analysed().typings()
    assert {place for place in after if after[place] != before.get(place)} == {"project/functions.d.ts"}


def test_a_body_changes_nothing(workshop: Callable[[], Workshop]) -> None:
    shop = workshop().bookshop()
    before = shop.analysed().typings()
    path = shop.root / "src" / "orders" / "pricing.ts"
    path.write_text(path.read_text().replace("sum + ", "sum + 0 + "))
    assert shop.analysed().typings() == before


def test_written_once(tmp_path: Path) -> None:
    assert write_typings(tmp_path, FILES) == ("index.ts", "project/queues.d.ts")
    before = {place: (tmp_path / place).stat() for place in FILES}
    assert write_typings(tmp_path, FILES) == ()
    assert {place: (tmp_path / place).stat() for place in FILES} == before


def test_only_what_changed_is_written(tmp_path: Path) -> None:
    write_typings(tmp_path, FILES)
    untouched = (tmp_path / "index.ts").stat()
    assert write_typings(tmp_path, FILES | {"project/queues.d.ts": "changed\n"}) == ("project/queues.d.ts",)
    assert (tmp_path / "index.ts").stat() == untouched
    assert (tmp_path / "project" / "queues.d.ts").read_text() == "changed\n"


def test_what_an_earlier_project_left_is_removed(tmp_path: Path) -> None:
    write_typings(tmp_path, FILES | {"recursion/src/old.ts": "", "old.ts": ""})
    assert write_typings(tmp_path, FILES) == ("old.ts", "recursion/src/old.ts")
    assert sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()) == sorted(
        FILES
    )
    assert not (tmp_path / "recursion").exists()


def test_a_folder_gives_way_to_a_file_of_its_name(tmp_path: Path) -> None:
    write_typings(tmp_path, {"queue/x.ts": ""})
    write_typings(tmp_path, {"queue": "a file"})
    assert (tmp_path / "queue").read_text() == "a file"
    write_typings(tmp_path, {"queue/x.ts": "again"})
    assert (tmp_path / "queue" / "x.ts").read_text() == "again"


def test_a_link_is_replaced_not_followed(tmp_path: Path) -> None:
    mine = tmp_path / "mine.ts"
    mine.write_text("mine")
    folder = tmp_path / ".pikku"
    folder.mkdir()
    (folder / "index.ts").symlink_to(mine)
    write_typings(folder, {"index.ts": "generated"})
    assert mine.read_text() == "mine"
    assert (folder / "index.ts").read_text() == "generated"
