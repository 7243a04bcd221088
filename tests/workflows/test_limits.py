"""Limits over runs: so many of a key in hand, so many begun within a time, in a process and on Cloudflare."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.workflows.conftest import Listening
from tests.workflows.test_asked import ask


def at_work(place: Listening, workflow: str, inputs: list[Any]) -> list[tuple[float, float]]:
    """From when to when each was, of runs that are started together."""

    def run(given: Any) -> tuple[float, float]:
        status, said = ask(place, "POST", f"/workflow/{workflow}/run", given)
        assert status == 200, said
        return said["from"], said["to"]

    with ThreadPoolExecutor(len(inputs)) as pool:
        return list(pool.map(run, inputs))


def most_at_once(spans: list[tuple[float, float]]) -> int:
    return max(sum(a <= start < b for a, b in spans) for start, _ in spans)


def test_of_a_key_no_more_are_in_hand_than_its_limit_says(shared: Listening) -> None:
    rooms = ["hall"] * 5 + ["attic"]
    spans = at_work(shared, "visit", [{"room": room} for room in rooms])
    assert most_at_once(spans[:5]) <= 2
    assert spans[5][0] < max(end for _, end in spans[:5]), "another key's run waited for this one's"


def test_of_a_key_no_more_begin_than_its_rate_says(shared: Listening) -> None:
    begun = sorted(start for start, _ in at_work(shared, "tour", [{"guide": "Ann"}] * 4))
    # two tokens at once, then one a second; a step may begin a while after its run
    assert begun[2] - begun[0] >= 500
    assert begun[3] - begun[0] >= 1500
