"""Parts of JSON by path, and columns wherever they stand."""

import copy

import pytest

from sidecar.redaction.paths import clear, clear_columns, path

DOCUMENT = {"user": {"name": "x", "tags": ["a", "b"]}, "items": [{"card": 1}, {"card": 2, "n": 3}]}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$.user.name", {**DOCUMENT, "user": {"name": None, "tags": ["a", "b"]}}),
        ("$.user.tags[1]", {**DOCUMENT, "user": {"name": "x", "tags": ["a", None]}}),
        ("$.items[*].card", {**DOCUMENT, "items": [{"card": None}, {"card": None, "n": 3}]}),
        ("$..card", {**DOCUMENT, "items": [{"card": None}, {"card": None, "n": 3}]}),
        ("$['user']", {**DOCUMENT, "user": None}),
        ("$.user.*", {**DOCUMENT, "user": {"name": None, "tags": None}}),
    ],
)
def test_clear(text, expected):
    document = copy.deepcopy(DOCUMENT)
    assert clear(document, path(text))
    assert document == expected


@pytest.mark.parametrize("text", ["$.none", "$.user.name.deeper", "$.items[9]", "$..nothing"])
def test_nothing_there(text):
    document = copy.deepcopy(DOCUMENT)
    assert not clear(document, path(text))
    assert document == DOCUMENT


@pytest.mark.parametrize("text", ["user", "$", "$..", "$.a[", "$.a[x]"])
def test_no_path(text):
    with pytest.raises(ValueError, match=r"does not begin|names nothing|cannot be read"):
        path(text)


def test_columns_of_frames_tensors_and_records():
    document = {
        "dataframe_split": {"columns": ["a", "ssn"], "data": [[1, 2], [3, 4]]},
        "inputs": [{"name": "ssn", "shape": [2], "data": [7, 8]}, {"name": "a", "data": [1]}],
        "instances": [{"ssn": 9, "a": 1}],
    }
    assert clear_columns(document, frozenset({"ssn"}))
    assert document["dataframe_split"]["data"] == [[1, None], [3, None]]
    assert document["inputs"] == [
        {"name": "ssn", "shape": [2], "data": [None, None]},
        {"name": "a", "data": [1]},
    ]
    assert document["instances"] == [{"ssn": None, "a": 1}]
