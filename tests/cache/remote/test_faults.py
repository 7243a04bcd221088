"""The proxy does what it says: or the tests that stand on it say nothing. Behind it a server repeats what it hears."""

import re
import socket
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cache.remote.faults import Address, CutAfter, Edited, FaultProxy, Flip, Hang, Mode, Pass, Swap, status


@pytest.fixture
def proxy() -> Iterator[FaultProxy]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=repeat, args=(listener,), daemon=True).start()
        with FaultProxy(listener.getsockname()) as proxy:
            yield proxy
        listener.shutdown(socket.SHUT_RDWR)


def repeat(listener: socket.socket) -> None:
    while True:
        try:
            heard, _ = listener.accept()
        except OSError:
            return
        with heard:
            while data := heard.recv(4096):
                heard.sendall(data)


def said(address: Address, words: bytes, count: int) -> bytes:
    """The first bytes of the answer, fewer where it ends."""
    with socket.create_connection(address, timeout=30) as talking:
        talking.sendall(words)
        answer = b""
        while len(answer) < count and (more := talking.recv(4096)):
            answer += more
        return answer


MODES: list[tuple[Mode, bytes]] = [
    (Pass(), b"some words"),
    (Flip(b"word"), b"some vords"),
    (Swap(b"some", b"rods"), b"some words"),
    (CutAfter(4), b"some"),
    (CutAfter(0), b""),
]


@pytest.mark.parametrize(("mode", "answer"), MODES, ids=str)
def test_answers(proxy: FaultProxy, mode: Mode, answer: bytes) -> None:
    proxy.mode = mode
    assert said(proxy.address, b"some words", 10) == answer
    assert proxy.connections == 1


def test_the_server_hears_the_other_name(proxy: FaultProxy) -> None:
    """It repeats what it heard, and the answer is changed back; with an answer as it is, the change is seen."""
    edited = Edited()
    assert edited.next(b"get one", {b"one": b"two", b"two": b"one"}) == b"get two"
    proxy.mode = Swap(b"one", b"two")
    assert said(proxy.address, b"one two", 7) == b"one two"


def test_what_hangs_goes_on_with_another_mode(proxy: FaultProxy) -> None:
    proxy.mode = Hang(after=4)
    with socket.create_connection(proxy.address, timeout=30) as talking:
        talking.sendall(b"some words")
        proxy.await_passed(4)
        answer = talking.recv(100)
        talking.settimeout(0.2)
        with pytest.raises(TimeoutError):
            talking.recv(100)
        proxy.mode = Pass()
        talking.settimeout(30)
        while len(answer) < 10:
            answer += talking.recv(100)
    assert answer == b"some words"


def test_a_status_answers_and_the_request_is_remembered(proxy: FaultProxy) -> None:
    proxy.mode = status(503, {"Retry-After": "9"})
    answer = said(proxy.address, b"PUT /x HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody", 1000)
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"\r\nRetry-After: 9\r\n" in answer
    assert proxy.requests == [b"PUT /x HTTP/1.1\r\nContent-Length: 4\r\n\r\n"]


def test_what_is_there_is_dropped(proxy: FaultProxy) -> None:
    with socket.create_connection(proxy.address, timeout=30) as talking:
        talking.sendall(b"some words")
        assert talking.recv(100)
        proxy.drop()
        assert talking.recv(100) == b""
    assert said(proxy.address, b"again", 5) == b"again"


@given(st.lists(st.sampled_from([b"ab", b"abc", b"abcd", b"b", b"dcba", b"dc", b"x"]), max_size=12), st.data())
def test_what_is_replaced_is_replaced_however_it_comes_in_pieces(words: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(words)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=6)))
    pieces = [whole[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    edited = Edited()
    table = {b"abcd": b"1234", b"dcba": b"4321"}
    came = b"".join(edited.next(piece, table) for piece in pieces) + edited.rest()
    assert came == re.sub(b"abcd|dcba", lambda match: table[match[0]], whole)
