"""`db` in places of its own: PostgreSQL by URL; migrations, each once and in order, or no start; its types."""

import json
import os
import sqlite3
import subprocess
from pathlib import Path

import pytest

from tests import stores
from tests.harness import Checkout
from tests.jobs.places import InProcess, InWorkers, running
from tests.services.conftest import APP, GIVEN
from tests.services.test_conformance import run
from unitgraph.rules.toolchain import ensure, user_cache

TABLE = "unitgraph_migrations"
NAMES = ["0001_tables.sql", "0002_files.sqlite.sql"]


def applied(file: Path) -> list[str]:
    with sqlite3.connect(file) as database:
        return [name for (name,) in database.execute(f"SELECT name FROM {TABLE} ORDER BY name")]


def test_in_postgresql(program: Path, tmp_path: Path) -> None:
    """Both instances apply migrations when they start; one of them does."""
    with stores.postgres() as server:
        environment = GIVEN | {"DATABASE_URL": server.url}
        places = [InProcess(program, tmp_path / name, environment) for name in ("one", "two")]
        try:
            for place in places:
                place.listening()
            said = [line for place in places for line in place.log.lines(lambda line: "migrations" in line)]
            assert [line["migrations"] for line in said] == [["0001_tables.sql", "0002_files.postgres.sql"]]
            run(places[0], "db")
            run(places[1], "transactions")
        finally:
            for place in places:
                place.kill()
        assert not (tmp_path / "one" / "database.sqlite").exists()
        text = json.dumps([place.log.lines() for place in places])
        assert "a password" not in text
        assert "a%20password" not in text


def test_a_database_that_is_not_there_is_said_without_its_password(program: Path, tmp_path: Path) -> None:
    place = InProcess(program, tmp_path, GIVEN | {"DATABASE_URL": "postgres://ann:hidden-word@127.0.0.1:1/none"})
    assert place.ended() == 1
    text = json.dumps(place.log.lines())
    assert "not-started" in text
    assert "hidden-word" not in text


@pytest.mark.parametrize("url", ["mysql://a@b/c", "nothing", "postgres"])
def test_a_url_that_is_none_of_ours(program: Path, tmp_path: Path, url: str) -> None:
    place = InProcess(program, tmp_path, GIVEN | {"DATABASE_URL": url})
    assert place.ended() == 1
    assert "DATABASE_URL can't be used" in json.dumps(place.log.lines())


def test_migrations_are_applied_once(program: Path, tmp_path: Path) -> None:
    """Several processes that start at once on one file, and one that starts later."""
    places = [InProcess(program, tmp_path, GIVEN) for _ in range(3)]
    try:
        for place in places:
            place.listening()
    finally:
        for place in places:
            place.kill()
    assert applied(tmp_path / "database.sqlite") == NAMES
    with running(program, tmp_path, GIVEN) as later:
        assert later.log.lines(lambda line: "migrations" in line) == []


REFUSED = {
    "changed after it was applied": (f"UPDATE {TABLE} SET digest = 'sha256:0' WHERE name = '0001_tables.sql'", "0001_tables.sql was changed"),
    "come late": (
        f"DELETE FROM {TABLE} WHERE name = '0001_tables.sql'",
        "0001_tables.sql comes before 0002_files.sqlite.sql",
    ),
    "failing": (f"DELETE FROM {TABLE}", "The migration 0001_tables.sql failed, and nothing of it was kept: table books"),
}  # fmt: skip


@pytest.mark.parametrize(("sql", "said"), REFUSED.values(), ids=REFUSED)
def test_a_history_that_is_another_is_refused(program: Path, tmp_path: Path, sql: str, said: str) -> None:
    with running(program, tmp_path, GIVEN):
        pass
    file = tmp_path / "database.sqlite"
    with sqlite3.connect(file) as database:
        database.execute(sql)
    before = applied(file)
    place = InProcess(program, tmp_path, GIVEN)
    assert place.ended() == 1
    (line,) = place.log.lines()
    assert said in json.dumps(line)
    assert applied(file) == before


