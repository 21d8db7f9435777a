"""JSON lines: objects or arrays, missing keys, odd values; and what is wrong with it, by line."""

from __future__ import annotations

import math

import pytest

from sidecar.baseline.tables import read
from sidecar.errors import DataError


def columns(tmp_path, text: str) -> dict:
    (tmp_path / "t.jsonl").write_text(text)
    return read(tmp_path / "t.jsonl").columns


def test_objects_may_lack_keys_and_bring_new_ones(tmp_path):
    found = columns(tmp_path, '{"a": 1, "b": "x"}\n\n{"b": null, "c": true}\n{"a": 2.5, "c": false}\n')
    assert list(found) == ["a", "b", "c"]
    assert found["a"].tolist()[::2] == [1.0, 2.5]
    assert math.isnan(found["a"][1])
    assert found["b"].tolist() == ["x", None, None]
    assert found["c"].tolist() == [None, True, False]


def test_arrays_have_columns_by_number(tmp_path):
    found = columns(tmp_path, '[1, "x"]\n[2, "y"]\n')
    assert {name: values.tolist() for name, values in found.items()} == {"x0": [1.0, 2.0], "x1": ["x", "y"]}


def test_kinds_of_arrays(tmp_path):
    found = columns(tmp_path, '{"i": 1, "b": true, "n": null, "m": 1}\n' * 2)
    assert {name: values.dtype.kind for name, values in found.items()} == {
        "i": "f",
        "b": "b",
        "n": "f",
        "m": "f",
    }
    assert columns(tmp_path, f'{{"a": {10**400}}}\n')["a"].tolist() == [math.inf]
    assert columns(tmp_path, f'{{"a": -{10**400}}}\n')["a"].tolist() == [-math.inf]


def test_pictures_are_one_column(tmp_path):
    grey = columns(tmp_path, '{"p": [[0, 1], [2, 3]], "a": 1}\n' * 3)
    assert grey["p"].shape == (3, 2, 2)
    assert grey["p"][2].tolist() == [[0.0, 1.0], [2.0, 3.0]]
    assert columns(tmp_path, '{"p": [[[0, 1, 2]]]}\n' * 2)["p"].shape == (2, 1, 1, 3)


@pytest.mark.parametrize(
    "text",
    ['{"p": [[0]]}\n{"p": [[0, 1]]}\n', '{"p": [[0]]}\n{}\n', '{"p": [["x"]]}\n', '{"p": [[0], [{}]]}\n'],
)
def test_pictures_of_different_sizes_are_refused(tmp_path, text):
    with pytest.raises(
        DataError, match=r"t\.jsonl: column 'p': should hold a picture of one and the same size"
    ):
        columns(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": 1}\n{"a": \n', r"t\.jsonl: line 2 is not JSON"),
        ('{"a": 1}\n\n7\n', r"t\.jsonl: line 3 should be an object or an array, not b'7'"),
        ('{"a": [1, 2]}\n', r"t\.jsonl: line 1, column 'a': a value inside a value"),
        ("[[1], [2]]\n", r"t\.jsonl: line 1, column 'x0': a value inside a value"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path, text, message):
    with pytest.raises(DataError, match=message):
        columns(tmp_path, text)
