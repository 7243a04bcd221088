"""The benchmark of the cache runs, and what it says of itself holds: real places, no bundler, bytes that were counted."""

import json
import socket
import subprocess
import sys
import threading

from benchmarks.bench_cache import GOAL_OF_COLD, GOAL_UNITS, shown
from benchmarks.relay import Relay
from tests.harness import REPOSITORY


def test_fresh_checkouts_of_a_small_project_over_two_places() -> None:
    command = [sys.executable, "-m", "benchmarks.bench_cache", "--quick", "--sizes", "4", "--places", "local,http", "--json"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    local, http = json.loads(done.stdout)
    assert (local["place"], http["place"], http["units"]) == ("local", "http", 4)
    for row in (local, http):
        assert (row["plan_esbuild"], row["bytes_esbuild"]) == (0, 0)
        assert row["edit_esbuild"] > 0
        assert all(row[f"{name}_wall_s"] > 0 for name in ("cold", "plan", "bytes", "edit"))
    assert http["bytes_received_kb"] > http["plan_received_kb"] > 0, "a plan fetches no bundles"
    assert "bytes_received_kb" not in local


def test_the_relay_counts_both_ways() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            client, _ = server.accept()
            with client:
                while client.recv(4096):
                    pass
                client.sendall(b"x" * 70_000)

        thread = threading.Thread(target=answer)
        thread.start()
        with Relay(server.getsockname()) as relay, socket.create_connection(relay.address) as client:
            client.sendall(b"y" * 1000)
            client.shutdown(socket.SHUT_WR)
            received = 0
            while piece := client.recv(4096):
                received += len(piece)
        thread.join()
    assert (relay.sent, relay.received, received) == (1000, 70_000, 70_000)


def test_a_goal_that_is_missed_is_marked() -> None:
    met, missed = {"units": GOAL_UNITS, "plan_of_cold": GOAL_OF_COLD}, {"units": GOAL_UNITS, "plan_of_cold": 0.11}
    assert shown("plan_of_cold", met) == "10.0%*"
    assert shown("plan_of_cold", missed) == "11.0%!"
    assert shown("plan_of_cold", {**missed, "units": 100}) == "11.0%"
    assert shown("plan_of_cold", {"units": GOAL_UNITS}) == "–"
