"""Topics across connections, channels and units: who hears what, published from wherever."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.channels.client import Client
from tests.channels.places import Place

TIMEOUT_S = 60


def joined(place: Place, path: str, room: str) -> Client:
    """A client that hears what is said in a room."""
    client = place.open(path)
    client.send({"action": "join", "room": room, "$id": 1})
    assert client.get() == {"$id": 1, "data": {"joined": room}}
    return client


def publish(place: Place, topic: str, data: Any, **more: Any) -> None:
    answer = place.ask("POST", "/publish", {"topic": topic, "data": data, **more})
    assert answer.status == 204, answer.text


class Stream:
    """A stream of events over HTTP, read as it comes."""

    def __init__(self, port: int, path: str, **headers: str) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), TIMEOUT_S)
        lines = [f"GET {path} HTTP/1.1", "Host: rooms.test", "Accept: text/event-stream"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.socket.sendall("\r\n".join([*lines, "", ""]).encode())
        self._file = self.socket.makefile("rb")

    def event(self) -> Any:
        for line in self._file:
            if line.startswith(b"data: "):
                return json.loads(line[6:])
        raise EOFError

    def close(self) -> None:
        self._file.close()
        self.socket.close()


@contextmanager
def listening(place: Place, topic: str, **headers: str) -> Iterator[tuple[Stream, Any]]:
    stream = Stream(place.port, f"/listen?topic={topic}", **headers)
    try:
        yield stream, stream.event()
    finally:
        stream.close()


def test_what_is_said_in_a_room_is_heard_in_it(place: Place) -> None:
    with joined(place, "/chat", "blue") as one, joined(place, "/chat", "blue") as two, joined(place, "/chat", "red") as other:
        one.send({"action": "say", "room": "blue", "text": "a"})
        assert two.get() == {"from": "somebody", "text": "a"}
        two.send({"action": "say", "room": "blue", "text": "b", "toAll": True})
        assert [one.get(), two.get()] == [{"from": "somebody", "text": "b"}] * 2
        publish(place, "room:red", "end")
        assert other.get() == "end", "nothing came before it"


def test_who_left_hears_no_more(place: Place) -> None:
    with joined(place, "/chat", "leaving") as one, joined(place, "/chat", "leaving") as two:
        one.send({"action": "leave", "room": "leaving"})
        assert one.get() == {"action": "leave", "left": "leaving"}
        publish(place, "room:leaving", 1)
        assert two.get() == 1
        one.send("ping")
        assert one.get() == "pong"


def test_topics_are_the_same_in_all_channels(place: Place) -> None:
    with joined(place, "/chat", "both") as chat, joined(place, "/bare", "both") as bare:
        chat.send({"action": "say", "room": "both", "text": "from the other channel"})
        assert bare.get()["text"] == "from the other channel"


def test_functions_of_other_units_publish(place: Place) -> None:
    with joined(place, "/chat", "units") as chat, joined(place, "/bare", "units") as bare:
        publish(place, "room:units", {"n": [1, None]})
        assert [chat.get(), bare.get()] == [{"n": [1, None]}] * 2
        publish(place, "room:units", [1, 255], asBytes=True)
        assert [chat.get(), bare.get()] == [b"\x01\xff"] * 2
        assert place.ask("POST", "/later", {"topic": "room:units", "data": "from a job"}).status == 204
        assert [chat.get(), bare.get()] == ["from a job"] * 2


def test_a_publisher_elsewhere_leaves_out_whom_it_names(place: Place) -> None:
    with place.open("/chat?mode=return&room=named") as one, joined(place, "/chat", "named") as two:
        channel_id = one.get()["channelId"]
        publish(place, "room:named", 1, **{"except": channel_id})
        publish(place, "room:named", 2)
        assert [one.get(), two.get(), two.get()] == [2, 1, 2]


def test_another_unit_subscribes_a_channel_by_its_id(place: Place) -> None:
    with place.open("/chat?mode=return") as client:
        channel_id = client.get()["channelId"]
        assert place.ask("POST", "/subscribe", {"topic": "told", "channelId": channel_id}).status == 204
        publish(place, "told", "heard")
        assert client.get() == "heard"


def test_channels_that_are_no_more_are_nobodys_trouble(place: Place) -> None:
    for channel_id in ("nobody", "", "rooms-chat.none", "__proto__.x", "x" * 3000):
        assert place.ask("POST", "/subscribe", {"topic": "t", "channelId": channel_id}).status == 204
    with place.open("/chat?mode=return&room=gone") as client:
        channel_id = client.get()["channelId"]
    place.said("closed", channel_id)
    assert place.ask("POST", "/subscribe", {"topic": "room:gone", "channelId": channel_id}).status == 204
    publish(place, "room:gone", 1)
    publish(place, "a topic without anybody", 1)


def test_topics_by_names_that_objects_have(place: Place) -> None:
    with joined(place, "/chat", "constructor") as client:
        publish(place, "constructor", 1)
        publish(place, "__proto__", 1)
        publish(place, "room:constructor", 2)
        assert client.get() == 2


def test_a_stream_of_events_hears_of_a_topic_too(place: Place) -> None:
    with listening(place, "streamed", Last_Event_ID="41") as (stream, first):
        assert first["lastEventId"] == "41"
        publish(place, "streamed", {"n": 1})
        assert stream.event() == {"n": 1}
        with joined(place, "/chat", "streamed") as chat:
            publish(place, "streamed", [255], asBytes=True)
            publish(place, "room:streamed", 1)
            assert [stream.event(), chat.get()] == ["_w", 1]
    # a server may find out by what it can't send
    while not place.log.lines(lambda line: line.get("msg") == "listener gone" and line["channelId"] == first["channelId"]):
        publish(place, "streamed", "nobody hears this")


def test_streams_and_channels_hear_the_same(place: Place) -> None:
    with joined(place, "/chat", "mixed") as chat, listening(place, "room:mixed") as (stream, _), listening(place, "room:mixed") as (other, _):
        chat.send({"action": "say", "room": "mixed", "text": "to streams"})
        said = {"from": "somebody", "text": "to streams"}
        assert [stream.event(), other.event()] == [said] * 2


def test_nobody_chooses_the_id_of_a_channel(place: Place) -> None:
    """Else a request with somebody's id could take what is meant for them."""
    with place.open("/chat?mode=return", {"X-Request-Id": "mine"}) as client:
        assert "mine" not in client.get()["channelId"]
    with listening(place, "x", X_Request_Id="mine") as (_, first):
        assert "mine" not in first["channelId"]
    answer = place.ask("GET", "/listen?topic=x", headers={"x-request-id": "mine"})
    assert answer.json == {"ended": True}
    assert place.log.lines(lambda line: line.get("msg") == "listener gone" and line.get("channelId") == "mine") == []
