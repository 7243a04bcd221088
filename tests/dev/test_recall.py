"""What `dev` keeps from build to build: with it, and without, a project's generated files are the same."""

import random
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.system.edits import Model, services, start, step
from tests.system.projects import SHELL, texts
from unitgraph.providers.base import Build, Bundle, File
from unitgraph.rules.action import Finished
from unitgraph.rules.bundle import PROCESS
from unitgraph.rules.dev import version
from unitgraph.rules.engine import Built, Engine
from unitgraph.rules.recall import Recall
from unitgraph.rules.settings import Settings
from unitgraph.units.project import load_project

EDITS = 15


def write(root: Path, model: Model) -> None:
    files = model.files()
    for path in set(files) | {path.relative_to(root).as_posix() for path in root.glob("src/**/*.ts")}:
        if path in files:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(files[path], "utf-8")
        else:
            (root / path).unlink()


def generated(root: Path, recall: Recall | None) -> tuple[Mapping[str, bytes], object]:
    """All files of the process, and what else is known of them."""
    settings = Settings(root / "cache", "standalone", sourcemap=True, local=True)
    engine = Engine(load_project(root), settings, say=lambda _: None)
    engine.recall = recall
    try:
        made = engine.codegen.run([PROCESS])[PROCESS]
        assert isinstance(made, Finished)
        return made.outputs, made.facts
    finally:
        engine.close()
        engine.database.close()


@pytest.mark.parametrize("seed", range(2))
def test_files_are_as_if_nothing_had_been_kept(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    model = start(rng)
    recall, history, kept = Recall(), ["start"], 0
    for _ in range(EDITS):
        history.append(step(model, rng))
        if model.broken:
            continue
        write(tmp_path, model)
        before = dict(recall.members)
        found = generated(tmp_path, recall)
        assert found == generated(tmp_path, None), f"after {history}"
        kept += sum(before.get(path) is member for path, member in recall.members.items())
    assert kept > 0, "something is taken as it was"


def test_what_another_unit_asks_of_a_file_moves_whoever_shares_it(tmp_path: Path) -> None:
    """Neither the unit nor anything that it is made of has changed, and its entry must: the slice has another name."""
    first = function("first") + "export const limit = 3\n"
    files = {"src/a.functions.ts": first, "src/b.functions.ts": function("second"), "src/services.ts": services()}
    for path, text in (texts(SHELL) | files).items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, "utf-8")
    recall = Recall()
    before, _ = generated(tmp_path, recall)
    more = "import { limit } from './a.functions.js'\n" + function("second").replace("n: 1", "n: limit")
    (tmp_path / "src/b.functions.ts").write_text(more, "utf-8")
    found = generated(tmp_path, recall)
    assert found == generated(tmp_path, None)
    entry = next(path for path in before if path.startswith("units/") and "first" in path)
    assert found[0][entry] != before[entry]


def function(name: str) -> str:
    return (
        "import { pikkuSessionlessFunc, wireHTTP } from '#pikku'\n"
        f"export const {name} = pikkuSessionlessFunc<{{}}, {{ n: number }}>({{ func: async () => ({{ n: 1 }}) }})\n"
        f"wireHTTP({{ method: 'get', route: '/{name}', func: {name}, auth: false }})\n"
    )


def built(folder: Path, texts: Mapping[str, str]) -> Built:
    """A build with these files, each with its text for a digest."""
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).unlink(missing_ok=True)
        (folder / name).write_text(text, "utf-8")
    files = {name: File(text, len(text), folder / name) for name, text in texts.items()}
    shared = {name: file for name, file in files.items() if not name.startswith("units/")}
    own = {name.removeprefix("units/a/"): file for name, file in files.items() if name not in shared}
    return Built({}, Build({"a": Bundle("a", own)} if own else {}, shared))


def test_a_folder_of_a_version_becomes_another_by_what_differs(tmp_path: Path) -> None:
    out, place = tmp_path / "out", tmp_path / "place"
    first = {"main.js": "1", "chunks/c-1.js": "one", "chunks/c-2.js": "two", "units/a/index.js": "a"}
    second = {"main.js": "2", "chunks/c-2.js": "two", "chunks/c-3.js": "three", "units/a/index.js": "a", "units/a/more.js": "b"}
    there = version.stage(built(out, first), place)
    same = (place / "units/a/index.js").stat().st_ino
    assert version.stage(built(out, second), place, there) == second
    found = {path.relative_to(place).as_posix(): path.read_text("utf-8") for path in place.rglob("*") if path.is_file()}
    assert {name: text for name, text in found.items() if name not in ("package.json", "tsconfig.json")} == second
    assert (place / "units/a/index.js").stat().st_ino == same, "what stays isn't linked again"
