"""PCA: the distances from a row to the principal directions, the weak directions weighing most.

    z = (x - mean) / scale
    score = sum over components of |z - component| / its share of the variance

Distances are to the unit vector of a component, not along it: that is what PyOD computes.

Source: Shyu et al. 2003, "A Novel Anomaly Detection Scheme Based on Principal Component Classifier"; PyOD
3.6.7 `pyod/models/pca.py`.
"""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np

from sidecar.exchange import Matrix
from sidecar.scoring.detector import Arrays, Floats, Row, Scores, need
from sidecar.scoring.distance import squared, squared_many


class Pca:
    """PCA compiled. About 10 us for one row of 20 columns."""

    name: ClassVar[str] = "pca"

    def __init__(self, mean: Row, scale: Row, components: Matrix, weights: Floats) -> None:
        """`components`: (components, columns); `weights`: (components,); the others (columns,)."""
        self._mean, self._scale = mean, scale
        self._components, self._weights = components, weights

    @classmethod
    def from_pyod(cls, model: Any) -> Self:
        components = np.array(model.selected_components_, dtype=np.float64)
        mean, scale = np.zeros(components.shape[1]), np.ones(components.shape[1])
        if model.standardization:
            mean, scale = model.scaler_.mean_.copy(), model.scaler_.scale_.copy()
        return cls(mean, scale, components, np.array(model.selected_w_components_, dtype=np.float64))

    @classmethod
    def from_arrays(cls, arrays: Arrays, columns: int) -> Self:
        components = need(arrays, "components", np.float64, -1, columns)
        return cls(
            need(arrays, "mean", np.float64, columns),
            need(arrays, "scale", np.float64, columns),
            components,
            need(arrays, "weights", np.float64, len(components)),
        )

    def arrays(self) -> Arrays:
        return {
            "mean": self._mean,
            "scale": self._scale,
            "components": self._components,
            "weights": self._weights,
        }

    def score(self, row: Row) -> float:
        apart = squared(self._components, (row - self._mean) / self._scale)
        return float(self._finish(apart))

    def score_many(self, matrix: Matrix) -> Scores:
        return self._finish(squared_many(self._components, (matrix - self._mean) / self._scale))

    def _finish(self, apart: Floats) -> Floats:
        with np.errstate(divide="ignore"):  # a direction without variance makes every row infinitely odd
            total: Floats = (np.sqrt(apart) / self._weights).sum(axis=-1)
        return total
