"""Our table of messages against what a maintained implementation of the protocols generated from their definitions."""

import json
import subprocess
import sys

from unitgraph.cache.remote import messages

# BuildStream's modules warn as they are imported, and register their messages for the whole process.
_THEIRS = """
import json
from buildstream._protos.build.bazel.remote.execution.v2 import remote_execution_pb2 as reapi
from buildstream._protos.google.bytestream import bytestream_pb2
from buildstream._protos.google.rpc import status_pb2

fields = {}
def add(prefix, found):
    for name, declared in found.items():
        fields[prefix + name] = {
            field.name: [field.number, field.type, field.is_repeated, field.message_type and field.message_type.full_name]
            for field in declared.fields
        }
        add(prefix + name + ".", declared.nested_types_by_name)
for module in (reapi, bytestream_pb2, status_pb2):
    add("", module.DESCRIPTOR.message_types_by_name)
print(json.dumps(fields))
"""
_NAMED_OTHERWISE = {
    "ReadBlob": "BatchReadBlobsResponse.Response",
    "UpdateBlob": "BatchUpdateBlobsRequest.Request",
    "UpdatedBlob": "BatchUpdateBlobsResponse.Response",
}
_ENUM, _INT32 = 14, 5       # of google.protobuf.FieldDescriptorProto.Type; they are the same on the wire


def test_numbers_and_types_are_those_of_the_protocols() -> None:
    ran = subprocess.run([sys.executable, "-c", _THEIRS], capture_output=True, text=True, check=True)
    theirs = json.loads(ran.stdout)
    for name, fields in messages._FIELDS.items():
        other = theirs[_NAMED_OTHERWISE.get(name, name)]
        for field in messages.message(name).DESCRIPTOR.fields:
            number, typed, repeated, of = other[field.name]
            assert (name, field.name, field.number, field.type, field.is_repeated) == (
                name, field.name, number, _INT32 if typed == _ENUM else typed, repeated
            )  # fmt: skip
            if field.message_type:
                assert of.rpartition(".v2.")[2].removeprefix("google.rpc.") == _NAMED_OTHERWISE.get(
                    field.message_type.name, field.message_type.name
                )
        assert set(fields) <= set(other)
