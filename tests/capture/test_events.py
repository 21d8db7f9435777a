"""A call as the two events that KServe's consumers read."""

import json
from datetime import datetime
from urllib.parse import unquote

import msgspec
import pytest

from sidecar.capture.events import Origin, events
from tests.capture.kept import CAPTURED, call

ORIGIN = Origin("http://pod-1/", "flight", "models")
NOW = 1_763_910_001.5


def both(**changes):
    return tuple(events(call(0, **changes), ORIGIN, NOW))


def test_the_pair():
    request, response = both()
    assert request.headers == {
        "Ce-Specversion": "1.0",
        "Ce-Id": "call-0",
        "Ce-Source": "http://pod-1/",
        "Ce-Type": "org.kubeflow.serving.inference.request",
        "Ce-Time": "2025-11-23T15:00:00.000000Z",
        "Ce-Recordedtime": "2025-11-23T15:00:01.500000Z",
        "Ce-Inferenceservicename": "flight",
        "Ce-Namespace": "models",
        "Ce-Component": "predictor",
        "Ce-Endpoint": "/v1/models/glass:predict",
        "Ce-Metadata": "{%22content-type%22:[%22application/json%22]}",
        "Ce-Traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00",
        "Ce-Sampledrate": "10",
        "Ce-Anomalyverdict": "normal",
        "Ce-Anomalyscore": "0.600000",
        "Content-Type": "application/json",
    }
    assert request.body == b'{"instances": [[1.5, "fr"]]}'
    assert response.headers["Ce-Id"] == "call-0"
    assert response.headers["Ce-Type"] == "org.kubeflow.serving.inference.response"
    assert response.headers["Ce-Time"] == "2025-11-23T15:00:00.005300Z"
    assert response.headers["Ce-Status"] == "200"
    assert response.body == b'{"predictions": [1]}'


def test_a_call_that_broke():
    cut = msgspec.structs.replace(CAPTURED, response_headers=(), response_body=b"", response_truncated=True)
    _, response = both(failure="response-truncated", p=float("nan"), verdict="unscored", captured=cut)
    assert response.headers["Ce-Failure"] == "response-truncated"
    assert response.headers["Ce-Truncated"] == "true"
    assert response.headers["Content-Type"] == "application/octet-stream"
    assert "Ce-Anomalyscore" not in response.headers


def test_metadata_is_json_however_much_there_is():
    fields = ((b"X-Long", b"x" * 3000), (b"x-longer", b"y" * 3000), (b"Accept", b'"*"'), (b"x-long", b"z"))
    request, _ = both(captured=msgspec.structs.replace(CAPTURED, request_headers=fields))
    told = json.loads(unquote(request.headers["Ce-Metadata"]))
    assert told == {"x-long": ["x" * 3000, "z"], "accept": ['"*"']}


def test_nothing_captured():
    assert both(captured=None) == ()


@pytest.mark.parametrize(
    ("id_", "written"),
    [('a "b"', "a%20%22b%22"), ("100%", "100%25"), ("Euro €", "Euro%20%E2%82%AC"), ("a\r\nb", "a%0D%0Ab")],
)
def test_attributes_are_encoded_as_the_http_binding_says(id_, written):
    assert both(id=id_)[0].headers["Ce-Id"] == written


def test_times_can_be_read_and_names_are_legal():
    for event in both():
        for name, value in event.headers.items():
            if name in ("Ce-Time", "Ce-Recordedtime"):
                datetime.fromisoformat(value)
            assert name == "Content-Type" or name.removeprefix("Ce-").isalnum()
            assert value.isascii()
