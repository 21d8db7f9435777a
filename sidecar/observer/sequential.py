"""The mathematics of drift alarms: how strongly counts speak for "moved" against "as in the reference".

One feature's rows fall into bins. Two stories about a stretch of rows:

* as before: the bins' probabilities are those of the reference. They're known from m rows only, so they
  have the law Dirichlet(m_k + 1/2), with 1 for what lies beyond the reference's ends. For bins cut at values
  of the reference itself this is, to half a row, the sampling distribution whatever the feature's law is
  (spacings of order statistics; Wilks 1942), not a mere belief. m is capped at `TOLERANCE`: nothing is as
  before to more digits than that, and without a floor on the effect any long stream alarms in the end.
* moved: a mixture over what drifts look like; anything at all, something near the reference, a shift or a
  spread in the order of the bins, or half of the rows gone to the ends and to missing.

Evidence is the ratio of the probabilities that the two stories gave to the rows: an e-process, a
nonnegative martingale with mean 1 under the first story. By Ville's inequality it ever exceeds A with a
probability of at most 1/A, however often it's looked at. One such process is started every `STEP` rows, since
nobody knows when a drift will begin: the e-detector of Shin, Ramdas and Rinaldo, "E-detectors: a
nonparametric framework for sequential change detection" (2022), in its CUSUM form (the largest process
counts). Of T / STEP processes at most T / (STEP A) ever alarm on average, so A = R / STEP promises a chance
of at most T / R for a false alarm within T rows. Averages of e-processes are e-processes, so the features of
a window are averaged and share the one promise.

Pure functions on arrays: `sidecar.observer.drift` keeps the state. S starts, F features, W bins, where the
last bin is for missing values (see `sidecar.scoring.bins`; features with fewer bins leave some unused).
"""

from __future__ import annotations

from statistics import NormalDist
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from sidecar.observer.axes import Fields
from sidecar.scoring.bins import Bins, Counts, ReferenceField

STEP = 25
"""Rows between starts."""

TOLERANCE = 5000.0
"""Rows that the reference counts for at most. A shift by a tenth of a standard deviation stays unalarmed."""

LEAST_EFFECT = 0.05
"""Total variation distance (the share of rows that moved to other bins) under which nothing is an alarm."""

NEAR = (20.0, 150.0)
"""Concentrations of the alternatives that lie around the reference."""

SHIFTS = (-1.6, -0.8, -0.4, -0.2, -0.1, 0.1, 0.2, 0.4, 0.8, 1.6)
"""Alternatives in which the rows move up or down: tilts of the bins by their normal scores."""

SPREADS = (-0.3, -0.15, 0.15, 0.3, 0.6)
"""Alternatives in which the rows move to the middle or to the ends: tilts by the squares of the scores."""

GONE = 0.5
"""The alternative of what breaks and doesn't merely move: this share of the rows goes evenly to the first
bin, the last one and that of missing values. A changed unit or a column that stays empty shows there."""

BEYOND = 1.0
"""Rows that a bin beyond the ends of a number counts for: the share of what exceeds the greatest of m values
is Beta(1, m)."""

EXTREME = 1e-3
"""Normal scores end at this quantile, lest a bin that the reference never filled outweigh all others."""

WEIGHTS = (0.3, 0.3, 0.4)
"""Of the three kinds of alternative: anything, near, shifts and spreads. They add up to 1."""

TOGETHER = 32
"""Features worked on in one go: more would need megabytes and be slower."""

Values = NDArray[np.float64]


class Law(NamedTuple):
    """What a reference says of its features' rows, ready for `evidence`."""

    used: NDArray[np.bool_]
    """F x W: the bins that the feature has."""
    at: NDArray[np.intp]
    """F x W: where a bin's count stands among the counts of all features."""
    probability: Values
    """F x W: each bin's mean probability."""
    dirichlets: Values
    """D x F x W: the first is the law of the bins' probabilities when nothing moved, the others are the
    alternatives: near the reference, and last anything."""
    tilts: Values
    """T x F x W: log probabilities under each shift and spread, and with rows gone to the ends."""


