"""GMM: how unlikely a row is under a mixture of normal distributions, -log of its density.

Source: scikit-learn `GaussianMixture` with full covariances, PyOD 3.6.7 `pyod/models/gmm.py`, which fits one
component unless told otherwise.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar, Self

import numpy as np

from sidecar.exchange import Matrix
from sidecar.scoring.detector import Arrays, Floats, Row, Scores, need


class Gmm:
    """GMM compiled. About 10 us for one row (one component)."""

    name: ClassVar[str] = "gmm"

    def __init__(self, means: Matrix, whitening: Floats, constants: Floats) -> None:
        """`means`: (components, columns). `whitening`: (components, columns, columns), Cholesky factors of
        the precisions. `constants`: (components,), log of each density at its mean, times its weight."""
        self._means, self._whitening, self._constants = means, whitening, constants
        self._centres = [mean @ factor for mean, factor in zip(means, whitening, strict=True)]

    @classmethod
    def from_pyod(cls, model: Any) -> Self:
        fitted = model.detector_
        if fitted.covariance_type != "full":
            raise ValueError(f"covariances of type {fitted.covariance_type} have no compiled form")
        factors = np.array(fitted.precisions_cholesky_)
        columns = factors.shape[1]
        heights = np.log(np.diagonal(factors, axis1=1, axis2=2)).sum(axis=1) + np.log(fitted.weights_)
        return cls(np.array(fitted.means_), factors, heights - columns / 2 * math.log(2 * math.pi))

    @classmethod
    def from_arrays(cls, arrays: Arrays, columns: int) -> Self:
        means = need(arrays, "means", np.float64, -1, columns)
        if not len(means):
            raise ValueError("array 'means' has no components")
        return cls(
            means,
            need(arrays, "whitening", np.float64, len(means), columns, columns),
            need(arrays, "constants", np.float64, len(means)),
        )

    def arrays(self) -> Arrays:
        return {"means": self._means, "whitening": self._whitening, "constants": self._constants}

    def score(self, row: Row) -> float:
        return float(self.score_many(row[None])[0])

    def score_many(self, matrix: Matrix) -> Scores:
        logs = np.empty((len(self._constants), len(matrix)))
        with np.errstate(over="ignore", invalid="ignore"):
            for k, (factor, centre) in enumerate(zip(self._whitening, self._centres, strict=True)):
                # Not (x - mean) @ factor, which would be more precise: scikit-learn takes the products first.
                off = matrix @ factor - centre
                logs[k] = self._constants[k] - 0.5 * np.einsum("ij,ij->i", off, off)
        return -_log_sum_exp(logs)


def _log_sum_exp(logs: Floats) -> Floats:
    """log of the sum over the first axis of exp(logs)."""
    if len(logs) == 1:
        only: Floats = logs[0]
        return only
    largest = logs.max(axis=0)
    known = np.where(np.isfinite(largest), largest, 0.0)
    with np.errstate(divide="ignore"):
        total: Floats = np.log(np.exp(logs - known).sum(axis=0)) + known
    return total
