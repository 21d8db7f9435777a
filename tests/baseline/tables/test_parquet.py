"""Parquet: every plain type becomes a column, the others are left out and named."""

from __future__ import annotations

import datetime
import decimal
import math

import pyarrow as pa
import pyarrow.parquet as pq

from sidecar.baseline.tables import read


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


def test_times_and_nested_values_are_left_out_by_name(tmp_path):
    found = table(
        tmp_path,
        when=pa.array([datetime.datetime(2024, 1, 1)]),
        many=pa.array([[1, 2]]),
        a=pa.array([1.0]),
    )
    assert list(found.columns) == ["a"]
    assert found.notes == (
        "column 'when' is left out: timestamp[us] cannot be scored",
        "column 'many' is left out: list<element: int64> cannot be scored",
    )
