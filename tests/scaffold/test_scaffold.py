import json
import re
from pathlib import Path

import pytest

from unitgraph.errors.scaffold import FilesInTheWay, NoProjectName
from unitgraph.rules.scaffold import FILES, project_files, project_name, scaffold


def test_it_writes_a_project_named_after_its_folder(tmp_path: Path) -> None:
    written = scaffold(tmp_path / "deep" / "Note Book_2")
    root = tmp_path / "deep" / "Note Book_2"
    assert {path.relative_to(root).as_posix() for path in written} == {
        path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()
    }
    assert json.loads((root / "package.json").read_text())["name"] == "note-book-2"
    assert '"name": "note-book-2"' in (root / "bun.lock").read_text()
    assert (root / ".gitignore").read_text().split() == ["node_modules/", ".deploy/", ".pikku/"]


def test_it_replaces_nothing(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text("mine")
    (tmp_path / "notes.txt").write_text("mine as well")
    with pytest.raises(FilesInTheWay) as problem:
        scaffold(tmp_path)
    assert "package.json" in problem.value.message
    assert sorted(path.name for path in tmp_path.iterdir()) == ["notes.txt", "package.json"]


def test_a_dangling_link_is_in_the_way_too(tmp_path: Path) -> None:
    (tmp_path / "package.json").symlink_to(tmp_path / "nowhere")
    with pytest.raises(FilesInTheWay):
        scaffold(tmp_path)
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize(
    ("folder", "name"),
    [("app", "app"), ("My App", "my-app"), ("café.ts", "caf-ts"), ("--x--", "x"), ("v2", "v2")],
)
def test_names(folder: str, name: str) -> None:
    assert project_name(Path("/projects", folder)) == name


def test_a_folder_without_a_usable_name(tmp_path: Path) -> None:
    with pytest.raises(NoProjectName):
        scaffold(tmp_path / "日本")
    assert not (tmp_path / "日本").exists()


def test_the_lockfile_is_that_of_the_package() -> None:
    files = project_files("my-app")
    package, lock = json.loads(files["package.json"]), files["bun.lock"].decode()
    for name, version in {**package["dependencies"], **package["devDependencies"]}.items():
        assert f'"{name}": ["{name}@{version}"' in lock
    assert '"name": "my-app"' in lock


def test_its_readme_names_what_is_there() -> None:
    readme = (FILES / "README.md").read_text()
    for path in re.findall(r"`(src/[\w./]+)`", readme):
        assert (FILES / path).is_file()