def law(fields: Fields) -> Law:
    """The law of every feature, from what the reference counted."""
    slices = Bins(fields).slices
    width = max(where.stop - where.start for where in slices)
    used = np.zeros((len(fields), width), dtype=np.bool_)
    at = np.zeros((len(fields), width), dtype=np.intp)
    weight = np.zeros((len(fields), width))
    for i, (field, where) in enumerate(zip(fields, slices, strict=True)):
        # The bin of missing values comes last for every feature, so that a tilt can leave it alone.
        bins = [*range(where.stop - where.start - 1), -1]
        used[i, bins] = True
        at[i, bins] = range(where.start, where.stop)
        weight[i, bins] = _weights(field)
    total = weight.sum(axis=1, keepdims=True)
    probability = weight / total
    before = probability * np.minimum(total, TOLERANCE)
    near = np.multiply.outer(NEAR, probability)
    dirichlets = np.concatenate((before[None], near, np.where(used, 0.5, 0.0)[None]))
    return Law(used, at, probability, dirichlets, np.concatenate((_tilts(probability), _gone(probability))))


class Question(Protocol):
    """What a detector asks of the rows since each of its starts: whether its subjects are as before.

    Counts are those of all bins in a row; a table has them by subject: starts x subjects x bins.
    """

    names: tuple[str, ...]
    """The subjects."""
    size: int
    """Bins of all subjects together."""

    def table(self, counts: Counts) -> Counts: ...
    def evidence(self, rows: Counts) -> Values: ...
    def effect(self, rows: Counts) -> Values: ...
    def before(self, feature: int, since: Counts) -> Values: ...


class Marginals:
    """The question whether each feature's rows fall into its bins as the reference's did."""

    def __init__(self, fields: Fields) -> None:
        self.names = tuple(field.name for field in fields)
        self.size = Bins(fields).size
        self._law = law(fields)

    def table(self, counts: Counts) -> Counts:
        """Counts (..., bins) by feature."""
        return by_bin(counts, self._law)

    def evidence(self, rows: Counts) -> Values:
        """Log e-value of every start and feature."""
        return evidence(rows, self._law)

    def effect(self, rows: Counts) -> Values:
        """Share of rows that went to other bins, per feature."""
        return effect(rows, self._law)

    def before(self, feature: int, since: Counts) -> Values:
        """Probability of each bin of a feature."""
        usual: Values = np.where(self._law.used, self._law.probability, 0.0)[feature]
        return usual


def _weights(field: ReferenceField) -> Values:
    """Rows that each of a field's bins counts for; half a row where there's no reference."""
    counted: Values = np.array(field.probabilities or (0.0,) * len(field.labels)) * field.rows
    weights = counted + 0.5
    if field.kind == "number" and len(weights) > 3:
        ends = np.array((0, -2))
        weights[ends] = np.where(counted[ends] == 0, BEYOND, weights[ends])
    return weights


def by_bin(counts: Counts, law: Law) -> Counts:
    """Counts of all features in a row (S x bins) as a table (S x F x W)."""
    table: Counts = np.where(law.used, counts[..., law.at], 0)
    return table


def evidence(rows: Counts, law: Law) -> Values:
    """Log e-value of every start and feature, shape S x F, for the rows since the start (S x F x W).

    Above 0 speaks for a move.
    """
    parts = [
        _evidence(rows[:, part], law.used[part], law.dirichlets[:, part], law.tilts[:, part])
        for part in (slice(first, first + TOGETHER) for first in range(0, rows.shape[1], TOGETHER))
    ]
    return np.concatenate(parts, axis=1)


