"""An entry as a place that speaks Bazel's protocol holds it: inside an ActionResult that names the blobs as outputs.

Such places validate what they hold, and keep blobs alive for as long as an action result names them.
"""

import re
from collections.abc import Sequence
from typing import Any, Final

from unitgraph.cache.remote.messages import message
from unitgraph.cache.store import Blob

_DIGEST: Final = re.compile("[0-9a-f]{64}")


def encode(entry: bytes, blobs: Sequence[Blob]) -> bytes:
    """The serialized ActionResult of a success that wrote ``entry`` to standard output, and ``blobs`` as files."""
    return bytes(result(blobs, stdout_raw=entry).SerializeToString(deterministic=True))


def decode(data: bytes) -> bytes:
    """The entry in what ``encode`` made, whatever a server added to it; ValueError for anything else."""
    held = read(data)
    if isinstance(held, Blob):
        raise ValueError(f"No entry: it stands in the blob {held.digest}.")     # noqa: TRY004 - the bytes are at fault
    return held


def read(data: bytes) -> bytes | Blob:
    """The entry, or the blob that holds it where the server moved it there; ValueError for anything else."""
    from google.protobuf.message import DecodeError  # noqa: PLC0415 - takes long, see messages

    try:
        return entry_of(message("ActionResult").FromString(data))
    except DecodeError as error:
        raise ValueError("No action result: the bytes aren't a message of that kind.") from error


def result(blobs: Sequence[Blob], **standard_output: object) -> Any:
    """The ActionResult that names ``blobs``; the entry is either ``stdout_raw`` or, as a digest, ``stdout_digest``."""
    files = [message("OutputFile")(path=_path(blob.digest), digest=digest_of(blob)) for blob in sorted(set(blobs))]
    return message("ActionResult")(output_files=files, exit_code=0, **standard_output)


def entry_of(held: Any) -> bytes | Blob:
    """What ``read`` gives, of a message that is parsed already."""
    if held.exit_code != 0:
        raise ValueError("No entry: the action result is a failure's.")
    if any(file.path != _path(file.digest.hash) for file in held.output_files):
        raise ValueError("No entry: another program's action result, with files of its own.")
    if held.stdout_raw:
        return bytes(held.stdout_raw)
    moved = held.stdout_digest
    if _DIGEST.fullmatch(moved.hash) and moved.size_bytes > 0:
        return Blob(moved.hash, moved.size_bytes)
    raise ValueError("No entry: the action result has no standard output.")


def digest_of(blob: Blob) -> Any:
    """The blob's name as a message."""
    return message("Digest")(hash=blob.digest, size_bytes=blob.size)


def _path(digest: str) -> str:
    """Unique, relative and safe on any disk: servers check the paths of an action result."""
    return f"blobs/{digest}"
