"""Which rows are for what. A row must never calibrate a detector that was fitted on it.

    fit          detectors are fitted                        about half, at most 10,000 rows
    standard     their scores are brought to one scale       a tenth, at most 2,000
    calibration  p-values are counted                        two fifths, at most 119,999

Rows are shuffled first: a file is often sorted, by time or by class, and calibration rows must be
exchangeable with the rest.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sidecar.errors import DataError

LEAST_ROWS = 40
"""With fewer there is nothing to learn from: 20 rows to fit, and p-values no finer than 1/17."""

FIT_ROWS = 10_000
"""More rows hardly change a detector, and the tables of ECOD grow with them (24 bytes a value)."""

FIT_CELLS = 1_000_000
"""Rows times columns to fit at most: a thousand columns get a thousand rows."""

STANDARD_ROWS = 2_000
CALIBRATION_ROWS = 119_999
"""With so many a threshold of 0.001 flags between 0.08 and 0.12 % of clean rows, 19 times in 20. They take
1.6 MB of memory for each detector."""

SLOW_STANDARD_ROWS = 1_000
SLOW_CALIBRATION_ROWS = 4_999
"""Where PyOD itself scores them: at some milliseconds each, more would take minutes."""

ALONE_ROWS = 499
"""Of each, where PyOD must be asked for every single row."""

Rows = NDArray[np.int64]


class Parts(NamedTuple):
    """Row numbers, in the order in which they are used."""

    fit: Rows
    standard: Rows
    calibration: Rows


def split(rows: Rows, columns: int, seed: int) -> Parts:
    """Deal out `rows`. Raises DataError when they are too few."""
    if rows.size < LEAST_ROWS:
        raise DataError(f"{rows.size} rows that can be scored are too few; give at least {LEAST_ROWS}")
    shuffled = np.random.default_rng(seed).permutation(rows)
    calibration = _calibration(rows.size)
    standard = min(rows.size // 10, STANDARD_ROWS)
    most = min(FIT_ROWS, max(LEAST_ROWS, FIT_CELLS // max(1, columns)))
    fit = min(rows.size - calibration - standard, most)
    ends = np.cumsum((calibration, standard, fit))
    return Parts(shuffled[ends[1] : ends[2]], shuffled[ends[0] : ends[1]], shuffled[: ends[0]])


def fewer(parts: Parts, *, alone: bool) -> Parts:
    """As many rows to score as PyOD itself can score in a minute or two; `alone`: one by one."""
    standard = ALONE_ROWS if alone else SLOW_STANDARD_ROWS
    calibration = ALONE_ROWS if alone else SLOW_CALIBRATION_ROWS
    return Parts(parts.fit, parts.standard[:standard], parts.calibration[:calibration])


def _calibration(rows: int) -> int:
    """Two fifths, but one less than a multiple of 100, so that a threshold of 0.01 falls on a p-value.

    With m calibration rows p-values are multiples of 1 / (m + 1): at m = 150 a threshold of 0.01 would flag
    1/151 of clean rows, at m = 199 it flags 2/200. Few rows give up to half for the first such number, 99.
    """
    share = min(rows * 2 // 5, CALIBRATION_ROWS)
    if share >= 99:
        return (share + 1) // 100 * 100 - 1
    return min(99, rows // 2)
