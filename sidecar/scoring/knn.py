"""KNN: how far it is to the k-th nearest training row, or on average, or in the middle, to the k nearest.

Source: Ramaswamy, Rastogi and Shim 2000, "Efficient Algorithms for Mining Outliers from Large Data Sets",
SIGMOD; PyOD 3.6.7 `pyod/models/knn.py`, fitted with an exact tree rather than the product form that loses
digits.
"""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np

from sidecar.exchange import Matrix
from sidecar.scoring.detector import Arrays, Row, Scores, need
from sidecar.scoring.neighbours import Neighbours


class Knn:
    """KNN compiled, distance to the k-th nearest. About 100 us for one row (10,000 x 20)."""

    name: ClassVar[str] = "knn"

    def __init__(self, neighbours: Neighbours) -> None:
        self._neighbours = neighbours

    @staticmethod
    def of_distances(distances: Matrix) -> Scores:
        """The scores of rows from the distances to their nearest, shape (rows, k), ascending."""
        largest: Scores = distances[:, -1].copy()
        return largest

    @classmethod
    def from_pyod(cls, model: Any) -> Self:
        return cls(Neighbours(np.array(model.neigh_._fit_X), model.n_neighbors))

    @classmethod
    def from_arrays(cls, arrays: Arrays, columns: int) -> Self:
        (k,) = need(arrays, "k", np.int64, 1).tolist()
        return cls(Neighbours(need(arrays, "train", np.float64, -1, columns), k))

    def arrays(self) -> Arrays:
        return {"train": self._neighbours.train, "k": np.array((self._neighbours.k,), dtype=np.int64)}

    def score(self, row: Row) -> float:
        return float(self.of_distances(np.sqrt(self._neighbours.of(row).squared)[None])[0])

    def score_many(self, matrix: Matrix) -> Scores:
        return self.of_distances(self._neighbours.distances(matrix))


class Knn500(Knn):
    """KNN fitted on five hundred rows at most: a fraction of the cost, and outliers among the training rows
    hide each other less. About 25 us for one row."""

    name: ClassVar[str] = "knn-500"


class KnnMean(Knn):
    """KNN with the mean distance to the k nearest (PyOD's `method="mean"`)."""

    name: ClassVar[str] = "knn-mean"

    @staticmethod
    def of_distances(distances: Matrix) -> Scores:
        mean: Scores = distances.mean(axis=1)
        return mean


class KnnMedian(Knn):
    """KNN with the median distance to the k nearest (PyOD's `method="median"`)."""

    name: ClassVar[str] = "knn-median"

    @staticmethod
    def of_distances(distances: Matrix) -> Scores:
        k = distances.shape[1]
        median: Scores = (distances[:, (k - 1) // 2] + distances[:, k // 2]) / 2.0
        return median
