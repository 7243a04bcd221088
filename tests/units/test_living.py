"""The law of kept findings: after any edits, what analysis says is what it says with nothing kept."""

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.units import living_project
from unitgraph.cache import digest
from unitgraph.errors import Problems
from unitgraph.rules.database import Database
from unitgraph.rules.memo import Memo
from unitgraph.rules.workspace import analyse, database_path
from unitgraph.units.findings import Findings
from unitgraph.units.project import load_project
from unitgraph.units.reach import roots

EDITS = 40


@pytest.mark.parametrize("seed", range(5))
def test_kept_findings_say_what_fresh_ones_would(tmp_path: Path, seed: int) -> None:
    living = living_project.start(seed)
    root = tmp_path / "project"
    history: list[object] = ["start"]
    is_right, right = True, 0
    save(root, living.texts())
    assert analysed(root, root) == analysed(root, tmp_path / "fresh")
    for _ in range(EDITS):
        history.append(living_project.edit(living, is_right=is_right))
        save(root, living.texts())
        shutil.rmtree(tmp_path / "fresh")
        found, fresh = analysed(root, root), analysed(root, tmp_path / "fresh")
        assert found == fresh, history
        is_right = "problems" not in found
        right += is_right
    assert right > EDITS / 2


def save(root: Path, texts: Mapping[str, str]) -> None:
    """Write what differs, remove what is gone."""
    there = {path.relative_to(root).as_posix() for path in root.rglob("*.[tj]s*") if ".deploy" not in path.parts}
    for path in there - texts.keys():
        (root / path).unlink()
        if not any((root / path).parent.iterdir()):
            (root / path).parent.rmdir()
    for path, text in texts.items():
        target = root / path
        if path not in there or target.read_text() != text:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)


def analysed(root: Path, place: Path) -> dict[str, Any]:
    """Everything that analysis says of the project in ``root``, with a build database in ``place``."""
    project = load_project(root)
    database = Database(database_path(place))
    try:
        workspace = analyse(project, database, Memo(root, database, digest.local))
    except Problems as problems:
        return {"problems": [str(problem) for problem in problems.problems]}
    finally:
        database.close()
    return {
        "application": workspace.analysis.application,
        "manifest": workspace.manifest.document(),
        "findings": {path: said(findings) for path, findings in workspace.analysis.findings.items()},
        "outlines": dict(workspace.outlines),
    }


def said(findings: Findings) -> tuple[Any, ...]:
    """Findings without what they lean on; functions that a file doesn't export are made in any order."""
    calls = findings.calls and (findings.calls.calls, findings.calls.invokes, findings.calls.steps, findings.calls.reads)
    if findings.authored is None:
        return findings.imports, calls
    functions = {made.function.id: made for made in findings.authored.functions}
    reached = dict(zip(roots(findings.authored), findings.reach.found, strict=True)) if findings.reach else None
    return findings.imports, calls, functions, replace(findings.authored, functions=()), reached
