"""The bookshop as a newcomer meets it: planned, applied and asked, as one executable and as Workers."""

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.agents.places import Model
from tests.agents.places import model as scripted
from tests.bookshop.browser import chromium, use, visit
from tests.bookshop.generated import held_to
from tests.bookshop.http_file import HTTP_FILE, http_file
from tests.bookshop.requests import Answer, Send, replay
from tests.channels.client import Client
from tests.harness import REPOSITORY, Checkout, Tools
from tests.log import Log
from tests.providers.workers import started
from unitgraph.rules.toolchain import ensure, user_cache

SOLD = {"isbn": "9780451529060", "left": 0}
REORDERED = {"ordered 4 of 9780451529060 from the supplier"}
SECRET = "only the tests know this secret, nobody else"


@pytest.fixture(scope="module")
def shop(tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A checkout of the example in which its own packages aren't installed yet."""
    folder = tmp_path_factory.mktemp("bookshop")
    skipped = shutil.ignore_patterns("node_modules", ".pikku", ".deploy")
    shutil.copytree(REPOSITORY / "examples" / "bookshop", folder / "work", ignore=skipped)
    return Checkout(folder / "work", tools, folder / "cache")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Model]:
    """What the bookseller asks."""
    looks_up = {"name": "getBook", "args": {"isbn": "9780141439471"}}
    said = [{"calls": [looks_up]}, {"text": "Frankenstein, for 7.50 euros."}]
    with scripted({"": said}, tmp_path_factory.mktemp("model")) as found:
        yield found


@contextmanager
def open_shop(executable: Path, data: Path, model: Model) -> Iterator[int]:
    """Start the executable on a free port and give the port."""
    environment = {"JWT_SECRET": SECRET, "SHOP_NAME": "The Corner Bookshop", "PORT": "0", "HOST": "127.0.0.1"}
    environment |= {"UNITGRAPH_DATA": str(data), **model.environment}
    process = subprocess.Popen([executable], stdout=subprocess.PIPE, text=True, env=environment, cwd="/")
    assert process.stdout
    log = Log()
    reading = threading.Thread(target=log.read, args=(process.stdout,), daemon=True)    # or it waits for who reads
    reading.start()
    try:
        yield log.wait(lambda line: line.get("msg") == "listening")[0]["port"]
        process.terminate()
        assert process.wait(60) == 0
        reading.join(60)
        said = [line.get("msg") for line in log.lines()]
        assert said[-1] == "stopped"
        assert set(said) >= REORDERED, "an order that left few copies asked for more of them, once"
    finally:
        process.kill()
        process.wait()
        reading.join(60)
        process.stdout.close()


def watching(port: int) -> Client:
    """Somebody who watches the shelf for the last copy of a book."""
    client = Client(port, "/shelf")
    client.send({"action": "watch", "isbn": SOLD["isbn"]})
    assert client.get() == {"action": "watch", "watching": SOLD["isbn"]}
    return client


def sender(port: int) -> Send:
    """Requests to whoever listens there."""

    def send(method: str, path: str, headers: Mapping[str, str], body: str | None) -> Answer:
        connection = HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request(method, path, body, dict(headers))
        response = connection.getresponse()
        text = response.read().decode()
        connection.close()
        return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, text)

    return send


def test_standalone_answers_every_request(shop: Checkout, tmp_path: Path, model: Model) -> None:
    shop.run("apply")
    with open_shop(shop.root / ".deploy" / "standalone" / "bookshop", tmp_path / "data", model) as port:
        send = sender(port)
        with watching(port) as watcher:
            assert replay("standalone", send) == []
            assert watcher.get() == SOLD
        document = (shop.root / ".deploy" / "standalone" / "openapi.json").read_text(encoding="utf-8")
        assert send("GET", "/openapi.json", {}, None).text == document
        assert list(OpenAPIV31SpecValidator(json.loads(document)).iter_errors()) == []
        mel = json.dumps({"email": "mel@bookshop.example", "password": "shelf-and-ladder"})
        signed_in = send("POST", "/api/accounts/sign-in", {"content-type": "application/json"}, mel)
        assert held_to(json.loads(document), send, token=json.loads(signed_in.text)["token"]) == []
    environment = {"JWT_SECRET": SECRET, "UNITGRAPH_DATA": str(tmp_path / "data"), **model.environment}
    for arguments, line in {
        ("list", "-g", "poetry"): "9780140424393  Paradise Lost, John Milton",
        ("show", "9780141439471"): "title       Frankenstein",
    }.items():
        command = [str(shop.root / ".deploy" / "standalone" / "bookshop"), "cli", "bookshop", *arguments]
        printed = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60, check=True).stdout
        assert line in printed.splitlines()
    assert json.loads(shop.run("plan", "--json").out)["summary"]["update"] == 0


def test_its_page_in_a_browser(shop: Checkout, tmp_path: Path, model: Model) -> None:
    shop.run("apply")
    dev = ensure("dev", user_cache(os.environ))
    browser = chromium(user_cache(os.environ))
    with open_shop(shop.root / ".deploy" / "standalone" / "bookshop", tmp_path / "data", model) as port:
        use(shop.root / ".pikku" / "client" / "index.js", dev, tmp_path / "visit", port)
        visit(browser, dev, tmp_path / "visit", port, "The Origin of Species")


def test_workers_answer_every_request(shop: Checkout, tmp_path: Path, model: Model) -> None:
    shop.run("plan", "--provider", "cloudflare")
    dev = ensure("dev", user_cache(os.environ))
    with started(shop.root / ".deploy" / "cloudflare", dev, {"JWT_SECRET": SECRET, **model.environment}) as workers:
        send = sender(workers.port)
        with watching(workers.port) as watcher:
            assert replay("cloudflare", send) == []
            assert watcher.get() == SOLD
        document = (shop.root / ".deploy" / "cloudflare" / "openapi.json").read_text(encoding="utf-8")
        assert send("GET", "/openapi.json", {}, None).text == document
        workers.log.wait(lambda line: line["msg"] in REORDERED)
        assert workers.scheduled("bookshop-check-stock", "0 6 * * *")["outcome"] == "ok"
        for text in ("ordered 1 of 9780140424393 from the supplier", "ordered 3 of 9780451529060 from the supplier"):
            workers.log.wait(lambda line, text=text: line["msg"] == text)  # type: ignore[misc]
        use(shop.root / ".pikku" / "client" / "index.js", dev, tmp_path / "visit", workers.port)
        visit(chromium(user_cache(os.environ)), dev, tmp_path / "visit", workers.port, "Frankenstein")


@pytest.mark.parametrize(("task", "path"), [("seed", "src/books/seed.ts"), ("page", "src/web/page.ts")])
def test_its_own_tasks_write_what_is_there(shop: Checkout, task: str, path: str) -> None:
    before = shop.read(path)
    shop.run("run", "--always-execute", task, program="doit")
    assert shop.read(path) == before, f"`doit {task}` writes it anew"


def test_the_file_for_editors_has_every_request() -> None:
    assert HTTP_FILE.read_text(encoding="utf-8") == http_file()
