"""TensorFlow Serving's Predict over gRPC.

    tensorflow.serving.PredictionService/Predict
    PredictRequest  {1: model_spec {1: name, 2: version {1: int64}}, 2: inputs, a map of TensorProto}
    PredictResponse {1: outputs, a map of TensorProto, 2: model_spec}
    TensorProto     {1: dtype, 2: shape {2: dim {1: size}}, 4: tensor_content, or typed values}

A TensorProto with fewer values than its shape has room for repeats its last one (tensor.proto in TensorFlow).
Counterpart: `v1`, the same server's REST API.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sidecar.codecs import grpc_messages, table
from sidecar.codecs.codec import Codec
from sidecar.codecs.protobuf import BYTES, Field, fields, fixed, integers, sub
from sidecar.errors import Undecodable, reason
from sidecar.exchange import Payload, Reply, Request, Tensor

MOST_CELLS = 4_194_304
"""Values of a tensor that are not in `tensor_content`. One value and a forged shape would fill the memory."""

PREDICT = "/tensorflow.serving.PredictionService/Predict"


class Type(NamedTuple):
    """One row of `TYPES`: its name, how it is in `tensor_content`, and the field and form of its values."""

    name: str
    raw: str
    number: int
    form: str
    """A dtype of fixed width, `int` for varints, `half` for varints that are bits, `text`."""


TYPES = {
    1: Type("DT_FLOAT", "<f4", 5, "<f4"),
    2: Type("DT_DOUBLE", "<f8", 6, "<f8"),
    3: Type("DT_INT32", "<i4", 7, "int"),
    4: Type("DT_UINT8", "u1", 7, "int"),
    5: Type("DT_INT16", "<i2", 7, "int"),
    6: Type("DT_INT8", "i1", 7, "int"),
    7: Type("DT_STRING", "", 8, "text"),
    9: Type("DT_INT64", "<i8", 10, "int"),
    10: Type("DT_BOOL", "?", 11, "int"),
    17: Type("DT_UINT16", "<u2", 7, "int"),
    19: Type("DT_HALF", "<f2", 13, "half"),
    22: Type("DT_UINT32", "<u4", 16, "int"),
    23: Type("DT_UINT64", "<u8", 17, "int"),
}
"""By the number of the DataType (types.proto). Complex, quantized and half-range types are not read."""


def matches(request: Request) -> bool:
    return request.path == PREDICT and grpc_messages.matches(request.headers)


def read(request: Request) -> Payload:
    return _payload(grpc_messages.single(request.headers, request.body), spec=1, tensors=2)


def read_reply(request: Request, reply: Reply, rows: int) -> Payload:
    return _payload(grpc_messages.single(reply.headers, reply.body), spec=2, tensors=1)


def _payload(message: memoryview, *, spec: int, tensors: int) -> Payload:
    model = version = ""
    found: dict[str, Tensor] = {}
    for field in fields(message):
        if field.number == spec:
            model, version = _spec(field)
        elif field.number == tensors:
            name, value = _entry(field)
            found[name] = _tensor(name, value)
            if len(found) > table.MAX_COLUMNS:
                raise Undecodable("too-many-columns")
    return Payload("tf-grpc", tuple(found.values()), model or None, version or None)


def _spec(message: Field) -> tuple[str, str]:
    model = version = ""
    for field in sub(message):
        if field.number == 1:
            model = field.text
        elif field.number == 2:
            version = str(next((one.signed for one in sub(field) if one.number == 1), 0))
        elif field.number == 4:
            version = field.text
    return model, version


def _entry(message: Field) -> tuple[str, memoryview]:
    """One entry of a map: its key and its value."""
    name, value = "", memoryview(b"")
    for field in sub(message):
        if field.number == 1:
            name = field.text
        elif field.number == 2 and field.kind == BYTES:
            value = field.data
    return name, value


def _tensor(name: str, message: memoryview) -> Tensor:
    kind = 0
    content = memoryview(b"")
    shape: list[int] = []
    values: dict[int, list[Field]] = {}
    for field in fields(message):
        if field.number == 1:
            kind = field.value
        elif field.number == 2:
            shape = _shape(name, field)
        elif field.number == 4 and field.kind == BYTES:
            content = field.data
        else:
            values.setdefault(field.number, []).append(field)
    form = TYPES.get(kind)
    if form is None:
        raise Undecodable(reason("unknown-datatype", str(kind)))
    count = math.prod(shape)
    array = (
        _from_content(name, form, content, count) if len(content) else _from_values(name, form, values, count)
    )
    return Tensor(name, array.reshape(shape or [1]))  # a scalar is one row


def _shape(name: str, message: Field) -> list[int]:
    sizes = [
        next((one.signed for one in sub(dim) if one.number == 1), 0)
        for dim in sub(message)
        if dim.number == 2
    ]
    if len(sizes) > table.MAX_DEPTH or any(not 0 <= size < 2**32 for size in sizes):
        raise Undecodable(reason("malformed-shape", name))
    if 0 in sizes:
        raise Undecodable("no-rows" if sizes[0] == 0 else reason("malformed-shape", name))
    return sizes


def _from_content(name: str, form: Type, content: memoryview, count: int) -> NDArray[Any]:
    if not form.raw or len(content) != count * np.dtype(form.raw).itemsize:
        raise Undecodable(reason("tensor-size-mismatch", name))
    return np.frombuffer(content, form.raw)


def _from_values(name: str, form: Type, values: dict[int, list[Field]], count: int) -> NDArray[Any]:
    found = values.get(form.number, [])
    array = _values(form, found)
    if not 0 < len(array) <= count or count > MOST_CELLS:
        raise Undecodable(reason("tensor-size-mismatch", name))
    if len(array) < count:
        array = np.concatenate([array, np.repeat(array[-1:], count - len(array))])
    return array


def _values(form: Type, found: list[Field]) -> NDArray[Any]:
    if form.form == "text":
        return table.text([str(one.data, "utf-8", "backslashreplace") for one in found])
    if form.form == "half":
        return integers(found).astype("<u2").view("<f2")
    if form.form == "int":
        return integers(found).astype(form.raw)
    return fixed(found, form.form)


CODEC: Codec = Codec("tf-grpc", matches, read, read_reply)
