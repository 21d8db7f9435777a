"""MLflow's shapes beyond the laws: what pandas writes, and refusals."""

from __future__ import annotations

import numpy as np
import pytest

from sidecar.codecs.mlflow import CODEC
from sidecar.errors import Undecodable
from sidecar.exchange import Payload
from tests.codecs.samples import answer, as_json, post


def ask(document: object) -> Payload:
    return CODEC.decode(post("/invocations", "application/json", as_json(document)))


def test_a_mixed_frame_keeps_names_and_types() -> None:
    payload = ask({"dataframe_split": {"columns": ["a", "b", 3], "data": [[1, "x", None], [2, None, 0.5]]}})
    assert [(t.name, t.data.dtype.kind) for t in payload.tensors] == [("a", "i"), ("b", "O"), ("3", "f")]
    assert payload.tensors[1].data.tolist() == ["x", None]


def test_a_frame_without_names() -> None:
    (tensor,) = ask({"dataframe_split": {"data": [[1, 2]]}}).tensors
    assert (tensor.name, tensor.columns, tensor.data.tolist()) == ("dataframe_split", None, [[1, 2]])


def test_inputs_in_every_orientation() -> None:
    for inputs in ([{"a": 1}, {"a": 2}], {"a": [1, 2]}, [[1], [2]], [1, 2]):
        payload = ask({"inputs": inputs})
        assert payload.rows == 2
        assert np.ravel(payload.tensors[0].data).tolist() == [1, 2]


def test_a_single_question_of_a_language_model_is_one_row() -> None:
    payload = ask({"inputs": {"question": "why?", "context": "because"}})
    assert [(t.name, t.data.tolist()) for t in payload.tensors] == [
        ("question", ["why?"]),
        ("context", ["because"]),
    ]


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ([[1]], "not-an-object"),
        ({"columns": ["a"]}, "no-dataframe"),
        ({"dataframe_split": [[1]]}, "malformed:dataframe_split"),
        ({"dataframe_split": {"columns": ["a"]}}, "malformed:dataframe_split"),
        ({"dataframe_split": {"columns": "ab", "data": [[1, 2]]}}, "malformed:columns"),
        ({"dataframe_split": {"columns": [["a", "b"]], "data": [[1]]}}, "malformed:columns"),
        ({"dataframe_split": {"columns": ["a"], "data": [[1, 2]]}}, "columns-differ"),
        ({"dataframe_split": {"columns": ["a"], "data": []}}, "columns-differ"),
        ({"dataframe_split": {"columns": ["a", "a"], "data": [[1, 2]]}}, "duplicate-name"),
        ({"dataframe_records": []}, "no-rows"),
        ({"dataframe_records": {"a": 1}}, "malformed:dataframe_records"),
        ({"dataframe_records": [1]}, "ragged-rows"),
    ],
)
def test_refusals(document: object, said: str) -> None:
    with pytest.raises(Undecodable) as error:
        ask(document)
    assert str(error.value) == said


def test_an_answer_without_predictions() -> None:
    with pytest.raises(Undecodable, match="no-predictions"):
        CODEC.decode_reply(post("/invocations", None, b""), answer({"error_code": "BAD_REQUEST"}))
