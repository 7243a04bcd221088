"""How connections end, outlive sleep, and are told of by other processes; and what hostile clients get."""

import struct
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.channels import places
from tests.channels.client import BINARY, CLOSE, PING, PONG, TEXT, Client
from tests.channels.places import InWorkers, Place
from tests.channels.test_topics import joined, listening, publish

ME = {"action": "whoAmI", "$id": "me"}


def opened(place: Place, query: str = "") -> tuple[Client, str]:
    """A client, and the id of its channel."""
    client = place.open(f"/chat?mode=return{query}")
    return client, client.get()["channelId"]


# ends


def test_the_end_is_told_with_what_was_known(place: Place) -> None:
    client, channel_id = opened(place, "&room=a")
    with client:
        client.send({"action": "signIn", "user": "ada"})
        client.get()
        assert client.close(4321)[0] == 4321
    [line] = place.said("closed", channel_id)
    assert (line["userId"], line["given"]) == ("ada", {"mode": "return", "room": "a"})
    place.said("channel closed", channel_id)


def test_a_line_that_breaks_is_an_end_too(place: Place) -> None:
    client, channel_id = opened(place)
    client.socket.close()
    place.said("closed", channel_id)


def test_what_was_said_right_before_the_end_is_done(place: Place) -> None:
    with joined(place, "/chat", "last words") as other:
        client, _ = opened(place)
        with client:
            client.send({"action": "say", "room": "last words", "text": "goodbye"})
            client.close()
        assert other.get()["text"] == "goodbye"


def test_a_function_under_way_hears_that_its_client_has_gone(place: Place) -> None:
    client, channel_id = opened(place)
    with client:
        client.send({"action": "ticking"})
        assert client.get() == "ticking"
        client.close()
    place.said("heard that it has gone", channel_id)
    place.said("closed", channel_id)


def test_who_was_refused_was_never_there(place: Place) -> None:
    with joined(place, "/chat", "refused") as other:
        with place.open("/chat?mode=refuse&room=refused") as client:
            assert client.status == 403
        publish(place, "room:refused", 1)
        assert other.get() == 1
    refused = [line["channelId"] for line in place.log.lines(lambda line: line.get("msg") == "opened")]
    ended = {line["channelId"] for line in place.log.lines(lambda line: line.get("msg") == "closed")}
    assert set(refused) - ended, "an opening that was refused has no end"


def test_asked_to_end_it_ends_what_is_said_and_says_goodbye(program: Path, tmp_path: Path) -> None:
    with places.as_executable(program, tmp_path) as place:
        idle, idle_id = opened(place)
        busy, busy_id = opened(place)
        with idle, busy:
            busy.send({"action": "slow", "ms": 500, "n": 7})
            place.log.wait(lambda line: line.get("msg") == "slow began")
            place.process.process.terminate()
            assert busy.get() == {"action": "slow", "n": 7}
            assert [busy.closed(), idle.closed()] == [(1001, "The server stops")] * 2
        assert place.process.ended() == 0
        said = [(line["msg"], line.get("channelId")) for line in place.log.lines()]
        assert said[-1] == ("stopped", None)
        assert {("closed", idle_id), ("closed", busy_id)} <= set(said)


# sleep


def test_what_a_connection_is_outlives_sleep(workers: InWorkers) -> None:
    """In memory nothing is left of it: not who signed in, not what it is subscribed to."""
    small, small_id = opened(workers, "&size=3")
    large, _ = opened(workers)
    bare = joined(workers, "/bare", "asleep")
    with small, large, bare, listening(workers, "room:asleep") as (stream, _):
        for client, user, note in ((small, "ada", ""), (large, "bob", "n" * 9000)):
            client.send({"action": "signIn", "user": user, "note": note, "$id": 1})
            client.get()
            client.send({"action": "join", "room": "asleep", "$id": 2})
            client.get()
        for unit, kind in (("rooms-chat", "ChannelSockets"), ("rooms-bare", "ChannelSockets"), ("rooms-listen", "EventStreams")):
            workers.workers.evict(unit, kind, "channels")
        small.send("ping")
        assert small.get() == "pong", "answered without being woken"
        publish(workers, "room:asleep", "good morning")
        assert [small.get(), large.get(), bare.get(), stream.event()] == ["good morning"] * 4
        workers.workers.evict("rooms-chat", "ChannelSockets", "channels")
        for client, user, length in ((small, "ada", 0), (large, "bob", 9000)):
            client.send(ME)
            assert client.get()["data"].items() >= {"userId": user, "noteLength": length}.items()
        small.send(ME)
        assert small.get()["data"]["openingData"] == {"mode": "return", "size": 3}
        workers.workers.evict("rooms-chat", "ChannelSockets", "channels")
        assert small.close()[0] == 1000
        [line] = workers.said("closed", small_id)
        assert line["userId"] == "ada"
        workers.workers.evict("rooms-chat", "ChannelSockets", "channels")
        publish(workers, "room:asleep", "good night")
        assert large.get() == "good night"
    awake = workers.log.wait(lambda line: line.get("msg") == "channels awake", 3)
    assert max(line["connections"] for line in awake) >= 2


