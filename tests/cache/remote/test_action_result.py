"""Entries inside action results: what we wrote is read, what others wrote is not, and other programs can read ours."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unitgraph.cache import digest
from unitgraph.cache.remote import action_result
from unitgraph.cache.remote.messages import message
from unitgraph.cache.store import Blob

_BLOBS = (Blob("b" * 64, 7), Blob("a" * 64, 0))
_TIMESTAMPS = bytes.fromhex("4a0a0a08776f726b65722d31")      # field 9, execution_metadata: worker = "worker-1"


def _other(**fields: object) -> bytes:
    return bytes(message("ActionResult")(**fields).SerializeToString())


@given(entry=st.binary(min_size=1), names=st.sets(st.binary(max_size=8)))
def test_what_is_encoded_is_decoded(entry: bytes, names: set[bytes]) -> None:
    blobs = [Blob(digest.sha256(name), len(name)) for name in names]
    assert action_result.decode(action_result.encode(entry, blobs)) == entry


def test_the_bytes_are_the_same_whatever_the_order_and_count_of_blobs() -> None:
    one = action_result.encode(b"{}", _BLOBS)
    assert action_result.encode(b"{}", (*reversed(_BLOBS), _BLOBS[0])) == one


def test_the_blobs_are_outputs_of_a_success() -> None:
    held = message("ActionResult").FromString(action_result.encode(b"{}", _BLOBS))
    assert held.exit_code == 0
    assert [(file.path, file.digest.hash, file.digest.size_bytes) for file in held.output_files] == [
        (f"blobs/{'a' * 64}", "a" * 64, 0),
        (f"blobs/{'b' * 64}", "b" * 64, 7),
    ]


def test_a_large_entry_is_held_inline() -> None:
    entry = b"x" * (8 << 20)
    assert action_result.decode(action_result.encode(entry, ())) == entry


def test_what_a_server_adds_does_no_harm() -> None:
    assert action_result.decode(action_result.encode(b"{}", _BLOBS) + _TIMESTAMPS) == b"{}"


OTHERS = {
    "nothing": b"",
    "text": b"<html>not found</html>",
    "cut short": action_result.encode(b"{}" * 99, _BLOBS)[:-1],
    "a failure": _other(exit_code=1, stdout_raw=b"{}"),
    "bazel's, no output": _other(output_files=[{"path": "bazel-out/bin/a.o", "digest": {"hash": "a" * 64}}]),
    "bazel's, output": _other(output_files=[{"path": "bazel-out/a.o", "digest": {"hash": "a" * 64}}], stdout_raw=b"ok"),
    "a blob by another name": _other(
        output_files=[{"path": f"blobs/{'a' * 64}", "digest": {"hash": "b" * 64}}], stdout_raw=b"{}"
    ),
    "moved": _other(stdout_digest={"hash": "a" * 64, "size_bytes": 2}),
    "moved to nowhere": _other(stdout_digest={"hash": "../../etc/passwd", "size_bytes": 2}),
    "moved, but empty": _other(stdout_digest={"hash": "a" * 64, "size_bytes": 0}),
    "moved, of no size": _other(stdout_digest={"hash": "a" * 64, "size_bytes": -1}),
}


@pytest.mark.parametrize("data", OTHERS.values(), ids=OTHERS)
def test_anything_else_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"^No (entry|action result): "):
        action_result.decode(data)


@given(st.binary())
def test_random_bytes_are_refused_or_have_an_entry(data: bytes) -> None:
    try:
        entry = action_result.decode(data)
    except ValueError:
        return
    assert entry
    assert entry in data


def test_an_entry_that_a_server_moved_out_is_named() -> None:
    assert action_result.read(OTHERS["moved"]) == Blob("a" * 64, 2)
    for name in ("moved to nowhere", "moved, but empty", "moved, of no size"):
        with pytest.raises(ValueError, match=r"^No entry: "):
            action_result.read(OTHERS[name])


def test_threads_that_meet_at_the_first_message_share_its_classes() -> None:
    program = (
        "import threading\n"
        "from concurrent.futures import ThreadPoolExecutor\n"
        "from unitgraph.cache.remote.messages import message\n"
        "together = threading.Barrier(8)\n"
        "with ThreadPoolExecutor(8) as pool:\n"
        "    print(len(set(pool.map(lambda _: (together.wait(), id(message('Digest')))[1], range(8)))))\n"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout == "1\n"


def test_protobuf_is_imported_by_the_first_message_only() -> None:
    program = (
        "import sys\n"
        "import unitgraph.cache.remote.action_result, unitgraph.cache.remote.messages as messages\n"
        "print('google.protobuf' in sys.modules)\n"
        "messages.message('Digest')\n"
        "print('google.protobuf' in sys.modules)\n"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout == "False\nTrue\n"
