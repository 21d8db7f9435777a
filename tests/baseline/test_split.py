"""Rows dealt out: never twice, never more than of use, calibration in round numbers."""

from __future__ import annotations

import numpy as np
import pytest

from sidecar.baseline.split import CALIBRATION_ROWS, FIT_CELLS, FIT_ROWS, LEAST_ROWS, STANDARD_ROWS, split
from sidecar.errors import DataError


def sizes(rows: int, columns: int = 10) -> tuple[int, int, int]:
    parts = split(np.arange(rows), columns, 0)
    return parts.fit.size, parts.standard.size, parts.calibration.size


@pytest.mark.parametrize("rows", [40, 41, 99, 198, 247, 248, 500, 1000, 12345, 1_000_000])
def test_no_row_is_used_twice_and_parts_are_sound(rows):
    parts = split(np.arange(rows) * 3, 10, 0)
    used = np.concatenate(parts)
    assert np.unique(used).size == used.size <= rows
    assert np.isin(used, np.arange(rows) * 3).all()
    fit, standard, calibration = sizes(rows)
    assert fit >= min(rows * 0.4, FIT_ROWS)
    assert standard == min(rows // 10, STANDARD_ROWS)
    assert rows // 3 <= calibration <= rows // 2 or calibration == CALIBRATION_ROWS
    if rows <= FIT_ROWS:
        assert fit + standard + calibration == rows


@pytest.mark.parametrize("rows", [198, 248, 500, 1000, 12345, 1_000_000])
def test_a_threshold_of_one_percent_falls_on_a_p_value(rows):
    assert (sizes(rows)[2] + 1) % 100 == 0


def test_many_columns_are_fitted_on_fewer_rows():
    fit, _, _ = sizes(100_000, columns=1000)
    assert fit == FIT_CELLS // 1000
    assert sizes(100_000, columns=10**9)[0] == LEAST_ROWS


def test_rows_are_shuffled_by_the_seed():
    rows = np.arange(1000)
    assert (split(rows, 5, 1).calibration == split(rows, 5, 1).calibration).all()
    assert (split(rows, 5, 1).calibration != split(rows, 5, 2).calibration).any()
    assert abs(split(rows, 5, 1).calibration.mean() - 499.5) < 50


def test_too_few_rows_are_refused():
    with pytest.raises(DataError, match="39 rows that can be scored are too few; give at least 40"):
        split(np.arange(39), 5, 0)
