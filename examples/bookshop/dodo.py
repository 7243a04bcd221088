"""The graph that builds and ships the shop, with two tasks of the shop's own before it and one after it."""

import csv
import hashlib
import json
from pathlib import Path

from unitgraph.rules import Graph, browser

SHELF = Path("data/shelf.csv")
SEED = Path("src/books/seed.ts")
SEED_TEXT = """\
// Written by `doit seed` from data/shelf.csv.
import type {{ Book }} from './book.ts'

/** The shelf that every process starts with. */
export const seed: readonly Book[] = {books}
"""

WEB = Path("web")
PAGE = Path("src/web/page.ts")
PAGE_TEXT = """\
// Written by `doit page` from web/: {digest}
/** What the page is made of, as browsers ask for it. */
export const page: readonly {{ route: string; type: string; etag: string; text: string }}[] = {files}
"""

graph = Graph(before=["seed", "page"], after=["announce"])
task_analyze, task_codegen, task_bundle, task_upload = graph.tasks()


def task_seed():
    """Write the catalogue's seed from the spreadsheet."""
    return {"actions": [write_seed], "file_dep": [SHELF], "targets": [SEED]}


def task_page():
    """Bundle the page's script, and write it and the rest of the page as a module."""
    return {"actions": [write_page], "uptodate": [is_page_current], "targets": [PAGE]}


def task_announce():
    """Say that the shop is open, once everything is in place."""
    return {"actions": ["echo The bookshop is open."], "verbosity": 2}


def write_seed():
    with SHELF.open(encoding="utf-8", newline="") as file:
        books = [
            {**row, "priceCents": int(row["priceCents"]), "stock": int(row["stock"])} for row in csv.DictReader(file)
        ]
    SEED.write_text(SEED_TEXT.format(books=json.dumps(books, indent=2, ensure_ascii=False)), encoding="utf-8")


def write_page():
    texts = [
        ("/", "text/html", (WEB / "index.html").read_text(encoding="utf-8")),
        ("/shop.css", "text/css", (WEB / "shop.css").read_text(encoding="utf-8")),
        ("/shop.js", "text/javascript", browser.script(WEB / "shop.ts")),
    ]
    files = [
        {
            "route": route,
            "type": f"{media}; charset=utf-8",
            "etag": f'"{hashlib.sha256(text.encode()).hexdigest()[:16]}"',
            "text": text,
        }
        for route, media, text in texts
    ]
    listed = json.dumps(files, indent=2, ensure_ascii=False)
    PAGE.write_text(PAGE_TEXT.format(digest=page_digest(), files=listed), encoding="utf-8")


def page_digest():
    """The digest of all that the page is made of: its own sources, and the client that it imports."""
    sources = [*sorted(WEB.iterdir()), *sorted(browser.CLIENT.glob("*.js"))]
    return hashlib.sha256(b"\0".join(source.read_bytes() for source in sources)).hexdigest()


def is_page_current():
    return PAGE.is_file() and page_digest() in PAGE.read_text(encoding="utf-8").partition("\n")[0]
