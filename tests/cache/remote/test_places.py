"""Which place a URL means, what is wrong with one that means none, and that nobody ever reads a password."""

import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unitgraph.cache.remote import address, places
from unitgraph.cache.remote.base import Connection
from unitgraph.errors import UnitgraphError
from unitgraph.errors.cache import CacheAddressInvalid, UnknownCacheScheme

REPOSITORY = Path(__file__).resolve().parent.parent.parent.parent

KNOWN = {
    "http://cache.example": "http://cache.example",
    "HTTPS://Cache.Example:8443/a/b/": "https://Cache.Example:8443/a/b/",
    "http://ann:secret@[::1]:80/x": "http://[::1]:80/x",
    "redis://ann:secret@cache.example/3?ttl_days=30": "redis://cache.example/3",
    "rediss://:secret@cache.example:6380": "rediss://cache.example:6380",
    "s3://bucket": "s3://bucket",
    "s3://KEY:secret@bucket/some/prefix?region=eu-central-1": "s3://bucket/some/prefix",
    "s3://bucket/p?endpoint=https://minio.example:9000&anonymous=true": "s3://bucket/p at https://minio.example:9000",
    "file:///mnt/cache": "/mnt/cache",
    "/mnt/cache": "/mnt/cache",
    "/mnt/a b@c": "/mnt/a b@c",
}


@pytest.mark.parametrize(("url", "place"), KNOWN.items(), ids=KNOWN)
def test_a_url_that_means_a_place(url: str, place: str) -> None:
    backend = places.connect(Connection(url))
    assert backend.place == place
    backend.close()


@pytest.mark.parametrize("scheme", ["ftp", "gs", "az", "memcached", "htp"])
def test_a_scheme_that_nobody_knows(scheme: str) -> None:
    with pytest.raises(UnknownCacheScheme) as caught:
        places.connect(Connection(f"{scheme}://ann:secret@cache.example"))
    assert scheme in caught.value.message
    assert "grpc, grpcs, http, https, redis, rediss, s3" in caught.value.remedy
    assert "secret" not in str(caught.value)


WRONG = {
    "": "neither an absolute path nor",
    "cache.example:9092": "neither an absolute path nor",
    "../cache": "neither an absolute path nor",
    "~/cache": "neither an absolute path nor",
    "ann:secret@cache.example": "neither an absolute path nor",
    "/": "no folder of its own",
    "/mnt/../etc": "no folder of its own",
    "file:///": "no folder of its own",
    "file://server/share": "a file URL names no host",
    "http://": "it names no host",
    "http:///cache": "it names no host",
    "http://cache.example:port": "host or port can't be read",
    "http://cache.example:70000": "host or port can't be read",
    "http://[::1": "host or port can't be read",
    "http://cache.example/a b": "must be written as %XX",
    "http://cache.exämple": "must be written as %XX",
    "http://cache.example\r\nX: y": "must be written as %XX",
    "http://cache.example?token=secret": "there isn't the option 'token'; none is known here",
    "http://cache.example/#top": "must be written as %XX",
    "http://ann:sec#ret@cache.example": "must be written as %XX",
    "http://ann:sec?ret@cache.example": "must be written as %XX",
    "http://ann:sec/ret@cache.example": "must be written as %XX",
    "redis://cache.example/zero": "number of a database",
    "redis://cache.example/1/2": "number of a database",
    "redis://cache.example?ttl=3": "there isn't the option 'ttl'; known here: ttl_days",
    "redis://cache.example?ttl_days=0": "whole days",
    "redis://cache.example?ttl_days=1.5": "whole days",
    "redis://cache.example?ttl_days=99999999": "whole days",
    "redis://cache.example?ttl_days=3&ttl_days=4": "given twice",
    "s3://B": "its bucket isn't one",
    "s3://bucket:9000/x": "a bucket has no port",
    "s3://bucket/a//b": "its prefix isn't one",
    "s3://bucket/../other": "its prefix isn't one",
    "s3://bucket/%00": "its prefix isn't one",
    "s3://bucket?region=eu%20west": "its region isn't one",
    "s3://bucket?region=": "its region isn't one",
    "s3://bucket?endpoint=minio:9000": "its endpoint isn't one",
    "s3://bucket?endpoint=http://a%20b": "its endpoint isn't one",
    "s3://bucket?endpoint=http://ann:secret@minio": "must be written as %XX",
    "s3://bucket?endpoint=http://ann:secret%40minio": "its endpoint isn't one",
    "s3://bucket?anonymous=yes": "its anonymous isn't one",
    "s3://KEY@bucket": "to be given as KEY:SECRET",
}


