"""Sampling: the distance to the nearest of a few training rows drawn at random.

Source: Sugiyama and Borgwardt 2013, "Rapid Distance-Based Outlier Detection via Sampling", NIPS; PyOD 3.6.7
`pyod/models/sampling.py`.
"""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np

from sidecar.exchange import Matrix
from sidecar.scoring.detector import Arrays, Row, Scores, need
from sidecar.scoring.distance import squared, squared_many


class Sampling:
    """Sampling compiled. About 5 us for one row (20 rows drawn)."""

    name: ClassVar[str] = "sampling"

    def __init__(self, drawn: Matrix) -> None:
        """`drawn`: shape (rows drawn, columns)."""
        self._drawn = drawn

    @classmethod
    def from_pyod(cls, model: Any) -> Self:
        return cls(np.array(model.subset, dtype=np.float64))

    @classmethod
    def from_arrays(cls, arrays: Arrays, columns: int) -> Self:
        drawn = need(arrays, "drawn", np.float64, -1, columns)
        if not len(drawn):
            raise ValueError("array 'drawn' has no rows")
        return cls(drawn)

    def arrays(self) -> Arrays:
        return {"drawn": self._drawn}

    def score(self, row: Row) -> float:
        return float(np.sqrt(squared(self._drawn, row).min()))

    def score_many(self, matrix: Matrix) -> Scores:
        scores: Scores = np.sqrt(squared_many(self._drawn, matrix).min(axis=1))
        return scores
