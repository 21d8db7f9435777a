"""The same request with other numbers: read again it is those numbers, and all else stays."""

from __future__ import annotations

import gzip
import json

import numpy as np
import pytest

from sidecar.codecs import choose
from sidecar.codecs.rewriting import rewritten
from sidecar.exchange import Request
from sidecar.features.columns import flat

V1, V2 = "/v1/models/m:predict", "/v2/models/m/infer"
OTHER = np.array([[0.5, 6.25, 7.0, 8.0], [9.0, 10.0, 11.0, 12.5]])


def request(path: str, document: object, *fields: tuple[bytes, bytes], tail: bytes = b"") -> Request:
    body = json.dumps(document).encode()
    length = (b"Inference-Header-Content-Length", str(len(body)).encode())
    return Request("POST", path, (*fields, *((length,) if tail else ())), body + tail)


def tensor(datatype: str, **more: object) -> dict[str, object]:
    return {"name": "x", "shape": [2, 2, 2], "datatype": datatype, **more}


CASES = {
    "rows": request(V1, {"signature_name": "s", "instances": [[1, 2, 3, 4.5], [5, 6, 7, 8]]}),
    "pictures": request(V1, {"instances": [[[1.5, 2], [3, 4]], [[5, 6], [7, 8]]]}),
    "columns": request(V1, {"inputs": [[1.5, 2, 3, 4], [5, 6, 7, 8]]}),
    "tensor": request(V2, {"id": "7", "inputs": [tensor("FP32", data=list(range(8)))]}),
    "nested tensor": request(V2, {"inputs": [tensor("FP64", data=[[[1, 2], [3, 4]], [[5, 6], [7, 8]]])]}),
    "bytes": request(
        V2,
        {"inputs": [tensor("FP32", parameters={"binary_data_size": 32})]},
        tail=np.arange(8, dtype="<f4").tobytes(),
    ),
}


@pytest.mark.parametrize("asked", CASES.values(), ids=CASES)
def test_what_is_written_is_read_as_the_other_numbers(asked):
    codec = choose(asked)
    body = rewritten(codec, asked, OTHER)
    again = Request(asked.method, asked.target, asked.headers, body)
    before, after = (codec.decode(one).tensors[0] for one in (asked, again))
    assert after.data.shape == before.data.shape
    assert (after.name, after.data.dtype) == (before.name, before.data.dtype)
    np.testing.assert_array_equal(flat(after.data), OTHER)


def test_all_else_stays():
    asked = CASES["rows"]
    assert json.loads(rewritten(choose(asked), asked, OTHER))["signature_name"] == "s"
    assert json.loads(rewritten(choose(CASES["tensor"]), CASES["tensor"], OTHER))["id"] == "7"


def test_whole_numbers_stay_whole():
    asked = request(V1, {"instances": [[1, 2, 3, 4], [5, 6, 7, 8]]})
    found = json.loads(rewritten(choose(asked), asked, OTHER))["instances"]
    assert found == [[0, 6, 7, 8], [9, 10, 11, 12]]
    assert all(type(value) is int for row in found for value in row)


@pytest.mark.parametrize(
    "asked",
    [
        request(V1, {"instances": [{"a": 1, "b": 2, "c": 3, "d": 4}] * 2}),
        request(V1, {"instances": [["a", "b", "c", "d"]] * 2}),
        request(V1, {"instances": [[1, 2, 3]]}),
        request(V1, {"nothing": 1}),
        request(V2, {"inputs": [tensor("FP32", data=[0] * 8), tensor("FP32", data=[0] * 8) | {"name": "y"}]}),
        request(V2, {"inputs": [tensor("BF16", parameters={"binary_data_size": 16})]}, tail=bytes(16)),
        Request("POST", V1, ((b"Content-Encoding", b"gzip"),), gzip.compress(CASES["rows"].body)),
        Request("POST", "/predict", ((b"Content-Type", b"text/csv"),), b"1,2,3,4\n5,6,7,8\n"),
    ],
    ids=["named", "texts", "another size", "no rows", "two tensors", "bf16", "compressed", "csv"],
)  # fmt: skip
def test_what_cannot_be_written_is_not(asked):
    assert rewritten(choose(asked), asked, OTHER) is None
