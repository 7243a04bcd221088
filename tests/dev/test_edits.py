"""What an edit comes to while the project runs: other answers from the same port, and nothing lost on the way."""

import threading
from http.client import HTTPConnection

from tests.dev.projects import FAREWELL
from tests.dev.running import Running

FUNCTIONS = "src/shop.functions.ts"
HELPER = "src/greeting.ts"


def said(dev: Running, path: str = "/greet/ada") -> str:
    answer = dev.ask("GET", path)
    assert answer.status == 200, answer.body
    text: str = answer.json["said"]
    return text


def says(dev: Running, wanted: str) -> None:
    """Waits until it does."""
    dev.until(lambda found: said(found) == wanted)


def test_a_function_and_a_helper(shop: Running) -> None:
    assert said(shop) == "hello ada"
    shop.checkout.edit(HELPER, "hello", "good morning")
    says(shop, "good morning ada")
    shop.checkout.edit(FUNCTIONS, "({ said: greeting(name) })", "({ said: greeting(name) + '!' })")
    says(shop, "good morning ada!")
    shop.checkout.edit(FUNCTIONS, "({ said: greeting(name) + '!' })", "({ said: greeting(name) })")
    shop.checkout.edit(HELPER, "good morning", "hello")
    says(shop, "hello ada")


def test_a_new_route_and_a_deleted_file(shop: Running) -> None:
    assert shop.ask("GET", "/farewell/ada").status == 404
    shop.checkout.write({"src/farewell.functions.ts": FAREWELL})
    shop.until(lambda dev: dev.ask("GET", "/farewell/ada").status == 200)
    assert said(shop, "/farewell/ada") == "bye ada"
    (shop.checkout.root / "src/farewell.functions.ts").unlink()
    shop.until(lambda dev: dev.ask("GET", "/farewell/ada").status == 404)
    assert said(shop) == "hello ada"


def test_a_folder_that_was_not_there(shop: Running) -> None:
    """It is named first, and made in two steps, the second of which nothing has looked at before."""
    before = len(shop.lines)
    shop.checkout.edit(FUNCTIONS, "'./greeting.ts'", "'../lib/deep/greeting.ts'")
    shop.wait_line(r"\[unresolved-import\]", after=before)
    (shop.checkout.root / "lib" / "deep").mkdir(parents=True)
    shop.until(lambda dev: sum("[unresolved-import]" in line for line in dev.lines[before:]) > 1)
    shop.checkout.write({"lib/deep/greeting.ts": "export const greeting = (name: string): string => `deep ${name}`\n"})
    says(shop, "deep ada")
    shop.checkout.edit("lib/deep/greeting.ts", "deep ${", "deeper ${")
    says(shop, "deeper ada")
    shop.checkout.edit(FUNCTIONS, "'../lib/deep/greeting.ts'", "'./greeting.ts'")
    says(shop, "hello ada")


def test_a_mistake_is_shown_and_the_last_good_version_goes_on(shop: Running) -> None:
    before = len(shop.lines)
    shop.checkout.edit(HELPER, "`hello ${name}`", "`hello ${name}`)  // <script>alert(1)</script>")
    shop.wait_line(rf"{HELPER}:\d+:\d+: .*\[syntax-error\]", after=before)
    shop.wait_line(r"^> +\d+ \| export const greeting", after=before)
    page = shop.until(lambda dev: (found := dev.page("/greet/ada")).status == 500 and found)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert f"{HELPER}:1:" in page.body
    assert "&lt;script&gt;alert(1)" in page.body
    assert "<script>alert" not in page.body
    assert said(shop) == "hello ada"

    events = HTTPConnection("127.0.0.1", shop.port, timeout=60)
    edition = page.body.partition('data-edition="')[2].partition('"')[0]
    events.request("GET", f"/__unitgraph/dev/events?seen={edition}")
    stream = events.getresponse()
    assert stream.readline() == b": here\n"
    shop.checkout.edit(HELPER, "`hello ${name}`)  // <script>alert(1)</script>", "`hello ${name}`")
    assert stream.readline() == b"\n"
    assert stream.readline().startswith(b"data: "), "the page hears that it is out of date"
    events.close()
    shop.until(lambda dev: dev.page("/greet/ada").status == 200)


