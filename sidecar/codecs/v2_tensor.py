"""One tensor of the Open Inference Protocol: a declared name, shape and datatype, its data in JSON or binary.

Nothing declared is believed before the data bears it out: a shape is multiplied out and compared with the
values that are really there, so a forged one allocates nothing.
"""

from __future__ import annotations

import math
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sidecar.codecs import table
from sidecar.errors import Undecodable, reason
from sidecar.exchange import Tensor

DATATYPES = {
    "BOOL": "?",
    "UINT8": "u1",
    "UINT16": "<u2",
    "UINT32": "<u4",
    "UINT64": "<u8",
    "INT8": "i1",
    "INT16": "<i2",
    "INT32": "<i4",
    "INT64": "<i8",
    "FP16": "<f2",
    "FP32": "<f4",
    "FP64": "<f8",
    "BF16": "<f4",  # numpy has no bfloat16; every one of them is exactly a float32
    "BYTES": "O",
}
"""The protocol's datatypes as numpy's, little-endian as they go over the wire."""

_DTYPES = {name: np.dtype(code) for name, code in DATATYPES.items()}

_RANGES: dict[np.dtype[Any], tuple[int, int]] = {
    dtype: (np.iinfo(dtype).min, np.iinfo(dtype).max) for dtype in _DTYPES.values() if dtype.kind in "iu"
}
_RANGES[np.dtype(np.bool_)] = (0, 1)

_MISSING = type(None)
_ALLOWED: dict[str, set[type]] = {
    "b": {bool, int, _MISSING},
    "i": {int, bool, _MISSING},
    "u": {int, bool, _MISSING},
    "f": {float, int, _MISSING},
}
"""The types of JSON values that a tensor may hold, by the kind of its datatype."""

_LENGTH = struct.Struct("<I")
"""Before each element of BYTES."""


def from_json(name: str, entry: dict[str, Any]) -> Tensor:
    """A tensor whose `data` is a JSON list, flat or nested.

    Raises Undecodable `unknown-datatype:...`, `malformed-shape:...`, `tensor-size-mismatch:...`,
    `wrong-type:...`, `out-of-range:...`, `ragged-rows`.
    """
    datatype, dtype, shape = _declared(name, entry)
    data = entry.get("data")
    if type(data) is not list:
        raise Undecodable(reason("no-data", name))
    nested, flat = table.unnest(data)
    if math.prod(nested) != math.prod(shape) or (len(nested) > 1 and nested != shape):
        raise Undecodable(reason("tensor-size-mismatch", name))
    kinds = set(map(type, flat))
    if datatype == "BYTES":
        if not kinds <= table.TEXTS:
            raise Undecodable(reason("wrong-type", name))
        return Tensor(name, table.text(flat).reshape(shape))
    return Tensor(name, _numbers(name, flat, kinds, dtype).reshape(shape))


def from_bytes(name: str, entry: dict[str, Any], data: memoryview) -> Tensor:
    """A tensor whose bytes stand behind the JSON part. Numbers are a read-only view of them."""
    datatype, dtype, shape = _declared(name, entry)
    count = math.prod(shape)
    if datatype == "BYTES":
        return Tensor(name, table.text(_strings(name, data, count)).reshape(shape))
    if len(data) != count * (2 if datatype == "BF16" else dtype.itemsize):
        raise Undecodable(reason("tensor-size-mismatch", name))
    if datatype == "BF16":
        halves = np.frombuffer(data, dtype="<u2").astype("<u4")
        return Tensor(name, (halves << 16).view(dtype).reshape(shape))
    return Tensor(name, np.frombuffer(data, dtype=dtype).reshape(shape))


def from_values(name: str, entry: dict[str, Any], values: NDArray[Any] | list[str]) -> Tensor:
    """A tensor whose values came in a field of their type, integers as int64. Raises Undecodable
    `tensor-size-mismatch:...` and `out-of-range:...`, as `from_json`."""
    datatype, dtype, shape = _declared(name, entry)
    if len(values) != math.prod(shape):
        raise Undecodable(reason("tensor-size-mismatch", name))
    if isinstance(values, list):
        return Tensor(name, table.text(values).reshape(shape))
    if dtype.kind in "iub" and datatype != "UINT64":  # whose upper half is negative in int64
        low, high = _RANGES[dtype]
        if int(values.min()) < low or int(values.max()) > high:
            raise Undecodable(reason("out-of-range", name))
    return Tensor(name, values.astype(dtype, copy=False).reshape(shape))


def _declared(name: str, entry: dict[str, Any]) -> tuple[str, np.dtype[Any], tuple[int, ...]]:
    datatype, shape = entry.get("datatype"), entry.get("shape")
    if type(datatype) is not str or datatype not in _DTYPES:
        raise Undecodable(reason("unknown-datatype", str(datatype)))
    if type(shape) is not list or len(shape) > table.MAX_DEPTH:
        raise Undecodable(reason("malformed-shape", name))
    for size in shape:
        if type(size) is not int or not 0 <= size < 2**32:
            raise Undecodable(reason("malformed-shape", name))
    if 0 in shape:
        raise Undecodable("no-rows" if shape[0] == 0 else reason("malformed-shape", name))
    # A scalar is one row.
    return datatype, _DTYPES[datatype], tuple(shape) or (1,)


def _numbers(name: str, flat: Any, kinds: set[type], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Values of JSON in the declared type; null is NaN, and makes floats of integers and booleans."""
    if not kinds <= _ALLOWED[dtype.kind]:
        raise Undecodable(reason("wrong-type", name))
    if dtype.kind == "f":
        wide = np.array(flat, dtype=np.float64)
        if dtype.itemsize == 8:
            return wide
        with np.errstate(over="ignore"):  # beyond the datatype's range is infinite, as it is for the model
            return wide.astype(dtype)
    there = flat if _MISSING not in kinds else [value for value in flat if value is not None]
    low, high = _RANGES[dtype]
    if there and (min(there) < low or max(there) > high):
        raise Undecodable(reason("out-of-range", name))
    return np.array(flat, dtype=dtype if there is flat else np.float64)


def _strings(name: str, data: memoryview, count: int) -> list[str]:
    """Elements of BYTES: each a length of 4 bytes, little-endian, and that many bytes."""
    strings: list[str] = []
    start, end = 0, len(data)
    while start + 4 <= end and len(strings) < count:
        (length,) = _LENGTH.unpack_from(data, start)
        start += 4 + length
        if start <= end:
            # Bytes that are no text (an image, say) keep their identity as escapes.
            strings.append(str(data[start - length : start], "utf-8", "backslashreplace"))
    if start != end or len(strings) != count:
        raise Undecodable(reason("tensor-size-mismatch", name))
    return strings
