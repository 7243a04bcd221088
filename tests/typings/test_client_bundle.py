"""What of a project a browser gets with the client: the client, and nothing of the server."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.typings.compile import Workshop
from unitgraph.rules.toolchain import Toolchain, ensure, user_cache

PAGE = """
    import { ApiError, createClient } from '#pikku/client'
    import type { Book } from '../src/books/book.ts'

    const shop = createClient({ url: 'http://localhost:1', fetch: async (url) => Response.json({ url }) })
    export const books = async (): Promise<Book[]> => (await shop.get('/api/books', { limit: 3 })).books
    console.log(JSON.stringify(await shop.get('/api/books', { limit: 3 })), typeof ApiError)
    """
LARGEST = 12_500
"""Bytes of the minified page, which is the client but for its two lines."""


@pytest.fixture
def page(workshop: Callable[[], Workshop]) -> tuple[Path, dict[str, object]]:
    shop = workshop().bookshop()
    shop.write({"web/page.ts": PAGE})
    root = shop.generate().root
    esbuild = ensure("build", user_cache(os.environ)).esbuild
    subprocess.run(
        [
            esbuild, "web/page.ts", "--bundle", "--minify", "--format=esm", "--platform=browser",
            "--outfile=out.mjs", "--metafile=meta.json", "--log-level=warning",
        ],
        cwd=root, check=True,
    )  # fmt: skip
    return root / "out.mjs", json.loads((root / "meta.json").read_text())["inputs"]


def test_a_page_holds_the_client_and_nothing_else(page: tuple[Path, dict[str, object]]) -> None:
    bundle, inputs = page
    allowed = (".pikku/client.ts", ".pikku/client/", "web/page.ts")
    assert [path for path in inputs if not path.startswith(allowed)] == []
    text = bundle.read_text()
    assert len(text) < LARGEST
    assert not [word for word in ("zod", "catalogue", "JWT_SECRET", "sign-in", "listBooks") if word in text]


def test_it_runs_where_there_is_no_browser(page: tuple[Path, dict[str, object]], dev: Toolchain) -> None:
    done = subprocess.run([dev.bun, page[0]], capture_output=True, text=True, check=True)
    assert done.stdout == '{"url":"http://localhost:1/api/books?limit=3"} function\n'
