"""KNN: how far it is to the k-th nearest training row, or on average, or in the middle, to the k nearest.

Source: Ramaswamy, Rastogi and Shim 2000, "Efficient Algorithms for Mining Outliers from Large Data Sets",
SIGMOD; PyOD 3.6.7 `pyod/models/knn.py`, fitted with an exact tree rather than the product form that loses
digits.
"""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np

from sidecar.exchange import Matrix
from sidecar.scoring.detector import Arrays, Floats, Row, Scores, need
from sidecar.scoring.neighbours import Neighbours


class Knn:
    """KNN compiled, distance to the k-th nearest. About 100 us for one row (10,000 x 20)."""

    name: ClassVar[str] = "knn"

    def __init__(self, neighbours: Neighbours) -> None:
        self._neighbours = neighbours

    @staticmethod
    def of_distances(distances: Floats) -> float:
        """The score of a row from the distances to its nearest, shape (k,), ascending."""
        return float(distances[-1])

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
        return self.of_distances(np.sqrt(self._neighbours.of(row).squared))

    def score_many(self, matrix: Matrix) -> Scores:
        nearest = self._neighbours.of_many(matrix)
        return np.array([self.of_distances(np.sqrt(found.squared)) for found in nearest], dtype=np.float64)


class KnnMean(Knn):
    """KNN with the mean distance to the k nearest (PyOD's `method="mean"`)."""

    name: ClassVar[str] = "knn-mean"

    @staticmethod
    def of_distances(distances: Floats) -> float:
        return float(distances.sum()) / distances.size


class KnnMedian(Knn):
    """KNN with the median distance to the k nearest (PyOD's `method="median"`)."""

    name: ClassVar[str] = "knn-median"

    @staticmethod
    def of_distances(distances: Floats) -> float:
        middle = distances.size // 2
        if distances.size % 2:
            return float(distances[middle])
        return float(distances[middle - 1] + distances[middle]) / 2.0
