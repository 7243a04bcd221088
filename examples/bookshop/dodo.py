"""The graph that builds and ships the shop, with a task of the shop's own before it and one after it."""

import csv
import json
from pathlib import Path

from unitgraph.rules import Graph

SHELF = Path("data/shelf.csv")
SEED = Path("src/books/seed.ts")
SEED_TEXT = """\
// Written by `doit seed` from data/shelf.csv.
import type {{ Book }} from './book.ts'

/** The shelf that every process starts with. */
export const seed: readonly Book[] = {books}
"""

graph = Graph(before=["seed"], after=["announce"])
task_analyze, task_codegen, task_bundle, task_upload = graph.tasks()


def task_seed():
    """Write the catalogue's seed from the spreadsheet."""
    return {"actions": [write_seed], "file_dep": [SHELF], "targets": [SEED]}


def task_announce():
    """Say that the shop is open, once everything is in place."""
    return {"actions": ["echo The bookshop is open."], "verbosity": 2}


def write_seed():
    with SHELF.open(encoding="utf-8", newline="") as file:
        books = [
            {**row, "priceCents": int(row["priceCents"]), "stock": int(row["stock"])} for row in csv.DictReader(file)
        ]
    SEED.write_text(SEED_TEXT.format(books=json.dumps(books, indent=2, ensure_ascii=False)), encoding="utf-8")
