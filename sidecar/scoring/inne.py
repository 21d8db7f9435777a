"""INNE: balls around a few training rows, drawn again and again, each reaching to the nearest other one
drawn.

A row outside all balls of a draw scores 1 there. Inside, the smallest ball that holds it counts: 1 - (radius
of the ball around its centre's neighbour / its own radius). The score is the mean over all draws.

A row may lie on a ball's surface: the training rows that were drawn do. So where a distance is within
rounding error of a radius, that draw is taken again in exactly scikit-learn's order of operations.

Source: Bandaragoda et al. 2018, "Isolation-based anomaly detection using nearest-neighbor ensembles",
Computational Intelligence 34(4); PyOD 3.6.7 `pyod/models/inne.py`.
"""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from sidecar.exchange import Matrix
from sidecar.scoring.detector import Arrays, Floats, Row, Scores, need

_EPS = float(np.finfo(np.float64).eps)

BLOCK = 32
"""Rows at once: their distances to all centres stay in the cache."""


class Inne:
    """INNE compiled. About 40 us for one row (200 draws of 8)."""

    name: ClassVar[str] = "inne"

    def __init__(self, centres: Floats, radius: Floats, ratio: Floats) -> None:
        """`centres`: (draws, balls, columns). `radius`, squared, and `ratio`: (draws, balls)."""
        self._centres, self._radius, self._ratio = centres, radius, ratio
        draws, balls, columns = centres.shape
        flat = centres.reshape(-1, columns)
        self._across = flat.T.copy()
        self._lengths = np.einsum("ij,ij->i", flat, flat)
        self._flat_radius = radius.ravel()
        # Smallest ball first, and at the end "in no ball".
        order = radius.argsort(axis=1, kind="stable")
        self._order = (order + np.arange(draws)[:, None] * balls).ravel()
        self._worth = np.column_stack((np.take_along_axis(ratio, order, axis=1), np.ones(draws))).ravel()
        self._first = np.arange(draws) * (balls + 1)
        self._slack = 8.0 * (columns + 4) * _EPS

    @classmethod
    def from_pyod(cls, model: Any) -> Self:
        return cls(np.array(model._centroids), np.array(model._centroids_radius), np.array(model._ratio))

    @classmethod
    def from_arrays(cls, arrays: Arrays, columns: int) -> Self:
        centres = need(arrays, "centres", np.float64, -1, -1, columns)
        draws, balls = centres.shape[:2]
        if not draws or not balls:
            raise ValueError("array 'centres' has no balls")
        radius = need(arrays, "radius", np.float64, draws, balls)
        return cls(centres, radius, need(arrays, "ratio", np.float64, draws, balls))

    def arrays(self) -> Arrays:
        return {"centres": self._centres, "radius": self._radius, "ratio": self._ratio}

    def score(self, row: Row) -> float:
        return float(self._block(row[None])[0])

    def score_many(self, matrix: Matrix) -> Scores:
        blocks = [self._block(matrix[i : i + BLOCK]) for i in range(0, len(matrix), BLOCK)]
        return np.concatenate(blocks) if blocks else np.empty(0)

    def _block(self, matrix: Matrix) -> Scores:
        draws, balls = self._radius.shape
        with np.errstate(over="ignore", invalid="ignore"):
            lengths = np.einsum("ij,ij->i", matrix, matrix)[:, None] + self._lengths
            beyond = lengths - 2.0 * (matrix @ self._across) - self._flat_radius
            close = ~(np.abs(beyond) > self._slack * lengths)
        inside = beyond <= 0
        for row, draw in np.unique(np.argwhere(close) // (1, balls), axis=0) if close.any() else ():
            inside[row, draw * balls : (draw + 1) * balls] = self._exactly(matrix[row], draw)
        held = np.ones((len(matrix), draws, balls + 1), dtype=bool)
        held[:, :, :balls] = inside.take(self._order, axis=1).reshape(-1, draws, balls)
        smallest = held.argmax(axis=2)
        scores: Scores = self._worth.take(smallest + self._first).mean(axis=1)
        return scores

    def _exactly(self, row: Row, draw: int) -> NDArray[np.bool_]:
        """Which balls of one draw hold the row, by scikit-learn's `euclidean_distances`."""
        centres, x = self._centres[draw], np.ascontiguousarray(row)[None]
        with np.errstate(over="ignore", invalid="ignore"):
            squared = -2.0 * (x @ centres.T)
            squared += np.einsum("ij,ij->i", x, x)[:, None]
            squared += np.einsum("ij,ij->i", centres, centres)
            inside: NDArray[np.bool_] = np.maximum(squared, 0.0)[0] <= self._radius[draw]
        return inside
