"""How good predictions were, each number with an interval of 95 %. Pure functions on arrays.

    accuracy                Wilson (1927)
    AUROC                   DeLong, DeLong and Clarke-Pearson (1988)
    F1 of two classes       a function of one share, of which Wilson's interval is taken
    F1, mean over classes   bootstrap
    log-loss, Brier, MAE    normal, of the mean
    calibration error       bootstrap (ECE with 10 bins of equal width)
    RMSE                    normal for the mean square, then its root

Values are scikit-learn's for the same rows, a test holds them to that. A metric that can't be had, such as
the AUROC of rows with one class only, is left out.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sidecar.labels.prediction import Kind

Z = 1.959963984540054
"""Standard deviations of a normal to each side that hold 95 %."""

RESAMPLES = 200
"""Of a bootstrap."""

LEAST_PROBABILITY = 1e-15
"""A log-loss never sees a probability under this: scikit-learn does the same with its own least one."""

ECE_BINS = 10

Vector = NDArray[np.float64]


class Measured(NamedTuple):
    """A metric and its interval."""

    value: float
    low: float
    high: float


class Rows(NamedTuple):
    """Predictions and their truth. `predicted`, `truth`: class numbers or quantities (n,). `scores` (n, s):
    of the positive class, or a probability for each class, or none (s = 0)."""

    predicted: Vector
    truth: Vector
    scores: Vector


def measures(kind: Kind, rows: Rows, classes: int) -> dict[str, Measured]:
    """Every metric that can be had, by name."""
    if not len(rows.truth):
        return {}
    if kind == "regression":
        return _of_quantities(rows)
    found = {"accuracy": accuracy(rows.predicted == rows.truth), "f1": f1(rows, kind, classes)}
    if kind == "binary" and rows.scores.shape[1] == 1:
        found |= _of_scores(rows)
    elif rows.scores.shape[1] == classes:
        found |= _of_probabilities(rows)
    return {name: one for name, one in found.items() if not math.isnan(one.value)}


def _of_quantities(rows: Rows) -> dict[str, Measured]:
    error = rows.predicted - rows.truth
    square = mean(np.square(error))
    root = Measured(*(math.sqrt(max(0.0, value)) for value in square))
    return {"mae": mean(np.abs(error)), "rmse": root}


def _of_scores(rows: Rows) -> dict[str, Measured]:
    score = rows.scores[:, 0]
    found = {"auroc": auroc(score, rows.truth)}
    if ((score >= 0) & (score <= 1)).all():
        said = np.where(rows.truth == 1, score, 1 - score)
        found |= {"log_loss": _log_loss(said), "brier": mean(np.square(score - rows.truth))}
        found["calibration_error"] = bootstrap(lambda i: ece(score[i], rows.truth[i]), len(score))
    return found


def _of_probabilities(rows: Rows) -> dict[str, Measured]:
    each = np.arange(len(rows.truth))
    truth = np.zeros_like(rows.scores)
    truth[each, rows.truth.astype(int)] = 1.0
    top, right = rows.scores.max(axis=1), (rows.scores.argmax(axis=1) == rows.truth).astype(float)
    found = {"log_loss": _log_loss(rows.scores[each, rows.truth.astype(int)])}
    found["brier"] = mean(np.square(rows.scores - truth).sum(axis=1))
    found["calibration_error"] = bootstrap(lambda i: ece(top[i], right[i]), len(top))
    return found


def _log_loss(said: Vector) -> Measured:
    return mean(-np.log(np.maximum(said, LEAST_PROBABILITY)))


def accuracy(right: NDArray[np.bool_]) -> Measured:
    """Share of predictions that were right."""
    n, share = len(right), float(right.mean())
    centre = (share + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z * math.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2)) / (1 + Z**2 / n)
    return Measured(share, max(0.0, centre - half), min(1.0, centre + half))


def mean(values: Vector) -> Measured:
    """Mean of independent values."""
    value = float(values.mean())
    half = Z * float(values.std(ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else math.inf
    return Measured(value, value - half, value + half)


def auroc(score: Vector, truth: Vector) -> Measured:
    """Chance that a positive row scores higher than a negative one, ties half; NaN with one class only."""
    positive, negative = score[truth == 1], score[truth != 1]
    if not len(positive) or not len(negative):
        return Measured(math.nan, math.nan, math.nan)
    above = _places(positive, negative)
    below = 1 - _places(negative, positive)
    value = float(above.mean())
    variance = sum(float(v.var(ddof=1)) / len(v) if len(v) > 1 else 0.25 for v in (above, below))
    half = Z * math.sqrt(variance)
    return Measured(value, max(0.0, value - half), min(1.0, value + half))


def _places(values: Vector, among: Vector) -> Vector:
    """For each value, the share of `among` that is below it, ties half."""
    ordered = np.sort(among)
    places: Vector = (np.searchsorted(ordered, values) + np.searchsorted(ordered, values, "right")) / 2
    return places / len(among)


def f1(rows: Rows, kind: Kind, classes: int) -> Measured:
    """F1 of the positive class, or the mean over all classes that are predicted or true."""
    if kind == "binary":
        hit = float(((rows.predicted == 1) & (rows.truth == 1)).sum())
        wrong = float((rows.predicted != rows.truth).sum())
        return _f1_of(hit, wrong)
    return bootstrap(lambda i: _macro_f1(rows.predicted[i], rows.truth[i], classes), len(rows.truth))


def _f1_of(hit: float, wrong: float) -> Measured:
    """F1 = 2h / (2h + w) is a function of the share h / (h + w) of two kinds of rows."""
    n = hit + wrong
    if not n:
        return Measured(math.nan, math.nan, math.nan)
    share = accuracy(np.arange(n) < hit)
    return Measured(*(2 * s / (1 + s) for s in share))


def _macro_f1(predicted: Vector, truth: Vector, classes: int) -> float:
    hit = np.bincount(truth[predicted == truth].astype(int), minlength=classes).astype(float)
    spoken = np.bincount(predicted.astype(int), minlength=classes) + np.bincount(
        truth.astype(int), minlength=classes
    )
    return float((2 * hit[spoken > 0] / spoken[spoken > 0]).mean())


def ece(confidence: Vector, right: Vector) -> float:
    """Expected calibration error: how far confidence is from what comes true, by bin of confidence."""
    bins = np.minimum((confidence * ECE_BINS).astype(int), ECE_BINS - 1)
    gap = np.bincount(bins, confidence - right, minlength=ECE_BINS)
    return float(np.abs(gap).sum() / len(confidence))


def bootstrap(of: Callable[[NDArray[np.int64]], float], rows: int) -> Measured:
    """A metric from 0 to 1 with the interval of the basic bootstrap: what resampling adds, taken off."""
    random = np.random.default_rng(0)
    value = of(np.arange(rows))
    low, high = np.quantile([of(random.integers(rows, size=rows)) for _ in range(RESAMPLES)], (0.025, 0.975))
    return Measured(value, max(0.0, 2 * value - float(high)), min(1.0, max(value, 2 * value - float(low))))
