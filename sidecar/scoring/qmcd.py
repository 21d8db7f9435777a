"""QMCD: how much a row adds to the wrap-around discrepancy of the training rows, scaled to the unit cube.

    score = -(4/3)^columns + 1/n^2 * sum over training rows of the product over columns of (3/2 - a + a^2)

with a the distance in that column; turned over if that is how PyOD found the training scores to lie.

Source: Fang and Ma 2001, "Wrap-around L2-discrepancy of random sampling, Latin hypercube and uniform
designs", Journal of Complexity 17(4); PyOD 3.6.7 `pyod/models/qmcd.py`.
"""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np

from sidecar.exchange import Matrix
from sidecar.scoring.detector import Arrays, Row, Scores, need


class Qmcd:
    """QMCD compiled. About 600 us for one row (10,000 x 20)."""

    name: ClassVar[str] = "qmcd"

    def __init__(self, train: Matrix, scaling: Matrix, turn: float) -> None:
        """`train`: the scaled training rows, (columns, rows). `scaling`: (2, columns), factor and offset.
        `turn`: what the sum is subtracted from, or 0 if the scores aren't turned over."""
        self._train, self._scaling, self._turn = train, scaling, turn
        self._lowest = -((4.0 / 3.0) ** len(train))

    @classmethod
    def from_pyod(cls, model: Any) -> Self:
        scores = model.decision_scores_
        turn = float(scores.max() + scores.min()) if model._is_flipped else 0.0
        scaling = np.array((model._scaler.scale_, model._scaler.min_))
        return cls(np.ascontiguousarray(model._fitted_data.T), scaling, turn)

    @classmethod
    def from_arrays(cls, arrays: Arrays, columns: int) -> Self:
        train = need(arrays, "train", np.float64, columns, -1)
        (turn,) = need(arrays, "turn", np.float64, 1).tolist()
        return cls(train, need(arrays, "scaling", np.float64, 2, columns), turn)

    def arrays(self) -> Arrays:
        return {"train": self._train, "scaling": self._scaling, "turn": np.array((self._turn,))}

    def score(self, row: Row) -> float:
        factor, offset = self._scaling
        with np.errstate(over="ignore", invalid="ignore"):
            apart = np.abs(self._train - (row * factor + offset)[:, None])
            total = float((1.5 - apart + apart * apart).prod(axis=0).sum())
        score: float = self._lowest + 1.0 / self._train.shape[1] ** 2 * total
        return self._turn - score if self._turn else score

    def score_many(self, matrix: Matrix) -> Scores:
        return np.array([self.score(row) for row in matrix], dtype=np.float64)
