import pytest

from sidecar.observer.routes import OVERFLOW, Key, key, template
from tests.observer.talk import record


@pytest.mark.parametrize(
    ("target", "route"),
    [
        ("/v1/models/iris:predict", "/v1/models/{model}:predict"),
        ("/v2/models/iris/versions/3/infer?x=1", "/v2/models/{model}/versions/{version}/infer"),
        ("/invocations", "/invocations"),
        ("/predict/iris", "/predict/{model}"),
        ("/predict/4711", "/predict/{id}"),
        ("/jobs/6f1c0b0e-2f7a-4d8e-9c1e-0a1b2c3d4e5f/run", "/jobs/{id}/run"),
        ("/t/0af7651916cd43dd8448eb211c80319c", "/t/{id}"),
        ("/", "/"),
    ],
)
def test_a_route_has_no_variable_parts(target, route):
    assert template(target, "iris") == route


def test_an_escaped_model_name_is_recognised():
    assert template("/predict/credit%20risk", "credit risk") == "/predict/{model}"


def test_calls_that_no_codec_knows_share_one_window():
    assert key(record(0, codec="", target="/favicon.ico")) == OVERFLOW


def test_a_key_is_short_whatever_the_caller_sends():
    found = key(record(0, model="m" * 5000, version="9" * 5000, target="/" + "p" * 5000))
    assert max(map(len, found)) <= 256
    assert isinstance(found, Key)