# hostile clients


def lives(place: Place) -> None:
    with place.open("/chat") as client:
        client.send({"action": "hello"})
        assert client.get() == {"action": "hello", "hello": "you"}


@pytest.mark.parametrize(
    "frames",
    [
        pytest.param([(TEXT, b"\xff\xfe", {})], id="text that is not UTF-8"),
        pytest.param([(TEXT, b"{}", {"is_masked": False})], id="a frame without a mask"),
        pytest.param([(3, b"x", {})], id="a kind of frame that there is not"),
        pytest.param([(PING, b"x" * 126, {})], id="a ping that is too long"),
        pytest.param([(PING, b"x", {"is_last": False})], id="a ping in parts"),
        pytest.param([(0, b"x", {})], id="the rest of nothing"),
        pytest.param([(CLOSE, b"\x03", {})], id="half a code"),
    ],
)
def test_frames_that_are_wrong_end_the_connection_and_nothing_else(
    place: Place, frames: list[tuple[int, bytes, Any]]
) -> None:
    """workerd takes some of them for right: what it makes of them is answered as any message."""
    client, channel_id = opened(place)
    with client:
        for opcode, data, how in frames:
            client.frame(opcode, data, **how)
        if place.name == "executable":
            assert client.closed()[0] in (1002, 1006, 1007)
    place.said("closed", channel_id)
    lives(place)


def test_a_frame_in_parts_and_pings_between_them(place: Place) -> None:
    with place.open("/chat") as client:
        client.frame(TEXT, b'{"action":', is_last=False)
        client.frame(PING, b"in between")
        client.frame(0, b'"hello"}')
        found = [client.next() for _ in range(2)]
        assert (PONG, b"in between") in found
        assert (TEXT, b'{"action":"hello","hello":"you"}') in found


def test_a_frame_of_an_enormous_size_is_not_waited_for(place: Place) -> None:
    client, channel_id = opened(place)
    with client:
        client.socket.sendall(bytes([0x80 | BINARY, 0x80 | 127]) + struct.pack(">Q", 1 << 62) + bytes(4) + b"x")
        assert client.closed()[0] in (1002, 1006, 1009)
    place.said("closed", channel_id)
    lives(place)


def test_a_flood_is_ended(place: Place) -> None:
    client, channel_id = opened(place)
    with client:
        client.send({"action": "slow", "ms": 3000, "n": 1})
        for _ in range(300):
            client.send({"action": "hello"})
        assert client.closed() == (1008, "More than 256 messages wait")
    place.said("closed", channel_id)
    lives(place)


def test_who_does_not_read_holds_up_nobody(executable: Place) -> None:
    """A function waits until there is room; what is published to such a client ends it, once it is too much."""
    deaf = Client(executable.port, "/chat?mode=return&room=deaf", room_bytes=4096)
    channel_id = deaf.get()["channelId"]
    with deaf, joined(executable, "/chat", "deaf") as other:
        deaf.send({"action": "count", "to": 200, "fill": 100_000})
        lives(executable)
        for n in range(40):
            publish(executable, "room:deaf", {"n": n, "fill": "x" * 400_000})
            assert other.get()["n"] == n
        executable.said("closed", channel_id)


def test_many_that_come_and_go_at_once(place: Place) -> None:
    with ExitStack() as held:
        clients = [held.enter_context(joined(place, "/chat", "crowd")) for _ in range(40)]
        for client in clients[::2]:
            client.socket.close()
        publish(place, "room:crowd", "who is there?")
        assert [client.get() for client in clients[1::2]] == ["who is there?"] * 20
    lives(place)