def test_what_a_later_release_applied_is_left(program: Path, tmp_path: Path) -> None:
    """A release that is put back starts on a database which is ahead of it."""
    with running(program, tmp_path, GIVEN):
        pass
    with sqlite3.connect(tmp_path / "database.sqlite") as database:
        database.execute(f"INSERT INTO {TABLE} VALUES ('0003_more.sql', 'sha256:0', 'then')")
    with running(program, tmp_path, GIVEN) as place:
        run(place, "db")


def test_for_wrangler(checkout: Checkout, workers: InWorkers) -> None:
    """Those for D1 as files of the output, and in every Worker's settings where they are."""
    assert workers.workers.names
    output = checkout.root / ".deploy" / "cloudflare"
    names = sorted(path.name for path in (output / "migrations").iterdir())
    assert names == NAMES
    assert all(
        (output / "migrations" / name).read_bytes() == (APP / "migrations" / name).read_bytes() for name in names
    )
    settings = (output / "units" / "kept-run-db" / "wrangler.toml").read_text()
    assert 'migrations_dir = "../../migrations"' in settings
    assert (output / "units" / "kept-run-db" / "../../migrations").resolve() == (output / "migrations").resolve()
    manifest = json.loads((output / "manifest.json").read_text())
    assert [each["name"] for each in manifest["migrations"]] == [NAMES[0], "0002_files.postgres.sql", NAMES[1]]
    digest = json.loads((output / "plan.json").read_text())["migrationsDigest"]
    assert digest.startswith("sha256:")


def test_a_migration_is_a_part_of_what_is_shipped(checkout: Checkout, program: Path) -> None:
    """It stands in the executable, and moves the plan's digest; a unit's bundle it leaves alone."""
    assert program.exists()
    assert checkout.run("plan", "--provider", "standalone", "--detailed-exitcode").status == 0
    file = checkout.root / ".deploy" / "standalone" / "plan.json"
    before, main = json.loads(file.read_text())["migrationsDigest"], (file.parent / "main.js").read_bytes()
    more = checkout.root / "migrations" / "0003_more.sql"
    try:
        more.write_text("CREATE TABLE more (id INTEGER);\n")
        checkout.run("plan", "--provider", "standalone", "--detailed-exitcode", status=2)
        assert json.loads(file.read_text())["migrationsDigest"] != before
        assert (file.parent / "main.js").read_bytes() != main
        more.write_text("CREATE TABLE more (id TEXT);\n")
        checkout.run("plan", "--provider", "standalone", "--detailed-exitcode", status=2)
        assert b"id TEXT" in (file.parent / "main.js").read_bytes()
        more.rename(more.with_name("0003 more.sql"))
        said = checkout.run("plan", "--provider", "standalone", status=1)
        assert "migration-unreadable" in said.text
    finally:
        for path in more.parent.glob("0003*"):
            path.unlink()
    checkout.run("plan", "--provider", "standalone")
    assert (file.parent / "main.js").read_bytes() == main


def test_its_types_are_those_of_the_project(checkout: Checkout, workers: InWorkers) -> None:
    """`db` is Kysely on the project's tables, as tsc sees it."""
    assert workers.workers.names
    checkout.write(
        {
            "src/wrong.ts": "import { pikkuSessionlessFunc } from '#pikku'\n"
            "export const wrong = pikkuSessionlessFunc<void, unknown>(async ({ db }) =>\n"
            "  // @ts-expect-error: there is no such table\n"
            "  db.selectFrom('nowhere').selectAll().execute())\n"
        }
    )
    try:
        dev = ensure("dev", user_cache(os.environ))
        tsc = dev.modules / "typescript" / "bin" / "tsc"
        options = [
            "--noEmit",
            "--allowImportingTsExtensions",
            "--lib",
            "es2024,dom,dom.iterable,dom.asynciterable",
            "--types",
            "",
        ]
        done = subprocess.run(
            [dev.bun, tsc, *options, "-p", checkout.root],
            cwd=checkout.root,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    finally:
        (checkout.root / "src" / "wrong.ts").unlink()
