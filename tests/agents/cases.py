"""The tables of agents: cases as those of ``tests/conformance``, each with what the model says, and how it was asked."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.conformance.cases import Case, filled

FOLDER = Path(__file__).parent / "cases"


def tables() -> list[Case]:
    """``scripts`` of a case are by name; a text ``{name}`` is what a user says to have that one played."""
    return [
        Case(path.stem, number, document)
        for path in sorted(FOLDER.glob("*.json"))
        for number, document in enumerate(json.loads(path.read_text("utf-8")))
    ]


def script_id(case: Case, name: str) -> str:
    return f"{case.table}-{case.number}-{name}"


def scripts() -> Mapping[str, Any]:
    """All that models of these cases say."""
    return {
        script_id(case, name): filled(turns, said(case))
        for case in tables()
        for name, turns in case.document.get("scripts", {}).items()
    }


def said(case: Case) -> dict[str, str]:
    return {name: f"script:{script_id(case, name)}" for name in case.document.get("scripts", {})}
