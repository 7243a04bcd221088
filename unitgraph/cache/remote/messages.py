"""The messages of the Remote Execution API that a cache needs, as classes. Knows field numbers and types, no service.

Built at the first use from the tables below, which are facts of the public protocols: build.bazel.remote.execution.v2,
google.bytestream, google.rpc. Fields that nothing here reads are left out: protobuf carries unknown ones along.
"""

from collections.abc import Mapping
from functools import cache
from threading import Lock
from typing import Any, Final

_PACKAGE: Final = "unitgraph"       # of no matter on the wire, where a message has no name

_FIELDS: Final[Mapping[str, Mapping[str, tuple[int, str]]]] = {
    # message → field → number and type: a scalar's, or another message's; "*" after it where it is repeated
    "Digest": {"hash": (1, "string"), "size_bytes": (2, "int64")},
    "OutputFile": {"path": (1, "string"), "digest": (2, "Digest")},
    "ActionResult": {
        "output_files": (2, "OutputFile*"),
        "exit_code": (4, "int32"),
        "stdout_raw": (5, "bytes"),
        "stdout_digest": (6, "Digest"),
    },
    "GetActionResultRequest": {
        "instance_name": (1, "string"),
        "action_digest": (2, "Digest"),
        "inline_stdout": (3, "bool"),
    },
    "UpdateActionResultRequest": {
        "instance_name": (1, "string"),
        "action_digest": (2, "Digest"),
        "action_result": (3, "ActionResult"),
    },
    "FindMissingBlobsRequest": {"instance_name": (1, "string"), "blob_digests": (2, "Digest*")},
    "FindMissingBlobsResponse": {"missing_blob_digests": (2, "Digest*")},
    "BatchReadBlobsRequest": {"instance_name": (1, "string"), "digests": (2, "Digest*")},
    "BatchReadBlobsResponse": {"responses": (1, "ReadBlob*")},
    "ReadBlob": {"digest": (1, "Digest"), "data": (2, "bytes"), "status": (3, "Status")},
    "BatchUpdateBlobsRequest": {"instance_name": (1, "string"), "requests": (2, "UpdateBlob*")},
    "UpdateBlob": {"digest": (1, "Digest"), "data": (2, "bytes")},
    "BatchUpdateBlobsResponse": {"responses": (1, "UpdatedBlob*")},
    "UpdatedBlob": {"digest": (1, "Digest"), "status": (2, "Status")},
    "GetCapabilitiesRequest": {"instance_name": (1, "string")},
    "ServerCapabilities": {"cache_capabilities": (1, "CacheCapabilities")},
    "CacheCapabilities": {
        "digest_functions": (1, "int32*"),      # an enumeration, which is an int32 on the wire
        "action_cache_update_capabilities": (2, "ActionCacheUpdateCapabilities"),
        "max_batch_total_size_bytes": (4, "int64"),
    },
    "ActionCacheUpdateCapabilities": {"update_enabled": (1, "bool")},
    "RequestMetadata": {"tool_details": (1, "ToolDetails")},
    "ToolDetails": {"tool_name": (1, "string"), "tool_version": (2, "string")},
    "ReadRequest": {"resource_name": (1, "string"), "read_offset": (2, "int64"), "read_limit": (3, "int64")},
    "ReadResponse": {"data": (10, "bytes")},
    "WriteRequest": {
        "resource_name": (1, "string"),
        "write_offset": (2, "int64"),
        "finish_write": (3, "bool"),
        "data": (10, "bytes"),
    },
    "WriteResponse": {"committed_size": (1, "int64")},
    "Status": {"code": (1, "int32"), "message": (2, "string")},
}

SHA256: Final = 1   # in CacheCapabilities.digest_functions


_making = Lock()    # classes of two pools don't go into each other


def message(name: str) -> Any:
    """The class of one of the messages above; its fields are attributes, as in generated code."""
    with _making:
        return _classes()[name]


@cache
def _classes() -> Mapping[str, Any]:
    # protobuf takes 20 ms to import, and most commands find all that they need on this machine
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory  # noqa: PLC0415 - see above

    field_proto = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="unitgraph/remote.proto", package=_PACKAGE, syntax="proto3")
    for name, fields in _FIELDS.items():
        declared = file.message_type.add(name=name)
        for field, (number, typed) in fields.items():
            base = typed.removesuffix("*")
            one = declared.field.add(name=field, number=number)
            one.label = field_proto.LABEL_REPEATED if base != typed else field_proto.LABEL_OPTIONAL
            if base in _FIELDS:
                one.type = field_proto.TYPE_MESSAGE
                one.type_name = f".{_PACKAGE}.{base}"
            else:
                one.type = field_proto.Type.Value(f"TYPE_{base.upper()}")
    pool = descriptor_pool.DescriptorPool()     # our own: another library in this process may hold these protocols
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{name}")) for name in _FIELDS
    }
