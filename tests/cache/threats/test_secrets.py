"""Secrets of a job: in no entry, no blob, no log, no output, and sent to nobody that they aren't meant for."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.cache.threats.jobs import CI_PAIR, Company, Job, shop
from tests.harness import Finished

SECRETS = {
    "STRIPE_API_KEY": "sk-live-0123456789-stripe",
    "DATABASE_URL": "postgres://shop:0123456789-database@db/shop",
    "AWS_SECRET_ACCESS_KEY": "0123456789-amazon",
    "GITHUB_TOKEN": "ghs-0123456789-github",
    "SHOP_CACHE_TOKEN": "0123456789-token-of-the-cache",
}
USES = """
import { pikkuSessionlessFunc } from '#pikku'

export const pay = pikkuSessionlessFunc<void, { paid: boolean }>({
  func: async ({ secrets }) => ({ paid: (await secrets.getSecret('STRIPE_API_KEY')).length > 0 }),
})
"""


def assert_nowhere(secrets: list[str], folders: list[Path], said: list[Finished]) -> None:
    looked_at = 0
    for folder in folders:
        for path in folder.rglob("*"):
            if path.is_file() and "toolchain" not in path.parts:
                data = path.read_bytes()
                looked_at += 1
                assert [secret for secret in secrets if secret.encode() in data] == [], path
    assert looked_at > 20, "there were files to look into"
    for each in said:
        assert [secret for secret in secrets if secret in each.text] == []


def test_no_secret_of_a_job_is_in_what_it_leaves_behind(company: Company) -> None:
    files = {**shop(company.place, tokenEnv="SHOP_CACHE_TOKEN"), "src/pay.functions.ts": USES}
    main = company.main("main", files)
    main.environ.update(SECRETS)
    said = [
        main.plan(), main.run("plan", "--json"), main.run("info", "--json"), main.run("why", "shop-pay"),
        main.run("apply", "--provider", "standalone"),
    ]  # fmt: skip
    assert any(path.is_file() for path in company.place.rglob("*"))
    values = [*SECRETS.values(), CI_PAIR.private.rstrip("=")]
    assert_nowhere(values, [main.root, main.cache, company.place], said)


def test_a_secret_moves_no_key(company: Company) -> None:
    """If it did, the key would tell whether a guess at the secret is right."""
    files = {**shop(company.place), "src/pay.functions.ts": USES}
    one, two = company.main("one", files), company.main("two", files)
    one.environ.update(SECRETS)
    two.environ.update(dict.fromkeys(SECRETS, "another"))
    one.plan()
    two.plan()
    assert not two.log.exists(), "nothing was compiled: the keys are the same"
    assert two.promised() == one.promised()


@pytest.fixture
def listener() -> Iterator[tuple[str, list[str]]]:
    """A server that writes down all that it is sent: address, and what it has heard."""
    heard: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer()

        def do_PUT(self) -> None:
            self.answer()

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            heard.append(f"{self.requestline}\n{self.headers}\n{body.decode('latin-1')}")
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", heard
        server.shutdown()
        thread.join()


def robbed(company: Company, url: str, variable: str) -> Job:
    """Somebody looks at a checkout whose configuration was written by somebody else."""
    job = company.desk("curious", shop(url, keys={}, tokenEnv=variable))
    job.environ.update(SECRETS, UNITGRAPH_CACHE_KEY=CI_PAIR.private)
    return job


@pytest.mark.parametrize("variable", ["GITHUB_TOKEN", "AWS_SECRET_ACCESS_KEY", "UNITGRAPH_CACHE_KEY", "HOME"])
def test_a_checkout_cannot_ask_for_another_secret(company: Company, listener: tuple[str, list[str]], variable: str) -> None:
    url, heard = listener
    said = robbed(company, url, variable).run("plan", status=1)
    assert "cache-token-variable" in said.err
    assert heard == []


def test_a_place_hears_its_token_and_no_other_secret(company: Company, listener: tuple[str, list[str]]) -> None:
    url, heard = listener
    robbed(company, url, "SHOP_CACHE_TOKEN").plan()
    everything = "\n".join(heard)
    assert heard
    assert f"Bearer {SECRETS['SHOP_CACHE_TOKEN']}" in everything
    others = [value for name, value in SECRETS.items() if name != "SHOP_CACHE_TOKEN"]
    assert [value for value in (*others, CI_PAIR.private.rstrip("=")) if value in everything] == []
