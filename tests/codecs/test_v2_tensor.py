"""One tensor: what is declared must be borne out by what is there."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pytest

from sidecar.codecs.v2_tensor import DATATYPES, from_bytes, from_json
from sidecar.errors import Undecodable


def entry(shape: object, datatype: object, data: object = None) -> dict[str, Any]:
    return {"shape": shape, "datatype": datatype, "data": data}


@pytest.mark.parametrize(
    ("shape", "data"), [([2, 2], [1, 2, 3, 4]), ([2, 2], [[1, 2], [3, 4]]), ([4], [1, 2, 3, 4]), ([], [5])]
)
def test_flat_and_nested(shape: list[int], data: list[Any]) -> None:
    tensor = from_json("a", entry(shape, "INT64", data))
    assert tensor.data.shape == tuple(shape or [1])
    assert tensor.data.ravel().tolist() == np.ravel(data).tolist()


def test_null_makes_floats() -> None:
    for datatype, dtype in (("INT32", "f8"), ("BOOL", "f8"), ("FP32", "f4"), ("FP64", "f8")):
        tensor = from_json("a", entry([2], datatype, [1 if datatype != "BOOL" else True, None]))
        assert tensor.data.dtype == dtype
        np.testing.assert_array_equal(tensor.data, [1.0, np.nan])


def test_beyond_the_range_of_a_float_type_is_infinite() -> None:
    assert from_json("a", entry([2], "FP16", [1e6, -1e6])).data.tolist() == [np.inf, -np.inf]
    assert from_json("a", entry([1], "FP32", [1e300])).data.tolist() == [np.inf]


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        (entry([1], "FP8", [1]), "unknown-datatype:FP8"),
        (entry([1], None, [1]), "unknown-datatype:None"),
        (entry([1], ["FP32"], [1]), "unknown-datatype:['FP32']"),
        (entry(None, "FP32", [1]), "malformed-shape:a"),
        (entry([-1], "FP32", [1]), "malformed-shape:a"),
        (entry([1.0], "FP32", [1]), "malformed-shape:a"),
        (entry([True], "FP32", [1]), "malformed-shape:a"),
        (entry([1, 0], "FP32", []), "malformed-shape:a"),
        (entry([2**40], "FP32", [1]), "malformed-shape:a"),
        (entry([1] * 99, "FP32", [1]), "malformed-shape:a"),
        (entry([0, 4], "FP32", []), "no-rows"),
        (entry([1], "FP32", None), "no-data:a"),
        (entry([1], "FP32", {"b": 1}), "no-data:a"),
        (entry([3], "FP32", [1, 2]), "tensor-size-mismatch:a"),
        (entry([2**31, 2**31], "FP32", [1]), "tensor-size-mismatch:a"),
        (entry([4, 1], "FP32", [[1, 2], [3, 4]]), "tensor-size-mismatch:a"),
        (entry([4], "FP32", [[1], [2, 3, 4]]), "ragged-rows"),
        (entry([1], "FP32", ["1.5"]), "wrong-type:a"),
        (entry([1], "FP32", [True]), "wrong-type:a"),
        (entry([1], "INT8", [1.5]), "wrong-type:a"),
        (entry([1], "INT8", ["1"]), "wrong-type:a"),
        (entry([1], "BYTES", [1]), "wrong-type:a"),
        (entry([2], "FP64", [1, [2]]), "wrong-type:a"),
        (entry([1], "INT8", [128]), "out-of-range:a"),
        (entry([1], "UINT16", [-1]), "out-of-range:a"),
        (entry([1], "INT64", [2**63]), "out-of-range:a"),
        (entry([1], "BOOL", [2]), "out-of-range:a"),
    ],
)
def test_refusals(declared: dict[str, Any], said: str) -> None:
    with pytest.raises(Undecodable) as error:
        from_json("a", declared)
    assert str(error.value) == said


def test_bfloat16_is_exactly_a_float32() -> None:
    values = np.array([1.0, -2.5, 3.1415927, np.inf], dtype=np.float32)
    halves = (values.view(np.uint32) >> 16).astype("<u2")
    tensor = from_bytes("a", entry([4], "BF16"), memoryview(halves.tobytes()))
    assert tensor.data.tolist() == [1.0, -2.5, 3.140625, np.inf]


@pytest.mark.parametrize("datatype", [name for name in DATATYPES if name != "BYTES"])
def test_binary_sizes_are_exact(datatype: str) -> None:
    size = 3 * (2 if datatype == "BF16" else np.dtype(DATATYPES[datatype]).itemsize)
    assert from_bytes("a", entry([3], datatype), memoryview(bytes(size))).data.tolist() == [0, 0, 0]
    for wrong in (0, size - 1, size + 1):
        with pytest.raises(Undecodable, match="tensor-size-mismatch:a"):
            from_bytes("a", entry([3], datatype), memoryview(bytes(wrong)))


def test_numbers_are_a_view_of_the_body() -> None:
    body = np.arange(1000.0).tobytes()
    assert np.shares_memory(
        from_bytes("a", entry([1000], "FP64"), memoryview(body)).data, np.frombuffer(body, dtype=np.uint8)
    )


def strings(*parts: bytes) -> bytes:
    return b"".join(struct.pack("<I", len(part)) + part for part in parts)


def test_bytes_that_are_no_text_keep_their_identity() -> None:
    tensor = from_bytes("a", entry([2], "BYTES"), memoryview(strings(b"\xff\xd8", b"ok")))
    assert tensor.data.tolist() == ["\\xff\\xd8", "ok"]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        strings(b"a"),
        strings(b"a", b"b", b"c"),
        strings(b"a", b"b") + b"\x00",
        strings(b"a", b"b")[:-1],
        struct.pack("<I", 2**32 - 1) * 2,
    ],
)
def test_bytes_that_do_not_add_up(data: bytes) -> None:
    with pytest.raises(Undecodable, match="tensor-size-mismatch:a"):
        from_bytes("a", entry([2], "BYTES"), memoryview(data))


def test_a_forged_shape_allocates_nothing() -> None:
    for datatype in ("FP64", "BYTES", "BF16"):
        with pytest.raises(Undecodable, match="tensor-size-mismatch:a"):
            from_bytes("a", entry([2**31] * 8, datatype), memoryview(bytes(64)))
