"""Plans, builds and starts the bookshop, asks it a few things, and stops it: `python examples/bookshop/demo.py`."""

import json
import os
import secrets
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

SHOP = Path(__file__).resolve().parent
PROGRAM = Path(sys.executable).with_name("unitgraph")
LINES = {"lines": [{"isbn": "9780141439471", "quantity": 2}]}


def main() -> None:
    """Every step with the command that does it, and what it prints."""
    for command in (["info"], ["plan"], ["apply"]):
        show("unitgraph " + " ".join(command))
        subprocess.run([PROGRAM, *command], cwd=SHOP, check=True)
    show("JWT_SECRET=… PORT=0 .deploy/standalone/bookshop")
    environment = {**os.environ, "JWT_SECRET": secrets.token_hex(32), "PORT": "0", "SHOP_NAME": "The Corner Bookshop"}
    with (
        tempfile.TemporaryDirectory() as data,
        subprocess.Popen(
            [SHOP / ".deploy/standalone/bookshop"],
            cwd=SHOP,
            env=environment | {"UNITGRAPH_DATA": data},
            stdout=subprocess.PIPE,
            text=True,
        ) as server,
    ):
        try:
            visit(f"http://localhost:{port_of(server)}")
            jobs_of(server)
        finally:
            server.terminate()
            server.communicate()
    print("\nThe shop is closed. Start it yourself with the command above; examples/bookshop/README.md says more.")


def port_of(server: "subprocess.Popen[str]") -> int:
    """The port that the shop says it listens on."""
    assert server.stdout is not None
    for line in server.stdout:
        print(line, end="")
        said = json.loads(line)
        if said["msg"] == "listening":
            return int(said["port"])
    sys.exit("The shop did not start: what is wrong stands above.")


def jobs_of(server: "subprocess.Popen[str]") -> None:
    """What the order set going behind its answer: a job in the queue of reorders."""
    assert server.stdout is not None
    show("the log, once the job is done")
    for line in server.stdout:
        said = json.loads(line)
        if said.get("queue") == "reorders":
            print(line, end="")
            if said["msg"] == "job done":
                return


def visit(shop: str) -> None:
    """A stranger looks around and is turned away; Ada signs in and orders, which calls another unit."""
    ask(shop, "GET", "/api/books?genre=poetry")
    ask(shop, "POST", "/api/orders/quote", LINES)
    ask(shop, "POST", "/api/orders", LINES)
    ada = {"email": "ada@bookshop.example", "password": "difference-engine"}
    token = ask(shop, "POST", "/api/accounts/sign-in", ada)["token"]
    ask(shop, "POST", "/api/orders", LINES, token=token)


def ask(shop: str, method: str, path: str, body: object = None, *, token: str = "") -> dict[str, str]:
    """Sends one request and shows it with its answer."""
    headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {token}"} if token else {})
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(shop + path, data, headers, method=method)  # noqa: S310 - our own server
    show(f"{method} {path}" + (f" {json.dumps(body)}" if body is not None else "") + (" (as Ada)" if token else ""))
    try:
        with urllib.request.urlopen(request) as answer:  # noqa: S310 - as above
            status, text = answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        status, text = error.code, error.read().decode()
    print(status, text if len(text) < 300 else f"{text[:300]} …")
    found: dict[str, str] = json.loads(text)
    return found


def show(step: str) -> None:
    """The step, as one would type it."""
    print(f"\n$ {step}", flush=True)


if __name__ == "__main__":
    main()
