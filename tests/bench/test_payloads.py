"""The benchmark's payloads have the sizes and the shape that the README says."""

from __future__ import annotations

import json

import numpy as np
import pytest

from bench.rig.payloads import FEATURES, PAYLOADS, Payload, one_row, tensor


@pytest.mark.parametrize(("name", "size"), [("json", 340), ("batch", 65_536), ("tensor", 1_048_576)])
def test_sizes(name: str, size: int) -> None:
    payload = PAYLOADS[name]()
    assert all(abs(len(body) - size) < size * 0.05 for body in payload.bodies)
    assert len(set(payload.bodies)) == len(payload.bodies)


def test_the_standard_answer_is_350_bytes() -> None:
    assert len(one_row().reply) == pytest.approx(350, abs=10)


@pytest.mark.parametrize(
    "payload", [PAYLOADS["json"](), PAYLOADS["batch"]()], ids=lambda payload: payload.name
)
def test_json_has_a_prediction_for_each_row_of_features(payload: Payload) -> None:
    rows = np.array(json.loads(payload.bodies[0])["instances"])
    assert rows.shape == (len(json.loads(payload.reply)["predictions"]), FEATURES)


def test_the_tensor_begins_where_its_header_says() -> None:
    payload = tensor()
    length = int(payload.headers[1].rpartition(" ")[2])
    for body in payload.bodies:
        (described,) = json.loads(body[:length])["inputs"]
        assert described["parameters"]["binary_data_size"] == len(body) - length
        assert np.frombuffer(body[length:], "<f4").reshape(described["shape"]).shape[1] == FEATURES
