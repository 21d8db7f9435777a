"""The Open Inference Protocol against the client that Triton's own users have: `tritonclient`."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from sidecar.codecs.v2 import CODEC
from sidecar.errors import Undecodable
from sidecar.exchange import Payload
from tests.codecs.samples import NAMES, as_json, post, v2_binary


@pytest.fixture(scope="module")
def triton() -> Any:
    return pytest.importorskip("tritonclient.http")


ARRAYS = {
    "BOOL": np.array([[True, False], [False, True]]),
    "INT8": np.array([[-128, 127]], dtype=np.int8),
    "INT16": np.array([[-(2**15), 3]], dtype=np.int16),
    "INT32": np.array([[-(2**31)], [5]], dtype=np.int32),
    "INT64": np.array([-(2**63), 2**63 - 1]),
    "UINT8": np.arange(24, dtype=np.uint8).reshape(2, 3, 4),
    "UINT16": np.array([[2**16 - 1]], dtype=np.uint16),
    "UINT32": np.array([[2**32 - 1]], dtype=np.uint32),
    "UINT64": np.array([[2**64 - 1]], dtype=np.uint64),
    "FP16": np.array([[0.5, -65504.0]], dtype=np.float16),
    "FP32": np.array([[0.1, 3e38], [-0.0, 1e-45]], dtype=np.float32),
    "FP64": np.array([[0.1, 1e308]]),
    "BYTES": np.array([["", "é"], ["\x00", "long" * 99]], dtype=object),
}


def sent(triton: Any, *tensors: tuple[str, str, np.ndarray, bool]) -> Payload:
    """What we read of the body that Triton's client makes of these tensors."""
    inputs = []
    for name, datatype, array, binary in tensors:
        one = triton.InferInput(name, list(array.shape), datatype)
        one.set_data_from_numpy(array, binary_data=binary)
        inputs.append(one)
    body, json_length = triton.InferenceServerClient.generate_request_body(inputs)
    more = () if json_length is None else ((b"Inference-Header-Content-Length", b"%d" % json_length),)
    return CODEC.decode(post("/v2/models/m/infer", None, bytes(body), *more))


@pytest.mark.parametrize(
    ("datatype", "binary"),
    # The client sends FP16 in binary only.
    [(datatype, binary) for datatype in ARRAYS for binary in (True, False) if binary or datatype != "FP16"],
)
def test_every_datatype_as_the_client_sends_it(triton: Any, datatype: str, binary: bool) -> None:
    array = ARRAYS[datatype]
    (tensor,) = sent(triton, ("é", datatype, array, binary)).tensors
    assert tensor.name == "é"
    assert tensor.data.dtype == array.dtype
    np.testing.assert_array_equal(tensor.data, array)


def test_mixed_tensors_as_the_client_sends_them(triton: Any) -> None:
    a, b, c = (ARRAYS[kind][:1] for kind in ("FP32", "FP64", "BYTES"))
    payload = sent(triton, ("a", "FP32", a, True), ("b", "FP64", b, False), ("c", "BYTES", c, True))
    for tensor, array in zip(payload.tensors, (a, b, c), strict=True):
        np.testing.assert_array_equal(tensor.data, array)


def test_our_binary_sample_is_one_the_client_accepts(triton: Any) -> None:
    sample = v2_binary(3)
    length = int(dict(sample.reply.headers)[b"Inference-Header-Content-Length"])
    result = triton.InferenceServerClient.parse_response_body(sample.reply.body, header_length=length)
    np.testing.assert_array_equal(result.as_numpy(NAMES[0]), sample.answered[0].data)
    cities = [city.decode() for city in result.as_numpy("city")]
    assert cities == sample.answered[2].data.tolist()


def test_model_and_version_of_path_and_answer() -> None:
    sample = v2_binary(1)
    asked = CODEC.decode(sample.request)
    answered = CODEC.decode_reply(sample.request, sample.reply)
    assert (asked.model, asked.version) == ("iris", None)
    assert (answered.model, answered.version) == ("iris", None)


def entry(**changes: Any) -> dict[str, Any]:
    return {"name": "a", "shape": [1, 2], "datatype": "FP32", "data": [1, 2], **changes}


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ([], "not-an-object"),
        ({}, "no-inputs"),
        ({"inputs": []}, "no-rows"),
        ({"inputs": [5]}, "nameless-tensor"),
        ({"inputs": [{"name": 3}]}, "nameless-tensor"),
        ({"inputs": [entry(parameters={"binary_data_size": -1})]}, "tensor-size-mismatch:a"),
        ({"inputs": [entry(parameters={"binary_data_size": "8"})]}, "tensor-size-mismatch:a"),
        ({"inputs": [entry(parameters={"binary_data_size": 8})]}, "truncated"),
        ({"inputs": [entry(), entry()]}, "duplicate-name"),
        ({"inputs": [entry(), entry(name="b", shape=[2])]}, "rows-differ:b"),
        ({"inputs": [entry()] * 20_000}, "too-many-columns"),
    ],
)
def test_refusals(document: object, said: str) -> None:
    with pytest.raises(Undecodable) as error:
        CODEC.decode(post("/v2/models/m/infer", None, as_json(document)))
    assert str(error.value) == said


@pytest.mark.parametrize("length", [b"", b"-1", b"1e3", b"9" * 30, b"12a"])
def test_a_json_length_that_is_no_length(length: bytes) -> None:
    sample = v2_binary(1)
    request = post(
        "/v2/models/m/infer", None, sample.request.body, (b"Inference-Header-Content-Length", length)
    )
    with pytest.raises(Undecodable, match="malformed-inference-header"):
        CODEC.decode(request)


def test_a_json_length_that_cuts_elsewhere() -> None:
    body = v2_binary(1).request.body
    for length in (0, 5, len(body) - 1, len(body), len(body) + 1):
        header = (b"Inference-Header-Content-Length", b"%d" % length)
        with pytest.raises(Undecodable, match=r"not-json|truncated"):
            CODEC.decode(post("/v2/models/m/infer", None, body, header))


def test_an_answer_of_errors_is_none() -> None:
    sample = v2_binary(1)
    reply = type(sample.reply)(200, (), json.dumps({"error": "model not ready"}).encode())
    with pytest.raises(Undecodable, match="no-outputs"):
        CODEC.decode_reply(sample.request, reply)
