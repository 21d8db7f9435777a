"""V2, the Open Inference Protocol, over gRPC: KServe, Triton, MLServer, OpenVINO.

    inference.GRPCInferenceService/ModelInfer         one message each way
    inference.GRPCInferenceService/ModelStreamInfer   Triton's: many, whose rows count as one body's

Each tensor's values stand in its `contents`, typed, or those of all in `raw_input_contents`, little-endian
and row-major as in the binary extension of the REST protocol. The numbers of the fields are those of
https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/open_inference_grpc.proto
Counterpart: `v2`, the same protocol over REST.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sidecar.codecs import grpc_messages, v2_tensor
from sidecar.codecs.codec import Codec
from sidecar.codecs.protobuf import BYTES, Field, few, fields, fixed, integers, sub
from sidecar.codecs.table import MAX_COLUMNS
from sidecar.errors import Undecodable, reason
from sidecar.exchange import Payload, Reply, Request, Tensor

SERVICE = "/inference.GRPCInferenceService/"
UNARY, STREAM = SERVICE + "ModelInfer", SERVICE + "ModelStreamInfer"

CONTENTS = {
    "BOOL": 1,
    **dict.fromkeys(("INT8", "INT16", "INT32"), 2),
    "INT64": 3,
    **dict.fromkeys(("UINT8", "UINT16", "UINT32"), 4),
    "UINT64": 5,
    "FP32": 6,
    "FP64": 7,
    "BYTES": 8,
}
"""Which field of `InferTensorContents` holds the values of a datatype. Half-precision floats have none: they
must be raw."""


def matches(request: Request) -> bool:
    return request.path in (UNARY, STREAM) and grpc_messages.matches(request.headers)


RAW_OF_REQUEST, RAW_OF_ANSWER = 7, 6


def read(request: Request) -> Payload:
    if request.path == UNARY:
        return _inferred(grpc_messages.single(request.headers, request.body), RAW_OF_REQUEST)
    found = grpc_messages.messages(request.headers, request.body, whole=False)
    return _joined([_inferred(one, RAW_OF_REQUEST) for one in found])


def read_reply(request: Request, reply: Reply, rows: int) -> Payload:
    if request.path == UNARY:
        return _inferred(grpc_messages.single(reply.headers, reply.body), RAW_OF_ANSWER)
    found = grpc_messages.messages(reply.headers, reply.body, whole=False)
    return _joined([_streamed(one) for one in found])


def _streamed(message: memoryview) -> Payload:
    """What a ModelStreamInferResponse holds: an error, or a response."""
    for field in fields(message):
        if field.number == 1 and field.data:
            raise Undecodable("stream-error")
        if field.number == 2 and field.kind == BYTES:
            return _inferred(field.data, RAW_OF_ANSWER)
    raise Undecodable("no-message")


def _joined(payloads: list[Payload]) -> Payload:
    """The messages of a stream as one payload. Raises Undecodable `messages-differ`."""
    if not payloads:
        raise Undecodable("no-message")
    head = payloads[0]
    if len(payloads) == 1:
        return head
    likeness = {
        (one.model, tuple((t.name, t.data.shape[1:], t.data.dtype) for t in one.tensors)) for one in payloads
    }
    if len(likeness) > 1:
        raise Undecodable("messages-differ")
    tensors = [
        Tensor(tensor.name, np.concatenate([one.tensors[i].data for one in payloads]))
        for i, tensor in enumerate(head.tensors)
    ]
    return Payload("v2-grpc", tuple(tensors), head.model, head.version)


def _inferred(message: memoryview, raw_number: int) -> Payload:
    """A ModelInferRequest or a ModelInferResponse; `raw_number` is the field of its raw contents."""
    model = version = ""
    tensors: list[Field] = []
    raw: list[memoryview] = []
    for field in fields(message):
        if field.number == 1:
            model = field.text
        elif field.number == 2:
            version = field.text
        elif field.number == 5:
            tensors.append(field)
        elif field.number == raw_number and field.kind == BYTES:
            raw.append(field.data)
    if len(tensors) > MAX_COLUMNS:
        raise Undecodable("too-many-columns")
    if raw and len(raw) != len(tensors):
        raise Undecodable("raw-contents-differ")
    read = [_tensor(one, raw[i] if raw else None) for i, one in enumerate(tensors)]
    return Payload("v2-grpc", tuple(read), model or None, version or None)


def _tensor(message: Field, raw: memoryview | None) -> Tensor:
    """An InferInputTensor or an InferOutputTensor."""
    name = datatype = ""
    shape: list[Field] = []
    contents: list[Field] = []
    for field in sub(message):
        if field.number == 1:
            name = field.text
        elif field.number == 2:
            datatype = field.text
        elif field.number == 3:
            shape.append(field)
        elif field.number == 5:
            contents.append(field)
    entry = {"datatype": datatype, "shape": few(shape)}
    if raw is not None:
        return v2_tensor.from_bytes(name, entry, raw)
    number = CONTENTS.get(datatype)
    if number is None:  # half precision, or nonsense
        raise Undecodable(reason("no-data", name))
    values = [field for one in contents for field in sub(one) if field.number == number]
    return v2_tensor.from_values(name, entry, _values(datatype, values))


def _values(datatype: str, values: list[Field]) -> NDArray[Any] | list[str]:
    if datatype == "BYTES":
        return [str(one.data, "utf-8", "backslashreplace") for one in values]
    if datatype in ("FP32", "FP64"):
        return fixed(values, "<f4" if datatype == "FP32" else "<f8")
    return integers(values)


CODEC: Codec = Codec("v2-grpc", matches, read, read_reply)
