"""ModelInfer against the messages that `tritonclient` makes: typed, raw, streamed, and garbage."""

import struct

import numpy as np
import pytest
import tritonclient.grpc as triton
from hypothesis import given
from hypothesis import strategies as st
from tritonclient.grpc import service_pb2 as pb
from tritonclient.utils import np_to_triton_dtype

from sidecar.codecs import choose
from sidecar.codecs.v2_grpc import CODEC, STREAM, UNARY
from sidecar.errors import Undecodable
from sidecar.exchange import Payload, Reply, Request
from tests.codecs.over_grpc import HEADERS, reason_of

TYPED = {
    "BOOL": ("bool_contents", [True, False, True, True]),
    "INT8": ("int_contents", [-128, 127, 0, 1]),
    "INT16": ("int_contents", [-(2**15), 3, 2, 1]),
    "INT32": ("int_contents", [-(2**31), 2**31 - 1, 0, 7]),
    "INT64": ("int64_contents", [-(2**63), 2**63 - 1, 0, 1]),
    "UINT8": ("uint_contents", [0, 255, 1, 2]),
    "UINT16": ("uint_contents", [0, 65_535, 1, 2]),
    "UINT32": ("uint_contents", [0, 2**32 - 1, 1, 2]),
    "UINT64": ("uint64_contents", [0, 2**64 - 1, 1, 2]),
    "FP32": ("fp32_contents", [0.5, -1.5, 3.0, 1e30]),
    "FP64": ("fp64_contents", [0.1, -1.5, 3.0, 1e300]),
    "BYTES": ("bytes_contents", [b"", "é".encode(), b"\xff", b"long" * 99]),
}


def framed(*messages: object) -> bytes:
    return b"".join(struct.pack(">BI", 0, m.ByteSize()) + m.SerializeToString() for m in messages)


def decoded(*messages: object, path: str = UNARY) -> Payload:
    request = Request("POST", path, HEADERS, framed(*messages))
    assert choose(request, "v1") is CODEC  # whatever a setting says
    return CODEC.decode(request)


def asked(datatype: str, shape: list[int], field: str, values: list) -> pb.ModelInferRequest:
    tensor = pb.ModelInferRequest.InferInputTensor(name="x", datatype=datatype, shape=shape)
    getattr(tensor.contents, field).extend(values)
    return pb.ModelInferRequest(model_name="m", model_version="3", id="1", inputs=[tensor])


@pytest.mark.parametrize("datatype", TYPED)
def test_typed_contents_are_read(datatype):
    field, values = TYPED[datatype]
    payload = decoded(asked(datatype, [2, 2], field, values))
    assert (payload.codec, payload.model, payload.version, payload.rows) == ("v2-grpc", "m", "3", 2)
    (tensor,) = payload.tensors
    assert tensor.name == "x"
    read = tensor.data.ravel().tolist()
    if datatype == "BYTES":
        assert read == ["", "é", "\\xff", "long" * 99]
    elif datatype == "FP32":
        assert read == np.array(values, np.float32).tolist()
    else:
        assert read == values


@pytest.mark.parametrize(
    "dtype", ["bool", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "O"]
)
def test_raw_contents_are_read_as_the_client_writes_them(dtype):
    array = (
        np.array([["a", "é"], ["", "x"]], object)
        if dtype == "O"
        else np.arange(6).reshape(3, 2).astype(dtype)
    )
    first = triton.InferInput("x", list(array.shape), np_to_triton_dtype(array.dtype))
    first.set_data_from_numpy(array)
    second = triton.InferInput("n", [len(array)], "FP64")
    second.set_data_from_numpy(np.arange(len(array), dtype=np.float64))
    message = pb.ModelInferRequest(
        model_name="m",
        inputs=[first._get_tensor(), second._get_tensor()],
        raw_input_contents=[first._get_content(), second._get_content()],
    )
    payload = decoded(message)
    assert [tensor.name for tensor in payload.tensors] == ["x", "n"]
    assert payload.tensors[0].data.tolist() == array.tolist()
    assert payload.version is None


