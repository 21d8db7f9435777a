"""Plain values become arrays of the narrowest honest type, and hostile ones become nothing at all."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.codecs import table
from sidecar.errors import Undecodable


def refused(make: Any, *values: Any) -> str:
    with pytest.raises(Undecodable) as error:
        make("x", *values)
    return str(error.value)


@pytest.mark.parametrize(
    ("values", "dtype", "expected"),
    [
        ([1, 2], "int64", [1, 2]),
        ([1, 2.5], "float64", [1.0, 2.5]),
        ([2**63, 2**64 - 1], "uint64", [2**63, 2**64 - 1]),
        ([2**70, 1], "float64", [2.0**70, 1.0]),
        ([True, False], "bool", [True, False]),
        (["1", None], "object", ["1", None]),
        ([True, None, 2, 2.5, "é"], "object", ["true", None, "2", "2.5", "é"]),
        (["a\x00"], "object", ["a\x00"]),
        ([[1, 2], [3, 4]], "int64", [[1, 2], [3, 4]]),
        ([[["a"]], [["b"]]], "object", [[["a"]], [["b"]]]),
    ],
)
def test_types(values: list[Any], dtype: str, expected: list[Any]) -> None:
    array = table.array("x", values)
    assert array.dtype == dtype
    assert array.tolist() == expected


def test_null_among_numbers_is_nan() -> None:
    np.testing.assert_array_equal(table.array("x", [1, None, 2.5]), [1.0, np.nan, 2.5])
    np.testing.assert_array_equal(table.array("x", [None]), [np.nan])


def test_a_mixed_table_keeps_a_type_for_every_column() -> None:
    tensors = table.grid("x", [[1, "a", True], [2, None, False]])
    assert [(t.name, t.data.dtype.kind, t.data.tolist()) for t in tensors] == [
        ("x[0]", "i", [1, 2]),
        ("x[1]", "O", ["a", None]),
        ("x[2]", "b", [True, False]),
    ]


def test_absent_keys_are_null() -> None:
    (tensor,) = table.records("x", [{"a": 1}, {"b": 2.5, "a": 3}])
    assert tensor.columns == ("a", "b")
    np.testing.assert_array_equal(tensor.data, [[1, np.nan], [3, 2.5]])


def test_order_of_keys_does_not_matter() -> None:
    (tensor,) = table.records("x", [{"a": 1, "b": 2}, {"b": 4, "a": 3}])
    assert tensor.data.tolist() == [[1, 2], [3, 4]]


def test_nested_objects_and_lists_in_records() -> None:
    tensors = table.records(
        "x", [{"a": {"b": 1, "c": {"d": "t"}}, "v": [1, 2]}, {"a": {"b": 2}, "v": [3, 4]}]
    )
    assert {t.name: t.data.tolist() for t in tensors} == {
        "a.b": [1, 2],
        "a.c.d": ["t", None],
        "v": [[1, 2], [3, 4]],
    }
    assert table.records("x", [{"a": {"v": [1, 2]}}])[0].data.tolist() == [[1, 2]]


@pytest.mark.parametrize("values", [[[1], [1, 2]], [[1], 2], [1, [2]], [{}, [1]], [[1, 2], [3, [4]]]])
def test_ragged(values: list[Any]) -> None:
    assert refused(table.rows, values) == "ragged-rows"


def test_refusals() -> None:
    deep: Any = 1
    nested: Any = 1
    for _ in range(20):
        deep, nested = [deep], {"k": nested}
    assert refused(table.grid, deep) == "too-deep"
    assert refused(table.records, [nested]) == "too-deep"
    assert refused(table.records, [{"a.b": 1, "a": {"b": 2}}]) == "duplicate-name:a.b"
    assert refused(table.records, [{"a": [{"b": 1}]}]) == "not-a-table:a"
    assert refused(table.records, [{"k" * 300: {"b": 1}}]) == "name-too-long:" + "k" * 66
    assert refused(table.grid, [[1, "a"] * 6000]) == "too-many-columns"
    assert refused(table.columnar, dict.fromkeys(map(str, range(20_000)), 1)) == "too-many-columns"
    with pytest.raises(Undecodable, match="columns-differ"):
        table.grid("x", [[1, 2]], ("a",))


def test_one_long_text_is_paid_for_once() -> None:
    tracemalloc.start()
    table.grid("x", [["a" * 1_000_000, *[1] * 999]])
    table.array("x", ["a" * 1_000_000, *["b"] * 999])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5_000_000  # numpy's own text type would take 4 GB


def test_rows_without_a_key_in_common_are_not_a_table() -> None:
    assert refused(table.records, [{str(i): 1} for i in range(1000)]) == "too-sparse"


cells = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text()


@given(st.lists(cells, min_size=1))
def test_whatever_the_cells_a_column_has_a_row_for_each(values: list[Any]) -> None:
    column = table.array("x", values)
    assert column.shape == (len(values),)
    assert column.dtype.kind in "biufO"
    for value, cell in zip(values, column.tolist(), strict=True):
        assert (value is None) == (cell is None or cell != cell)
        if isinstance(value, str):
            assert cell == value
