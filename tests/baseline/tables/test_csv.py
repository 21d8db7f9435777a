"""CSV in its dialects: numbers, text, missing values, quotes; and what is wrong with it, by row."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sidecar.baseline.tables import read
from sidecar.errors import DataError


def columns(tmp_path, text: str | bytes) -> dict[str, list]:
    file = tmp_path / "t.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return {name: values.tolist() for name, values in read(file).columns.items()}


def test_a_column_is_numbers_if_every_value_is_one(tmp_path):
    found = columns(tmp_path, 'a,b,c\n1,x,1\n2.5,"y, z",2\n 3 ,x,none\n')
    assert found == {"a": [1.0, 2.5, 3.0], "b": ["x", "y, z", "x"], "c": ["1", "2", "none"]}


@pytest.mark.parametrize("nothing", ["", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", '""'])
def test_missing(tmp_path, nothing):
    found = columns(tmp_path, f"a,b\n1,x\n{nothing},{nothing}\n")
    assert math.isnan(found["a"][1])
    assert found["b"] == ["x", None]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_dialects(tmp_path, delimiter, end, mark):
    text = end.join([f"a{delimiter}b", f"1{delimiter}2", f"3{delimiter}4", ""])
    assert columns(tmp_path, mark + text.encode()) == {"a": [1.0, 3.0], "b": [2.0, 4.0]}


def test_quotes_hold_line_breaks_and_quotes(tmp_path):
    assert columns(tmp_path, 'a\n"x\ny"\n"say ""z"""\n') == {"a": ["x\ny", 'say "z"']}


def test_many_rows_keep_their_order(tmp_path):
    rows = np.random.default_rng(0).normal(size=50_000)
    assert columns(tmp_path, "a,b\n" + "".join(f"{x!r},1\n" for x in rows.tolist()))["a"] == rows.tolist()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n3\n4,5\n", r"t\.csv: Row #3: Expected 2 columns, got 1: 3"),
        ("a,b\n1,2\n3,4,5\n", r"t\.csv: Row #3: Expected 2 columns, got 3"),
        ("a,a\n1,2\n", r"t\.csv: two columns are called 'a'"),
        ("\n1,2\n", r"t\.csv: the first line is empty"),
        (b"a\n\xff\xfe\n", r"t\.csv: .*UTF8"),
        ("größe,b\n1,2\n".encode("latin-1"), r"t\.csv: the names of the columns are not UTF-8"),
        ('"a\nb",c\n1,2\n', r"t\.csv: a line ends within the name of a column"),
    ],
)
def test_what_is_wrong_is_told_with_its_row(tmp_path, text, message):
    with pytest.raises(DataError, match=message):
        columns(tmp_path, text)
