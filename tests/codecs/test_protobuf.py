"""The wire format of protocol buffers against Google's own package, and against garbage."""

import numpy as np
import pytest
from google.protobuf import struct_pb2, wrappers_pb2
from hypothesis import given
from hypothesis import strategies as st
from tritonclient.grpc import service_pb2 as v2

from sidecar.codecs.protobuf import BYTES, Field, few, fields, fixed, integers, sub
from sidecar.errors import Undecodable

INT64 = st.integers(-(2**63), 2**63 - 1)


def read(message: bytes) -> list[Field]:
    return list(fields(memoryview(message)))


@given(INT64)
def test_a_varint_is_read(value):
    found = read(wrappers_pb2.Int64Value(value=value).SerializeToString())
    assert [one.signed for one in found] == ([value] if value else [])


@given(st.lists(INT64, max_size=40))
def test_packed_integers_are_read_all_at_once(values):
    message = v2.InferTensorContents(int64_contents=values).SerializeToString()
    assert integers(read(message)).tolist() == values


@given(st.lists(INT64, min_size=1, max_size=5))
def test_integers_that_are_not_packed_are_read_too(values):
    one_by_one = b"".join(
        b"\x18" + wrappers_pb2.Int64Value(value=value).SerializeToString()[1:] if value else b"\x18\0"
        for value in values
    )
    assert integers(read(one_by_one)).tolist() == values


@given(st.lists(st.floats(width=32, allow_nan=False), max_size=20))
def test_packed_floats_are_read(values):
    message = v2.InferTensorContents(fp32_contents=values).SerializeToString()
    assert fixed(read(message) or [Field(6, BYTES, 0, memoryview(b""))], "<f4").tolist() == values


def test_pieces_of_a_repeated_field_are_joined():
    piece = v2.InferTensorContents(fp64_contents=[1.0, 2.0]).SerializeToString()
    assert fixed(read(piece + piece), "<f8").tolist() == [1.0, 2.0, 1.0, 2.0]
    assert fixed(read(b"\x39" + np.float64(3.0).tobytes() + piece), "<f8").tolist() == [3.0, 1.0, 2.0]


def test_messages_nest():
    message = struct_pb2.Struct()
    message["a"] = {"b": "text"}
    (entry,) = read(message.SerializeToString())
    key, value = sub(entry)
    assert key.text == "a"
    assert next(sub(value)).number == 5


@pytest.mark.parametrize(
    "bad",
    [
        b"\x08",  # a varint that is not there
        b"\x08\x80",  # breaks off
        b"\x08" + b"\xff" * 10 + b"\x01",  # longer than ten bytes
        b"\x12\x05ab",  # shorter than it says
        b"\x09\0\0",  # fixed64 cut
        b"\x0d\0",  # fixed32 cut
        b"\x0b",  # a group
        b"\x0f",  # no such type
        b"\x00\x00",  # field 0
    ],
)
def test_what_is_malformed_is_refused(bad):
    with pytest.raises(Undecodable, match="malformed-protobuf"):
        read(bad)


@pytest.mark.parametrize("bad", [b"\xff", b"\x80\x80", b"\xff" * 11 + b"\x01"])
def test_a_packed_run_that_breaks_off_is_refused(bad):
    with pytest.raises(Undecodable, match="malformed-protobuf"):
        integers([Field(1, BYTES, 0, memoryview(bad))])


def test_text_that_is_none_and_messages_that_are_none_are_refused():
    for field in (Field(1, 0, 5, memoryview(b"")), Field(1, BYTES, 0, memoryview(b"\xff"))):
        with pytest.raises(Undecodable):
            _ = field.text
    with pytest.raises(Undecodable):
        list(sub(Field(1, 0, 5, memoryview(b""))))
    with pytest.raises(Undecodable):
        fixed([Field(1, BYTES, 0, memoryview(b"123"))], "<f4")


@given(st.binary(max_size=200))
def test_garbage_is_read_or_refused_and_nothing_else(garbage):
    try:
        for field in read(garbage):
            assert 0 < field.number < 1 << 29
    except Undecodable:
        pass


@given(st.lists(INT64, max_size=40))
def test_a_few_integers_are_read_one_by_one(values):
    packed = read(v2.InferTensorContents(int64_contents=values).SerializeToString())
    assert few(packed) == values
    alone = [one for value in values for one in read(b"\x18" + _varint_of(value))]
    assert few(alone) == values


def _varint_of(value: int) -> bytes:
    return wrappers_pb2.Int64Value(value=value).SerializeToString()[1:] if value else b"\0"


@pytest.mark.parametrize(
    "bad", [Field(1, 5, 0, memoryview(b"1234")), Field(1, BYTES, 0, memoryview(bytes(1025)))]
)
def test_a_few_that_are_many_or_none_are_refused(bad):
    with pytest.raises(Undecodable):
        few([bad])
