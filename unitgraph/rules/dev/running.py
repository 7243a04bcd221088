"""Which project runs on this machine: one of each provider at a time, and how another command reaches it."""

import fcntl
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import urllib3

from unitgraph.errors.dev import DevNotFired, DevNotRunning, DevRunning
from unitgraph.rules.dev.places import Folders


@contextmanager
def alone(folders: Folders, provider: str) -> Iterator[None]:
    """Nobody else runs it meanwhile; a process that is killed holds nothing. Raises DevRunning."""
    folders.top.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folders.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DevRunning(provider) from None
        yield
    finally:
        os.close(descriptor)


def new_token() -> str:
    return secrets.token_urlsafe(24)


@contextmanager
def announced(folders: Folders, *, host: str, port: int, token: str) -> Iterator[None]:
    """Leaves word where it can be reached, for this user's own commands."""
    place = folders.running
    place.unlink(missing_ok=True)
    with open(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump({"host": host, "port": port, "token": token, "pid": os.getpid()}, file)
    try:
        yield
    finally:
        place.unlink(missing_ok=True)


def address(folders: Folders, provider: str) -> str:
    """The URL of what runs. Raises DevNotRunning."""
    try:
        found = json.loads(folders.running.read_text("utf-8"))
        return f"http://{found['host']}:{found['port']}"
    except (OSError, ValueError, KeyError):
        raise DevNotRunning(provider) from None


def fire(folders: Folders, provider: str, name: str, data: Any) -> None:
    """Has what runs call a task, or add a job to a queue, by its name. Raises DevNotRunning, DevNotFired."""
    waits = urllib3.Timeout(connect=5, read=None)       # a task may take as long as it likes
    try:
        found = json.loads(folders.running.read_text("utf-8"))
        where = f"http://{found['host']}:{found['port']}/__unitgraph/dev/fire"
        headers = {"authorization": f"Bearer {found['token']}"}
        told = {"name": name, "data": data}
        answer = urllib3.request("POST", where, json=told, headers=headers, timeout=waits, retries=False)
        said = answer.json()
    except (OSError, ValueError, KeyError, urllib3.exceptions.HTTPError):
        raise DevNotRunning(provider) from None
    if answer.status == 403:        # another program has the port by now
        raise DevNotRunning(provider)
    if answer.status != 200:
        raise DevNotFired(str(said.get("error", answer.status)))
