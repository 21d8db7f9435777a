"""CSV beyond the laws: types, missing cells as pandas sees them, quoting, headers."""

from __future__ import annotations

import numpy as np
import pytest

from sidecar.codecs.csv_table import MISSING, read
from sidecar.errors import Undecodable
from tests.codecs.samples import headers

CSV = headers("text/csv")


def column(*cells: str) -> np.ndarray:
    """The column that these cells become, beside one of text so that types are kept apart."""
    body = "a,b\n" + "".join(f"{cell},x\n" for cell in cells)
    return read(CSV, body.encode())[0].data


@pytest.mark.parametrize(
    ("cells", "dtype"),
    [
        (("1", "-2", "+3"), "int64"),
        (("1", "2.5"), "float64"),
        (("1e3", ".5", "5.", "-0.0"), "float64"),
        (("9" * 30, "1"), "float64"),
        (("true", "FALSE", "True"), "bool"),
        (("007", "1"), "object"),
        (("1_000", "1"), "object"),
        (("١", "2"), "object"),
        (("1 2", "3"), "object"),
        (("0x1F", "inf"), "object"),
        (("--1", "1"), "object"),
        (("e", "E"), "object"),
        (("true", "1"), "object"),
    ],
)
def test_types_of_columns(cells: tuple[str, ...], dtype: str) -> None:
    found = column(*cells)
    assert found.dtype == dtype
    if dtype == "object":
        assert found.tolist() == list(cells)
    elif dtype != "bool":
        assert found.tolist() == [float(cell) for cell in cells]


@pytest.mark.parametrize("word", sorted(MISSING))
def test_what_pandas_takes_for_missing(word: str) -> None:
    np.testing.assert_array_equal(column("1", word, "3"), [1.0, np.nan, 3.0])
    assert column("u", word).tolist() == ["u", None]
    assert column("true", word).tolist() == ["true", None]


def test_quotes_commas_line_ends_and_a_byte_order_mark() -> None:
    body = '\ufeff"a, ""1""",b\r\n"x\ny",1\r\n\r\n,2'.encode()
    tensors = read(CSV, body)
    assert [(t.name, t.data.tolist()) for t in tensors] == [('a, "1"', ["x\ny", None]), ("b", [1, 2])]


def test_a_table_of_numbers_is_one_tensor() -> None:
    (tensor,) = read(CSV, b"a,b\n1,2.5\n,3\n")
    assert tensor.columns == ("a", "b")
    np.testing.assert_array_equal(tensor.data, [[1.0, 2.5], [np.nan, 3.0]])


@pytest.mark.parametrize("media", ["text/csv; header=absent", "text/csv;charset=utf-8;Header = absent"])
def test_a_header_declared_absent(media: str) -> None:
    (tensor,) = read(headers(media), b"1,2\n3,4\n")
    assert tensor.columns is None
    assert tensor.data.tolist() == [[1, 2], [3, 4]]
    assert [t.name for t in read(headers(media), b"1,x\n")] == ["csv[0]", "csv[1]"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "no-rows"),
        (b"\n\n", "no-rows"),
        (b"a,b\n", "no-rows"),
        (b"1,2\n3,4\n", "csv-without-header"),
        (b"a,b\n1\n", "ragged-rows"),
        (b"a,b\n1,2,3\n", "ragged-rows"),
        (b"a,a\n1,2\n", "duplicate-name"),
        (b'a,b\n"1,2\n', "malformed-csv"),
        (b'a,b\n"1"x,2\n', "malformed-csv"),
        (b"a,b\n\xff,2\n", "not-utf-8"),
        (b"a" + b",a" * 20_000 + b"\n", "too-many-columns"),
        (b"a\n" + b"x" * 200_000, "malformed-csv"),
    ],
)
def test_refusals(body: bytes, said: str) -> None:
    with pytest.raises(Undecodable) as error:
        read(CSV, body)
    assert str(error.value) == said
