"""Many detectors' surprises -> one statistic, which is then calibrated like a score of its own.

p-values of several detectors on the same row depend on each other, and tables for combining them (Fisher's
chi-squared, for one) assume that they don't. Here the combined statistic T of every row of a second held-out
part is computed in the same way as a new row's, and the new row's rank among them is its p-value. The
guarantee of `sidecar.scoring.calibration` holds for it word by word, under any dependence between detectors,
because T is a fixed function of the row once the detectors and their scales are fixed.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Combination = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""Surprises, shape (rows, detectors) -> the statistic of each row, shape (rows,); larger is odder."""


def _fisher(surprise: NDArray[np.float64]) -> NDArray[np.float64]:
    total: NDArray[np.float64] = surprise.sum(axis=1)
    return total


def _maximum(surprise: NDArray[np.float64]) -> NDArray[np.float64]:
    largest: NDArray[np.float64] = surprise.max(axis=1)
    return largest


COMBINATIONS: dict[str, Combination] = {
    "fisher": _fisher,
    "maximum": _maximum,
}
"""`fisher`: the sum, -log of the product of p-values; odd to several detectors a little, or to one a lot.
`maximum`: odd to any one detector."""