@pytest.mark.parametrize(("url", "why"), WRONG.items(), ids=WRONG)
def test_a_url_that_cannot_be_used_says_why(url: str, why: str) -> None:
    with pytest.raises(CacheAddressInvalid) as caught:
        places.connect(Connection(url))
    assert why in caught.value.message
    assert "secret" not in str(caught.value)
    assert "ret@" not in str(caught.value)


@pytest.mark.parametrize("url", ["http://cache.example", "redis://cache.example", "s3://bucket"])
@pytest.mark.parametrize("token", ["to ken", "to\r\nken", "tökén", "\0"])
def test_a_token_that_cannot_be_sent(url: str, token: str) -> None:
    with pytest.raises(CacheAddressInvalid, match="its token") as caught:
        places.connect(Connection(url, token))
    assert token not in str(caught.value)


@pytest.mark.parametrize("token", ["KEY", "KEY:", ":SECRET", "a:b:c:d"])
def test_an_access_key_that_is_none(token: str) -> None:
    with pytest.raises(CacheAddressInvalid, match="KEY:SECRET") as caught:
        places.connect(Connection("s3://bucket", token))
    assert f" {token} " not in str(caught.value)


PASSWORDS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12).map(lambda text: f"5ecr{text}7ret")


@given(PASSWORDS, st.sampled_from(["http", "https", "redis", "s3", "ftp", "file", "grpc"]), st.booleans())
def test_no_password_is_ever_shown(password: str, scheme: str, encoded: bool) -> None:
    """Also where it was written as it is, with what ends a host or a path in it."""
    url = f"{scheme}://ann:{quote(password, safe='') if encoded else password}@bucket.example/x"
    try:
        backend = places.connect(Connection(url))
    except UnitgraphError as error:
        said = str(error)
    else:
        said = backend.place
        backend.close()
    assert "5ecr" not in said
    assert "7ret" not in said
    assert "5ecr" not in address.shown(url)


def test_connecting_loads_no_library() -> None:
    """Most commands find all they need on this machine, and shouldn't wait for what they don't use."""
    script = """
        import sys
        from unitgraph.cache.remote import places
        from unitgraph.cache.remote.base import Connection
        for url in ("http://h", "https://h", "grpc://h:1", "redis://h", "s3://bucket", "/mnt/x", "file:///mnt/x"):
            places.connect(Connection(url, "KEY:SECRET")).close()
        heavy = {"urllib3", "redis", "obstore", "grpc", "google.protobuf", "http.client", "asyncio"}
        print(sorted(heavy & set(sys.modules)))
    """
    assert run(script) == "[]\n"


@pytest.mark.parametrize(
    ("url", "library", "extra"),
    [("s3://bucket", "obstore", "s3"), ("redis://h", "redis", "redis"), ("rediss://h", "redis", "redis"), ("grpc://h", "grpc", "grpc"), ("grpcs://h", "grpc", "grpc")],
)
def test_a_library_that_is_not_installed(url: str, library: str, extra: str) -> None:
    script = f"""
        from unitgraph.cache.remote import places
        from unitgraph.cache.remote.base import Connection
        try:
            places.connect(Connection({url!r}))
        except Exception as error:
            print(error)
    """
    said = run(script, "-S")        # without site-packages
    assert f"{url.partition(':')[0]}:// needs {library}, which isn't installed. [cache-library-missing]" in said
    assert f"pip install 'unitgraph[{extra}]'" in said


def run(script: str, *options: str) -> str:
    lines = [line[8:] for line in script.strip("\n").split("\n")]
    found = f"import sys; sys.path.insert(0, {str(REPOSITORY)!r})\n"
    command = [sys.executable, *options, "-c", found + "\n".join(lines)]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def test_the_table_is_what_is_there() -> None:
    assert {kind.module for kind in places.KINDS.values()} == {"folder", "http", "reapi", "redis", "s3"}
