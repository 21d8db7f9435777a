"""Of each column of texts the held-out ones are measured, and nothing of other columns."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sidecar.baseline import letters
from sidecar.baseline.split import Parts
from sidecar.baseline.tables import Table
from sidecar.exchange import Features
from sidecar.features import Field, Schema
from sidecar.features.texts import TextReading

READING = TextReading("t", bytes(65_536))


def test_held_out_texts_are_measured():
    schema = Schema((Field("a", "number"), *(Field(name, "number") for name in READING.fields)), (READING,))
    table = Table(Path("rows"), {"a": np.zeros(3), "t": np.array(["x", "y\u200b", None], object)})
    values = np.array([[0.0, 1.0, 2.0, 9.0], [0.0, 1.0, 2.0, 8.0], [0.0, np.nan, np.nan, np.nan]])
    parts = Parts(np.array([0]), np.array([0]), np.array([2, 1]))
    found = letters.fit(table, schema, Features(values, values), parts)
    assert {name: rows.tolist() for name, rows in found.items()} == {
        "clean/letters/0": [[0.0, 0.0, 0.0], [1.0, 0.0, 8.0]]
    }


def test_without_texts_nothing_is():
    schema = Schema((Field("a", "number"),))
    values = np.zeros((2, 1))
    parts = Parts(np.array([0]), np.array([0]), np.array([1]))
    assert letters.fit(Table(Path("rows"), {"a": np.zeros(2)}), schema, Features(values, values), parts) == {}
