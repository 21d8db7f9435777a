"""Rows become columns value for value, also those whose features cannot be named."""

import math

import numpy as np

from sidecar.capture.arrays import KINDS, SCHEMA, batch, rows
from sidecar.capture.columns import COLUMNS
from sidecar.capture.parcels import Layout, Parcel
from tests.capture.kept import DIGEST, LAYOUT, call, parcel


def test_the_schema_is_the_table():
    assert SCHEMA.names == list(COLUMNS)
    assert set(KINDS) == {column.kind for column in COLUMNS.values()}


def test_features_stand_by_name_and_row():
    made = batch(rows(parcel(1, call(1), call(2)), "model", "pod")).to_pylist()
    assert [dict(row["features"]) for row in made] == [
        {"amount": [1.0, None], "country": [1.0, 0.0]},
        {"amount": [2.0, None], "country": [1.0, 0.0]},
    ]
    assert [row["categories"] for row in made] == [[("country", ["de", "fr"])]] * 2


def test_calls_of_several_baselines_and_of_none():
    other = Layout(("x",), ((),))
    single = np.array([[7.0]], "<f8").tobytes()
    calls = (
        call(1, baseline="unheard-of"),
        call(2, baseline="other", rows=1, features=single),
        call(3, features=b"", baseline=""),
        call(4),
        call(5, features=single),
    )
    made = batch(rows(Parcel(1, "", {DIGEST: LAYOUT, "other": other}, calls), "m", "p")).to_pylist()
    assert [row["features"] and [name for name, _ in row["features"]] for row in made] == [
        None,
        ["x"],
        None,
        ["amount", "country"],
        None,
    ]
    assert [row["categories"] for row in made] == [None, None, None, *[[("country", ["de", "fr"])]] * 2]


def test_all_features_of_many_calls_against_the_values_themselves():
    rng = np.random.default_rng(3)
    layout = Layout(tuple(f"f{i}" for i in range(7)), ((),) * 7)
    blocks = [rng.normal(size=(int(n), 7)) for n in rng.integers(1, 5, size=40)]
    calls = tuple(
        call(i, rows=len(block), features=block.astype("<f8").tobytes()) for i, block in enumerate(blocks)
    )
    made = batch(rows(Parcel(1, "", {DIGEST: layout}, calls), "m", "p")).to_pylist()
    for row, block in zip(made, blocks, strict=True):
        assert dict(row["features"]) == {f"f{i}": block[:, i].tolist() for i in range(7)}


def test_detectors_and_times():
    (row,) = batch(rows(parcel(1, call(3)), "m", "p")).to_pylist()
    assert row["detectors"] == [{"name": "ecod", "raw": 3.5, "p": 0.4, "top": ["amount"]}]
    assert row["started"].timestamp() == 1_763_910_000.003
    assert math.isclose(row["duration_seconds"], 0.0053)


def test_nothing():
    assert batch([]).num_rows == 0
    assert rows(parcel(1, call(1, captured=None)), "m", "p") == []
