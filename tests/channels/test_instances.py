"""Topics across instances of the executable, which share a PostgreSQL or a Redis."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests import stores
from tests.channels import places
from tests.channels.places import Place
from tests.channels.test_topics import joined, listening, publish
from tests.stores import Server

DEADLINE_S = 60
SERVERS = {"postgres": stores.postgres, "redis": stores.redis}


@pytest.fixture(scope="module", params=list(SERVERS))
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with SERVERS[request.param]() as started:
        yield started


@pytest.fixture(scope="module")
def instances(server: Server, program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Place, Place]]:
    """Two that have nothing in common but the server."""
    told = {"UNITGRAPH_STORE": server.url}
    with ExitStack() as stack:
        first, second = (
            stack.enter_context(places.as_executable(program, tmp_path_factory.mktemp("instance"), told)) for _ in range(2)
        )
        yield first, second


def test_who_is_connected_to_one_hears_what_is_published_at_the_other(instances: tuple[Place, Place]) -> None:
    first, second = instances
    with joined(first, "/chat", "shared") as here, joined(second, "/bare", "shared") as there:
        publish(second, "room:shared", {"n": [1, None]})
        assert [here.get(), there.get()] == [{"n": [1, None]}] * 2
        publish(first, "room:shared", [1, 255], asBytes=True)
        assert [here.get(), there.get()] == [b"\x01\xff"] * 2
        here.send({"action": "say", "room": "shared", "text": "x" * 20_000})
        assert there.get()["text"] == "x" * 20_000, "longer than a NOTIFY"
        publish(second, "room:shared", "end")
        assert [here.get(), there.get()] == ["end"] * 2, "nothing came twice, nor to who said it"


def test_a_stream_of_events_hears_the_other_instance_too(instances: tuple[Place, Place]) -> None:
    first, second = instances
    with listening(first, "streamed") as (stream, _):
        publish(second, "streamed", {"n": 1})
        assert stream.event() == {"n": 1}


def test_a_channel_of_one_is_subscribed_and_left_out_by_the_other(instances: tuple[Place, Place]) -> None:
    first, second = instances
    with first.open("/chat?mode=return&room=named") as one, joined(second, "/chat", "named") as two:
        channel_id = one.get()["channelId"]
        assert second.ask("POST", "/subscribe", {"topic": "told", "channelId": channel_id}).status == 204
        publish(second, "told", "heard")
        assert one.get() == "heard"
        publish(second, "room:named", 1, **{"except": channel_id})
        publish(second, "room:named", 2)
        assert [one.get(), two.get(), two.get()] == [2, 1, 2]


def test_after_the_server_was_killed_topics_are_heard_again(instances: tuple[Place, Place], server: Server) -> None:
    """What is published meanwhile is refused or lost; nothing comes twice."""
    first, second = instances
    with joined(first, "/chat", "again") as here:
        publish(second, "room:again", "before")
        assert here.get() == "before"
        server.kill()
        server.start()
        heard = threading.Event()

        def say() -> None:
            end = time.monotonic() + DEADLINE_S
            while not heard.is_set() and time.monotonic() < end:
                second.ask("POST", "/publish", {"topic": "room:again", "data": "after"})
                time.sleep(0.05)

        saying = threading.Thread(target=say)
        saying.start()
        try:
            assert here.get() == "after"
        finally:
            heard.set()
            saying.join()