def test_what_a_function_fails_of_is_shown_with_its_line(shop: Running) -> None:
    source = shop.checkout.read(FUNCTIONS).splitlines()
    line = next(number for number, text in enumerate(source, 1) if "it broke" in text)
    before = len(shop.lines)
    answer = shop.ask("GET", "/boom")
    assert answer.status == 500
    assert "it broke" not in answer.body
    shop.wait_line(rf"it broke.*{FUNCTIONS}:{line}:\d+", after=before)
    page = shop.page("/boom")
    assert page.status == 500
    assert f"<code>{FUNCTIONS}:{line}</code>" in page.body
    assert "<mark>&#62;" in page.body


def test_no_request_is_lost_while_versions_are_swapped(shop: Running) -> None:
    """One client keeps its connection, another makes a new one each time, a third waits for slow answers."""
    ended = threading.Event()
    statuses: list[int] = []
    faults: list[str] = []

    def keep_asking(path: str, *, keeps: bool) -> None:
        connection = HTTPConnection("127.0.0.1", shop.port, timeout=60)
        while not ended.is_set():
            try:
                connection.request("GET", path)
                response = connection.getresponse()
                body = response.read()
                statuses.append(response.status)
                if response.status != 200:
                    faults.append(f"{response.status} {body!r}")
            except OSError as error:
                faults.append(repr(error))
            if not keeps:
                connection.close()
        connection.close()

    clients = [
        threading.Thread(target=keep_asking, args=("/greet/bob",), kwargs={"keeps": True}),
        threading.Thread(target=keep_asking, args=("/greet/bob",), kwargs={"keeps": False}),
        threading.Thread(target=keep_asking, args=("/slow?ms=300",), kwargs={"keeps": False}),
    ]
    for client in clients:
        client.start()
    try:
        for number in range(3):
            shop.checkout.write({HELPER: f"export const greeting = (name: string): string => `{number} ${{name}}`\n"})
            says(shop, f"{number} ada")
        shop.checkout.write({"src/farewell.functions.ts": FAREWELL})
        shop.until(lambda dev: dev.ask("GET", "/farewell/ada").status == 200)
        (shop.checkout.root / "src/farewell.functions.ts").unlink()
        shop.until(lambda dev: dev.ask("GET", "/farewell/ada").status == 404)
        shop.checkout.write({HELPER: "export const greeting = (name: string): string => `hello ${name}`\n"})
        says(shop, "hello ada")
    finally:
        ended.set()
        for client in clients:
            client.join()
    assert faults == []
    assert len(statuses) > 20


def test_secrets_and_variables_come_from_the_file(shop: Running) -> None:
    assert shop.ask("GET", "/whisper").json == {"secret": "none", "place": "undefined"}
    shop.checkout.write({".env": "SHOP_KEY='a $key'\nSHOP_PLACE=the corner\n"})
    shop.until(lambda dev: dev.ask("GET", "/whisper").json["place"] == "the corner")
    assert shop.ask("GET", "/whisper").json == {"secret": "a $key", "place": "the corner"}
    assert not any("a $key" in line for line in shop.lines)
    written = [path for path in (shop.checkout.root / ".deploy").rglob("*") if path.is_file() and "/data/" not in str(path)]
    assert not any(b"a $key" in path.read_bytes() for path in written), "a secret is in no file but the one it came from"
    shop.checkout.write({".env": "SHOP_KEY=none\n"})
    shop.until(lambda dev: dev.ask("GET", "/whisper").json == {"secret": "none", "place": "undefined"})
