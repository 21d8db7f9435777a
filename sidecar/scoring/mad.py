"""MAD: how many median deviations a value lies from the median. For a single column only.

Source: Iglewicz and Hoaglin 1993, "How to Detect and Handle Outliers"; PyOD 3.6.7 `pyod/models/mad.py`.
"""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np

from sidecar.exchange import Matrix
from sidecar.scoring.detector import Arrays, Row, Scores, need

NORMAL = 0.6745
"""Median deviation of a normal variable of deviation 1, as PyOD rounds it."""


class Mad:
    """MAD compiled. About 3 us for one row."""

    name: ClassVar[str] = "mad"

    def __init__(self, median: float, deviation: float) -> None:
        self._median = median
        self._deviation = deviation

    @classmethod
    def from_pyod(cls, model: Any) -> Self:
        return cls(float(model.median_), float(model.median_diff_))

    @classmethod
    def from_arrays(cls, arrays: Arrays, columns: int) -> Self:
        if columns != 1:
            raise ValueError("array 'centre' is of one column, and the schema has several")
        return cls(*need(arrays, "centre", np.float64, 2).tolist())

    def arrays(self) -> Arrays:
        return {"centre": np.array((self._median, self._deviation))}

    def score(self, row: Row) -> float:
        return float(self.score_many(row[None])[0])

    def score_many(self, matrix: Matrix) -> Scores:
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            relative = NORMAL * np.abs(matrix[:, 0] - self._median) / self._deviation
        return np.nan_to_num(relative)  # PyOD: the median itself is 0, and all else huge, if nothing deviates
