"""Predict against messages that Google's package writes, by a description of TensorFlow's .proto files."""

import struct

import numpy as np
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from hypothesis import given
from hypothesis import strategies as st

from sidecar.codecs import choose
from sidecar.codecs.tf_grpc import CODEC, PREDICT
from sidecar.errors import Undecodable
from sidecar.exchange import Payload, Reply, Request
from tests.codecs.over_grpc import HEADERS, reason_of

Kind = descriptor_pb2.FieldDescriptorProto
SCALARS = {
    "int32": 5,
    "int64": 3,
    "uint32": 13,
    "uint64": 4,
    "bool": 8,
    "float": 2,
    "double": 1,
    "string": 9,
    "bytes": 12,
}


def _described() -> dict[str, type]:
    """The messages of predict.proto and tensor.proto, as far as they are used."""
    file = descriptor_pb2.FileDescriptorProto(name="predict.proto", package="tf", syntax="proto3")

    def message(name: str, *fields: tuple[int, str, str], parent: object = None) -> object:
        made = (parent.nested_type if parent is not None else file.message_type).add(name=name)
        for number, kind, title in fields:
            repeated = kind.startswith("*")
            kind = kind.lstrip("*")
            field = made.field.add(name=title, number=number, label=3 if repeated else 1)
            field.type = SCALARS.get(kind, 11)
            if kind not in SCALARS:
                field.type_name = f".tf.{kind}"
        return made

    message("Dim", (1, "int64", "size"), (2, "string", "name"))
    message("Shape", (2, "*Dim", "dim"), (3, "bool", "unknown_rank"))
    message(
        "Tensor",
        (1, "int32", "dtype"), (2, "Shape", "tensor_shape"), (4, "bytes", "tensor_content"),
        (13, "*int32", "half_val"), (5, "*float", "float_val"), (6, "*double", "double_val"),
        (7, "*int32", "int_val"), (8, "*bytes", "string_val"), (10, "*int64", "int64_val"),
        (11, "*bool", "bool_val"), (16, "*uint32", "uint32_val"), (17, "*uint64", "uint64_val"),
    )  # fmt: skip
    message("Version", (1, "int64", "value"))
    message("Spec", (1, "string", "name"), (2, "Version", "version"), (3, "string", "signature_name"),
            (4, "string", "version_label"))  # fmt: skip
    for name, tensors, spec in (("Ask", 2, 1), ("Answer", 1, 2)):
        made = message(name, (spec, "Spec", "model_spec"), (tensors, f"*{name}.TensorsEntry", "tensors"))
        entry = message("TensorsEntry", (1, "string", "key"), (2, "Tensor", "value"), parent=made)
        entry.options.map_entry = True
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"tf.{name}"))
        for name in ("Ask", "Answer", "Tensor")
    }


TF = _described()

VALUES = {
    1: ("float_val", "f4"), 2: ("double_val", "f8"), 3: ("int_val", "i4"), 4: ("int_val", "u1"),
    5: ("int_val", "i2"), 6: ("int_val", "i1"), 9: ("int64_val", "i8"), 10: ("bool_val", "?"),
    17: ("int_val", "u2"),
    22: ("uint32_val", "u4"), 23: ("uint64_val", "u8"),
}  # fmt: skip


def tensor(kind: int, shape: list[int], content: bytes = b"", **values: list) -> object:
    made = TF["Tensor"](dtype=kind, tensor_content=content, **values)
    for size in shape:
        made.tensor_shape.dim.add(size=size)
    return made


def asked(**tensors: object) -> Payload:
    message = TF["Ask"]()
    message.model_spec.name = "m"
    message.model_spec.version.value = 7
    for name, one in tensors.items():
        message.tensors[name].CopyFrom(one)
    return decoded(message.SerializeToString())


def decoded(message: bytes) -> Payload:
    request = Request("POST", PREDICT, HEADERS, struct.pack(">BI", 0, len(message)) + message)
    assert choose(request) is CODEC
    return CODEC.decode(request)


@pytest.mark.parametrize("kind", VALUES)
def test_values_and_content_are_read_alike(kind):
    field, dtype = VALUES[kind]
    array = np.array([[0, 1], [1, 0]]).astype(dtype)
    typed = asked(x=tensor(kind, [2, 2], **{field: array.ravel().tolist()}))
    raw = asked(x=tensor(kind, [2, 2], array.tobytes()))
    for payload in (typed, raw):
        assert (payload.codec, payload.model, payload.version) == ("tf-grpc", "m", "7")
        assert payload.tensors[0].data.dtype == array.dtype
        assert payload.tensors[0].data.tolist() == array.tolist()


def test_text_and_half_precision_are_read():
    payload = asked(
        t=tensor(7, [2], string_val=["é".encode(), b"\xff"]),
        h=tensor(19, [2], half_val=np.array([0.5, -2], np.float16).view("u2").tolist()),
    )
    found = {one.name: one.data.tolist() for one in payload.tensors}
    assert found == {"t": ["é", "\\xff"], "h": [0.5, -2.0]}


def test_the_last_value_is_repeated_and_a_scalar_is_one_row():
    assert asked(x=tensor(1, [4], float_val=[1, 2])).tensors[0].data.tolist() == [1, 2, 2, 2]
    assert asked(x=tensor(1, [], float_val=[3])).tensors[0].data.tolist() == [3]


def test_an_answer_is_read():
    message = TF["Answer"]()
    message.model_spec.version_label = "stable"
    message.tensors["y"].CopyFrom(tensor(1, [2], float_val=[1, 2]))
    body = message.SerializeToString()
    reply = Reply(200, HEADERS, struct.pack(">BI", 0, len(body)) + body)
    payload = CODEC.decode_reply(Request("POST", PREDICT, HEADERS, b""), reply)
    assert (payload.model, payload.version, payload.tensors[0].data.tolist()) == (None, "stable", [1, 2])


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (tensor(8, [1]), "unknown-datatype:8"),
        (tensor(1, [2**31], float_val=[1]), "tensor-size-mismatch:x"),
        (tensor(1, [2], float_val=[1, 2, 3]), "tensor-size-mismatch:x"),
        (tensor(1, [2]), "tensor-size-mismatch:x"),
        (tensor(1, [2], b"1234"), "tensor-size-mismatch:x"),
        (tensor(7, [2], b"1234"), "tensor-size-mismatch:x"),
        (tensor(1, [-1], float_val=[1]), "malformed-shape:x"),
        (tensor(1, [0], float_val=[1]), "no-rows"),
        (tensor(1, [1] * 9, float_val=[1]), "malformed-shape:x"),
    ],
)
def test_what_does_not_agree_is_refused(bad, reason):
    with pytest.raises(Undecodable, match=f"^{reason}$"):
        asked(x=bad)


@given(st.binary(max_size=200))
def test_garbage_is_refused_with_a_reason(garbage):
    assert reason_of(lambda: decoded(garbage)) != "codec-fault"
