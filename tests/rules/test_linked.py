"""What is kept of reading and linking: which files are read again, and when nothing is believed."""

import marshal
import sqlite3
from pathlib import Path

import pytest

from tests.units.small import write
from unitgraph.cache import digest
from unitgraph.errors import Problems
from unitgraph.rules.database import Database
from unitgraph.rules.linked import HEAD
from unitgraph.rules.memo import Memo
from unitgraph.rules.workspace import Workspace, analyse, database_path
from unitgraph.units.project import load_project

FILES = {
    "src/a.ts": """
        import { pikkuFunc } from '#pikku'
        import { price } from './price'
        export const getBook = pikkuFunc(async ({ db }) => price())
    """,
    "src/routes.ts": "export const BOOKS = '/books'\n",
    "src/wiring.ts": """
        import { wireHTTP } from '#pikku'
        import { getBook } from './a'
        import { BOOKS } from './routes'
        wireHTTP({ method: 'get', route: BOOKS, func: getBook })
    """,
    "src/price.ts": "export const price = () => 1\n",
}


class Watched(Memo):
    """Says which files were read for their text."""

    def __init__(self, root: Path, database: Database) -> None:
        super().__init__(root, database, digest.local)
        self.read: list[str] = []

    def take(self, path: str) -> bytes:
        self.read.append(path)
        return super().take(path)


def run(root: Path, *, remember: bool = True) -> tuple[Workspace, list[str], set[str]]:
    """Analyses; returns the files that were read, and those whose findings are new."""
    database = Database(database_path(root))
    before = {path: data for path, data in database.linked().items() if path}
    memo = Watched(root, database)
    workspace = analyse(load_project(root), database, memo, remember=remember)
    after = {path: data for path, data in database.linked().items() if path}
    database.close()
    return workspace, sorted(memo.read), {path for path in after if after[path] != before.get(path)}


def routes(workspace: Workspace) -> list[str]:
    return [wiring.route for wiring in workspace.analysis.application.http]


def edit(root: Path, path: str, old: str, new: str) -> None:
    text = (root / path).read_text()
    assert old in text
    (root / path).write_text(text.replace(old, new))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write(tmp_path / "app", FILES)
    run(tmp_path / "app")
    return tmp_path / "app"


def test_nothing_is_read_where_nothing_changed(root: Path) -> None:
    workspace, read, found = run(root)
    assert (routes(workspace), read, found) == (["/books"], [], set())


@pytest.mark.parametrize(
    ("path", "old", "new", "found"),
    [
        pytest.param("src/price.ts", "=> 1", "=> 2", {"src/price.ts"}, id="a helper's body"),
        pytest.param("src/a.ts", "price()", "price() + 1", {"src/a.ts"}, id="a function's body"),
        pytest.param("src/routes.ts", "'/books'", "'/shelf'", {"src/routes.ts", "src/wiring.ts"}, id="a constant"),
        pytest.param(
            "src/price.ts", "const price", "const cost = 1\nexport const price",
            {"src/price.ts", "src/a.ts"}, id="what a helper exports",
        ),
    ],
)  # fmt: skip
def test_an_edit_is_found_where_it_matters(root: Path, path: str, old: str, new: str, found: set[str]) -> None:
    edit(root, path, old, new)
    workspace, read, rows = run(root)
    assert (read, rows) == ([path], found)
    assert routes(workspace) == ["/shelf" if path == "src/routes.ts" else "/books"]


def test_a_file_that_stands_before_another_is_seen(root: Path) -> None:
    (root / "src/routes.tsx").write_text("export const BOOKS = '/before'\n")
    workspace, read, _ = run(root)
    assert (routes(workspace), read) == (["/before"], ["src/routes.tsx"])
    (root / "src/routes.tsx").unlink()
    assert routes(run(root)[0]) == ["/books"]


def test_a_mistake_is_told_for_as_long_as_it_is_there(root: Path) -> None:
    edit(root, "src/a.ts", "getBook", "getPage")
    for _ in range(2):
        with pytest.raises(Problems) as told:
            run(root)
        assert [problem.code for problem in told.value.problems] == ["name-not-exported", "name-not-exported"]
    edit(root, "src/a.ts", "getPage", "getBook")
    assert routes(run(root)[0]) == ["/books"]


def test_what_other_code_has_written_is_not_believed(root: Path) -> None:
    """Rows of another version may have any form."""
    database = sqlite3.connect(database_path(root))
    (head,) = database.execute("SELECT data FROM linked WHERE path = ?", (HEAD,)).fetchone()
    ours, code, *_ = marshal.loads(head)
    assert (ours, code) != ("", "")
    database.execute("UPDATE linked SET data = ?", (marshal.dumps(("another", "version", 1, 2, 3)),))
    database.commit()
    workspace, _, found = run(root)
    assert (routes(workspace), found) == (["/books"], set(FILES))


@pytest.mark.parametrize("data", [b"", b"garbage", marshal.dumps(1), marshal.dumps((1, 2))])
def test_what_cannot_be_read_is_as_if_it_were_not_there(root: Path, data: bytes) -> None:
    database = sqlite3.connect(database_path(root))
    database.execute("UPDATE linked SET data = ? WHERE path = 'src/wiring.ts'", (data,))
    database.commit()
    workspace, _, found = run(root)
    assert (routes(workspace), found) == (["/books"], {"src/wiring.ts"})
    database.execute("UPDATE linked SET data = ?", (data,))
    database.commit()
    assert routes(run(root)[0]) == ["/books"]


def test_of_two_runs_at_once_one_is_kept(root: Path) -> None:
    """Rows of two runs don't go together: each saw its own state of the project."""
    first, second = Database(database_path(root)), Database(database_path(root))
    edit(root, "src/routes.ts", "'/books'", "'/one'")
    found = first.linked()
    analyse(load_project(root), second, Memo(root, second, digest.local))
    kept = second.linked()
    assert not first.save_linked(found[HEAD], {"src/wiring.ts": found["src/wiring.ts"]}, [])
    assert first.linked() == kept != found


def test_another_state_is_looked_at_and_not_remembered(root: Path, tmp_path: Path) -> None:
    before = Database(database_path(root)).linked()
    edit(root, "src/routes.ts", "'/books'", "'/other'")
    workspace, read, found = run(root, remember=False)
    assert (routes(workspace), read, found) == (["/other"], ["src/routes.ts"], set())
    assert Database(database_path(root)).linked() == before


def test_what_is_above_the_project_counts_by_what_is_asked_of_it(root: Path) -> None:
    world = load_project(root).sources.world
    (root.parent / "neighbour").mkdir()
    (root.parent / "notes.txt").write_text("")
    assert load_project(root).sources.world == world
    (root.parent / "package.json").write_text('{ "workspaces": ["app"] }')
    assert load_project(root).sources.world != world