def _evidence(rows: Counts, used: NDArray[np.bool_], dirichlets: Values, tilts: Values) -> Values:
    nothing_moved, *near, anything = _dirichlets(rows, dirichlets, used)
    tilted = np.einsum("sfw,tfw->tsf", rows.astype(np.float64), tilts)
    stories = np.concatenate((anything[None], np.array(near), tilted))
    counts = (1, len(near), len(tilted))
    prior = np.repeat(np.log(np.array(WEIGHTS) / counts), counts)
    moved: Values = np.logaddexp.reduce(stories + prior[:, None, None], axis=0)
    moved -= nothing_moved
    return moved


def together(by_feature: Values) -> Values:
    """Log of the average e-value over the features (last axis)."""
    averaged: Values = np.logaddexp.reduce(by_feature, axis=-1) - np.log(by_feature.shape[-1])
    return averaged


def effect(rows: Counts, law: Law) -> Values:
    """Total variation distance between the counted rows and the reference, per feature, from 0 to 1."""
    total = np.maximum(rows.sum(axis=-1, keepdims=True), 1)
    distance: Values = 0.5 * np.abs(rows / total - law.probability).sum(axis=-1)
    return distance


def _dirichlets(rows: Counts, weights: Values, used: NDArray[np.bool_]) -> Values:
    """Log probability of each sequence of rows under each Dirichlet law of the bins, D x S x F."""
    total = weights.sum(axis=-1)
    # An unused bin has no rows and must add nothing; any weight but 0 does that.
    weights = np.where(used, weights, 1.0)
    sequence = np.array([log_gamma(weight + rows).sum(axis=-1) for weight in weights])
    sequence += (log_gamma(total) - log_gamma(weights).sum(axis=-1))[:, None]
    sequence -= log_gamma(total[:, None] + rows.sum(axis=-1))
    return sequence


def _tilts(probability: Values) -> Values:
    """Log probabilities of shifted and spread rows; the share of missing values stays what it is."""
    values = probability[:, :-1]
    present = values.sum(axis=1, keepdims=True)
    score = scored(values / present)
    powers = [size * score for size in SHIFTS] + [size * (score**2 - 1) for size in SPREADS]
    tilted = values * np.exp(np.array(powers))
    tilted *= present / tilted.sum(axis=2, keepdims=True)
    missing = np.broadcast_to(probability[:, -1:], (*tilted.shape[:2], 1))
    return _logs(np.concatenate((tilted, missing), axis=2))


def scored(shares: Values) -> Values:
    """The normal score of each bin's middle, by the bins' shares in order (last axis)."""
    middle = np.cumsum(shares, axis=-1) - shares / 2
    score: Values = np.vectorize(NormalDist().inv_cdf)(np.clip(middle, EXTREME, 1 - EXTREME))
    return score


def _gone(probability: Values) -> Values:
    """Log probabilities with a share of the rows gone to the ends."""
    gone = (1 - GONE) * probability
    last = (probability[:, :-1] > 0).cumsum(axis=1).argmax(axis=1)  # features with fewer bins end earlier
    features = np.arange(len(probability))
    for end in (np.zeros_like(last), last, np.full_like(last, -1)):
        gone[features, end] += GONE / 3
    return _logs(gone[None])


def _logs(probability: Values) -> Values:
    log: Values = np.log(probability, out=np.zeros_like(probability), where=probability > 0)
    return log


def log_gamma(x: Values) -> Values:
    """The logarithm of the gamma function for x > 0, to 1e-12 of max(1, |result|).

    Stirling's series after a shift by 8. SciPy has it too, but costs the observer 20 MB of memory.
    """
    shifted = x + 8.0
    pair = x * (x + 7)  # and (x + 1)(x + 6) is 6 more, and so on: x (x + 1) ... (x + 7) in four factors
    product = pair * (pair + 6) * (pair + 10) * (pair + 12)
    inverse = 1.0 / shifted
    square = inverse * inverse
    terms = 1 / 12 - square * (1 / 360 - square * (1 / 1260 - square * (1 / 1680 - square / 1188)))
    stirling = (shifted - 0.5) * np.log(shifted) - shifted + 0.5 * np.log(2 * np.pi)
    result: Values = stirling + inverse * terms - np.log(product)
    return result
