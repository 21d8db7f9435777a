"""Numpy archives: X with or without names; other arrays are ignored, and said so."""

from __future__ import annotations

import numpy as np
import pytest

from sidecar.baseline.tables import read
from sidecar.errors import DataError

X = np.array([[1, 2], [3, 4], [5, 6]])


def saved(tmp_path, **arrays):
    np.savez(tmp_path / "t.npz", **arrays)
    return tmp_path / "t.npz"


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.uint8, np.int16])
def test_columns_are_numbered_unless_named(tmp_path, dtype):
    table = read(saved(tmp_path, X=X.astype(dtype), y=np.zeros(3)))
    assert {name: values.tolist() for name, values in table.columns.items()} == {
        "x0": [1, 3, 5],
        "x1": [2, 4, 6],
    }
    assert all(values.dtype == np.float64 for values in table.columns.values())
    assert table.notes == ("array 'y' of t.npz is not used",)
    assert list(read(saved(tmp_path, X=X, columns=np.array(["a", "b"]))).columns) == ["a", "b"]


@pytest.mark.parametrize("shape", [(4, 8, 6), (4, 8, 6, 3)])
def test_images_are_one_column(tmp_path, shape):
    pixels = np.arange(np.prod(shape)).reshape(shape).astype(np.uint8)
    table = read(saved(tmp_path, X=pixels, y=np.zeros(4)))
    assert list(table.columns) == ["image"]
    assert np.array_equal(table.columns["image"], pixels)
    assert (table.rows, table.notes) == (4, ("array 'y' of t.npz is not used",))


def test_booleans_stay_booleans(tmp_path):
    assert read(saved(tmp_path, X=X > 2)).columns["x0"].dtype == bool


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"data": X}, "has no array X; it holds data"),
        ({"X": X[0]}, r"X is int64 of shape \(2,\); it should be rows x columns"),
        ({"X": X.astype(str)}, "X is <U21 of shape"),
        ({"X": X.astype(object)}, "not a numpy archive of plain arrays"),
        ({"X": X, "columns": np.array(["a"])}, "X has 2 columns and `columns` 1 different names"),
        ({"X": X, "columns": np.array(["a", "a"])}, "X has 2 columns and `columns` 1 different names"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path, arrays, message):
    with pytest.raises(DataError, match=f"t.npz: {message}"):
        read(saved(tmp_path, **arrays))


@pytest.mark.parametrize("at", range(200, 260, 7))
def test_an_archive_whose_bytes_were_damaged_is_refused_or_read(tmp_path, at):
    file = tmp_path / "t.npz"
    np.savez_compressed(file, X=np.random.default_rng(0).normal(size=(200, 3)))
    file.write_bytes(file.read_bytes()[:at] + b"\xff" * 40 + file.read_bytes()[at + 40 :])
    with pytest.raises(DataError, match=r"t\.npz: not a numpy archive of plain arrays"):
        read(file)


def test_a_single_array_under_the_wrong_name_is_refused(tmp_path):
    with (tmp_path / "t.npz").open("wb") as file:
        np.save(file, X)
    with pytest.raises(DataError, match="holds a single array, not an archive"):
        read(tmp_path / "t.npz")
