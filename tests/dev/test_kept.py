"""A database, an MCP server and an agent under `dev`: they answer, an edit reaches them, and what is kept stays."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.agents import places
from tests.agents.places import Model
from tests.dev.running import Running, running
from tests.harness import Checkout, Tools
from tests.system.projects import CONFIG, TSCONFIG, texts
from unitgraph.rules.toolchain import ensure, user_cache

SCRIPTS = {"": [{"calls": [{"name": "keepBook", "args": {"title": "Persuasion"}}]}, {"text": "It is kept."}]}
FILES = texts(
    {
        "package.json": json.dumps({"name": "shop", "private": True, "type": "module", "dependencies": {"kysely": "0.29.9"}}),
        "tsconfig.json": TSCONFIG,
        "pikku.config.json": CONFIG.replace(
            '"deploy": {', '"deploy": { "models": { "scripted": { "baseUrl": "http://127.0.0.1:9/v1" } },'
        ),
        "migrations/0001_books.sql": "CREATE TABLE books (title TEXT PRIMARY KEY);\n",
        "src/books.ts": """
            import { pikkuAIAgent, pikkuSessionlessFunc, wireHTTP } from '#pikku'
            import type { Generated } from 'kysely'

            export interface Database {
              books: { title: string; stock: Generated<number> }
            }

            export const keepBook = pikkuSessionlessFunc<{ title: string }, { kept: string }>({
              description: 'Keeps a book.',
              mcp: true,
              func: async ({ db }, { title }) => {
                await db.insertInto('books').values({ title }).execute()
                return { kept: `a ${title}` }
              },
            })
            export const listBooks = pikkuSessionlessFunc<void, object[]>(
              async ({ db }) => db.selectFrom('books').selectAll().orderBy('title').execute(),
            )
            export const clerk = pikkuAIAgent({ name: 'clerk', model: 'scripted/small', tools: [keepBook], auth: false })

            wireHTTP({ method: 'get', route: '/books', func: listBooks, auth: false })
            """,
    }
)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Model]:
    with places.model(SCRIPTS, tmp_path_factory.mktemp("model")) as found:
        yield found


def tool(dev: Running, title: str) -> Any:
    """A call as a client of MCP makes it."""
    call = {"name": "keepBook", "arguments": {"title": title}}
    asked = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
    answer = dev.ask("POST", "/mcp", asked, accept="application/json, text/event-stream")
    assert answer.status == 200, answer.body
    said = next(line for line in answer.body.splitlines() if line.startswith(("data:", "{")))
    return json.loads(said.removeprefix("data:"))["result"]["structuredContent"]


@pytest.mark.parametrize("provider", ["standalone", "cloudflare"])
def test_rows_and_runs_outlive_an_edit_and_dev_itself(provider: str, tools: Tools, tmp_path: Path, model: Model) -> None:
    checkout = Checkout(tmp_path / "work", tools, tmp_path / "cache")
    checkout.write({**FILES, ".env": f"SCRIPTED_BASE_URL={model.environment['SCRIPTED_BASE_URL']}\n"})
    (checkout.root / "node_modules").symlink_to(ensure("database", user_cache(os.environ)).modules)
    arguments = ("--provider", provider, "--port", "0")
    with running(checkout, *arguments) as dev:
        assert tool(dev, "Emma") == {"kept": "a Emma"}
        run = dev.ask("POST", "/agents/clerk/run", {"message": "Keep Persuasion."}).json
        assert [run["status"], run["text"]] == ["completed", "It is kept."]
        assert dev.ask("GET", "/books").json == [{"title": "Emma"}, {"title": "Persuasion"}]

        checkout.edit("src/books.ts", "kept: `a ${title}`", "kept: `the ${title}`")
        checkout.write({"migrations/0002_stock.sql": "ALTER TABLE books ADD COLUMN stock INTEGER NOT NULL DEFAULT 3;\n"})
        dev.until(lambda dev: dev.ask("GET", "/books").json[0] == {"title": "Emma", "stock": 3})
        assert tool(dev, "Sanditon") == {"kept": "the Sanditon"}

    with running(checkout, *arguments) as again:
        assert [book["title"] for book in again.ask("GET", "/books").json] == ["Emma", "Persuasion", "Sanditon"]
        assert again.ask("GET", f"/agents/clerk/runs/{run['runId']}").json["text"] == "It is kept."
        assert again.ask("POST", "/agents/clerk/run", {"message": "Once more."}).json["text"] == "It is kept."
