"""The example's server speaks the Open Inference Protocol; its model is as good and as blind as is said."""

import json

import numpy as np
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from sklearn.ensemble import GradientBoostingClassifier

from examples.flight import flight
from examples.server import application, matrix, train
from examples.traffic import INFER, infer_body


@pytest.fixture(scope="module")
def model() -> GradientBoostingClassifier:
    return train(flight())


def test_the_model_is_good_at_what_it_was_tested_on_and_blind_for_what_came_later(model) -> None:
    data = flight()
    assert (model.predict(data.clean) == 0).mean() > 0.99
    assert (model.predict(data.outliers) == 1).mean() < 0.2


def test_the_parts_of_the_flight_are_what_they_are_called() -> None:
    data = flight()
    assert (len(data.train), len(data.clean) > 15_000, len(data.outliers), len(data.drifted)) == (
        12_000,
        True,
        3399,
        16_533,
    )
    assert len(data.reference) == 12_000 - data.train_labels.sum()


@pytest.mark.parametrize("rows", [1, 5])
async def test_infer_answers_one_probability_a_row(model, rows: int) -> None:
    data = flight().clean[:rows]
    async with TestClient(TestServer(application(model))) as client:
        reply = await client.post(INFER, data=infer_body(data))
        answer = await reply.json()
    (output,) = answer["outputs"]
    assert (answer["model_name"], output["shape"], output["datatype"]) == ("flight", [rows, 1], "FP64")
    assert output["data"] == model.predict_proba(data)[:, 1].tolist()


async def test_metadata_and_health(model) -> None:
    async with TestClient(TestServer(application(model))) as client:
        for path in ("/v2", "/v2/health/live", "/v2/health/ready", "/v2/models/flight/ready"):
            assert (await client.get(path)).status == 200, path
        metadata = await (await client.get("/v2/models/flight/versions/1")).json()
        assert metadata["inputs"][0]["shape"] == [-1, 8]
        for path in ("/v2/models/other", "/v2/models/flight/versions/2"):
            reply = await client.get(path)
            assert (reply.status, list(await reply.json())) == (404, ["error"]), path


def _request(shape: str, data: str) -> bytes:
    return f'{{"inputs": [{{"name": "x", "shape": {shape}, "datatype": "FP64", "data": {data}}}]}}'.encode()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'{"inputs": []}',
        _request("[2, 8]", "[1, 2]"),
        _request("[1, 2]", "[1, 2]"),
        _request("[1, 8]", "[1, 2, 3, 4, 5, 6, 7, null]"),
        _request("[1, 8]", '[1, 2, 3, 4, 5, 6, 7, "a"]'),
        _request("[1, 8]", "[1, 2, 3, 4, 5, 6, 7, {}]"),
    ],
)
def test_what_cannot_be_read_is_refused_as_the_protocol_says(body: bytes) -> None:
    with pytest.raises(web.HTTPBadRequest) as refused:
        matrix(body)
    assert list(json.loads(refused.value.text or "")) == ["error"]


def test_nested_data_is_read_like_flat_data() -> None:
    tensor = {
        "name": "x",
        "shape": [2, 8],
        "datatype": "FP64",
        "data": np.arange(16.0).reshape(2, 8).tolist(),
    }
    _, rows = matrix(json.dumps({"inputs": [tensor]}).encode())
    assert rows.tolist() == np.arange(16.0).reshape(2, 8).tolist()
