"""Parquet: every plain type becomes a column, the others are left out and named."""

from __future__ import annotations

import datetime
import decimal
import math

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sidecar.baseline.tables import read
from sidecar.errors import DataError


def table(tmp_path, **columns: pa.Array):
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")
    return read(tmp_path / "t.parquet")


def test_plain_types(tmp_path):
    found = table(
        tmp_path,
        i=pa.array([1, None, 3], pa.int32()),
        f=pa.array([1.5, 2.5, None], pa.float32()),
        d=pa.array([decimal.Decimal("1.25"), None, decimal.Decimal("2")]),
        b=pa.array([True, False, True]),
        m=pa.array([True, None, False]),
        s=pa.array(["x", None, "y"]),
        c=pa.array(["x", "y", "x"]).dictionary_encode(),
        big=pa.array([2**53 + 1, 0, 1], pa.int64()),
    ).columns
    assert found["i"].tolist()[::2] == [1.0, 3.0]
    assert math.isnan(found["i"][1])
    assert found["f"].tolist()[:2] == [1.5, 2.5]
    assert found["d"].tolist()[::2] == [1.25, 2.0]
    assert found["b"].dtype == bool
    assert found["m"].tolist() == [True, None, False]
    assert found["s"].tolist() == ["x", None, "y"]
    assert found["c"].tolist() == ["x", "y", "x"]
    assert found["big"].tolist()[0] == 2.0**53


def test_times_become_iso_text(tmp_path):
    moment = datetime.datetime(2024, 1, 31, 13, 5)
    found = table(
        tmp_path,
        local=pa.array([moment, None]),
        zoned=pa.array([moment, None], pa.timestamp("ns", "UTC")),
        day=pa.array([moment.date(), None]),
    ).columns
    assert {name: values.tolist() for name, values in found.items()} == {
        "local": ["2024-01-31T13:05:00", None],
        "zoned": ["2024-01-31T13:05:00+00:00", None],
        "day": ["2024-01-31T00:00:00", None],
    }


def test_a_date_beyond_all_years_is_told_with_its_column(tmp_path):
    with pytest.raises(DataError, match=r"t\.parquet: column 'when': holds a date that cannot be read"):
        table(tmp_path, when=pa.array([2**60, 0], pa.timestamp("us")))


def test_a_file_of_nothing_that_can_be_scored_says_so(tmp_path):
    with pytest.raises(DataError, match=r"has no columns; column 'at' is left out: time64"):
        table(tmp_path, at=pa.array([1, 2], pa.time64("us")))


def test_text_of_every_kind_is_text(tmp_path):
    kinds = {"s": pa.string(), "l": pa.large_string(), "v": pa.string_view()}
    found = table(tmp_path, **{name: pa.array(["x", None], kind) for name, kind in kinds.items()}).columns
    assert {name: values.tolist() for name, values in found.items()} == {name: ["x", None] for name in kinds}


def test_durations_and_nested_values_are_left_out_by_name(tmp_path):
    found = table(
        tmp_path,
        long=pa.array([datetime.timedelta(1)]),
        many=pa.array([[1, 2]]),
        a=pa.array([1.0]),
    )
    assert list(found.columns) == ["a"]
    assert found.notes == (
        "column 'long' is left out: duration[us] cannot be scored",
        "column 'many' is left out: list<element: int64> cannot be scored",
    )
