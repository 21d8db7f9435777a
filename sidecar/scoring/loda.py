"""LODA: histograms of random projections; rare bins add up.

    score = mean over projections of -log(share of training rows in the bin), times a weight

Each projection mixes about the root of the number of columns. What lies on the edge of a bin is told by the
last bit of a sum, and training rows do: they make the edges. So where a rough projection comes that close to
an edge, it is taken again in exactly PyOD's call.

Source: Pevny 2016, "Loda: Lightweight On-line Detector of Anomalies", Machine Learning 102; PyOD 3.6.7
`pyod/models/loda.py`.
"""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np

from sidecar.exchange import Matrix
from sidecar.scoring.detector import Arrays, Floats, Row, Scores, need

_EPS = float(np.finfo(np.float64).eps)

BLOCK = 32
"""Rows at once: what is compared with the edges stays in the cache."""


class Loda:
    """LODA compiled. About 15 us for one row (100 projections)."""

    name: ClassVar[str] = "loda"

    def __init__(self, projections: Matrix, edges: Matrix, heights: Matrix) -> None:
        """`projections`: (projections, columns). `edges`: (bins - 1, projections), of which PyOD makes use.
        `heights`: (bins, projections), what a value in each bin adds to the score."""
        self._projections = projections
        self._edges = edges
        self._heights = heights
        self._flat = heights.ravel()
        self._numbers = np.arange(len(projections))
        self._sizes = np.abs(projections).T.copy()
        self._slack = 4.0 * (projections.shape[1] + 4) * _EPS

    @classmethod
    def from_pyod(cls, model: Any) -> Self:
        bins = model.histograms_.shape[1]
        weights = np.asarray(model.weights)[:, None] / model.n_random_cuts
        heights = -weights * np.log(model.histograms_)
        return cls(np.array(model.projections_), model.limits_[:, : bins - 1].T.copy(), heights.T.copy())

    @classmethod
    def from_arrays(cls, arrays: Arrays, columns: int) -> Self:
        projections = need(arrays, "projections", np.float64, -1, columns)
        edges = need(arrays, "edges", np.float64, -1, len(projections))
        if (np.diff(edges, axis=0) < 0).any():
            raise ValueError("array 'edges' does not ascend")
        return cls(projections, edges, need(arrays, "heights", np.float64, len(edges) + 1, len(projections)))

    def arrays(self) -> Arrays:
        return {"projections": self._projections, "edges": self._edges, "heights": self._heights}

    def score(self, row: Row) -> float:
        return float(self._block(row[None])[0])

    def score_many(self, matrix: Matrix) -> Scores:
        blocks = [self._block(matrix[i : i + BLOCK]) for i in range(0, len(matrix), BLOCK)]
        return np.concatenate(blocks) if blocks else np.empty(0)

    def _block(self, matrix: Matrix) -> Scores:
        with np.errstate(over="ignore", invalid="ignore"):
            projected = matrix @ self._projections.T
            slack = self._slack * (np.abs(matrix) @ self._sizes)
            apart = projected[:, None, :] - self._edges
            close = ~(np.abs(apart) > slack[:, None, :]).all(axis=1)
        at: Any = (apart > 0).sum(axis=1)
        for row, cut in zip(*np.nonzero(close), strict=True):
            at[row, cut] = self._exactly(matrix[row], cut)
        found: Floats = self._flat.take(at * len(self._numbers) + self._numbers)
        # Added up one projection after the other, as PyOD does.
        scores: Scores = found.cumsum(axis=1)[:, -1]
        return scores

    def _exactly(self, row: Row, cut: int) -> int:
        with np.errstate(over="ignore", invalid="ignore"):
            projected = self._projections[cut, :].dot(np.ascontiguousarray(row)[None].T)
        return int(np.searchsorted(self._edges[:, cut], projected)[0])
