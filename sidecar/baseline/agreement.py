"""Compiled scores against PyOD's own, before anything is saved."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sidecar.baseline.fitting import quiet
from sidecar.errors import BaselineError
from sidecar.exchange import Matrix
from sidecar.scoring.detector import Detector

TOLERANCE = 1e-9
"""Relative. What differs by more is not PyOD's score."""

HELD_OUT = 24
"""Held-out rows compared. Each is a call of PyOD for one row alone, up to 100 ms."""


def compare(name: str, detector: Detector, model: Any, train: Matrix, held_out: Matrix) -> tuple[float, int]:
    """The largest relative difference, and how many rows were compared.

    The rows are held-out ones and some at and beyond the ends of the training data. PyOD scores each alone,
    the compiled form one by one and as a batch. Raises BaselineError above `TOLERANCE`.
    """
    rows = np.vstack((held_out[:HELD_OUT], ends(train)))
    with quiet():
        expected = np.array([model.decision_function(row[None])[0] for row in rows])
    ours = np.array(([detector.score(row) for row in rows], detector.score_many(rows)))
    difference = relative(ours, np.array((expected, expected)))
    if not difference <= TOLERANCE:
        raise BaselineError(
            f"{name}: compiled scores differ from PyOD's by {difference:.1e} (relative), so nothing is saved;"
            " please report this with the versions of pyod, scikit-learn and numpy"
        )
    return difference, len(rows)


def relative(ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> float:
    """The largest |ours - theirs| / max(|ours|, |theirs|); 0 where both are equal, also both infinite."""
    with np.errstate(invalid="ignore"):
        size = np.maximum(np.abs(ours), np.abs(theirs))
        difference = np.abs(ours - theirs) / np.where(size == 0, 1.0, size)
    return float(np.where(ours == theirs, 0.0, difference).max(initial=0.0))


def ends(train: Matrix) -> Matrix:
    """Rows at the ends of the training data, in its middle, and far beyond."""
    low, high = train.min(axis=0), train.max(axis=0)
    with np.errstate(over="ignore"):
        reach = 10.0 * (high - low) + 1.0
        rows = np.vstack((low, high, np.median(train, axis=0), low - reach, high + reach))
    largest = np.finfo(np.float64).max  # rows that are no numbers are never scored
    return np.asarray(np.clip(rows, -largest, largest))
