"""Many detectors' surprises -> one statistic, which is then calibrated like a score of its own.

p-values of several detectors on the same row depend on each other, and tables for combining them (Fisher's
chi-squared, for one) assume that they don't. Here the combined statistic T of every row of a second held-out
part is computed in the same way as a new row's, and the new row's rank among them is its p-value. The
guarantee of `sidecar.scoring.calibration` holds for it word by word, under any dependence between detectors,
because T is a fixed function of the row once the detectors and their scales are fixed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from sidecar.scoring.calibration import Surprise
from sidecar.scoring.detector import Floats

Combination = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""Surprises, shape (rows, detectors) -> the statistic of each row, shape (rows,); larger is odder."""


def _fisher(surprise: NDArray[np.float64]) -> NDArray[np.float64]:
    total: NDArray[np.float64] = surprise.sum(axis=1)
    return total


def _maximum(surprise: NDArray[np.float64]) -> NDArray[np.float64]:
    largest: NDArray[np.float64] = surprise.max(axis=1)
    return largest


def _average(surprise: NDArray[np.float64]) -> NDArray[np.float64]:
    mean: NDArray[np.float64] = surprise.mean(axis=1)
    return mean


def _average_of_maximum(surprise: NDArray[np.float64]) -> NDArray[np.float64]:
    return _average(np.maximum.reduceat(surprise, _buckets(surprise), axis=1))


def _maximum_of_average(surprise: NDArray[np.float64]) -> NDArray[np.float64]:
    starts = _buckets(surprise)
    sizes = np.diff(starts, append=surprise.shape[1])
    return _maximum(np.add.reduceat(surprise, starts, axis=1) / sizes)


def _buckets(surprise: NDArray[np.float64]) -> NDArray[np.intp]:
    """Where each bucket begins. PyOD shuffles detectors into buckets; a call must be judged as the calls
    before it, so here they're neighbours in the order in which the detectors are named."""
    return np.arange(0, surprise.shape[1], BUCKET)


BUCKET = 2
"""Detectors in a bucket of `aom` and `moa`; the last bucket of an odd number has one."""

COMBINATIONS: dict[str, Combination] = {
    "fisher": _fisher,
    "maximum": _maximum,
    "average": _average,
    "aom": _average_of_maximum,
    "moa": _maximum_of_average,
}
"""`fisher`: the sum, -log of the product of p-values; odd to several detectors a little, or to one a lot.
`maximum`: odd to any one detector. `average`: as `fisher`, but on the scale of one detector. `aom`, the
average of maxima: odd to one detector of many buckets. `moa`, the maximum of averages: odd to all detectors
of one bucket. The last four are those of `pyod.models.combination`, on surprise instead of standardised
scores; `aom` and `moa` are Aggarwal and Sathe's, 2015, "Theoretical Foundations and Algorithms for Outlier
Ensembles"."""


def combined(surprises: Sequence[Surprise], combine: Combination, raw: Floats) -> Floats:
    """Raw scores, (rows, detectors) -> the statistic, (rows,); of a single detector simply its score."""
    if len(surprises) == 1:
        return raw[:, 0].copy()
    return combine(np.column_stack([surprise.many(raw[:, j]) for j, surprise in enumerate(surprises)]))
