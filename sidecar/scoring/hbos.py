"""HBOS: a histogram for each column; rare bins add up.

    score = -sum over columns of log2(density of the value's bin + alpha)

A value beyond the histogram counts as in the last bin up to `tol` bin widths away, and farther as in the
rarest. Each column is a little table: the inner bins, then what lies far and near beyond each end.

Source: Goldstein and Dengel 2012, "Histogram-based Outlier Score (HBOS)"; PyOD 3.6.7 `pyod/models/hbos.py`.
"""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np

from sidecar.exchange import Matrix
from sidecar.scoring.detector import Arrays, Floats, Row, Scores, need

BLOCK_CELLS = 1 << 16
"""Comparisons made at once: enough to spread numpy's cost per call, few enough to stay in the cache."""


class Hbos:
    """HBOS compiled, for histograms of equally many bins. About 20 us for one row."""

    name: ClassVar[str] = "hbos"

    def __init__(self, edges: Matrix, heights: Matrix, reach: Matrix) -> None:
        """`edges`: (bins + 1, columns). `heights`: (bins + 2, columns), what a value adds: below all edges,
        in each bin, above all. `reach`: (2, columns), how far beyond an end still counts as its bin."""
        self._edges = edges
        self._heights = heights
        self._reach = reach
        self._flat = heights.ravel()
        self._columns = np.arange(edges.shape[1])

    @classmethod
    def from_pyod(cls, model: Any) -> Self:
        edges = np.array(model.bin_edges_, dtype=np.float64)
        inner = np.log2(np.asarray(model.hist_) + model.alpha)
        rarest = inner.min(axis=0)
        widths = np.array((edges[1] - edges[0], edges[-1] - edges[-2]))
        return cls(edges, np.vstack((rarest, inner, rarest)), widths * model.tol)

    @classmethod
    def from_arrays(cls, arrays: Arrays, columns: int) -> Self:
        edges = need(arrays, "edges", np.float64, -1, columns)
        if len(edges) < 2 or (np.diff(edges, axis=0) < 0).any():
            raise ValueError("array 'edges' does not ascend")
        heights = need(arrays, "heights", np.float64, len(edges) + 1, columns)
        return cls(edges, heights, need(arrays, "reach", np.float64, 2, columns))

    def arrays(self) -> Arrays:
        return {"edges": self._edges, "heights": self._heights, "reach": self._reach}

    def score(self, row: Row) -> float:
        return float(self._block(row[None])[0])

    def score_many(self, matrix: Matrix) -> Scores:
        rows = max(1, BLOCK_CELLS // self._edges.size)
        if len(matrix) <= rows:
            return self._block(matrix)
        return np.concatenate([self._block(matrix[i : i + rows]) for i in range(0, len(matrix), rows)])

    def _block(self, matrix: Matrix) -> Scores:
        first, last = self._edges[0], self._edges[-1]
        at = (self._edges < matrix[:, None, :]).sum(axis=1)
        below, above = at == 0, at == len(self._edges)
        if below.any():
            at += below & (first - matrix <= self._reach[0])
        if above.any():
            at -= above & (matrix - last <= self._reach[1])
        at *= self._columns.size
        at += self._columns
        total: Floats = self._flat.take(at).sum(axis=1)
        return -total
