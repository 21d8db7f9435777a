"""V1 predict beyond the laws: paths, both orientations, refusals."""

from __future__ import annotations

import numpy as np
import pytest

from sidecar.codecs.v1 import CODEC
from sidecar.errors import Undecodable
from tests.codecs.samples import answer, post


def ask(body: bytes, target: str = "/v1/models/m:predict"):  # type: ignore[no-untyped-def]
    return CODEC.decode(post(target, "application/json", body))


@pytest.mark.parametrize(
    ("target", "model", "version"),
    [
        ("/v1/models/iris:predict", "iris", None),
        ("/v1/models/iris/versions/12:predict?verbose", "iris", "12"),
        ("/v1/models/iris/labels/stable:predict", "iris", "stable"),
        ("/prefix/v1/models/caf%C3%A9%2F1:predict", "café/1", None),
    ],
)
def test_model_and_version_are_those_of_the_path(target: str, model: str, version: str | None) -> None:
    payload = ask(b'{"instances": [1]}', target)
    assert (payload.model, payload.version) == (model, version)


def test_scalars_are_rows() -> None:
    payload = ask(b'{"instances": [1.5, null, 2]}')
    assert payload.rows == 3
    np.testing.assert_array_equal(payload.tensors[0].data, [1.5, np.nan, 2.0])


def test_images_keep_their_rank() -> None:
    assert ask(b'{"instances": [[[[1], [2]]], [[[3], [4]]]]}').tensors[0].data.shape == (2, 1, 2, 1)


def test_a_bare_tensor_under_inputs() -> None:
    payload = ask(b'{"inputs": [[1, 2], [3, 4]]}')
    assert (payload.tensors[0].name, payload.rows) == ("inputs", 2)


def test_bytes_of_tensorflow_are_a_column_of_text() -> None:
    payload = ask(b'{"instances": [{"image": {"b64": "aGk="}, "n": 1}]}')
    assert [(t.name, t.data.tolist()) for t in payload.tensors] == [("image.b64", ["aGk="]), ("n", [1])]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"[1]", "not-an-object"),
        (b"{}", "no-instances"),
        (b'{"instances": []}', "no-rows"),
        (b'{"instances": [[1], [2, 3]]}', "ragged-rows"),
        (b'{"inputs": {"a": [1], "b": [1, 2]}}', "rows-differ:b"),
        (b'{"inputs": {"a": [{"b": 1}]}}', "not-a-table:a"),
    ],
)
def test_refusals(body: bytes, said: str) -> None:
    with pytest.raises(Undecodable) as error:
        ask(body)
    assert str(error.value) == said


def test_an_answer_without_predictions() -> None:
    with pytest.raises(Undecodable, match="no-predictions"):
        CODEC.decode_reply(post("/v1/models/m:predict", None, b""), answer({"error": "no"}))
