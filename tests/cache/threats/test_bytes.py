"""Bytes that aren't what they should be: swapped, cut, others; from a place, and from the network before it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cache.remote import faults
from tests.cache.remote.servers import TOKEN, nginx
from tests.cache.threats.jobs import Company, Job, entries, shop, taken_over
from tests.harness import Tools

Spoil = Callable[[list[Path]], None]


def swap(paths: list[Path]) -> None:
    texts = [path.read_bytes() for path in paths]
    for path, text in zip(paths, texts[1:] + texts[:1], strict=True):
        path.write_bytes(text)


def cut(paths: list[Path]) -> None:
    for path in paths:
        path.write_bytes(path.read_bytes()[:-100])


def lengthen(paths: list[Path]) -> None:
    for path in paths:
        path.write_bytes(path.read_bytes() + b";evil()")


def flip(paths: list[Path]) -> None:
    for path in paths:
        data = path.read_bytes()
        at = len(data) // 2
        path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])


def empty(paths: list[Path]) -> None:
    for path in paths:
        path.write_bytes(b"")


@pytest.mark.parametrize("spoil", [swap, cut, lengthen, flip, empty])
def test_bytes_that_are_not_what_was_signed_are_never_used(company: Company, spoil: Spoil) -> None:
    first = company.main("first")
    first.run("apply", "--provider", "standalone")
    blobs = [path for path in sorted((company.place / "cas").rglob("*")) if path.is_file()]
    spoil(blobs)
    victim = company.desk("victim")
    said = victim.run("apply", "--provider", "standalone")
    assert "gave wrong bytes" in said.err
    assert victim.released() == first.released()


def test_bytes_that_are_gone_are_made_again(company: Company) -> None:
    first = company.main("first")
    first.run("apply", "--provider", "standalone")
    for path in (company.place / "cas").rglob("*"):
        if path.is_file():
            path.unlink()
    victim = company.desk("victim")
    victim.run("apply", "--provider", "standalone")
    assert victim.released() == first.released()


def test_entries_that_are_larger_than_any_are_not_even_read(company: Company) -> None:
    """Forty megabytes of brackets, and of nothing, in the place of each entry."""
    clean = company.clean()
    company.main("first").plan()
    for number, (path, _) in enumerate(list(entries(company.place))):
        path.chmod(0o644)
        path.write_bytes((b"[" if number % 2 else b"\0") * (40 << 20 if number < 2 else 1 << 20))
    victim = company.desk("victim")
    said = victim.plan()
    assert victim.promised() == clean
    assert "they can't be read" in said.err


@dataclass
class Network:
    """A network that does as it is told, before a real server; ``first`` has filled that."""

    proxy: faults.FaultProxy
    first: Job
    checkout: Callable[[str], Job]


@pytest.fixture(scope="module")
def network(tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    company = Company(tmp_path_factory.mktemp("network"), tools)
    (company.root / "server").mkdir()
    with nginx(company.root / "server") as server, faults.FaultProxy(server.address) as proxy:
        files = shop(server.url(proxy.address), tokenEnv="SHOP_CACHE_TOKEN")

        def checkout(name: str) -> Job:
            job = company.main(name, files)
            job.environ["SHOP_CACHE_TOKEN"] = TOKEN
            return job

        first = checkout("first")
        first.run("apply", "--provider", "standalone")
        yield Network(proxy, first, checkout)


NETWORK = {
    "a page of HTML": faults.Answer(b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n<html></html"),
    "an error": faults.status(500),
    "who are you": faults.status(401),
    "nothing": faults.CutAfter(0),
    "more of it": faults.CutAfter(9000),
    "bits that flip": faults.Flip(b"import"),
    "bits of entries that flip": faults.Flip(b"outputs"),
    "silence": faults.Hang(),
    "silence in the middle": faults.Hang(after=9000),
    "a byte at a time": faults.Drip(),
    "zeros without end": faults.Flood(),
}
"""What comes back instead of an answer."""


@pytest.mark.parametrize("mode", NETWORK.values(), ids=NETWORK)
def test_whatever_the_network_does_the_build_is_right(network: Network, mode: faults.Mode, request: pytest.FixtureRequest) -> None:
    network.proxy.mode = mode
    victim = network.checkout(request.node.callspec.id.replace(" ", "-"))
    said = victim.run("apply", "--provider", "standalone")
    assert victim.released() == network.first.released()
    assert "warning: " in said.err


def test_the_place_takes_no_harm_from_all_that(network: Network) -> None:
    network.proxy.mode = faults.Answer(b"HTTP/1.1 200 OK\r\n\r\n")
    network.checkout("before").plan()
    network.proxy.mode = faults.Pass()
    after = network.checkout("after")
    assert taken_over(after.run("apply", "--provider", "standalone"))
    assert after.released() == network.first.released()