def test_an_answer_is_read_typed_and_raw():
    output = pb.ModelInferResponse.InferOutputTensor(name="y", datatype="FP32", shape=[2])
    raw = pb.ModelInferResponse(
        model_name="m",
        model_version="4",
        outputs=[output],
        raw_output_contents=[np.float32([1, 2]).tobytes()],
    )
    output.contents.fp32_contents.extend([1, 2])
    typed = pb.ModelInferResponse(model_name="m", model_version="4", outputs=[output])
    request = Request("POST", UNARY, HEADERS, b"")
    for answer in (raw, typed):
        payload = CODEC.decode_reply(request, Reply(200, HEADERS, framed(answer)), 2)
        assert (payload.model, payload.version, payload.tensors[0].data.tolist()) == ("m", "4", [1, 2])


def test_the_messages_of_a_stream_are_rows_of_one_body():
    one, two = (asked("FP64", [1, 2], "fp64_contents", [i, i]) for i in (1.0, 2.0))
    assert decoded(one, two, path=STREAM).tensors[0].data.tolist() == [[1, 1], [2, 2]]
    output = pb.ModelInferResponse.InferOutputTensor(name="y", datatype="INT64", shape=[1])
    output.contents.int64_contents.append(7)
    said = pb.ModelStreamInferResponse(infer_response=pb.ModelInferResponse(outputs=[output]))
    request = Request("POST", STREAM, HEADERS, b"")
    assert CODEC.decode_reply(request, Reply(200, HEADERS, framed(said, said))).tensors[0].data.tolist() == [
        7,
        7,
    ]
    broken = pb.ModelStreamInferResponse(error_message="no")
    with pytest.raises(Undecodable, match="stream-error"):
        CODEC.decode_reply(request, Reply(200, HEADERS, framed(said, broken)))
    with pytest.raises(Undecodable, match="messages-differ"):
        decoded(one, asked("FP64", [1, 3], "fp64_contents", [1, 2, 3]), path=STREAM)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (asked("FP64", [2, 2], "fp64_contents", [1.0]), "tensor-size-mismatch:x"),
        (asked("FP64", [1], "fp32_contents", [1.0]), "tensor-size-mismatch:x"),
        (asked("FP16", [1], "fp32_contents", [1.0]), "no-data:x"),
        (asked("WORDS", [1], "fp32_contents", [1.0]), "no-data:x"),
        (asked("INT8", [1], "int_contents", [128]), "out-of-range:x"),
        (asked("BOOL", [-1], "bool_contents", [True]), "malformed-shape:x"),
        (asked("FP64", [0, 2], "fp64_contents", []), "no-rows"),
        (pb.ModelInferRequest(model_name="m"), "no-rows"),
        (pb.ModelInferRequest(raw_input_contents=[b"1"]), "raw-contents-differ"),
    ],
)
def test_what_does_not_agree_is_refused(message, reason):
    with pytest.raises(Undecodable, match=f"^{reason}$"):
        decoded(message)


def test_other_methods_of_the_service_carry_no_rows():
    assert choose(Request("POST", "/inference.GRPCInferenceService/ServerLive", HEADERS, b""), "v2") is None


@given(st.binary(max_size=300), st.sampled_from([UNARY, STREAM]))
def test_garbage_is_refused_with_a_reason(garbage, path):
    body = struct.pack(">BI", 0, len(garbage)) + garbage
    assert reason_of(lambda: CODEC.decode(Request("POST", path, HEADERS, body))) != "codec-fault"


@given(st.data())
def test_a_damaged_message_is_refused_with_a_reason(data):
    good = bytearray(asked("FP64", [1, 2], "fp64_contents", [1.0, 2.0]).SerializeToString())
    good[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    assert (
        reason_of(
            lambda: CODEC.decode(
                Request("POST", UNARY, HEADERS, struct.pack(">BI", 0, len(good)) + bytes(good))
            )
        )
        != "codec-fault"
    )
